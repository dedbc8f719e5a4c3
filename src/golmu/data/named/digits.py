"""scikit-learn's digits: 1,797 handwritten digits of 8×8 pixels, which are part of scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.split import stratified_split
from golmu.errors import InputError

NAME = "digits"

HIGHEST_PIXEL = 16
"""The highest value of a pixel in scikit-learn's arrays."""

TEST_SHARE, TEST_SEED = 0.2, 42
"""scikit-learn has no separate test images, so they are drawn: always the same share, with the same seed."""


def load(folder: Path | None = None) -> Dataset:
    """Load the digits, with pixels scaled to 0–255 and rounded: 1,437 to train on and 360 to test on.

    Raises
    ------
    InputError
        If a folder is given.
    """
    from sklearn import datasets  # noqa: PLC0415  a second to import

    if folder is not None:
        raise InputError(f"the digits come with scikit-learn, so folder='{folder}' has no effect; leave out folder")
    bunch = datasets.load_digits()
    images = np.rint(bunch.images * (255 / HIGHEST_PIXEL)).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    train, test = (ImageSet(images[part], labels[part]) for part in stratified_split(labels, TEST_SHARE, TEST_SEED))
    return Dataset(NAME, train, test, tuple(str(digit) for digit in range(10)), "scikit-learn")
