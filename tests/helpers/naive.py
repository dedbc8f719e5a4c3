"""Slow, evident twins of all that is fast: the network, its gradients and its training in float64, from the formulas.

Nothing here is shared with the package, so that a fast path is never compared with itself.
"""

import numpy as np


def scale_pixels(images):
    """Return images as float64: uint8 pixels scaled to [0, 1], and floats as they are."""
    return images / 255.0 if images.dtype == np.uint8 else images.astype(np.float64)


def convolution(x, conv_w, conv_b):
    """Convolve (n, h, w, c) to (n, h, w, K): at each pixel, the 3×3 window around it times every kernel, plus bias."""
    n, h, w, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    out = np.empty((n, h, w, conv_w.shape[3]))
    for i in range(h):
        for j in range(w):
            out[:, i, j] = np.tensordot(padded[:, i : i + 3, j : j + 3], conv_w, 3) + conv_b
    return out


def max_pool(maps):
    """Pool (n, h, w, K) to maxima (n, h//2, w//2, K) and their places in the window, 0 to 3; the first of equals."""
    n, h, w, k = maps.shape
    out, where = np.empty((n, h // 2, w // 2, k)), np.empty((n, h // 2, w // 2, k), int)
    for i in range(h // 2):
        for j in range(w // 2):
            window = maps[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(n, 4, k)
            out[:, i, j], where[:, i, j] = window.max(axis=1), window.argmax(axis=1)
    return out, where


def forward(images, weights):
    """Return everything that the forward pass computes, by name."""
    w = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    x = scale_pixels(images)
    maps = convolution(x, w["conv_w"], w["conv_b"])
    pooled, where = max_pool(np.maximum(maps, 0))
    flat = pooled.reshape(len(x), -1)
    hidden = np.maximum(flat @ w["w1"] + w["b1"], 0)
    return {
        "x": x, "maps": maps, "where": where, "pooled": pooled, "flat": flat, "hidden": hidden,
        "logits": hidden @ w["w2"] + w["b2"],
    }  # fmt: skip


def sample_losses(logits, labels):
    """Return −log of the softmax probability of each label, (n,)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]


def loss(images, labels, weights):
    return sample_losses(forward(images, weights)["logits"], labels).mean()


def backward(f, weights, output_gradient):
    """Return the gradients of Σ output_gradient · logits with respect to every weight and to the scaled input."""
    w = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    n, h, wd, c = f["x"].shape
    d_hidden = (output_gradient @ w["w2"].T) * (f["hidden"] > 0)
    d_pooled = (d_hidden @ w["w1"].T).reshape(f["pooled"].shape) * (f["pooled"] > 0)
    padded = np.pad(f["x"], ((0, 0), (1, 1), (1, 1), (0, 0)))
    d_conv_w, d_padded = np.zeros_like(w["conv_w"]), np.zeros_like(padded)
    for b, i, j, k in np.ndindex(d_pooled.shape):
        g = d_pooled[b, i, j, k]
        if g == 0:
            continue
        row, column = 2 * i + f["where"][b, i, j, k] // 2, 2 * j + f["where"][b, i, j, k] % 2
        d_conv_w[..., k] += g * padded[b, row : row + 3, column : column + 3]
        d_padded[b, row : row + 3, column : column + 3] += g * w["conv_w"][..., k]
    gradients = {
        "conv_w": d_conv_w,
        "conv_b": d_pooled.sum(axis=(0, 1, 2)),
        "w1": f["flat"].T @ d_hidden,
        "b1": d_hidden.sum(axis=0),
        "w2": f["hidden"].T @ output_gradient,
        "b2": output_gradient.sum(axis=0),
    }
    return gradients, d_padded[:, 1 : h + 1, 1 : wd + 1].reshape(n, h, wd, c)


def gradients(images, labels, weights):
    """Return the mean loss and its gradient with respect to every weight."""
    f = forward(images, weights)
    probabilities = np.exp(f["logits"] - f["logits"].max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    probabilities[np.arange(len(labels)), labels] -= 1
    return sample_losses(f["logits"], labels).mean(), backward(f, weights, probabilities / len(labels))[0]


def sgd_step(images, labels, weights, learning_rate):
    """Return the loss before one step, and the weights after it, in float64."""
    value, slopes = gradients(images, labels, weights)
    return value, {name: np.asarray(weights[name], np.float64) - learning_rate * slopes[name] for name in weights}


def central_difference(function, array, index, step=1e-6):
    """Return (f(a + s) − f(a − s)) / 2s with s at one place of a float64 array, which `function` reads."""
    value = array[index]
    array[index] = value + step
    high = function()
    array[index] = value - step
    low = function()
    array[index] = value
    return (high - low) / (2 * step)


def mix(x):
    """Hash a 32-bit number, in Python's integers."""
    x ^= x >> 16
    x = x * 0x7FEB352D % 2**32
    x ^= x >> 15
    x = x * 0x846CA68B % 2**32
    return x ^ x >> 16


def draw(seed, batch, sample, number):
    """Return draw `number`, from 0 to 2³² − 1, of the sample at a place in a batch of the epoch with this seed."""
    key = mix((mix((seed + batch * 0x9E3779B9) % 2**32) + sample) % 2**32)
    return mix(key ^ number * 0x9E3779B9 % 2**32)


def augment(x, method, seed, batch):
    """Mirror and shift images (n, h, w, c), and erase a square, as their draws say, pixel by pixel."""
    n, h, w, _ = x.shape
    out = np.zeros_like(x)
    for s in range(n):
        flip, down, right, top, left = (draw(seed, batch, s, number) for number in range(5))
        is_mirrored = method.flip and flip >= 2**31
        down, right = (value * (2 * method.shift + 1) // 2**32 - method.shift for value in (down, right))
        top, left = top * h // 2**32 - method.erase // 2, left * w // 2**32 - method.erase // 2
        for i, j in np.ndindex(h, w):
            row, column = i - down, j - right
            is_erased = top <= i < top + method.erase and left <= j < left + method.erase
            if 0 <= row < h and 0 <= column < w and not is_erased:
                out[s, i, j] = x[s, row, w - 1 - column if is_mirrored else column]
    return out


def dropout_factors(shape, probability, first, seed, batch):
    """Return (n, m): 0 where dropout drops, and 1 / (1 − p) elsewhere."""
    factors = np.full(shape, 1 / (1 - probability))
    for s, unit in np.ndindex(shape):
        if draw(seed, batch, s, 5 + first + unit) < int(probability * 2**32):
            factors[s, unit] = 0
    return factors


def method_step(x, labels, weights, slots, method, rate, step, seed, batch, importance=None):
    """Do one step by a `Method`, and return the loss before it, and the weights after it.

    x is what the convolution would see of the images; `slots` are changed in place; `importance` (n,) multiplies each
    sample's loss.
    """
    w = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    x = augment(x, method, seed, batch)
    pooled, where = max_pool(np.maximum(convolution(x, w["conv_w"], w["conv_b"]), 0))
    flat = pooled.reshape(len(x), -1)
    flat_factors = dropout_factors(flat.shape, method.feature_dropout, 0, seed, batch)
    hidden = np.maximum((flat * flat_factors) @ w["w1"] + w["b1"], 0)
    hidden_factors = dropout_factors(hidden.shape, method.hidden_dropout, flat.shape[1], seed, batch)
    logits = (hidden * hidden_factors) @ w["w2"] + w["b2"]

    n_classes = logits.shape[1]
    target = (1 - method.label_smoothing) * np.eye(n_classes)[labels] + method.label_smoothing / n_classes
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    importance = np.ones(len(x)) if importance is None else importance.astype(np.float64)
    loss = -(importance * (target * np.log(probabilities)).sum(axis=1)).mean()

    d_logits = importance[:, None] * (probabilities - target) / len(x)
    d_hidden = (d_logits @ w["w2"].T) * hidden_factors * (hidden > 0)
    d_pooled = ((d_hidden @ w["w1"].T) * flat_factors).reshape(pooled.shape) * (pooled > 0)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    d_conv_w = np.zeros_like(w["conv_w"])
    for b, i, j, k in np.ndindex(d_pooled.shape):
        row, column = 2 * i + where[b, i, j, k] // 2, 2 * j + where[b, i, j, k] % 2
        d_conv_w[..., k] += d_pooled[b, i, j, k] * padded[b, row : row + 3, column : column + 3]
    slopes = {
        "conv_w": d_conv_w,
        "conv_b": d_pooled.sum(axis=(0, 1, 2)),
        "w1": (flat * flat_factors).T @ d_hidden,
        "b1": d_hidden.sum(axis=0),
        "w2": (hidden * hidden_factors).T @ d_logits,
        "b2": d_logits.sum(axis=0),
    }
    return loss, {name: _update(name, w[name], slopes[name], slots, method, rate, step) for name in w}


def _update(name, w, g, slots, method, rate, step):
    """Return a weight after its step; `step` is counted from 0."""
    first, second = (slots.setdefault(slot, {}) for slot in ("first", "second"))
    decayed = w - rate * method.weight_decay * w
    if method.optimizer == "sgd":
        return decayed - rate * g
    if method.optimizer == "nesterov":
        first[name] = method.momentum * first.get(name, 0) - rate * g
        return decayed + method.momentum * first[name] - rate * g
    first[name] = method.momentum * first.get(name, 0) + (1 - method.momentum) * g
    second[name] = 0.999 * second.get(name, 0) + 0.001 * g**2
    # ε as Keras has it, beside the moment whose bias is not yet undone.
    size = rate * np.sqrt(1 - 0.999 ** (step + 1)) / (1 - method.momentum ** (step + 1))
    return decayed - size * first[name] / (np.sqrt(second[name]) + 1e-7)
