"""Arrays of images and labels, as files and as users hold them, brought to the form of a data set or refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data import inputs
from golmu.data.image_set import ImageSet
from golmu.errors import DataError, InputError, InputTypeError

MAX_CLASSES = 65_536
"""A damaged label file must not make a million class names, nor the network a million outputs."""

ROWS = 1024
"""Images that are converted at a time."""

Labels = NDArray[np.int64]


def image_set(images: NDArray[Any], labels: NDArray[Any], images_path: Path | str, labels_path: Path | str) -> ImageSet:
    """Arrays of files, uint8 (n, h, w) or (n, h, w, c) and integers (n,), as an image set.

    Raises
    ------
    DataError
        If they are not what they should be, or do not match in number; the paths say in it where they are.
    """
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.size == 0:
        raise DataError(
            f"'{images_path}' holds {_describe(images)}, where images of uint8 with shape (n, h, w) or (n, h, w, c) "
            f"and no axis of length 0 were expected; name a file of images so"
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise DataError(
            f"'{labels_path}' holds {_describe(labels)}, where labels of an integer type with shape (n,) were "
            f"expected; name a file of labels so"
        )
    if len(images) != len(labels):
        raise DataError(
            f"'{images_path}' holds {len(images)} images, but '{labels_path}' holds {len(labels)} labels, where one "
            f"for each image was expected; put data of one set together"
        )
    if not 0 <= labels.min() <= labels.max() < MAX_CLASSES:
        raise DataError(
            f"'{labels_path}' holds labels from {labels.min()} to {labels.max()}, where 0 to {MAX_CLASSES - 1} were "
            f"expected; number the classes from 0"
        )
    # (n, h, w) is the usual form of one channel.
    images = images.reshape(*images.shape[:3], -1)
    return ImageSet(images, labels.astype(np.int64))


def numbered(*parts: ImageSet) -> tuple[str, ...]:
    """Class names "0", "1", ... for all labels."""
    return tuple(str(label) for label in range(1 + max(int(part.labels.max()) for part in parts)))


def users_images(images: Any, argument: str) -> NDArray[np.uint8]:
    """Images as users hold them, as uint8 (n, h, w, c).

    Parameters
    ----------
    images
        (n, h, w, c), (n, h, w) or flattened squares (n, h·w); values as `as_bytes` takes them. Anything that
        `numpy.asarray` understands, as a data frame of pixels.
    argument
        The name that errors give.

    Raises
    ------
    InputError, InputTypeError
        If they cannot be used.
    """
    try:
        array = images if images is None or hasattr(images, "toarray") else np.asarray(images)
        if isinstance(array, np.ndarray) and array.dtype.kind == "O":  # as of data frames of mixed columns
            array = array.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"{argument} must be an array of pixels: {error}") from error
    if isinstance(array, np.ndarray) and array.dtype.kind in "buif" and array.size:
        array = as_bytes(array, argument)
        if array.ndim == 4 and array.shape[1] in (1, 3) and array.shape[2] == array.shape[3] > 4:
            raise InputError(
                f"{argument} has shape {array.shape}, with the channels first: pass {argument}.transpose(0, 2, 3, 1)"
            )
    return inputs.as_images(array, argument=argument).astype(np.uint8, copy=False)


def as_bytes(values: NDArray[Any], argument: str) -> NDArray[np.uint8]:
    """Pixels as uint8: integers from 0 to 255 as they are, as are whole floats; floats in [0, 1] times 255, rounded.

    Raises
    ------
    InputError
        For anything else.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    low, high = values.min(), values.max()
    expected = "integers from 0 to 255 or floats in [0, 1] are expected"
    if not (low >= 0 and high <= 255):  # NaN neither
        raise InputError(f"{argument} holds pixels from {low:g} to {high:g}, where {expected}")
    is_share = values.dtype.kind == "f" and high <= 1
    result = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), ROWS):
        part = values[start : start + ROWS]
        whole = np.rint(part * 255.0 if is_share else part)
        if not is_share and (whole != part).any():
            raise InputError(f"{argument} holds pixels up to {high:g}, as {part[whole != part][0]:g}, where {expected}")
        result[start : start + ROWS] = whole
    return result


def users_labels(
    labels: Any, n: int, class_names: Sequence[str] | None, argument: str, known: tuple[str, ...] | None = None
) -> tuple[Labels, tuple[str, ...]]:
    """Labels as users hold them, as numbers of classes, (n,), and the names of these.

    Parameters
    ----------
    labels
        (n,) integers from 0, booleans, or strings; or one-hot, (n, classes).
    n
        How many there must be.
    class_names
        A name for each number; of strings, all that there may be, in the order in which they are numbered. By default
        the numbers, or the strings sorted.
    argument
        The name that errors give.
    known
        The names that the training images have, which those of the test images must be too.

    Raises
    ------
    InputError, InputTypeError
        If they cannot be used.
    """
    array = inputs.as_label_array(labels, n, argument=argument)
    names = None if class_names is None else _checked_names(class_names)
    if array.dtype.kind == "U":
        order = names or known or tuple(str(name) for name in np.unique(array))
        ranks = {name: i for i, name in enumerate(order)}
        if unknown := sorted(set(array.tolist()) - set(ranks)):
            raise InputError(
                f"{argument} holds the label {unknown[0]!r}, which is not one of the classes: {', '.join(order[:10])}"
                + (", ..." if len(order) > 10 else "")
            )
        return np.array([ranks[name] for name in array.tolist()], np.int64), order
    if array.ndim == 2:
        numbers, default = array.argmax(axis=1), tuple(str(i) for i in range(array.shape[1]))
    else:
        low, high = array.min(), array.max()
        if not 0 <= low <= high < MAX_CLASSES:
            raise InputError(
                f"{argument} holds labels from {low} to {high}, where 0 to {MAX_CLASSES - 1} are expected: number the "
                "classes from 0, or give strings"
            )
        is_boolean = array.dtype.kind == "b"
        numbers, default = array, ("False", "True") if is_boolean else tuple(str(i) for i in range(int(high) + 1))
    names = names or (known if known is not None and len(known) >= len(default) else default)
    if int(numbers.max()) >= len(names):
        raise InputError(
            f"{argument} holds labels up to {numbers.max():g}, and class_names has {len(names)} names: give one for "
            "each class"
        )
    return numbers.astype(np.int64), names


def _checked_names(class_names: Any) -> tuple[str, ...]:
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        raise InputTypeError(f"class_names must be strings, one for each class, got {class_names!r}")
    if not len(class_names) or len(set(class_names)) < len(class_names):
        raise InputError(f"class_names must be one or more that differ, got {list(class_names)!r}")
    return tuple(str(name) for name in class_names)


def _describe(array: NDArray[Any]) -> str:
    return f"{array.dtype} with shape {array.shape}"
