"""Problems of a data set that are best known before training: few images, unbalanced classes, duplicate images."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.arrays import faint_notice
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.storage import MEMORY, Memory
from golmu.names import list_names

FEW_IMAGES = 10
"""Training images of a class below which there is a notice."""

UNBALANCED_FROM = 4
"""There is a notice if the largest class has at least this many times the training images of the smallest.

Of the digits, with 120 images of five classes and 120 / n of the others, networks found 97.6 % of the small classes
for n = 2, 93.1 % for n = 4 and 83.5 % for n = 10; and 98.0 %, 96.4 % and 95.1 % if each class counted alike.
"""

MAX_CLASSES_NAMED = 5
"""Classes, at most, that a notice names."""

MAX_GROUPS_NAMED, MAX_FILES_NAMED = 3, 3
"""Groups of the same images, and files of each, at most, that a notice names."""

REMOVE_COPIES = "remove the copies: an image in both parts makes the accuracy too high"
"""What to do about duplicates, which may be held out for validation while their copies are trained on."""

Counts = NDArray[np.int64]


class Finding(NamedTuple):
    """Something about a data set that its user should know."""

    kind: str
    """What it is, for programs: "few_images", "duplicates" and so on."""
    text: str
    files: list[list[str]] = []  # noqa: RUF012  never changed
    """Names of the files of the images that are the same, a list for each image that occurs several times."""


def class_counts(dataset: Dataset) -> tuple[Counts, Counts]:
    """Count the images of each class in training and in test, (classes,) each."""
    n = len(dataset.class_names)
    train = np.bincount(dataset.train.labels, minlength=n)
    test = np.zeros(n, np.int64) if dataset.test is None else np.bincount(dataset.test.labels, minlength=n)
    return train, test


def notices(dataset: Dataset, storage: Memory = MEMORY) -> list[str]:
    """Return a sentence for each problem of a data set; a class number without any image is no problem.

    Where the images are not in memory, duplicates are not looked for, which would take memory for each image.
    """
    return [finding.text for finding in findings(dataset, with_duplicates=not storage.is_on_disk)]


def findings(dataset: Dataset, *, with_duplicates: bool = True) -> list[Finding]:
    """Return the problems of a data set; a class number without any image is no problem."""
    faint = [Finding("faint", text) for text in faint_notice(dataset.train, dataset.test)]
    duplicates = _find_duplicates(dataset) if with_duplicates else []
    return [*faint, *_find_in_counts(dataset), *duplicates]


def _find_in_counts(dataset: Dataset) -> list[Finding]:
    """Find classes without, with one or with few training images, and unbalanced classes."""
    train, test = class_counts(dataset)
    names, found = dataset.class_names, []
    if len(unseen := np.flatnonzero((train == 0) & (test > 0))):
        found.append(
            Finding("untrained_classes", f"test images, but no training images: {_join([names[i] for i in unseen])}")
        )
    present = np.flatnonzero(train)
    if len(present) == 1:
        text = f"all training images are of one class, '{names[present[0]]}': training needs at least 2"
        found.append(Finding("one_class", text))
    if len(single := present[train[present] == 1]):
        text = (
            f"{_count(len(single), 'class has', 'classes have')} only one training image, so that none can be held out "
            f"for validation: add images, or remove {_join([names[i] for i in single])}"
        )
        found.append(Finding("single_images", text))
    if len(few := present[train[present] < FEW_IMAGES]):
        listed = _join([f"{names[i]} ({train[i]})" for i in few])
        text = f"{_count(len(few), 'class has', 'classes have')} fewer than {FEW_IMAGES} training images: {listed}"
        found.append(Finding("few_images", text))
    largest, smallest = present[train[present].argmax()], present[train[present].argmin()]
    if train[largest] >= UNBALANCED_FROM * train[smallest]:
        text = (
            f"the classes are unbalanced: '{names[largest]}' has {train[largest]:,} training images, "
            f"'{names[smallest]}' has {train[smallest]:,}"
        )
        found.append(Finding("unbalanced", text))
    return found


def _find_duplicates(dataset: Dataset) -> list[Finding]:
    """Find images with the same pixels."""
    train, test = dataset.train, dataset.test
    places: dict[bytes, list[int]] = {}
    for i, digest in enumerate(_digests(train)):
        places.setdefault(digest, []).append(i)
    copies: list[list[int]] = []
    ambiguous: list[list[int]] = []
    for group in places.values():
        if len(group) > 1:
            (ambiguous if len(np.unique(train.labels[group])) > 1 else copies).append(group)
    found = []
    if copies:
        n = sum(len(group) - 1 for group in copies)
        text = _count(n, "training image is a duplicate of another", "training images are duplicates of others")
        found.append(_name_files("duplicates", text, [_files(train, group) for group in copies], REMOVE_COPIES))
    if ambiguous:
        text = f"{_count(len(ambiguous), 'image appears', 'images appear')} in more than one training class"
        todo = "keep each image in its true class only"
        found.append(_name_files("ambiguous", text, [_files(train, group) for group in ambiguous], todo))
    if test is None:
        return found
    shared = [(i, places[digest]) for i, digest in enumerate(_digests(test)) if digest in places]
    if shared:
        text = (
            f"{len(shared):,} of {len(test):,} test images {'is' if len(shared) == 1 else 'are'} in the training "
            "data too"
        )
        groups = [[*_files(test, [i]), *_files(train, group)] for i, group in shared]
        found.append(_name_files("test_in_training", text, groups, REMOVE_COPIES))
    return found


def _files(part: ImageSet, indices: list[int]) -> list[str]:
    """Return the names of the files of some images, as far as they have any."""
    return [] if part.files is None else [part.files[i] for i in indices]


def _name_files(kind: str, text: str, groups: list[list[str]], todo: str) -> Finding:
    """Return a finding about groups of images that are the same, whose files the text names, and what to do."""
    groups = [group for group in groups if group]
    named = [
        " = ".join(group[:MAX_FILES_NAMED]) + (" = ..." if len(group) > MAX_FILES_NAMED else "") for group in groups
    ]
    text += f": {list_names(named, MAX_GROUPS_NAMED)}" if named else ""
    return Finding(kind, f"{text}; {todo}", groups)


def _digests(part: ImageSet) -> list[bytes]:
    """Hash the pixels of each image."""
    return [blake2b(image.data, digest_size=16).digest() for image in np.ascontiguousarray(part.images)]


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _join(names: Sequence[str]) -> str:
    return list_names(names, MAX_CLASSES_NAMED)
