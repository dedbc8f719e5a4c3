"""Grad-CAM: where the last block's kernels see what speaks for a class.

Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE
from golmu.engines.contract import Engine
from golmu.types import Images

Array = NDArray[np.float32]


def grad_cam(engine: Engine, image: Images, target: int) -> Array:
    """Return the Grad-CAM map (h', w') of one image (h, w, c) for class `target`, with the size of the last maps.

    With `test_flip` it is the mean over the image and its mirror image, mirrored back.
    """
    cam = _plain_grad_cam(engine, image[None], target)
    if engine.preprocessing.test_flip:
        mirrored = image[:, ::-1].copy()
        cam = np.float32(0.5) * (cam + _plain_grad_cam(engine, mirrored[None], target)[:, ::-1])
    return cam


def _plain_grad_cam(engine: Engine, images: Images, target: int) -> Array:
    """Return the map of a batch of one, as it is."""
    a = engine.architecture
    activations = np.maximum(engine.feature_maps(images, a.n_blocks - 1)[0], 0)
    gradient = engine.activation_gradient(images, np.eye(1, a.n_classes, target, dtype=np.float32))[0]
    kernel_weights = gradient.mean(axis=(0, 1))  # equation 1
    cam: Array = np.maximum(activations @ kernel_weights, 0)  # equation 2
    return cam


def enlarge_map(values: Array, n_blocks: int, shape: tuple[int, int]) -> Array:
    """Bring a map of the last of `n_blocks` blocks to the size (h, w) of the image, by bilinear interpolation.

    A value stands in the middle of the pixels that were pooled into it; outside the outermost middles nothing changes.
    """
    side = POOL_SIZE ** (n_blocks - 1)
    for axis, n in enumerate(shape):
        middles = (np.arange(values.shape[axis]) + 0.5) * side - 0.5
        lines = [np.interp(np.arange(n), middles, line) for line in np.moveaxis(values, axis, -1)]
        values = np.moveaxis(np.array(lines, np.float32), -1, axis)
    return values
