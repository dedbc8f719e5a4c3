"""Feature maps and input gradients in NumPy: explanations need them for a few images only, so NumPy is fast enough."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import KERNEL_SIZE, POOL_SIZE
from golmu.types import Weights


def feature_maps(x: NDArray[np.float32], weights: Weights) -> NDArray[np.float32]:
    """Return the maps (n, h, w, K) that the convolution and its bias give for its input x (n, h, w, c)."""
    n, height, width, _ = x.shape
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    maps = np.broadcast_to(weights["conv_b"], (n, height, width, len(weights["conv_b"]))).copy()
    for i, j in np.ndindex(KERNEL_SIZE, KERNEL_SIZE):
        maps += padded[:, i : i + height, j : j + width] @ weights["conv_w"][i, j]
    return maps


def input_gradient(
    x: NDArray[np.float32], weights: Weights, output_gradient: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the gradient (n, h, w, c) of Σ output_gradient · logits with respect to the convolution's input x."""
    maps = feature_maps(x, weights)
    n, height, width, n_kernels = maps.shape
    rows, columns = height // POOL_SIZE, width // POOL_SIZE
    windows = maps[:, : 2 * rows, : 2 * columns].reshape(n, rows, 2, columns, 2, n_kernels)
    windows = windows.transpose(0, 1, 3, 5, 2, 4).reshape(n, rows, columns, n_kernels, 4)
    pooled = np.maximum(windows.max(axis=-1), 0)
    hidden = np.maximum(pooled.reshape(n, -1) @ weights["w1"] + weights["b1"], 0)

    d_hidden = (output_gradient @ weights["w2"].T) * (hidden > 0)
    d_pooled = (d_hidden @ weights["w1"].T).reshape(pooled.shape) * (pooled > 0)
    d_windows = np.zeros_like(windows)
    np.put_along_axis(d_windows, windows.argmax(axis=-1)[..., None], d_pooled[..., None], axis=-1)
    d_windows = d_windows.reshape(n, rows, columns, n_kernels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    d_maps = np.zeros_like(maps)
    d_maps[:, : 2 * rows, : 2 * columns] = d_windows.reshape(n, 2 * rows, 2 * columns, n_kernels)
    d_padded = np.zeros((n, height + 2, width + 2, x.shape[3]), np.float32)
    for i, j in np.ndindex(KERNEL_SIZE, KERNEL_SIZE):
        d_padded[:, i : i + height, j : j + width] += d_maps @ weights["conv_w"][i, j].T
    return d_padded[:, 1:-1, 1:-1]
