"""scikit-learn's digits: 1,797 handwritten digits of 8×8 pixels, which come with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.split import stratified_split
from golmu.errors import InputError

NAME = "digits"

DARKEST = 16
"""The pixels' highest value."""

TEST_SHARE, TEST_SEED = 0.2, 42
"""They have no test images of their own, so that these are drawn, the same ones always."""


def load(folder: Path | None = None) -> Dataset:
    """The digits, pixels scaled to 0–255 and rounded, 1,437 to train and 360 to test.

    Raises
    ------
    InputError
        If a folder is named.
    """
    from sklearn import datasets  # noqa: PLC0415  a second to import

    if folder is not None:
        raise InputError(f"the digits come with scikit-learn, so folder='{folder}' has no use; leave it out")
    bunch = datasets.load_digits()
    images = np.rint(bunch.images * (255 / DARKEST)).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    train, test = (ImageSet(images[part], labels[part]) for part in stratified_split(labels, TEST_SHARE, TEST_SEED))
    return Dataset(NAME, train, test, tuple(str(digit) for digit in range(10)), "scikit-learn")
