"""An exported network is kept only if it answers as the network does, in the program that it was written for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import LabelledImages
from golmu.errors import SaveError
from golmu.model.predictor import Predictor
from golmu.types import ImageShape

N_IMAGES = 1000
"""Images on which an exported network must answer as the network does."""

TOLERANCE = 1e-4
"""By how much a probability may differ: the sums are taken in another order."""

MAX_ACCURACY_LOSS = 0.01
"""By how much the accuracy of a network may fall when it is quantized."""

VALUES_AT_A_TIME = 2**24
"""Values of the largest layer for the images that are answered together."""

CELL_SIDES = (1, 2, 3, 5, 8)
"""Sides in pixels of the squares that the images of the check are made of."""

Answer = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Gives an exported network's probabilities (n, C) of images (n, h, w, c)."""


@dataclass(frozen=True)
class Check:
    """How an exported network answered, compared with the network."""

    n_images: int
    difference: float
    """The largest difference of a probability."""
    accuracy: float | None = None
    """The exported network's share of right answers, where the images had labels."""
    own_accuracy: float | None = None
    """The network's own share."""


def check_answers(predictor: Predictor, answer: Answer) -> Check:
    """Compare an exported network with the network on `N_IMAGES` images, made of squares of random brightness.

    Raises
    ------
    SaveError
        If a probability differs by more than `TOLERANCE`.
    """
    difference = 0.0
    for images in _check_images(predictor):
        difference = _larger(difference, answer(images), predictor.probabilities(images))
    if not difference <= TOLERANCE:
        raise SaveError(
            f"the exported network gives other answers than the network, by up to {difference:.2g} of a probability: "
            "it is not kept"
        )
    return Check(N_IMAGES, difference)


def check_accuracy(predictor: Predictor, answer: Answer, judged: LabelledImages) -> Check:
    """Compare a quantized network with the network on the first `N_IMAGES` of the images, which have labels.

    Raises
    ------
    SaveError
        If the accuracy falls by more than `MAX_ACCURACY_LOSS`, and by more than one image.
    """
    n = min(len(judged), N_IMAGES)
    difference, right, own_right = 0.0, 0, 0
    for start, size in _parts(predictor, n):
        rows = slice(start, start + size)
        images, labels = np.ascontiguousarray(judged.images[rows], np.uint8), judged.labels[rows]
        probabilities, own = answer(images), predictor.probabilities(images)
        difference = _larger(difference, probabilities, own)
        right += int((probabilities.argmax(axis=1) == labels).sum())
        own_right += int((own.argmax(axis=1) == labels).sum())
    if own_right - right > max(1, MAX_ACCURACY_LOSS * n):
        raise SaveError(
            f"the quantized network has an accuracy of {right / n:.4f} on {n:,} images, where the network has "
            f"{own_right / n:.4f}: it is not kept; export it without --quantize (quantize=None)"
        )
    return Check(n, difference, right / n, own_right / n)


def _larger(difference: float, probabilities: NDArray[np.float32], own: NDArray[np.float32]) -> float:
    """Return the larger of a difference and those of these probabilities; NaN counts as infinite."""
    if probabilities.shape != own.shape:
        raise SaveError(
            f"the exported network answers with shape {probabilities.shape}, and the network with {own.shape}: it is "
            "not kept"
        )
    return max(difference, float(np.nan_to_num(np.abs(probabilities - own), nan=np.inf).max()))


def _check_images(predictor: Predictor) -> Iterator[NDArray[np.uint8]]:
    """Iterate over the images of the check, uint8 (n, h, w, c), n at a time."""
    rng = np.random.default_rng(0)
    for start, size in _parts(predictor, N_IMAGES):
        yield np.stack([_squares(rng, predictor.image_shape, start + i) for i in range(size)])


def _squares(rng: np.random.Generator, shape: ImageShape, number: int) -> NDArray[np.uint8]:
    """Make an image (h, w, c) of squares between two random levels of brightness, or all black, or all white."""
    if number < 2:
        return np.full(shape, 255 * number, np.uint8)
    height, width, channels = shape
    side = CELL_SIDES[number % len(CELL_SIDES)]
    low, high = np.sort(rng.integers(0, 256, 2))
    cells = rng.integers(low, high, (-(-height // side), -(-width // side), channels), np.uint8, endpoint=True)
    return cells.repeat(side, axis=0).repeat(side, axis=1)[:height, :width]


def _parts(predictor: Predictor, n: int) -> Iterator[tuple[int, int]]:
    """Iterate over the first index and the size of parts of n images: one image, and then as many as memory takes."""
    a = predictor.model.architecture
    most = max(prod(a.image_shape), *(prod(block.maps_shape) for block in a.blocks))
    size = max(1, VALUES_AT_A_TIME // most)
    yield 0, 1
    for start in range(1, n, size):
        yield start, min(size, n - start)
