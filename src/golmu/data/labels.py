"""Labels as files and users write them, text or integers, brought to class numbers and names by one rule.

Text is cleaned (`golmu.names`). Integers from 0 on are the numbers of the classes, also where they are written as text
without leading zeros. Any other integers, such as -1 and 1 or six-digit identifiers, are names like text, and so are
the booleans False and True. Numbers with a fraction are no labels, also where they are text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.inputs import MAX_CLASSES_NAMED
from golmu.errors import InputError
from golmu.names import clean_name, list_names, merge_notice, sort_names

MAX_CLASSES = 65_536
"""A damaged label file must not make a million class names, nor the network a million outputs."""

_INTEGER = re.compile(r"(-?[1-9][0-9]{0,17}|0)(\.0*)?")
"""Text that is an integer: without leading zeros, and perhaps as a float, as tools write columns with gaps."""

_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
"""Text that is a number."""

Numbers = NDArray[np.int64]


class TextLabels(NamedTuple):
    """Labels that are text: `codes` (n,) are indices into `texts`, in which one may occur several times."""

    codes: NDArray[np.int32]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.codes)


PartLabels = Numbers | TextLabels
"""The labels of a part of a data set: numbers (n,), or text."""


def clean_text(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return text labels cleaned, and what to tell the user if some of them became one."""
    distinct = set(labels)
    cleaned = {label: clean_name(label) for label in distinct}
    return [cleaned[label] for label in labels], merge_notice(distinct)


def parse_integers(labels: Sequence[str]) -> Numbers | None:
    """Return text labels as integers, (n,), or None unless all of them are integers."""
    distinct = set(labels)
    if not all(map(_INTEGER.fullmatch, distinct)):
        return None
    values = {label: int(label.partition(".")[0]) for label in distinct}
    return np.array([values[label] for label in labels], np.int64)


def are_class_numbers(*parts: Numbers) -> bool:
    """Return whether integer labels are the numbers of classes, rather than names."""
    return all(0 <= int(part.min()) <= int(part.max()) < MAX_CLASSES for part in parts if len(part))


def are_fractions(labels: Iterable[str]) -> bool:
    """Return whether text labels are all numbers, and some of them are not whole, as measurements are."""
    distinct = set(labels)
    return all(map(_NUMBER.fullmatch, distinct)) and any(not float(label).is_integer() for label in distinct)


def number_labels(
    parts: Sequence[tuple[str, PartLabels]], names: tuple[str, ...] | None, n_classes: int = 0
) -> tuple[list[Numbers], tuple[str, ...]]:
    """Return the labels of each part as class numbers, and the names of the classes.

    Parameters
    ----------
    parts
        What errors call the labels, and these: of the training images, then of the test images, if there are any.
    names
        What the classes are called, or None.
    n_classes
        How many classes there are at least, where labels are numbers.

    Returns
    -------
    (numbers, names): classes that only the test images have come last, where labels are text.

    Raises
    ------
    InputError
        If the labels of the parts are of different kinds, or are not those of classes.
    """
    train, last = parts[0][0], parts[-1][0]
    numbers = [labels for _, labels in parts if isinstance(labels, np.ndarray)]
    if 0 < len(numbers) < len(parts):
        raise InputError(f"{train} and {last} hold labels of different kinds, numbers and text; use one kind for both")
    if numbers and (names is not None or are_class_numbers(*numbers)):
        for (name, _), part in zip(parts, numbers, strict=True):
            if names is not None and len(part) and not 0 <= part.min() <= part.max() < len(names):
                raise InputError(
                    f"{name} holds labels from {part.min()} to {part.max()}, but there are {len(names)} names, for 0 "
                    f"to {len(names) - 1}: number the classes from 0, and name each"
                )
        highest = max(int(part.max()) for part in numbers if len(part))
        return numbers, names or tuple(str(label) for label in range(max(highest + 1, n_classes)))
    texts = [_as_text(labels) for _, labels in parts]
    used = [{labels.texts[code] for code in np.unique(labels.codes).tolist()} for labels in texts]
    class_names = names or distinct_names(used[0])
    if unknown := sorted(used[0] - set(class_names)):
        raise InputError(
            f"{train} holds the label {unknown[0]!r}, which is not one of the classes: "
            + list_names(class_names, MAX_CLASSES_NAMED)
        )
    class_names += distinct_names(set().union(*used) - set(class_names))
    if len(class_names) > MAX_CLASSES:
        raise InputError(f"{train} holds {len(class_names):,} different labels, but at most {MAX_CLASSES:,} are read")
    ranks = {name: i for i, name in enumerate(class_names)}
    tables = (np.array([ranks.get(text, -1) for text in labels.texts], np.int64) for labels in texts)
    return [table[labels.codes] for table, labels in zip(tables, texts, strict=True)], class_names


def distinct_names(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the classes of text labels, in their order."""
    return tuple(sort_names(labels))


def _as_text(labels: PartLabels) -> TextLabels:
    """Return integers that number no classes as text."""
    if isinstance(labels, TextLabels):
        return labels
    different, codes = np.unique(labels, return_inverse=True)
    return TextLabels(codes.astype(np.int32), list(map(str, different.tolist())))
