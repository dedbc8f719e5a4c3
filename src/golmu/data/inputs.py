"""What users pass as images and labels, brought to the form that engines trust, or refused with a reason."""

from __future__ import annotations

from math import isqrt, prod
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE
from golmu.checks import positive_integer
from golmu.data.pixel_arrays import as_numbers, is_missing, refuse_masked, refuse_sparse
from golmu.errors import InputError, InputTypeError, warn
from golmu.names import list_names
from golmu.types import Images, ImageShape, Labels

UNSCALED_FROM = 16.0
"""Float pixels that are never negative and reach this are hardly standardised, but left at 0–255, or at 0–16 as in
scikit-learn's digits."""

MAX_FLOAT_PIXEL = 1e15
"""The square of a larger float leaves float32 little room for the sums of a convolution and of its gradient."""

MAX_COLOUR_CHANNELS = 4
"""The most channels that an image is likely to have."""

FAINT_BELOW = 32
"""Integer pixels that all lie below this are hardly meant as 0–255, since all images would be nearly black."""

MAX_CLASSES_NAMED = 10
"""Classes, at most, that an error names."""

UNKNOWN = -1
"""Stands for a label that is not among the classes."""


def as_images(
    x: Any, shape: ImageShape | None = None, *, argument: str = "x", are_learned: bool = False,
    are_integers: bool | None = None,
) -> Images:  # fmt: skip
    """Convert images to (n, h, w, c), uint8 or float32.

    Parameters
    ----------
    x
        (n, h, w, c), (n, h, w) or flattened (n, h·w·c). Integers from 0 to 255 become uint8 (uint8 arrays are not
        copied), floats become float32 and should lie in [0, 1].
    shape
        The (h, w, c) that the images must have. Without it, flattened images must be square and grey.
    argument
        The name that errors give to `x`.
    are_learned
        Whether the images are to be learned from: then there is a warning if they are nearly black, or if their
        channels seem to come first.
    are_integers
        What a mixture of integers and floats means (`golmu.data.pixel_arrays.as_numbers`).

    Raises
    ------
    InputTypeError, InputError
        If `x` is anything else; the message names the argument, what was expected and what was received.
    """
    array = as_numbers(x, argument, are_integers=are_integers)
    hint = f": if its channels come first, {_transpose(argument)}" if _seem_channels_first(array) else ""
    array = _four_axes(array, shape, argument)
    if len(array) == 0:
        raise InputError(f"{argument} holds no images: its shape is {array.shape}")
    if shape is not None and array.shape[1:] != shape:
        raise InputError(f"{argument} must hold images of shape {shape}, got {array.shape[1:]}")
    if min(array.shape[1:3]) < POOL_SIZE or array.shape[3] == 0:
        raise InputError(
            f"{argument} must hold images of at least {POOL_SIZE}x{POOL_SIZE} pixels and one channel, "
            f"got {array.shape[1:]}{hint}"
        )
    if are_learned and hint:
        warn(
            f"{argument} of shape {array.shape} is read as images of {array.shape[1]}x{array.shape[2]} pixels with "
            f"{array.shape[3]} channels{hint}"
        )
    images = _pixels(array, argument)
    if are_learned and images.dtype == np.uint8 and 0 < (top := int(images.max())) < FAINT_BELOW:
        warn(
            f"{argument} holds integer pixels up to {top}, but 255 is white, so all images are nearly black: if {top} "
            f"is meant to be white, divide by {top} to pass floats in [0, 1]"
        )
    return images


def refuse_channels_first(array: NDArray[Any], argument: str) -> None:
    """Raise `InputError` if the images are certainly (n, c, h, w): of one or three channels, and square."""
    if _seem_channels_first(array) and array.shape[2] == array.shape[3]:
        raise InputError(f"{argument} has shape {array.shape}, with the channels first: {_transpose(argument)}")


def _seem_channels_first(array: NDArray[Any]) -> bool:
    """Return whether images seem to be (n, c, h, w), as in PyTorch: else they would have too many channels."""
    return array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[3] > MAX_COLOUR_CHANNELS


def _transpose(argument: str) -> str:
    return f"pass {argument}.transpose(0, 2, 3, 1)"


def refuse_one_image(x: Any, shape: ImageShape, argument: str) -> None:
    """Raise `InputError` if `x` has the shape (h, w) of one image, unless flattened images have that shape too."""
    if np.shape(x) == shape[:2] and shape[1] != prod(shape):
        raise InputError(f"{argument} has the shape {np.shape(x)} of one image: pass {argument}[None]")


