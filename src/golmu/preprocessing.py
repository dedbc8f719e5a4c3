"""What a network does to an image before its first layer, and how often it looks at it: part of the trained model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8] | NDArray[np.float32]
"""(n, h, w, c): uint8, scaled by 1/255 inside, or float32, taken as they are."""

PIXEL_SCALE = np.float32(1 / 255)
"""What a uint8 pixel is multiplied by to lie in [0, 1]."""

DARK, LIGHT = "dark", "light"
"""What surrounds that which an image shows."""

AGREED = 0.9
"""Share of the images whose ground must be the same, for that to be the ground of all."""

LOOKED_AT = 2000
"""Images, at most, that are looked at for it."""

MIDDLE = 0.5
"""Of the brightness that a pixel can have."""

CHUNK = 256
"""Images that are converted to float64 at a time."""


@dataclass(frozen=True)
class Preprocessing:
    """From scaled pixels to what the convolution sees: (pixel − mean) / std, by channel."""

    mean: tuple[float, ...] = ()
    """Of each channel's scaled pixels; empty: 0."""
    std: tuple[float, ...] = ()
    """Standard deviation of each channel's scaled pixels; empty: 1."""
    test_flip: bool = False
    """Whether the logits are the mean of those of an image and of its mirror image."""
    ground: str = ""
    """`DARK` or `LIGHT`, if nearly all training images have that ground: a picture that has the other one may be
    inverted before the network sees it, which is not for the engine to do. "" where it is not known."""

    @classmethod
    def of(cls, images: Images, *, standardize: bool, test_flip: bool) -> Preprocessing:
        """What a recipe's `standardize` and `test_flip` mean with these training images.

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
        """Scale and offset, (c,) each, with which pixel · scale + offset is what the convolution sees."""
        pixel = PIXEL_SCALE if dtype == np.uint8 else np.float32(1)
        mean = np.array(self.mean or [0.0] * channels)
        std = np.array(self.std or [1.0] * channels)
        return (pixel / std).astype(np.float32), (-mean / std).astype(np.float32)


def border_of(images: Images) -> NDArray[Any]:
    """The pixels along the border of each image (n, h, w, c), as (n, p, c)."""
    sides: list[NDArray[Any]] = [images[:, 0], images[:, -1], images[:, 1:-1, 0], images[:, 1:-1, -1]]
    return np.concatenate(sides, axis=1)


def ground_of(images: Images) -> str:
    """`DARK` or `LIGHT`: what nearly all of the grey images (n, h, w, 1) have around their middle.

    "" where they disagree, have colours, or are not in [0, 1] or uint8. The ground of an image is what the median of
    the pixels along its border is.
    """
    share = _share_of_light(images)
    return "" if share is None else LIGHT if share >= AGREED else DARK if share <= 1 - AGREED else ""


def are_opposite(images: Images, ground: str) -> bool:
    """Whether most of the images (n, h, w, c) have the other ground, where both are known."""
    share = _share_of_light(images) if ground else None
    return share is not None and (share > 0.5 if ground == DARK else share < 0.5)


def _share_of_light(images: Images) -> float | None:
    """The share of the images whose ground is `LIGHT`; None where that cannot be told."""
    if images.shape[3] != 1 or (images.dtype != np.uint8 and not 0 <= images.min() <= images.max() <= 1):
        return None
    border = border_of(images[:: -(-len(images) // LOOKED_AT)])[..., 0]
    return float((np.median(border, axis=1) > MIDDLE * (255 if images.dtype == np.uint8 else 1)).mean())


def _moments_of_bytes(images: Images) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel, (c,) each, from how often each value is there: fast, and exact."""
    counts = np.zeros((256, images.shape[3]))
    for start in range(0, len(images), CHUNK):
        for channel in range(images.shape[3]):
            pixels = images[start : start + CHUNK, :, :, channel].reshape(-1)
            counts[:, channel] += np.bincount(pixels, minlength=256)
    shares, values = counts / counts.sum(axis=0), np.arange(256.0)
    mean = values @ shares
    return mean, np.sqrt((((values[:, None] - mean) ** 2) * shares).sum(axis=0))


def _moments(images: Images) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same of any images."""

    def chunks() -> Iterator[NDArray[np.float64]]:
        for start in range(0, len(images), CHUNK):
            yield images[start : start + CHUNK].astype(np.float64)

    n = images[..., 0].size
    mean = sum(chunk.sum(axis=(0, 1, 2)) for chunk in chunks()) / n
    # In a second pass: the mean of squares less the square of the mean is all rounding where pixels differ little.
    variance = sum(np.einsum("nhwc,nhwc->c", chunk - mean, chunk - mean) for chunk in chunks()) / n
    return mean, np.sqrt(variance)


SCALING_ONLY = Preprocessing()
