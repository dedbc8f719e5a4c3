"""Problems of a data set that are best known before training: few images, unbalanced classes, duplicate images."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from golmu.data.arrays import faint_notice
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet

FEW_IMAGES = 10
"""Training images of a class below which there is a notice."""

UNBALANCED_FROM = 10
"""There is a notice if the largest class has at least this many times the training images of the smallest."""

MAX_CLASSES_NAMED = 5
"""Classes, at most, that a notice names."""

Counts = NDArray[np.int64]


def class_counts(dataset: Dataset) -> tuple[Counts, Counts]:
    """Count the images of each class in training and in test, (classes,) each."""
    n = len(dataset.class_names)
    train = np.bincount(dataset.train.labels, minlength=n)
    test = np.zeros(n, np.int64) if dataset.test is None else np.bincount(dataset.test.labels, minlength=n)
    return train, test


def notices(dataset: Dataset) -> list[str]:
    """Return a sentence for each problem of a data set; a class number without any image is no problem."""
    return [*faint_notice(dataset.train, dataset.test), *_count_notices(dataset), *_duplicate_notices(dataset)]


def _count_notices(dataset: Dataset) -> list[str]:
    """Return sentences about classes without, with one or with few training images, and about unbalanced classes."""
    train, test = class_counts(dataset)
    names, sentences = dataset.class_names, []
    if len(unseen := np.flatnonzero((train == 0) & (test > 0))):
        sentences.append(f"test images, but no training images: {_join([names[i] for i in unseen])}")
    present = np.flatnonzero(train)
    if len(present) == 1:
        sentences.append(f"all training images are of one class, '{names[present[0]]}': training needs at least 2")
    if len(single := present[train[present] == 1]):
        sentences.append(
            f"{_count(len(single), 'class has', 'classes have')} only one training image, so that none can be held out "
            f"for validation: add images, or remove {_join([names[i] for i in single])}"
        )
    if len(few := present[train[present] < FEW_IMAGES]):
        listed = _join([f"{names[i]} ({train[i]})" for i in few])
        sentences.append(
            f"{_count(len(few), 'class has', 'classes have')} fewer than {FEW_IMAGES} training images: {listed}"
        )
    largest, smallest = present[train[present].argmax()], present[train[present].argmin()]
    if train[largest] >= UNBALANCED_FROM * train[smallest]:
        sentences.append(
            f"the classes are unbalanced: '{names[largest]}' has {train[largest]:,} training images, "
            f"'{names[smallest]}' has {train[smallest]:,}"
        )
    return sentences


def _duplicate_notices(dataset: Dataset) -> list[str]:
    """Return sentences about images with the same pixels."""
    classes_of: dict[bytes, set[int]] = {}
    for digest, label in zip(_digests(dataset.train), dataset.train.labels.tolist(), strict=True):
        classes_of.setdefault(digest, set()).add(label)
    sentences = []
    if n_copies := len(dataset.train) - len(classes_of):
        sentences.append(
            _count(n_copies, "training image is a duplicate of another", "training images are duplicates of others")
        )
    if n_ambiguous := sum(len(classes) > 1 for classes in classes_of.values()):
        sentences.append(f"{_count(n_ambiguous, 'image appears', 'images appear')} in more than one training class")
    if dataset.test is not None and (n_shared := sum(digest in classes_of for digest in _digests(dataset.test))):
        sentences.append(
            f"{n_shared:,} of {len(dataset.test):,} test images {'is' if n_shared == 1 else 'are'} in the training "
            "data too, so the test says less about new images"
        )
    return sentences


def _digests(part: ImageSet) -> list[bytes]:
    """Hash the pixels of each image."""
    return [blake2b(image.data, digest_size=16).digest() for image in np.ascontiguousarray(part.images)]


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _join(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_CLASSES_NAMED]) + (", ..." if len(names) > MAX_CLASSES_NAMED else "")