def as_image_shape(value: Any) -> ImageShape | None:
    """Convert the estimator's `image_shape` to (h, w, c); (h, w) means grey, and None stays None.

    Raises
    ------
    InputTypeError, InputError
        If the value is something else.
    """
    if value is None:
        return None
    wanted = "image_shape must be (height, width), (height, width, channels) or None"
    try:
        sizes = tuple(value)
    except TypeError as error:
        raise InputTypeError(f"{wanted}, got {value!r}") from error
    if len(sizes) not in (2, 3):
        raise InputError(f"{wanted}, got {value!r}")
    height, width, channels = (positive_integer(size, "image_shape") for size in (*sizes, 1)[:3])
    return height, width, channels


def _four_axes(array: NDArray[Any], shape: ImageShape | None, argument: str) -> NDArray[Any]:
    expected = "(n, h, w, c), (n, h, w) or flattened (n, h·w)"
    if array.ndim == 4:
        return array
    if array.ndim == 3:
        if shape is not None and array.shape == shape and array.shape[1:] != shape[:2]:
            raise InputError(
                f"{argument} must have shape {expected}, got one image {array.shape}: pass {argument}[None]"
            )
        return array[..., None]
    if array.ndim == 2:
        length = array.shape[1]
        if shape is not None and length == prod(shape):
            return array.reshape(-1, *shape)
        side = isqrt(length)
        if length == 0:
            raise InputError(
                f"{argument} holds no pixels: 0 feature(s) (shape={array.shape}) while a minimum of {POOL_SIZE**2} is "
                f"required: give images of at least {POOL_SIZE}x{POOL_SIZE} pixels"
            )
        if shape is None and side * side == length:
            return array.reshape(-1, side, side, 1)
        wanted = "a square number" if shape is None else f"{prod(shape)} for images of shape {shape}"
        raise InputError(
            f"{argument} is flattened to {length} values per image, which must be {wanted}: "
            "reshape it to (n, h, w, c), or one image to (1, h, w, c), or set the network's image_shape"
        )
    raise InputError(
        f"{argument} must have shape {expected}, got {array.shape}: Reshape your data, one image to (1, h, w, c)"
    )


def _pixels(array: NDArray[Any], argument: str) -> Images:
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if array.dtype.kind in "iu":
        low, high = array.min(), array.max()
        if low < 0 or high > 255:
            raise InputError(f"{argument} holds integer pixels from {low} to {high}: they must lie in 0–255")
        return np.ascontiguousarray(array, np.uint8)
    with np.errstate(over="ignore"):  # what float32 cannot hold is reported below
        images = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(images).all():
        bad = int(np.argmin(np.isfinite(images).reshape(len(images), -1).all(axis=1)))
        raise InputError(
            f"{argument} holds pixels that are NaN or infinite in float32, the first in image {bad}: replace them"
        )
    low, top = images.min(), images.max()
    if max(-low, top) > MAX_FLOAT_PIXEL:
        raise InputError(
            f"{argument} holds float pixels from {low:g} to {top:g}, but beyond ±{MAX_FLOAT_PIXEL:g} the sums of a "
            "network overflow: scale them to [0, 1]"
        )
    if low >= 0 and top >= UNSCALED_FROM:
        warn(
            f"{argument} holds float pixels up to {top:g}, but [0, 1] is expected: "
            + (f"divide by {top:g}" if top < 2 * UNSCALED_FROM else "divide by 255, or pass uint8")
        )
    return images


def one_hot_width(y: NDArray[Any]) -> int | None:
    """Return the number of classes of one-hot labels, or None if `y` does not have the shape of such labels."""
    return int(y.shape[1]) if y.ndim == 2 and y.shape[1] > 1 else None


def as_label_array(y: Any, n: int, *, argument: str = "y") -> NDArray[Any]:
    """Convert labels as users write them to an array: (n,) integers, booleans or strings, or one-hot (n, classes).

    Raises
    ------
    InputTypeError, InputError
        If the labels are none of these, or there are not `n` of them.
    """
    if y is None:
        raise InputTypeError(
            f"{argument} is missing: the network requires {argument} to be passed, but the target {argument} is None; "
            "give one label for each image"
        )
    refuse_sparse(y, argument)
    refuse_masked(y, argument)
    try:
        array = np.asarray(y)
    except ValueError as error:
        raise InputTypeError(f"{argument} must be an array of labels: {error}") from error
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim not in (1, 2):
        raise InputError(f"{argument} must have shape (n,), or one-hot (n, classes), got {array.shape}")
    if len(array) != n:
        raise InputError(f"{argument} has {len(array)} labels for {n} images: give one label for each image")
    if array.ndim == 2:
        if array.dtype.kind not in "buif" or not (((array == 0) | (array == 1)).all() and (array.sum(1) == 1).all()):
            raise InputError(f"{argument} of shape {array.shape} must be one-hot: one 1 in each row, and 0 elsewhere")
        return array
    return _one_column(array, argument)


