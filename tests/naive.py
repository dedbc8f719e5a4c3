"""Slow, evident twins of everything fast: the network and its gradients in float64, written from the formulas.

Nothing here is shared with the package, so that a fast path is never compared with itself.
"""

import numpy as np


def scaled(images):
    """uint8 pixels to [0, 1]; floats as they are; float64."""
    return images / 255.0 if images.dtype == np.uint8 else images.astype(np.float64)


def convolution(x, conv_w, conv_b):
    """(n, h, w, c) -> (n, h, w, K): at each pixel, the 3×3 window around it times every kernel, plus bias."""
    n, h, w, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    out = np.empty((n, h, w, conv_w.shape[3]))
    for i in range(h):
        for j in range(w):
            out[:, i, j] = np.tensordot(padded[:, i : i + 3, j : j + 3], conv_w, 3) + conv_b
    return out


def max_pool(maps):
    """(n, h, w, K) -> maxima (n, h//2, w//2, K) and where each is in its window, 0 to 3 by row; the first of equals."""
    n, h, w, k = maps.shape
    out, where = np.empty((n, h // 2, w // 2, k)), np.empty((n, h // 2, w // 2, k), int)
    for i in range(h // 2):
        for j in range(w // 2):
            window = maps[:, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].reshape(n, 4, k)
            out[:, i, j], where[:, i, j] = window.max(axis=1), window.argmax(axis=1)
    return out, where


def forward(images, weights):
    """Everything the forward pass computes, by name."""
    w = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    x = scaled(images)
    maps = convolution(x, w["conv_w"], w["conv_b"])
    pooled, where = max_pool(np.maximum(maps, 0))
    flat = pooled.reshape(len(x), -1)
    hidden = np.maximum(flat @ w["w1"] + w["b1"], 0)
    return {
        "x": x, "maps": maps, "where": where, "pooled": pooled, "flat": flat, "hidden": hidden,
        "logits": hidden @ w["w2"] + w["b2"],
    }  # fmt: skip


def sample_losses(logits, labels):
    """(n,): −log of the softmax probability of each label."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]


def loss(images, labels, weights):
    return sample_losses(forward(images, weights)["logits"], labels).mean()


def backward(f, weights, output_gradient):
    """Gradients of Σ output_gradient · logits with respect to every weight and to the scaled input."""
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
    """Mean loss and its gradient with respect to every weight."""
    f = forward(images, weights)
    probabilities = np.exp(f["logits"] - f["logits"].max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    probabilities[np.arange(len(labels)), labels] -= 1
    return sample_losses(f["logits"], labels).mean(), backward(f, weights, probabilities / len(labels))[0]


def sgd_step(images, labels, weights, learning_rate):
    """The loss before one step, and the weights after it, in float64."""
    value, slopes = gradients(images, labels, weights)
    return value, {name: np.asarray(weights[name], np.float64) - learning_rate * slopes[name] for name in weights}


def central_difference(function, array, index, step=1e-6):
    """(f(a + s) − f(a − s)) / 2s with s at one place of a float64 array, which `function` reads."""
    kept = array[index]
    array[index] = kept + step
    high = function()
    array[index] = kept - step
    low = function()
    array[index] = kept
    return (high - low) / (2 * step)
