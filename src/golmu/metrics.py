"""How good predictions are: NumPy only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ClassScores(NamedTuple):
    """Scores of each class, arrays (C,); a score whose denominator is 0 is 0."""

    precision: NDArray[np.float64]
    """Of the images predicted as the class, the share that are of it."""
    recall: NDArray[np.float64]
    """Of the images of the class, the share predicted as it."""
    f1: NDArray[np.float64]
    """Harmonic mean of precision and recall."""
    support: NDArray[np.int64]
    """Images of the class."""


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (n, C) from logits (n, C); each row sums to 1."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = e / e.sum(axis=1, keepdims=True)
    return probabilities


def confusion_matrix(labels: NDArray[np.int64], predictions: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """(C, C) counts: row = true class, column = predicted class."""
    counts = np.bincount(labels * n_classes + predictions, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes)


def class_scores(confusion: NDArray[np.int64]) -> ClassScores:
    """Precision, recall, F1 and support of each class, from a confusion matrix (C, C)."""
    right = np.diag(confusion).astype(np.float64)
    predicted, support = confusion.sum(axis=0), confusion.sum(axis=1)
    return ClassScores(
        _ratio(right, predicted), _ratio(right, support), _ratio(2 * right, predicted + support), support
    )


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
