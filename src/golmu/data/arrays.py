"""Arrays of images and labels, as files and as users hold them, brought to the form of a data set or refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data import inputs
from golmu.data.image_set import ImageSet
from golmu.data.inputs import FAINT_BELOW, MAX_CLASSES_NAMED
from golmu.data.labels import (
    MAX_CLASSES,
    PartLabels,
    TextLabels,
    are_fractions,
    clean_text,
    number_labels,
    parse_integers,
)
from golmu.data.pixel_arrays import as_numbers
from golmu.data.storage import MEMORY, Memory
from golmu.errors import DataError, InputError, InputTypeError, warn
from golmu.names import clean_name, list_names
from golmu.types import Labels

UNLIKE_FROM = 4
"""Parts of a data set are hardly of one scale if one is so many times as bright as the other, which is nearly black."""

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


def are_shares(*parts: NDArray[Any]) -> bool:
    """Return whether the floats among the parts of a data set are shares of 1: whether none is above 1 in any part."""
    return not any(part.dtype.kind == "f" and part.size and part.max() > 1 for part in parts)


def users_images(images: Any, argument: str, *, is_share: bool = True) -> NDArray[np.uint8]:
    """Convert images as users hold them to uint8 (n, h, w, c).

    Parameters
    ----------
    images
        (n, h, w, c), (n, h, w) or flattened squares (n, h·w), as an array, a list or a data frame; values as `as_bytes`
        takes them.
    argument
        The name that errors give to `images`.
    is_share
        Whether floats up to 1 are shares of 1 (`are_shares`), rather than dark or black pixels among 0 to 255.

    Raises
    ------
    InputError, InputTypeError
        If the images cannot be used.
    """
    array = as_numbers(images, argument)
    if array.size:
        array = as_bytes(array, argument, is_share=is_share)
        inputs.refuse_channels_first(array, argument)
    return inputs.as_images(array, argument=argument).astype(np.uint8, copy=False)


def as_bytes(
    values: NDArray[Any], argument: str, *, is_share: bool = True, storage: Memory = MEMORY
) -> NDArray[np.uint8]:
    """Convert pixels to uint8: whole numbers from 0 to 255 stay, floats in [0, 1] are multiplied by 255 and rounded,
    unless `is_share` is False.

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
    is_share = is_share and values.dtype.kind == "f" and high <= 1
    result = storage.empty(values.shape, np.uint8)
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
    parts: Sequence[tuple[Any, int, str]], class_names: Sequence[str] | None
) -> tuple[list[Labels], tuple[str, ...]]:
    """Convert labels as users hold them to class numbers, (n,) for each part, and return these with the classes' names.

    Parameters
    ----------
    parts
        For the training images, and then for the test images if there are any: the labels, how many there must be, and
        the name that errors give to them. Labels are (n,) integers, booleans, or strings; or one-hot, (n, classes).
        They are read as `golmu.data.labels` says.
    class_names
        A name for each number; for strings, all names that may occur, in the order in which they are numbered. By
        default the numbers, or the strings sorted, as numbers if all of them are (`golmu.names`).

    Raises
    ------
    InputError, InputTypeError
        If the labels cannot be used.
    """
    names = None if class_names is None else _check_names(class_names)
    arrays = [inputs.as_label_array(labels, n, argument=argument) for labels, n, argument in parts]
    width = max(array.shape[1] if array.ndim == 2 else 0 for array in arrays)
    labelled = [
        (argument, _part_labels(array, names, argument)) for array, (_, _, argument) in zip(arrays, parts, strict=True)
    ]
    numbers, names = number_labels(labelled, names, width)
    return numbers, names


def _part_labels(array: NDArray[Any], names: tuple[str, ...] | None, argument: str) -> PartLabels:
    """Return the labels of a part as numbers, or as text."""
    if array.ndim == 2:
        return np.asarray(array.argmax(axis=1), np.int64)
    if array.dtype.kind == "b" and names is None:
        return TextLabels(array.astype(np.int32), ["False", "True"])
    if array.dtype.kind == "U":
        return _text_labels(array, names, argument)
    if array.dtype.kind == "b" or (array.min() >= -(2**63) and array.max() < 2**63):
        return np.asarray(array, np.int64)
    different, codes = np.unique(array, return_inverse=True)
    return TextLabels(codes.astype(np.int32), [str(int(label)) for label in different.tolist()])


def _text_labels(array: NDArray[Any], names: tuple[str, ...] | None, argument: str) -> PartLabels:
    """Return text labels (n,), which are numbers if all are integers, unless these are names of classes."""
    different, codes = np.unique(array, return_inverse=True)
    texts, notes = clean_text(different.tolist())
    for note in notes:
        warn(note)
    if "" in texts:
        first = int(np.isin(codes, [i for i, text in enumerate(texts) if not text]).argmax())
        raise InputError(
            f"{argument} has missing labels (empty text), the first for image {first}: remove these images, or label "
            "them"
        )
    if names is None or not set(texts) <= set(names):
        if (integers := parse_integers(texts)) is not None:
            return integers[codes]
        if are_fractions(texts):
            wrong = next(text for text in texts if are_fractions([text]))
            raise InputError(
                f"{argument} must hold class labels, got {wrong!r} (Unknown label type: continuous): use integers or "
                "names"
            )
    return TextLabels(codes.astype(np.int32), texts)


def leave_out_untrained(
    train: ImageSet, test: ImageSet | None, class_names: tuple[str, ...]
) -> tuple[ImageSet | None, tuple[str, ...], list[str]]:
    """Leave out the test images of classes without training images.

    Returns
    -------
    (test, class_names, notes): the other test images, the names without those of such classes at the end, and what to
    tell the user.
    """
    if test is None or (is_known := np.isin(test.labels, train.labels)).all():
        return test, class_names, []
    unknown = np.unique(test.labels[~is_known]).tolist()
    n = int((~is_known).sum())
    named = list_names([class_names[label] for label in unknown], MAX_CLASSES_NAMED)
    images, are = ("image", "it is") if n == 1 else ("images", "they are")
    note = f"{n:,} test {images} of {named}, which training lacks: {are} left out"
    while len(class_names) - 1 in unknown:
        class_names = class_names[:-1]
    return test.take(np.flatnonzero(is_known)) if is_known.any() else None, class_names, [note]


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
    """Return a sentence if all images are nearly black, such as scikit-learn's digits up to 16; or one part of them."""
    top = _brightest(train, test)
    if test is not None and top >= FAINT_BELOW:
        tops = _brightest(train, None), _brightest(test, None)
        if 0 < min(tops) < min(FAINT_BELOW, top / UNLIKE_FROM):
            return [
                f"the brightest training pixel is {tops[0]}, but the brightest test pixel is {tops[1]}: bring both to "
                "one scale, in which 255 is white"
            ]
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
    given = list(class_names) if isinstance(class_names, Iterable) else [class_names]
    if isinstance(class_names, str) or not all(isinstance(name, str) for name in given):
        raise InputTypeError(f"class_names must be strings, one for each class, got {class_names!r}")
    names = tuple(clean_name(name) for name in given)
    if not names or len(set(names)) < len(names):
        raise InputError(f"class_names must be one or more different strings, got {given!r}")
    return names


def _describe(array: NDArray[Any]) -> str:
    return f"{array.dtype} with shape {array.shape}"
