"""Arrays of images and labels, as files and as users hold them, brought to the form of a data set or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data import inputs
from golmu.data.image_set import ImageSet
from golmu.data.inputs import FAINT_BELOW, MAX_CLASSES_NAMED
from golmu.data.labels import MAX_CLASSES, clean_text, distinct_names, rank_labels
from golmu.data.pixel_arrays import as_numbers
from golmu.errors import DataError, InputError, InputTypeError, warn
from golmu.names import are_integers, clean_name, list_names
from golmu.types import Labels

ROWS_AT_A_TIME = 1024
"""Images that are converted at a time."""


def image_set(images: NDArray[Any], labels: NDArray[Any], images_path: Path | str, labels_path: Path | str) -> ImageSet:
    """Make an image set of arrays from files: uint8 (n, h, w) or (n, h, w, c), and integers (n,).

    Raises
    ------
    DataError
        If the arrays are of another kind, or do not match in number; the paths tell the user where they are.
    """
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.size == 0:
        raise DataError(
            f"'{images_path}' holds {_describe(images)}, but must hold images: uint8 with shape (n, h, w) or "
            f"(n, h, w, c) and no axis of length 0; give this name to a file of images"
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise DataError(
            f"'{labels_path}' holds {_describe(labels)}, but must hold labels: integers with shape (n,); give this "
            f"name to a file of labels"
        )
    if len(images) != len(labels):
        raise DataError(
            f"'{images_path}' holds {len(images)} images, but '{labels_path}' holds {len(labels)} labels; use two "
            f"files of the same data set, with one label for each image"
        )
    if not 0 <= labels.min() <= labels.max() < MAX_CLASSES:
        raise DataError(
            f"'{labels_path}' holds labels from {labels.min()} to {labels.max()}, but labels must be 0 to "
            f"{MAX_CLASSES - 1}; number the classes from 0"
        )
    # (n, h, w) is the usual form of one channel.
    images = images.reshape(*images.shape[:3], -1)
    return ImageSet(images, labels.astype(np.int64))


def number_classes(*parts: ImageSet) -> tuple[str, ...]:
    """Return the class names "0", "1", ... for all labels of the parts."""
    return tuple(str(label) for label in range(1 + max(int(part.labels.max()) for part in parts)))


def users_images(images: Any, argument: str) -> NDArray[np.uint8]:
    """Convert images as users hold them to uint8 (n, h, w, c).

    Parameters
    ----------
    images
        (n, h, w, c), (n, h, w) or flattened squares (n, h·w), as an array, a list or a data frame; values as `as_bytes`
        takes them.
    argument
        The name that errors give to `images`.

    Raises
    ------
    InputError, InputTypeError
        If the images cannot be used.
    """
    array = as_numbers(images, argument)
    if array.size:
        array = as_bytes(array, argument)
        inputs.refuse_channels_first(array, argument)
    return inputs.as_images(array, argument=argument).astype(np.uint8, copy=False)


def as_bytes(values: NDArray[Any], argument: str) -> NDArray[np.uint8]:
    """Convert pixels to uint8: whole numbers from 0 to 255 stay, floats in [0, 1] are multiplied by 255 and rounded.

    Raises
    ------
    InputError
        If the pixels are neither.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    low, high = values.min(), values.max()
    expected = "pixels must be whole numbers from 0 to 255, or floats in [0, 1]"
    if not (low >= 0 and high <= 255):  # NaN is refused too
        raise InputError(f"{argument} holds pixels from {low:g} to {high:g}, but {expected}")
    is_share = values.dtype.kind == "f" and high <= 1
    result = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), ROWS_AT_A_TIME):
        rows = values[start : start + ROWS_AT_A_TIME]
        rounded = np.rint(rows * 255.0 if is_share else rows)
        if not is_share and (fractions := rows[rounded != rows]).size:
            raise InputError(
                f"{argument} holds pixels up to {high:g}, and the fraction {fractions[0]:g} among them, but {expected}"
            )
        result[start : start + ROWS_AT_A_TIME] = rounded
    return result


