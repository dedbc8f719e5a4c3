"""How a data set is to be read, as `load_dataset` is told, and what its readers have to tell about it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from golmu.architecture import POOL_SIZE
from golmu.checks import boolean, integer_within
from golmu.data.storage import MEMORY, Memory
from golmu.errors import InputError, InputTypeError

MAX_SIDE = 4096
"""The largest height and width, in pixels, to which images are fitted."""

Progress = Callable[[int, int], None]
"""Called with the number of images that are done, and the number of all images."""


@dataclass
class ReadOptions:
    """How to read a data set: the shape to which image files are fitted, and what to do with unreadable ones.

    Attributes
    ----------
    size
        Height and width of the images in pixels; None: the size of all files if they share one,
        else `golmu.data.readers.threaded_reading.DEFAULT_SIZE`.
    channels
        1, grey, or 3, RGB; None: RGB if any file has colours, else grey.
    skip_bad
        Whether files that cannot be read are skipped, rather than refused.
    label
        The column of a table that holds the labels; None: the column named "label", or the only possible one.
    progress
        Called while files are decoded.
    is_binding
        Whether arrays of another size or number of channels are refused, rather than taken as they are.
    notes
        Sentences that the readers add for the user.
    left_out
        What is wrong with each file that was skipped, its name included.
    storage
        Where the images are put.
    passed_over
        Numbers of files that are no images which can be read here, by the ending of their name.

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
    passed_over: Counter[str] = field(default_factory=Counter)
    storage: Memory = MEMORY

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
    def like(cls, shape: tuple[int, ...], *, skip_bad: bool, label: str | None = None) -> ReadOptions:
        """Make options that fit image files to (h, w, c) as far as possible, and take arrays as they are."""
        height, width, channels = shape
        size = (height, width) if POOL_SIZE <= min(height, width) <= max(height, width) <= MAX_SIDE else None
        return cls(size, channels if channels in (1, 3) else None, skip_bad, label, is_binding=False)

    def differences(self, other: ReadOptions) -> list[str]:
        """List what `other` asks for and these options do not give."""
        differences = []
        if other.size not in (None, self.size):
            differences.append(f"size is {format_size(self.size)}, not {format_size(other.size)}")
        if other.channels not in (None, self.channels):
            differences.append(f"channels is {self.channels}, not {other.channels}")
        if other.skip_bad and not self.skip_bad:
            differences.append("skip_bad is False, not True")
        if other.label not in (None, self.label):
            differences.append(f"label is {self.label!r}, not {other.label!r}")
        return differences

    def check_no_table(self, name: str) -> None:
        """Raise `InputError` if a column was asked for; to be called for data that are no table."""
        if self.label is not None:
            raise InputError(f"label={self.label!r} names a column, but '{name}' is not a table; leave out label")

    def check_arrays(self, shape: tuple[int, ...], name: str) -> None:
        """Raise `InputError` if arrays of images (h, w, c) do not have the shape that was asked for."""
        if not self.is_binding:
            return
        if self.size is not None and shape[:2] != self.size:
            raise InputError(
                f"size={format_size(self.size)} was asked for, but '{name}' holds arrays of {format_size(shape[:2])}: "
                "only image files are scaled to a size; leave out size"
            )
        if self.channels is not None and shape[2] != self.channels:
            raise InputError(
                f"channels={self.channels} was asked for, but '{name}' holds arrays with {shape[2]}: only image files "
                "are converted to grey or RGB; leave out channels"
            )


def parse_size(text: str) -> tuple[int, int]:
    """Return (height, width) from text such as "28" or "24x32".

    Raises
    ------
    InputError
        If the text is neither.
    """
    if not (match := re.fullmatch(r"(\d{1,9})(?:[x×](\d{1,9}))?", text.strip())):
        raise InputError(f"size must be a number of pixels such as 28, or height x width such as 24x32, got {text!r}")
    return int(match[1]), int(match[2] or match[1])


def format_size(size: tuple[int, ...] | None) -> str:
    """Write a size as height x width; None as "not known"."""
    return "not known" if size is None else "x".join(str(side) for side in size)


def as_size(size: Any) -> tuple[int, int] | None:
    """Return (height, width) from a size as users give it, or None from None.

    Raises
    ------
    InputError, InputTypeError
        If the size is neither None, nor one or two integers from `POOL_SIZE` to `MAX_SIDE`.
    """
    if size is None:
        return None
    sides = size if isinstance(size, tuple | list) else (size, size)
    if len(sides) != 2:
        raise InputError(f"size must be one number, or height and width, got {size!r}")
    height, width = (integer_within(side, "size", POOL_SIZE, MAX_SIDE) for side in sides)
    return height, width
