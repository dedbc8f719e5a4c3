"""Feature maps and gradients in NumPy: explanations need them for a few images only, so NumPy is fast enough."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import KERNEL_SIZE, POOL_SIZE, Block
from golmu.types import Weights

Array = NDArray[np.float32]


def feature_maps(x: Array, blocks: Sequence[Block], weights: Weights) -> Array:
    """Return the maps (n, h, w, K) that the last of the blocks gives when the first convolves x (n, h, w, c)."""
    for block in blocks[:-1]:
        x = _pool(np.maximum(_convolve(x, block, weights), 0))
    return _convolve(x, blocks[-1], weights)


def input_gradient(x: Array, blocks: Sequence[Block], weights: Weights, output_gradient: Array) -> Array:
    """Return the gradient (n, h, w, c) of Σ output_gradient · logits with respect to the input x of the first."""
    activations, pooled = [], x
    for block in blocks:
        activations.append(np.maximum(_convolve(pooled, block, weights), 0))
        pooled = _pool(activations[-1])
    gradient = _pooled_gradient(pooled, weights, output_gradient)
    for block, maps in zip(reversed(blocks), reversed(activations), strict=True):
        d_maps = _unpool(maps, gradient) * (maps > 0)
        n, height, width, _ = maps.shape
        kernel, d_padded = (
            weights[block.names[0]],
            np.zeros((n, height + 2, width + 2, block.input_shape[2]), np.float32),
        )
        for i, j in np.ndindex(KERNEL_SIZE, KERNEL_SIZE):
            d_padded[:, i : i + height, j : j + width] += d_maps @ kernel[i, j].T
        gradient = d_padded[:, 1:-1, 1:-1]
    return gradient


def activation_gradient(x: Array, blocks: Sequence[Block], weights: Weights, output_gradient: Array) -> Array:
    """Return the gradient (n, h, w, K) of Σ output_gradient · logits with respect to the last block's activations."""
    activations = np.maximum(feature_maps(x, blocks, weights), 0)
    return _unpool(activations, _pooled_gradient(_pool(activations), weights, output_gradient))


def _convolve(x: Array, block: Block, weights: Weights) -> Array:
    """Return the maps (n, h, w, K) that a block's convolution and its bias give for x (n, h, w, c)."""
    n, height, width, _ = x.shape
    kernel, bias = (weights[name] for name in block.names)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    maps = np.broadcast_to(bias, (n, height, width, len(bias))).copy()
    for i, j in np.ndindex(KERNEL_SIZE, KERNEL_SIZE):
        maps += padded[:, i : i + height, j : j + width] @ kernel[i, j]
    return maps


def _windows(maps: Array) -> Array:
    """Return the 2×2 windows (n, ⌊h/2⌋, ⌊w/2⌋, K, 4) of maps (n, h, w, K)."""
    n, height, width, n_kernels = maps.shape
    rows, columns = height // POOL_SIZE, width // POOL_SIZE
    windows = maps[:, : 2 * rows, : 2 * columns].reshape(n, rows, 2, columns, 2, n_kernels)
    return windows.transpose(0, 1, 3, 5, 2, 4).reshape(n, rows, columns, n_kernels, 4)


def _pool(maps: Array) -> Array:
    pooled: Array = _windows(maps).max(axis=-1)
    return pooled


def _unpool(maps: Array, d_pooled: Array) -> Array:
    """Return the gradient with respect to maps (n, h, w, K), of which the largest of each window was pooled."""
    windows = _windows(maps)
    d_windows = np.zeros_like(windows)
    np.put_along_axis(d_windows, windows.argmax(axis=-1)[..., None], d_pooled[..., None], axis=-1)
    n, rows, columns, n_kernels, _ = windows.shape
    d_windows = d_windows.reshape(n, rows, columns, n_kernels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    d_maps = np.zeros_like(maps)
    d_maps[:, : 2 * rows, : 2 * columns] = d_windows.reshape(n, 2 * rows, 2 * columns, n_kernels)
    return d_maps


def _pooled_gradient(pooled: Array, weights: Weights, output_gradient: Array) -> Array:
    """Return the gradient of Σ output_gradient · logits with respect to what the last block has pooled."""
    hidden = np.maximum(pooled.reshape(len(pooled), -1) @ weights["w1"] + weights["b1"], 0)
    d_hidden = (output_gradient @ weights["w2"].T) * (hidden > 0)
    d_pooled: Array = d_hidden @ weights["w1"].T
    return d_pooled.reshape(pooled.shape)
