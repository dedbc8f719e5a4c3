"""How image files are to be read, as `load_dataset` is told; and what its readers found remarkable on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from golmu.architecture import POOL_SIZE
from golmu.checks import boolean, integer_within
from golmu.errors import InputError, InputTypeError

MAX_SIDE = 4096
"""Pixels, at most, of the height and of the width that images are fitted to."""

Progress = Callable[[int, int], None]
"""Called with the number of images that are done, and of all."""


@dataclass
class Reading:
    """What image files are fitted to; checked where it is made.

    Attributes
    ----------
    size
        Height and width of the images in pixels; None: the size of all files if it is one,
        else `golmu.data.readers.decoding.DEFAULT_SIZE`.
    channels
        1, grey, or 3, RGB; None: RGB if any file has colours, else grey.
    skip_bad
        Whether files that cannot be read are left out, rather than refused.
    label
        The column of a table that holds the labels; None: the one that is called so, or the only one that may be.
    progress
        Called while files are decoded.
    is_binding
        Whether arrays of another size or number of channels are refused, rather than taken as they are.
    notes
        Sentences that the readers add for the user.
    left_out
        What is wrong with each file that `skip_bad` left out, its name included.

    Raises
    ------
    InputError, InputTypeError
        If a value cannot be used.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    skip_bad: bool = False
    label: str | None = None
    progress: Progress | None = None
    is_binding: bool = True
    notes: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.size = as_size(self.size)
        if self.channels is not None and integer_within(self.channels, "channels", 1, 3) == 2:
            raise InputError("channels must be 1 (grey) or 3 (RGB), got 2")
        self.skip_bad = boolean(self.skip_bad, "skip_bad")
        if not isinstance(self.label, str | None):
            raise InputTypeError(f"label must be the name of a column, got {self.label!r}")
        if self.progress is not None and not callable(self.progress):
            raise InputTypeError(f"progress must be a function of two numbers, got {self.progress!r}")

    @classmethod
    def like(cls, shape: tuple[int, ...], *, skip_bad: bool, label: str | None = None) -> Reading:
        """One that fits image files to (h, w, c) as far as they can be, and takes arrays as they are."""
        height, width, channels = shape
        size = (height, width) if POOL_SIZE <= min(height, width) <= max(height, width) <= MAX_SIDE else None
        return cls(size, channels if channels in (1, 3) else None, skip_bad, label, is_binding=False)

    def differences(self, other: Reading) -> list[str]:
        """What `other` asks for, and this one does not give."""
        found = []
        if other.size not in (None, self.size):
            found.append(f"size is {shown(self.size)}, not {shown(other.size)}")
        if other.channels not in (None, self.channels):
            found.append(f"channels is {self.channels}, not {other.channels}")
        if other.skip_bad and not self.skip_bad:
            found.append("skip_bad is False, not True")
        if other.label not in (None, self.label):
            found.append(f"label is {self.label!r}, not {other.label!r}")
        return found

    def check_no_table(self, name: str) -> None:
        """Raises `InputError` if a column was asked for, though there is none."""
        if self.label is not None:
            raise InputError(f"label={self.label!r} was asked for, but '{name}' is no table with columns; leave it out")

    def check_arrays(self, shape: tuple[int, ...], name: str) -> None:
        """Raises `InputError` if arrays of images (h, w, c) are not what was asked for."""
        if not self.is_binding:
            return
        if self.size is not None and shape[:2] != self.size:
            raise InputError(
                f"size={shown(self.size)} was asked for, but '{name}' holds arrays of {shown(shape[:2])}: only image "
                "files are fitted to a size; leave it out"
            )
        if self.channels is not None and shape[2] != self.channels:
            raise InputError(
                f"channels={self.channels} was asked for, but '{name}' holds arrays with {shape[2]}: only image files "
                "are made grey or RGB; leave it out"
            )


def parse_size(text: str) -> tuple[int, int]:
    """(height, width) of "28" or "24x32".

    Raises
    ------
    InputError
        If it is neither.
    """
    if not (found := re.fullmatch(r"(\d{1,9})(?:[x×](\d{1,9}))?", text.strip())):
        raise InputError(f"size must be a number of pixels, as 28, or height x width, as 24x32, got {text!r}")
    return int(found[1]), int(found[2] or found[1])


def shown(size: tuple[int, ...] | None) -> str:
    """A size as it is written: height x width."""
    return "not known" if size is None else "x".join(str(side) for side in size)


def as_size(size: Any) -> tuple[int, int] | None:
    """(height, width) of a size as users give it.

    Raises
    ------
    InputError, InputTypeError
        If it is neither None, nor an integer, nor two, from `POOL_SIZE` to `MAX_SIDE`.
    """
    if size is None:
        return None
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2:
        raise InputError(f"size must be one number, or height and width, got {size!r}")
    height, width = (integer_within(side, "size", POOL_SIZE, MAX_SIDE) for side in sides)
    return height, width