def users_labels(
    labels: Any, n: int, class_names: Sequence[str] | None, argument: str, known: tuple[str, ...] | None = None
) -> tuple[Labels, tuple[str, ...]]:
    """Convert labels as users hold them to class numbers, (n,), and return these with the names of the classes.

    Parameters
    ----------
    labels
        (n,) integers, booleans, or strings; or one-hot, (n, classes). Integers below 0, or from `MAX_CLASSES` on, make
        all of them names, as strings are.
    n
        How many labels there must be.
    class_names
        A name for each number; for strings, all names that may occur, in the order in which they are numbered. By
        default the numbers, or the strings sorted, as numbers if all of them are (`golmu.names`).
    argument
        The name that errors give to `labels`.
    known
        The class names of the training images, when `labels` are those of the test images.

    Raises
    ------
    InputError, InputTypeError
        If the labels cannot be used.
    """
    array = inputs.as_label_array(labels, n, argument=argument)
    names = None if class_names is None else _check_names(class_names)
    if text := _as_text(array, names, known):
        text, notes = clean_text(text)
        for note in notes:
            warn(note)
        order = names or known or distinct_names(text)
        if unknown := sorted(set(text) - set(order)):
            raise InputError(
                f"{argument} holds the label {unknown[0]!r}, which is not one of the classes: "
                + list_names(order, MAX_CLASSES_NAMED)
            )
        if len(order) > MAX_CLASSES:
            raise InputError(f"{argument} holds {len(order):,} different labels, but at most {MAX_CLASSES:,} are read")
        return rank_labels(text, order), order
    if array.ndim == 2:
        numbers, default = array.argmax(axis=1), tuple(str(i) for i in range(array.shape[1]))
    else:
        low, high = array.min(), array.max()
        if not 0 <= low <= high < MAX_CLASSES:  # class_names are given
            raise InputError(
                f"{argument} holds labels from {low} to {high}, but class_names are for integer labels from 0 to "
                f"{MAX_CLASSES - 1}: number the classes from 0, or leave out class_names"
            )
        is_boolean = array.dtype.kind == "b"
        numbers, default = array, ("False", "True") if is_boolean else tuple(str(i) for i in range(int(high) + 1))
    names = names or (known if known is not None and len(known) >= len(default) else default)
    if int(numbers.max()) >= len(names):
        raise InputError(
            f"{argument} holds labels up to {numbers.max():g}, but class_names has {len(names)} names: give one for "
            "each class"
        )
    return numbers.astype(np.int64), names


def _as_text(array: NDArray[Any], names: tuple[str, ...] | None, known: tuple[str, ...] | None) -> list[str]:
    """Return labels (n,) as text if they are names, as integers may be too; else an empty list."""
    if array.dtype.kind == "U":
        return list(map(str, array.tolist()))
    if array.ndim == 2 or array.dtype.kind == "b" or names is not None:
        return []
    are_known_as_names = known is not None and are_integers(known) and known != tuple(map(str, range(len(known))))
    if are_known_as_names or not 0 <= array.min() <= array.max() < MAX_CLASSES:
        return [str(int(label)) for label in array.tolist()]
    return []


def brighten(train: ImageSet, test: ImageSet | None) -> tuple[ImageSet, ImageSet | None, list[str]]:
    """Multiply the pixels by 255 if all of them are 0 or 1, and return the parts with what to tell the user about it.

    Other images stay as they are, since only their user knows which number is white in them; if they are nearly black,
    the user is told so (`faint_notice`).
    """
    if _brightest(train, test) != 1:
        return train, test, faint_notice(train, test)
    notice = "all pixels are 0 or 1: they are taken as black and white, 0 and 255"
    return _multiply(train, 255), None if test is None else _multiply(test, 255), [notice]


def faint_notice(train: ImageSet, test: ImageSet | None) -> list[str]:
    """Return a sentence if all images are nearly black, as scikit-learn's digits are, whose pixels go up to 16."""
    top = _brightest(train, test)
    if not 0 < top < FAINT_BELOW:
        return []
    return [
        f"the brightest pixel is {top}, but 255 is white, so the images are nearly black: if {top} is meant to be "
        f"white, multiply the pixels by 255/{top}"
    ]


def _brightest(train: ImageSet, test: ImageSet | None) -> int:
    return max(int(part.images.max()) for part in (train, test) if part is not None)


def _multiply(part: ImageSet, factor: int) -> ImageSet:
    return replace(part, images=part.images * np.uint8(factor))


def _check_names(class_names: Any) -> tuple[str, ...]:
    """Return class names as a tuple, or raise unless they are different strings, and at least one."""
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in class_names):
        raise InputTypeError(f"class_names must be strings, one for each class, got {class_names!r}")
    names = tuple(clean_name(name) for name in class_names)
    if not names or len(set(names)) < len(names):
        raise InputError(f"class_names must be one or more different strings, got {list(class_names)!r}")
    return names


def _describe(array: NDArray[Any]) -> str:
    return f"{array.dtype} with shape {array.shape}"
