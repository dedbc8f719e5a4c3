"""A network judged on images: where it is right, where it is wrong, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import LabelledImages
from golmu.metrics import (
    ClassScores,
    Reliability,
    class_scores,
    confusion_matrix,
    cross_entropy,
    reliability,
    softmax,
    wilson_interval,
)
from golmu.model.predictor import Predictor

MAX_ACTIVATION_VALUES = 2**25
"""Values of the feature maps whose means are taken, at most: fewer images where the maps are larger."""

MAX_CONFUSION_CLASSES = 2000
"""Classes up to which there is a confusion matrix, which has a cell for each pair of them."""

IMAGES_AT_A_TIME = 64
"""Images whose feature maps are held together in memory."""


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The answers of a network to n images of C classes."""

    images: LabelledImages
    probabilities: NDArray[np.float32]
    """(n, C)"""
    loss: float
    """Softmax cross-entropy, mean over the images."""

    @cached_property
    def predictions(self) -> NDArray[np.int64]:
        """The most probable class of each image, (n,)."""
        return np.asarray(self.probabilities.argmax(axis=1), np.int64)

    @cached_property
    def confidence(self) -> NDArray[np.float32]:
        """The probability of the most probable class of each image, (n,)."""
        return np.asarray(self.probabilities.max(axis=1), np.float32)

    @property
    def n_right(self) -> int:
        """Number of images that are predicted right."""
        return int((self.predictions == self.images.labels).sum())

    @property
    def accuracy(self) -> float:
        """Share of the images that are predicted right."""
        return self.n_right / len(self.images)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % confidence interval of the accuracy."""
        return wilson_interval(self.n_right, len(self.images))

    @cached_property
    def confusion(self) -> NDArray[np.int64] | None:
        """Counts (C, C): row = true class, column = predicted class. None for over `MAX_CONFUSION_CLASSES` classes."""
        n_classes = self.probabilities.shape[1]
        return (
            confusion_matrix(self.images.labels, self.predictions, n_classes)
            if n_classes <= MAX_CONFUSION_CLASSES
            else None
        )

    @property
    def scores(self) -> ClassScores:
        """Precision, recall, F1 and support of each class."""
        return class_scores(self.images.labels, self.predictions, self.probabilities.shape[1])

    @cached_property
    def reliability(self) -> Reliability:
        """How far the confidence can be believed."""
        return reliability(self.probabilities, self.images.labels)

    def confident_mistakes(self, n: int) -> list[int]:
        """List the numbers of at most n images that are predicted wrong, the most confident first."""
        wrong = np.flatnonzero(self.predictions != self.images.labels)
        return [int(i) for i in wrong[np.argsort(-self.confidence[wrong], kind="stable")][:n]]

    def unsure(self, n: int) -> list[int]:
        """List the numbers of at most n images, right or wrong, the least confident first."""
        return [int(i) for i in np.argsort(self.confidence, kind="stable")[:n]]

    def frequent_confusions(self, n: int) -> list[tuple[int, int, int]]:
        """List at most n pairs of a true and a predicted class with their number of images, the most frequent first."""
        wrong = self.predictions != self.images.labels
        both = np.stack([self.images.labels[wrong], self.predictions[wrong]], axis=1)
        pairs, counts = np.unique(both, axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:n]
        return [(int(i), int(j), int(count)) for (i, j), count in zip(pairs[order], counts[order], strict=True)]


def evaluate_images(predictor: Predictor, images: LabelledImages) -> Evaluation:
    """Have the network answer to all of the images, or the images' own judges."""
    if (on_disk := images.on_disk) is not None:
        blocks = (on_disk.read_block(block)[0] for block in range(len(on_disk.counts)))
        answers = np.concatenate([predictor.engine.logits(some) for some in blocks])
        return Evaluation(images, softmax(answers), cross_entropy(answers, images.labels))
    logits, loss = [], 0.0
    for judge, rows in images.parts(predictor):
        engine, part = judge.engine, images.images[rows]
        loss += len(part) / len(images) * engine.evaluate(engine.prepare(part, images.labels[rows])).loss
        logits.append(engine.logits(part))
    return Evaluation(images, softmax(np.concatenate(logits)), loss)


def mean_activations(predictor: Predictor, images: LabelledImages) -> tuple[NDArray[np.float64], int]:
    """Return the mean activation (K, C) of each kernel of the last block by class, and the number of images.

    The mean is over all places of the maps after ReLU, of a class's images; where there are many images, of the first
    of each class. A class without images has zeros.
    """
    engine = predictor.engine
    a = engine.architecture
    n_values = sum(prod(block.maps_shape) for block in a.blocks)
    most = max(1, MAX_ACTIVATION_VALUES // (n_values * a.n_classes))
    chosen = np.concatenate([np.flatnonzero(images.labels == label)[:most] for label in range(a.n_classes)])
    sums = np.zeros((a.kernels[-1], a.n_classes))
    for start in range(0, len(chosen), IMAGES_AT_A_TIME):
        rows = chosen[start : start + IMAGES_AT_A_TIME]
        maps = engine.feature_maps(np.ascontiguousarray(images.images[rows]), a.n_blocks - 1)
        np.add.at(sums.T, images.labels[rows], np.maximum(maps, 0).mean(axis=(1, 2)))
    counts = np.bincount(images.labels[chosen], minlength=a.n_classes)
    return sums / np.maximum(counts, 1), len(chosen)
