"""Labels as files and users write them, text or integers, brought to class numbers and names by one rule.

Text is cleaned (`golmu.names`). Integers from 0 on are the numbers of the classes, also where they are written as text
without leading zeros. Any other integers, such as -1 and 1 or six-digit identifiers, are names like text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from golmu.names import clean_name, merge_notice, sort_names

MAX_CLASSES = 65_536
"""A damaged label file must not make a million class names, nor the network a million outputs."""

_INTEGER = re.compile(r"(-?[1-9][0-9]{0,17}|0)(\.0*)?")
"""Text that is an integer: without leading zeros, and perhaps as a float, as tools write columns with gaps."""

Numbers = NDArray[np.int64]


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


def as_names(numbers: Numbers) -> list[str]:
    """Return integers as text labels."""
    return list(map(str, numbers.tolist()))


def rank_labels(labels: Sequence[str], classes: Sequence[str]) -> Numbers:
    """Return the number of each label's class, (n,); a `KeyError` names a label that is no class."""
    ranks = {name: i for i, name in enumerate(classes)}
    return np.array([ranks[label] for label in labels], np.int64)


def distinct_names(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the classes of text labels, in their order."""
    return tuple(sort_names(labels))
