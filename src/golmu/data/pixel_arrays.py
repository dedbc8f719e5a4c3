"""Pixels as users hold them, arrays, lists and data frames of any kind, as one array of numbers.

Integers stay integers however they are kept: in NumPy's types, in pandas' nullable or Arrow-backed columns, as Python
objects, or in a frame beside columns of booleans or of whole floats. What they are scaled by depends on it.
"""

from __future__ import annotations

from collections import Counter
from math import isnan, prod
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data.pixel_names import IDENTIFIER_COLUMN, pixel_places, reordered_notice
from golmu.errors import InputError, InputTypeError, warn


def as_numbers(x: Any, argument: str, *, are_integers: bool | None = None) -> NDArray[Any]:
    """Convert pixels to an array of booleans, integers or floats; that of a data frame has its columns in order.

    The columns of a frame are put in the order of the numbers in their names, with a warning, where these tell it
    (`golmu.data.pixel_names`); a grid of names, such as 1x1 to 28x28, makes the result (n, h, w).

    Parameters
    ----------
    x
        Pixels.
    argument
        The name that errors give to `x`.
    are_integers
        What a mixture of integers and floats in a frame means: True, pixels from 0 to 255, where fractions make it
        floats of these divided by 255; False, floats; None, what the values say. An image among others must mean what
        it means alone, so that only `fit` may ask the values.

    Raises
    ------
    InputTypeError, InputError
        If `x` is no dense array of real numbers, or values are missing, or two columns have one name; the message
        names the argument.
    """
    if x is None:
        raise InputTypeError(f"{argument} must be an array of images, got None")
    refuse_sparse(x, argument)
    refuse_masked(x, argument)
    is_frame = is_data_frame(x)
    if is_frame and (twice := [name for name, n in Counter(x.columns).items() if n > 1]):
        raise InputError(f"{argument} has more than one column {twice[0]!r}: rename all but one, or drop them")
    try:
        array = _array_of_frame(x, are_integers) if is_frame else np.asarray(x)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{argument} must be an array of pixels: {error}") from error
    if array.dtype == object:
        array = _array_of_objects(array, argument, are_integers if is_frame else None)
    if array.dtype.kind == "c":
        raise InputError(f"{argument} must be an array of real numbers, got {array.dtype}: Complex data not supported")
    if array.dtype.kind not in "buif":
        raise InputTypeError(f"{argument} must be an array of real numbers, got dtype {array.dtype}")
    return _in_order_of_names(array, list(x.columns), argument) if is_frame else array


def is_data_frame(x: Any) -> bool:
    """Return whether `x` is a data frame, of pandas or of a library like it, which is not imported for that."""
    return hasattr(x, "columns") and hasattr(x, "dtypes") and getattr(x, "ndim", 2) == 2


def refuse_sparse(array: Any, argument: str) -> None:
    """Raise `InputTypeError` if the array is a sparse one."""
    if hasattr(array, "toarray"):
        raise InputTypeError(f"{argument} must be a dense array, got a sparse one: call its toarray() first")


def refuse_masked(array: Any, argument: str) -> None:
    """Raise `InputError` if some values of the array are masked."""
    if np.ma.is_masked(array):
        raise InputError(
            f"{argument} must be an array without a mask, got a masked one: fill in the masked values, or remove them"
        )


def is_missing(value: Any) -> bool:
    """Return whether a value is None, NaN, or pandas' NA, which is recognised without importing pandas."""
    return value is None or (isinstance(value, float) and isnan(value)) or type(value).__name__ == "NAType"


def _array_of_frame(frame: Any, are_integers: bool | None) -> NDArray[Any]:
    """Convert a data frame, its columns of any types, to an array, which may be one of objects."""
    kinds = {getattr(dtype, "kind", "O") for dtype in frame.dtypes}
    are_numpys = all(isinstance(dtype, np.dtype) for dtype in frame.dtypes)
    if kinds and kinds <= set("iub") and kinds != {"b"} and not are_numpys:
        try:  # without a Python object for each pixel, where no value is missing
            return np.asarray(frame, np.int64)
        except (TypeError, ValueError, OverflowError):
            return np.asarray(frame)
    array = np.asarray(frame)
    return _mixture(array, are_integers) if array.dtype.kind == "f" and kinds & set("iu") else array


def _array_of_objects(array: NDArray[Any], argument: str, are_integers: bool | None) -> NDArray[Any]:
    """Convert an array of Python objects to integers if all are, or if some are and the others are whole; or floats."""
    values = array.ravel().tolist()
    types = set(map(type, values))
    if (first := next((i for i, value in enumerate(values) if is_missing(value)), None)) is not None:
        image = first // max(1, prod(array.shape[1:]))
        raise InputError(
            f"{argument} holds pixels that are missing (None or NaN), the first in image {image}: fill them in, or "
            "remove these images"
        )
    is_integer = [issubclass(kind, Integral | np.bool_) for kind in types]
    try:
        if types and all(issubclass(kind, bool | np.bool_) for kind in types):
            return array.astype(bool)
        if types and all(is_integer) and are_integers is not False:
            return array.astype(np.int64)
        numbers = _parsed(array) if types == {str} else array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputTypeError(f"{argument} must be an array of numbers: {error}") from error
    is_mixed = are_integers is not None or any(is_integer)
    return _mixture(numbers, are_integers) if is_mixed and not types & {str, bytes} else numbers


def _parsed(texts: NDArray[Any]) -> NDArray[Any]:
    """Convert an array of texts to integers if all are, else to floats."""
    try:
        return texts.astype(str).astype(np.int64)
    except (ValueError, OverflowError):
        return texts.astype(np.float64)


def _mixture(numbers: NDArray[Any], are_integers: bool | None) -> NDArray[Any]:
    """Convert floats, of which some were integers, to integers if they mean such, as far as they are whole."""
    with np.errstate(invalid="ignore"):
        is_whole = numbers.size and np.abs(numbers).max() < 2**53 and (numbers == np.rint(numbers)).all()
        if are_integers is None:  # up to 1 they may be shares of 1
            are_integers = bool(is_whole and np.abs(numbers).max() > 1)
    if not are_integers:
        return numbers
    return numbers.astype(np.int64) if is_whole else numbers / 255


def _in_order_of_names(array: NDArray[Any], names: list[Any], argument: str) -> NDArray[Any]:
    """Put the columns (n, p) of a frame in the order that their names tell, or raise if one only numbers the rows."""
    if numbering := [name for name in names if isinstance(name, str) and IDENTIFIER_COLUMN.fullmatch(name.strip())]:
        raise InputError(
            f"{argument} has the column {numbering[0]!r}, which numbers the rows and holds no pixels: drop it with "
            f"{argument}.drop(columns={numbering[0]!r})"
        )
    places = pixel_places(names)
    if places is None:
        return array
    if not places.is_sorted:
        warn(reordered_notice(argument))
        array = array[:, places.order]
    return array if places.grid is None else array.reshape(-1, *places.grid)
