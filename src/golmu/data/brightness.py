"""Pixels that are whole numbers, but hardly meant as 0 to 255: 0 and 1, or 0 to 16 as in scikit-learn's digits."""

from __future__ import annotations

import numpy as np

from golmu.data.image_set import ImageSet
from golmu.data.inputs import FAINT


def brightened(train: ImageSet, test: ImageSet | None) -> tuple[ImageSet, ImageSet | None, list[str]]:
    """Arrays of images whose pixels are 0 and 1 only, in all of them, times 255; and a sentence if there is one to say.

    Others are as they are: which number is white in them, their user has to know.
    """
    if _brightest(train, test) != 1:
        return train, test, faint(train, test)
    white = [None if part is None else ImageSet(part.images * np.uint8(255), part.labels) for part in (train, test)]
    assert white[0] is not None
    return white[0], white[1], ["the pixels are integers, 0 and 1 only: they are taken as black and white, 0 and 255"]


def faint(train: ImageSet, test: ImageSet | None) -> list[str]:
    """A sentence if all images are nearly black."""
    top = _brightest(train, test)
    if not 0 < top < FAINT:
        return []
    return [
        f"the brightest of all pixels is {top}, where 255 is white, so that the images are nearly black: multiply the "
        f"pixels by 255/{top} if {top} is meant to be white"
    ]


def _brightest(train: ImageSet, test: ImageSet | None) -> int:
    return max(int(part.images.max()) for part in (train, test) if part is not None)
