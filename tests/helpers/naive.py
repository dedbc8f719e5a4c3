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


def unpool(gradient, where, maps):
    """Return (n, h, w, K): the gradient of each window's maximum at the place it came from, and 0 elsewhere."""
    out = np.zeros(maps.shape)
    rows, columns = gradient.shape[1:3]
    for place in range(4):
        out[:, place // 2 : 2 * rows : 2, place % 2 : 2 * columns : 2] = gradient * (where == place)
    return out


def convolution_gradients(x, conv_w, d_maps):
    """Return the gradients of Σ d_maps · convolution(x) with respect to the kernels, the bias and x."""
    _, h, w, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    d_conv_w, d_padded = np.zeros_like(conv_w), np.zeros_like(padded)
    for i, j in np.ndindex(3, 3):
        d_conv_w[i, j] = np.tensordot(padded[:, i : i + h, j : j + w], d_maps, ([0, 1, 2], [0, 1, 2]))
        d_padded[:, i : i + h, j : j + w] += d_maps @ conv_w[i, j].T
    return d_conv_w, d_maps.sum(axis=(0, 1, 2)), d_padded[:, 1:-1, 1:-1]


def in_float64(weights):
    return {name: np.asarray(value, np.float64) for name, value in weights.items()}


def block_names(weights):
    """Return the names of each block's kernels and bias, from the first block to the last."""
    prefixes = ("conv", "conv2", "conv3", "conv4")
    return [(f"{prefix}_w", f"{prefix}_b") for prefix in prefixes if f"{prefix}_w" in weights]


def forward(images, weights, flat_factors=1, hidden_factors=1):
    """Return everything that the forward pass computes, by name: of each block in `blocks`, and of the last as well.

    The factors, (n, D) and (n, U), multiply what the dense layers read, as dropout does.
    """
    w, blocks, x = in_float64(weights), [], scale_pixels(images)
    for kernels, bias in block_names(w):
        maps = convolution(x, w[kernels], w[bias])
        pooled, where = max_pool(np.maximum(maps, 0))
        blocks.append({"x": x, "maps": maps, "where": where, "pooled": pooled})
        x = pooled
    flat = x.reshape(len(x), -1)
    hidden = np.maximum((flat * flat_factors) @ w["w1"] + w["b1"], 0)
    return {
        "blocks": blocks, **blocks[-1], "flat": flat, "flat_factors": flat_factors, "hidden": hidden,
        "hidden_factors": hidden_factors, "logits": (hidden * hidden_factors) @ w["w2"] + w["b2"],
    }  # fmt: skip


def clearance(f, weights):
    """Return how far the network is from a jump of its slope: the least lead of a maximum, or distance of ReLU from 0.

    Where it is less than rounding errors, two calculations may differ. What ties exactly does not count.
    """
    distances = [np.abs(f["flat"] @ weights["w1"].astype(np.float64) + weights["b1"]).ravel()]
    for maps in (block["maps"] for block in f["blocks"]):
        n, h, w, k = maps.shape
        even = maps[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, k)
        *_, second, largest = np.sort(even.transpose(2, 4, 0, 1, 3, 5).reshape(4, -1), axis=0)
        distances.append(np.abs(largest - np.maximum(second, 0)))
    distances = np.concatenate(distances)
    return distances[distances > 0].min(initial=np.inf)


def sample_losses(logits, labels):
    """Return −log of the softmax probability of each label, (n,)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]


def loss(images, labels, weights):
    return sample_losses(forward(images, weights)["logits"], labels).mean()


def dense_backward(f, w, output_gradient):
    """Return the gradients of Σ output_gradient · logits with respect to hidden, before ReLU, and the last maxima."""
    d_hidden = (output_gradient @ w["w2"].T) * f["hidden_factors"] * (f["hidden"] > 0)
    return d_hidden, ((d_hidden @ w["w1"].T) * f["flat_factors"]).reshape(f["pooled"].shape)


def backward(f, weights, output_gradient):
    """Return the gradients of Σ output_gradient · logits with respect to every weight and to the scaled input."""
    w = in_float64(weights)
    d_hidden, d_x = dense_backward(f, w, output_gradient)
    gradients = {
        "w1": (f["flat"] * f["flat_factors"]).T @ d_hidden,
        "b1": d_hidden.sum(axis=0),
        "w2": (f["hidden"] * f["hidden_factors"]).T @ output_gradient,
        "b2": output_gradient.sum(axis=0),
    }
    for (kernels, bias), block in zip(reversed(block_names(w)), reversed(f["blocks"]), strict=True):
        d_maps = unpool(d_x, block["where"], block["maps"]) * (block["maps"] > 0)
        gradients[kernels], gradients[bias], d_x = convolution_gradients(block["x"], w[kernels], d_maps)
    return {name: gradients[name] for name in w}, d_x


def activation_gradient(f, weights, output_gradient):
    """Return the gradient of Σ output_gradient · logits with respect to the last block's maps after ReLU."""
    return unpool(dense_backward(f, in_float64(weights), output_gradient)[1], f["where"], f["maps"])


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
    return value, {name: w - learning_rate * slopes[name] for name, w in in_float64(weights).items()}


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
    w, x = in_float64(weights), augment(x, method, seed, batch)
    (n_features, units), n = w["w1"].shape, len(x)
    flat_factors = dropout_factors((n, n_features), method.feature_dropout, 0, seed, batch)
    hidden_factors = dropout_factors((n, units), method.hidden_dropout, n_features, seed, batch)
    f = forward(x, w, flat_factors, hidden_factors)

    logits, n_classes = f["logits"], f["logits"].shape[1]
    target = (1 - method.label_smoothing) * np.eye(n_classes)[labels] + method.label_smoothing / n_classes
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    importance = np.ones(n) if importance is None else importance.astype(np.float64)
    loss = -(importance * (target * np.log(probabilities)).sum(axis=1)).mean()
    slopes, _ = backward(f, w, importance[:, None] * (probabilities - target) / n)
    return loss, {name: update(name, w[name], slopes[name], slots, method, rate, step) for name in w}


def update(name, w, g, slots, method, rate, step):
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
