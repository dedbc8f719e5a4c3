"""Names of columns that say where each pixel belongs: pixel0, pixel1, ...; or 1x1, 1x2, ...; or r0c0, r0c1, ...

Databases, pivots and sorted frames put such columns in the order of their text: pixel0, pixel1, pixel10. The pixels
then stand in the order of their numbers all the same, wherever the names leave no doubt: they differ in one number,
which counts from 0 or 1, or in two, which make a whole grid; or in three, the last that of the channel, as in r0c0b0.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

IDENTIFIER_COLUMN = re.compile(r"(?i)|id|index|level_0|unnamed: ?\d+(\.\d+)?|__index_level_\d+__")
"""Names, stripped, of columns that number the rows, and are neither pixels nor labels."""

COLUMN_FIRST = re.compile(r"(?i).*(^|[^a-z])(x|c|cols?|columns?)[ _.-]*\Z")
"""What stands before the first of two numbers where it is that of the column."""

ROW_FIRST = re.compile(r"(?i).*(^|[^a-z])(y|r|rows?)[ _.-]*\Z")
"""What stands before it where it is that of the row."""


COLOUR_CHANNELS = (1, 3)
"""How many channels a third number may count."""

MAX_DIGITS = 9
"""Digits, at most, of a number that counts pixels."""


class PixelPlaces(NamedTuple):
    """Where the pixels of columns belong."""

    order: NDArray[np.int64]
    """(n,): the columns row by row, as indices."""
    grid: tuple[int, int] | None
    """Height and width, where the names tell them."""

    @property
    def is_sorted(self) -> bool:
        """Whether the columns have that order already."""
        return bool((self.order == np.arange(len(self.order))).all())


def pixel_places(names: Sequence[object]) -> PixelPlaces | None:
    """Return where the pixels of columns with these names belong; None where the names do not tell, or not surely."""
    split = [re.split(r"([0-9]+)", str(name).strip().lower()) for name in names]
    is_alike = len({tuple(parts[::2]) for parts in split}) == 1
    if not is_alike or any(len(number) > MAX_DIGITS for parts in split for number in parts[1::2]):
        return None
    numbers = np.array([parts[1::2] for parts in split], np.int64).reshape(len(names), -1)
    varying = np.flatnonzero((numbers != numbers[:1]).any(axis=0))
    lowest = numbers.min(axis=0, initial=2**31)[varying]
    sizes = numbers.max(axis=0, initial=0)[varying] - lowest + 1
    is_whole = len(varying) in (1, 2, 3) and (lowest <= 1).all() and sizes.prod() == len(names)
    if not is_whole or len(np.unique(numbers, axis=0)) < len(names):
        return None
    if len(varying) == 1:
        return PixelPlaces(numbers[:, varying[0]].argsort(), None)
    before = "".join(split[0][: 2 * varying[0] + 1])
    if len(varying) == 3:  # row, column and channel
        is_certain = ROW_FIRST.match(before) and sizes[2] in COLOUR_CHANNELS
        return PixelPlaces(np.lexsort(numbers[:, varying[::-1]].T), None) if is_certain else None
    return _grid_places(numbers[:, varying], sizes, before)


def _grid_places(numbers: NDArray[np.int64], sizes: NDArray[np.int64], before: str) -> PixelPlaces | None:
    """Return the places of columns whose names have two numbers (n, 2), and `before` ahead of them."""
    by_first, by_second = np.lexsort(numbers.T[::-1]), np.lexsort(numbers.T)
    if COLUMN_FIRST.match(before):
        return PixelPlaces(by_second, (int(sizes[1]), int(sizes[0])))
    # Where the second number runs slowest, only a letter tells that it is not that of the row.
    is_certain = ROW_FIRST.match(before) or not (by_second == np.arange(len(numbers))).all()
    return PixelPlaces(by_first, (int(sizes[0]), int(sizes[1]))) if is_certain else None


def reordered_notice(what: str) -> str:
    """Return what to say about columns that were put in the order of their names."""
    return (
        f"the columns of {what} are not in the order of the numbers in their names: the pixels are taken in that order"
    )