def _one_column(array: NDArray[Any], argument: str) -> NDArray[Any]:
    """Convert labels (n,), or raise if they are not integers, booleans, whole floats or strings."""
    if array.dtype == object:
        if all(isinstance(label, str) for label in array):
            return array.astype(str)
        _refuse_missing([is_missing(label) for label in array], argument)
        # Data frames of mixed columns arrive as objects; integers too large for NumPy stay objects.
        if all(isinstance(label, Integral) for label in array) and (whole := np.array(array.tolist())).dtype != object:
            return whole
        kinds = ", ".join(sorted({type(label).__name__ for label in array}))
        raise InputTypeError(f"{argument} must hold integers or strings, got objects of type {kinds}")
    if array.dtype.kind == "f":
        _refuse_missing(np.isnan(array), argument)
        whole = np.isfinite(array) & (array == np.floor(array))
        if not whole.all():
            wrong = _format_label(array[~whole][0])
            raise InputError(
                f"{argument} must hold class labels, got {wrong} (Unknown label type: continuous): "
                "use integers or strings"
            )
        return array
    if array.dtype.kind == "S":
        raise InputTypeError(f"{argument} must hold integers or strings, got bytes: decode them to strings")
    if array.dtype.kind not in "biuU":
        raise InputTypeError(f"{argument} must hold integers or strings, got dtype {array.dtype}")
    return array


def _refuse_missing(are_missing: Any, argument: str) -> None:
    if any(are_missing):
        first = int(np.argmax(are_missing))
        raise InputError(
            f"{argument} has missing labels (None or NaN), the first for image {first}: remove these images, or label "
            "them"
        )


def as_classes(classes: Any) -> NDArray[Any]:
    """Convert the argument `classes` of `partial_fit` to its distinct labels, sorted, (C,)."""
    try:
        n = len(classes)
    except TypeError as error:
        raise InputTypeError(f"classes must be an array of labels, got {classes!r}") from error
    array = as_label_array(classes, n, argument="classes")
    if array.ndim != 1:
        raise InputError(f"classes must have shape (C,), got {array.shape}")
    return find_classes(array, argument="classes")


def find_classes(y: NDArray[Any], *, argument: str = "y") -> NDArray[Any]:
    """Return the distinct labels, sorted; for one-hot labels, the indices of their columns.

    Raises
    ------
    InputError
        If there is only one class.
    """
    width = one_hot_width(y)
    classes = np.arange(width) if width is not None else np.unique(y)
    if len(classes) < 2:
        raise InputError(f"{argument} must hold at least 2 classes, got one class only: {_format_label(classes[0])}")
    return classes


def encode(y: NDArray[Any], classes: NDArray[Any], *, argument: str = "y", may_be_unknown: bool = False) -> Labels:
    """Return the int64 indices of the labels in `classes`, which is sorted.

    Raises
    ------
    InputError
        If a label is not among the classes, unless `may_be_unknown` makes it `UNKNOWN`; if labels and classes are of
        different kinds, such as numbers and strings; or if one-hot labels have another number of classes.
    """
    width = one_hot_width(y)
    if width is not None:
        if width != len(classes):
            raise InputError(f"{argument} is one-hot over {width} classes, but the network has {len(classes)}")
        return np.asarray(y.argmax(axis=1), np.int64)
    if (y.dtype.kind == "U") != (classes.dtype.kind == "U"):
        raise InputError(f"{argument} must hold labels like {_format_label(classes[0])}, got {_format_label(y[0])}")
    indices = np.minimum(np.searchsorted(classes, y), len(classes) - 1)
    wrong = classes[indices] != y
    if may_be_unknown:
        indices[wrong] = UNKNOWN
    elif wrong.any():
        named = list_names([str(label) for label in classes], MAX_CLASSES_NAMED)
        unknown = _format_label(y[wrong][0])
        raise InputError(f"{argument} holds the label {unknown}, which is not one of the classes: {named}")
    return np.asarray(indices, np.int64)


def _format_label(label: np.generic) -> str:
    """Write a label as its user did: NumPy's own form is `np.int64(3)`."""
    return repr(label.item())
