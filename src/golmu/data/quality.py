"""What is remarkable about a data set before it is trained on: few images, uneven classes, the same image twice."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from golmu.data.brightness import faint
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet

FEW = 10
"""Training images of a class below which there is a notice."""

UNEVEN = 10
"""Times as many training images in the largest class as in the smallest, from which there is a notice."""

NAMED = 5
"""Classes that a notice names at most."""

Counts = NDArray[np.int64]


def class_counts(dataset: Dataset) -> tuple[Counts, Counts]:
    """Images of each class in training and in test, (classes,) each."""
    n = len(dataset.class_names)
    train = np.bincount(dataset.train.labels, minlength=n)
    test = np.zeros(n, np.int64) if dataset.test is None else np.bincount(dataset.test.labels, minlength=n)
    return train, test


def notices(dataset: Dataset) -> list[str]:
    """A sentence for each thing that is remarkable; a class number without any image is none."""
    return [*faint(dataset.train, dataset.test), *_of_counts(dataset), *_of_duplicates(dataset)]


def _of_counts(dataset: Dataset) -> list[str]:
    train, test = class_counts(dataset)
    names, found = dataset.class_names, []
    if len(unseen := np.flatnonzero((train == 0) & (test > 0))):
        found.append(f"no training images, but test images: {_listed([names[i] for i in unseen])}")
    there = np.flatnonzero(train)
    if len(there) == 1:
        found.append(f"all training images are of one class, '{names[there[0]]}': at least 2 are needed to train")
    if len(lonely := there[train[there] == 1]):
        found.append(
            f"{_number(len(lonely), 'class has', 'classes have')} a single training image, of which none can be held "
            f"out to validate on: to train, give more, or remove {_listed([names[i] for i in lonely])}"
        )
    if len(few := there[train[there] < FEW]):
        which = _listed([f"{names[i]} ({train[i]})" for i in few])
        found.append(f"{_number(len(few), 'class has', 'classes have')} fewer than {FEW} training images: {which}")
    largest, smallest = there[train[there].argmax()], there[train[there].argmin()]
    if train[largest] >= UNEVEN * train[smallest]:
        found.append(
            f"the classes are uneven: '{names[largest]}' has {train[largest]:,} training images, "
            f"'{names[smallest]}' {train[smallest]:,}"
        )
    return found


def _of_duplicates(dataset: Dataset) -> list[str]:
    """Images with the same pixels."""
    classes_of: dict[bytes, set[int]] = {}
    for print_, label in zip(_prints(dataset.train), dataset.train.labels.tolist(), strict=True):
        classes_of.setdefault(print_, set()).add(label)
    found = []
    if copies := len(dataset.train) - len(classes_of):
        found.append(f"{_number(copies, 'training image is a copy', 'training images are copies')} of another")
    if torn := sum(len(classes) > 1 for classes in classes_of.values()):
        found.append(f"{_number(torn, 'training image is', 'training images are')} there under more than one class")
    if dataset.test is not None and (both := sum(print_ in classes_of for print_ in _prints(dataset.test))):
        found.append(
            f"{both:,} of {len(dataset.test):,} test images are among the training images too, so that the test tells "
            "less of new images"
        )
    return found


def _prints(part: ImageSet) -> list[bytes]:
    return [blake2b(image.data, digest_size=16).digest() for image in np.ascontiguousarray(part.images)]


def _number(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
