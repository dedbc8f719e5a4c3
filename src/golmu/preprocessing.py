"""What a network does to an image before its first layer; it is part of the trained model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.types import Images

PIXEL_SCALE = np.float32(1 / 255)
"""What a uint8 pixel is multiplied by to lie in [0, 1]."""

DARK, LIGHT = "dark", "light"
"""The ground of an image: what surrounds the object that it shows."""

INVERSIONS = ("auto", "yes", "no")
"""Which image files to invert: those whose ground is not that of the training images, all of them, or none."""

COMMON_SHARE = 0.9
"""Share of the images that must have the same ground for it to be the ground of all."""

MAX_IMAGES_SAMPLED = 2000
"""Images, at most, whose ground is determined."""

MIDDLE_BRIGHTNESS = 0.5
"""Half of the largest brightness of a pixel: a brighter ground is light."""

IMAGES_AT_A_TIME = 256
"""Images that are converted to float64 at a time."""


@dataclass(frozen=True)
class Preprocessing:
    """From scaled pixels to what the convolution sees: (pixel − mean) / std, by channel."""

    mean: tuple[float, ...] = ()
    """Mean of each channel's scaled pixels; empty: 0."""
    std: tuple[float, ...] = ()
    """Standard deviation of each channel's scaled pixels; empty: 1."""
    test_flip: bool = False
    """Whether the logits are the mean of those of an image and of its mirror image."""
    ground: str = ""
    """`DARK` or `LIGHT`, if nearly all training images have that ground; "" if they have not. An image file with the
    other ground may be inverted before the network sees it; engines do not do that."""

    @classmethod
    def of(cls, images: Images, *, standardize: bool, test_flip: bool) -> Preprocessing:
        """Derive the preprocessing from the training images and a recipe's `standardize` and `test_flip`.

        A channel that is the same everywhere keeps its scale.
        """
        ground = ground_of(images)
        if not standardize:
            return cls(test_flip=test_flip, ground=ground)
        scale = float(PIXEL_SCALE) if images.dtype == np.uint8 else 1.0
        mean, std = _moments_of_bytes(images) if images.dtype == np.uint8 else _moments(images)
        std[std * scale < np.finfo(np.float32).eps] = 1 / scale
        return cls(tuple((mean * scale).tolist()), tuple((std * scale).tolist()), test_flip, ground)

    def factors(self, dtype: Any, channels: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return scale and offset, (c,) each: the convolution sees pixel · scale + offset."""
        pixel = PIXEL_SCALE if dtype == np.uint8 else np.float32(1)
        mean = np.array(self.mean or [0.0] * channels)
        std = np.array(self.std or [1.0] * channels)
        return (pixel / std).astype(np.float32), (-mean / std).astype(np.float32)


def border_of(images: Images) -> NDArray[Any]:
    """Return the pixels along the border of each image (n, h, w, c), as (n, p, c)."""
    sides: list[NDArray[Any]] = [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]]
    return np.concatenate(sides, axis=1)


def ground_of(images: Images) -> str:
    """Return the ground that nearly all of the grey images (n, h, w, 1) have, `DARK` or `LIGHT`.

    "" where they disagree, have colours, or are neither uint8 nor in [0, 1]. The ground of an image is the median of
    the pixels along its border.
    """
    share = _share_of_light(images)
    return "" if share is None else LIGHT if share >= COMMON_SHARE else DARK if share <= 1 - COMMON_SHARE else ""


def are_opposite(images: Images, ground: str) -> bool:
    """Whether most of the images (n, h, w, c) have the ground that is not `ground`; False where either is unknown."""
    share = _share_of_light(images) if ground else None
    return share is not None and (share > 0.5 if ground == DARK else share < 0.5)


def _share_of_light(images: Images) -> float | None:
    """Return the share of the images whose ground is `LIGHT`; None where that cannot be told."""
    if images.shape[3] != 1 or (images.dtype != np.uint8 and not 0 <= images.min() <= images.max() <= 1):
        return None
    border = np.sort(border_of(images[:: -(-len(images) // MAX_IMAGES_SAMPLED)])[..., 0], axis=1)
    length = border.shape[1]
    # Twice the median: NumPy's own takes ten times as long for one image.
    middle = border[:, (length - 1) // 2].astype(np.float64) + border[:, length // 2]
    n_light = int(np.count_nonzero(middle > 2 * MIDDLE_BRIGHTNESS * (255 if images.dtype == np.uint8 else 1)))
    return n_light / len(middle)


def _moments_of_bytes(images: Images) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each channel of uint8 images, (c,) each, exactly, by counting values."""
    counts = np.zeros((256, images.shape[3]))
    for start in range(0, len(images), IMAGES_AT_A_TIME):
        some = images[start : start + IMAGES_AT_A_TIME]
        for channel in range(images.shape[3]):
            counts[:, channel] += np.bincount(some[..., channel].reshape(-1), minlength=256)
    shares, values = counts / counts.sum(axis=0), np.arange(256.0)
    mean = values @ shares
    return mean, np.sqrt((((values[:, None] - mean) ** 2) * shares).sum(axis=0))


def _moments(images: Images) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of each channel of any images, (c,) each."""

    def chunks() -> Iterator[NDArray[np.float64]]:
        for start in range(0, len(images), IMAGES_AT_A_TIME):
            yield images[start : start + IMAGES_AT_A_TIME].astype(np.float64)

    n = images[..., 0].size
    mean = sum(chunk.sum(axis=(0, 1, 2)) for chunk in chunks()) / n
    # In a second pass: the mean of squares less the square of the mean is all rounding where pixels differ little.
    variance = sum(np.einsum("nhwc,nhwc->c", chunk - mean, chunk - mean) for chunk in chunks()) / n
    return mean, np.sqrt(variance)


SCALING_ONLY = Preprocessing()
"""uint8 pixels are scaled by 1/255, and nothing else is done."""
