"""Checks of single arguments, each with one clear error."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from math import inf, isfinite, log10
from numbers import Integral, Real
from pathlib import Path
from typing import Any

from golmu.errors import InputError, InputTypeError

MAX_DIGITS = 1_000
"""Digits of an integer, at most: Python writes none of more than 4,300, and a count of parameters multiplies four."""


def positive_integer(value: Any, argument: str) -> int:
    """Return `value` as an int of at least 1."""
    return integer_within(value, argument, 1, None)


def integer_within(value: Any, argument: str, low: int, high: int | None) -> int:
    """Return `value` as an int of at least `low`, and at most `high` if there is one."""
    wanted = f"an integer of at least {low}" if high is None else f"an integer from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InputTypeError(f"{argument} must be {wanted}, got {value!r}")
    number = refuse_long(int(value), argument)
    if number < low or (high is not None and number > high):
        raise InputError(f"{argument} must be {wanted}, got {number}")
    return number


def refuse_long(number: int, argument: str) -> int:
    """Return an integer that can be written out: in an error, or as JSON."""
    if abs(number) >= 10**MAX_DIGITS:
        n_digits = int(number.bit_length() * log10(2)) + 1
        raise InputError(f"{argument} must have at most {MAX_DIGITS:,} digits, got about {n_digits:,}")
    return number


MAX_BLOCKS = 4
"""Blocks of convolution and pooling, at most."""


def kernel_numbers(value: Any, argument: str) -> int | tuple[int, ...]:
    """Return the numbers of kernels of one to `MAX_BLOCKS` blocks: an int for one block, a tuple for several."""
    is_numpys = hasattr(value, "tolist") and not isinstance(value, type)
    given = value.tolist() if is_numpys else value
    if isinstance(given, str | bytes | bytearray) or not isinstance(given, Sequence):
        if isinstance(given, bool) or not isinstance(given, Integral):
            raise InputTypeError(
                f"{argument} must be an integer of at least 1, or a tuple of up to {MAX_BLOCKS}, got {value!r}"
            )
        return positive_integer(given, argument)
    if not 1 <= len(given) <= MAX_BLOCKS:
        raise InputError(f"{argument} must have one number for each of 1 to {MAX_BLOCKS} blocks, got {len(given)}")
    numbers = tuple(positive_integer(number, f"each of {argument}") for number in given)
    return numbers if len(numbers) > 1 else numbers[0]


def positive_number(value: Any, argument: str) -> float:
    """Return `value` as a finite float above 0."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(f"{argument} must be a number above 0, got {value!r}")
    number = _as_float(value)
    if not (isfinite(number) and number > 0):
        raise InputError(f"{argument} must be a finite number above 0, got {number}")
    return number


def number_within(value: Any, argument: str, low: float, end: float | None) -> float:
    """Return `value` as a finite float of at least `low`, and below `end` if there is one."""
    wanted = f"a number of at least {low:g}" + ("" if end is None else f" and below {end:g}")
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InputTypeError(f"{argument} must be {wanted}, got {value!r}")
    number = _as_float(value)
    if not (low <= number < (inf if end is None else end)):
        raise InputError(f"{argument} must be {wanted}, got {number}")
    return number


def boolean(value: Any, argument: str) -> bool:
    """Return `value` as a bool, if it is Python's or NumPy's True or False."""
    if isinstance(value, bool):
        return value
    import numpy as np  # noqa: PLC0415  the command line reads the recipes before it needs NumPy

    if not isinstance(value, np.bool_):
        raise InputTypeError(f"{argument} must be True or False, got {value!r}")
    return bool(value)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer of more than 308 digits
        return inf


def one_of(value: Any, choices: Collection[str], argument: str) -> str:
    """Return `value`, if it is one of the names in `choices`."""
    if not isinstance(value, str):
        raise InputTypeError(f"{argument} must be one of {', '.join(choices)}, got {value!r}")
    if value not in choices:
        close = get_close_matches(value.lower(), choices, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        raise InputError(f"{argument} must be one of {', '.join(choices)}, got {value!r}{hint}")
    return value


def as_path(value: Any, argument: str) -> Path:
    """Return `value` as a path, if it is one or text that is not empty."""
    if not isinstance(value, str | Path) or not str(value):
        raise InputTypeError(f"{argument} must be a path, got {value!r}")
    return Path(value)
