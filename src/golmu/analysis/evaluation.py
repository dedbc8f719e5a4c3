"""A network judged on images: where it is right, where it is wrong, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import Part
from golmu.engines.contract import Engine
from golmu.metrics import (
    ClassScores,
    Reliability,
    class_scores,
    confusion_matrix,
    reliability,
    softmax,
    wilson_interval,
)

MOST_ACTIVATIONS = 2**25
"""Values of the feature maps whose means are taken, at most: fewer images where the maps are larger."""

MOST_CLASSES = 2000
"""Classes up to which there is a confusion matrix, which has a cell for each pair of them."""

CHUNK = 64
"""Images whose feature maps are held at a time."""


@dataclass(frozen=True, eq=False)
class Assessment:
    """What a network answers to n images of C classes."""

    part: Part
    probabilities: NDArray[np.float32]
    """(n, C)"""
    loss: float
    """Softmax cross-entropy, mean over the images."""

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """(n,): the most probable class of each image."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """(n,): the probability of that class."""
        return np.asarray(self.probabilities.max(axis=1), np.float32)

    @property
    def n_right(self) -> int:
        """Images that are predicted right."""
        return int((self.predictions == self.part.labels).sum())

    @property
    def accuracy(self) -> float:
        """Share of the images that are predicted right."""
        return self.n_right / len(self.part)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the accuracy."""
        return wilson_interval(self.n_right, len(self.part))

    @cached_property
    def confusion(self) -> NDArray[np.int64] | None:
        """(C, C) counts: row = true class, column = predicted class. None of more than `MOST_CLASSES` classes."""
        n_classes = self.probabilities.shape[1]
        return confusion_matrix(self.part.labels, self.predictions, n_classes) if n_classes <= MOST_CLASSES else None

    @property
    def scores(self) -> ClassScores:
        """Precision, recall, F1 and support of each class."""
        return class_scores(self.part.labels, self.predictions, self.probabilities.shape[1])

    @cached_property
    def reliability(self) -> Reliability:
        """How far the confidence can be believed."""
        return reliability(self.probabilities, self.part.labels)

    def confident_mistakes(self, n: int) -> list[int]:
        """At most n numbers of images that are predicted wrong, the surest first."""
        wrong = np.flatnonzero(self.predictions != self.part.labels)
        return [int(i) for i in wrong[np.argsort(-self.confidence[wrong], kind="stable")][:n]]

    def unsure(self, n: int) -> list[int]:
        """At most n numbers of images, right or wrong, those with the lowest confidence first."""
        return [int(i) for i in np.argsort(self.confidence, kind="stable")[:n]]

    def frequent_confusions(self, n: int) -> list[tuple[int, int, int]]:
        """At most n pairs of a true and a predicted class, with their images, those with the most first."""
        wrong = self.predictions != self.part.labels
        both = np.stack([self.part.labels[wrong], self.predictions[wrong]], axis=1)
        pairs, counts = np.unique(both, axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:n]
        return [(int(i), int(j), int(count)) for (i, j), count in zip(pairs[order], counts[order], strict=True)]


def assess(engine: Engine, part: Part) -> Assessment:
    """Has the network answer to all images of a part."""
    loss = engine.evaluate(engine.prepare(part.images, part.labels)).loss
    return Assessment(part, softmax(engine.logits(part.images)), loss)


def mean_activations(engine: Engine, part: Part) -> tuple[NDArray[np.float64], int]:
    """(K, C): mean over its images' pixels of what each kernel gives after ReLU, by class; and how many images.

    Where there are many images, it is the first of each class. A class without images has zeros.
    """
    a = engine.architecture
    most = max(1, MOST_ACTIVATIONS // (a.height * a.width * a.n_kernels * a.n_classes))
    chosen = np.concatenate([np.flatnonzero(part.labels == label)[:most] for label in range(a.n_classes)])
    sums = np.zeros((a.n_kernels, a.n_classes))
    for start in range(0, len(chosen), CHUNK):
        rows = chosen[start : start + CHUNK]
        means = np.maximum(engine.feature_maps(np.ascontiguousarray(part.images[rows])), 0).mean(axis=(1, 2))
        np.add.at(sums.T, part.labels[rows], means)
    counts = np.bincount(part.labels[chosen], minlength=a.n_classes)
    return sums / np.maximum(counts, 1), len(chosen)
