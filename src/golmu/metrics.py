"""How good predictions are: NumPy only."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist, mean, stdev
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

MANY_IMAGES = 1000
"""Images from which on an interval is narrow enough to be written with three decimals."""

T_975 = (
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
    2.1314, 2.1199, 2.1098, 2.1009, 2.0930,
)  # fmt: skip
"""The 97.5 % quantiles of Student's t distribution, with 1 to 19 degrees of freedom."""


class ClassScores(NamedTuple):
    """Scores of each class, arrays (C,); a score whose denominator is 0 is 0."""

    precision: NDArray[np.float64]
    """Share of the images predicted as the class that show it."""
    recall: NDArray[np.float64]
    """Share of the images of the class that are predicted as it."""
    f1: NDArray[np.float64]
    """Harmonic mean of precision and recall."""
    support: NDArray[np.int64]
    """Images of the class."""


class Reliability(NamedTuple):
    """Confidence, the probability of the predicted class, against accuracy, in M bins of equal width; arrays (M,).

    The mean confidence and the accuracy of an empty bin are NaN.
    """

    edges: NDArray[np.float64]
    """(M + 1,): bin m holds confidences above edges[m], up to and with edges[m + 1]."""
    confidence: NDArray[np.float64]
    """Mean confidence of the bin's images."""
    accuracy: NDArray[np.float64]
    """Share of the bin's images that are predicted right."""
    support: NDArray[np.int64]
    """Images of the bin."""
    calibration_error: float
    """Expected calibration error: mean of |accuracy − confidence| over the bins, weighted by their images."""


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return probabilities (n, C) from logits (n, C); each row sums to 1."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: NDArray[np.float32] = e / e.sum(axis=1, keepdims=True)
    return probabilities


def cross_entropy(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return the softmax cross-entropy of logits (n, C) and labels (n,), mean over the samples."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]
    return float(losses.mean())


def hundredths(values: NDArray[Any]) -> list[int]:
    """Return the shares of numbers (n,) of at least 0 in whole percents whose sum is 100; or zeros if all are 0.

    The largest remainder method: all shares are rounded down, and those with the largest remainders up again.
    """
    total = float(values.sum())
    if total == 0:
        return [0] * len(values)
    exact = np.round(100 * values / total, 9)  # rounding errors would make 28 of 29 %
    whole = np.floor(exact)
    whole[np.argsort(whole - exact, kind="stable")[: 100 - round(whole.sum())]] += 1
    return [int(n) for n in whole]


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logarithms of the probabilities (n, C), also where those are too small for float32."""
    below = logits - logits.max(axis=1, keepdims=True)
    logarithms: NDArray[np.float32] = below - np.log(np.exp(below).sum(axis=1, keepdims=True))
    return logarithms


def confusion_matrix(labels: NDArray[np.int64], predictions: NDArray[np.int64], n_classes: int) -> NDArray[np.int64]:
    """Return counts (C, C): row = true class, column = predicted class."""
    counts = np.bincount(labels * n_classes + predictions, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes)


def class_scores(labels: NDArray[np.int64], predictions: NDArray[np.int64], n_classes: int) -> ClassScores:
    """Return the scores of each class from the true and the predicted class of each image, (n,)."""
    predicted, support = (np.bincount(numbers, minlength=n_classes) for numbers in (predictions, labels))
    right = np.bincount(labels[labels == predictions], minlength=n_classes).astype(np.float64)
    return ClassScores(
        _ratio(right, predicted), _ratio(right, support), _ratio(2 * right, predicted + support), support
    )


def reliability(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.int64], n_bins: int = 15) -> Reliability:
    """Compare a network's confidence with its accuracy.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, section 2, equation 3.

    Parameters
    ----------
    probabilities
        (n, C), n at least 1.
    labels
        (n,): the true classes.
    n_bins
        Number of bins.
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    edges = np.linspace(0, 1, n_bins + 1)
    bins = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, n_bins - 1)  # rounding may pass 1
    support = np.bincount(bins, minlength=n_bins)
    total_confidence, total_right = (
        np.bincount(bins, weights=values, minlength=n_bins) for values in (confidence, right)
    )
    with np.errstate(invalid="ignore"):
        return Reliability(
            edges,
            total_confidence / support,
            total_right / support,
            support,
            float(np.abs(total_right - total_confidence).sum() / len(labels)),
        )


def wilson_interval(n_right: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval of the share `n_right` / `n`: it holds the true share with about this confidence.

    Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927. Unlike p ± z·σ it stays
    within [0, 1], and has a width where all or none are right.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = n_right / n
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return max(0.0, centre - reach), min(1.0, centre + reach)


class Spread(NamedTuple):
    """A score over several trainings."""

    mean: float
    deviation: float
    """Standard deviation, of the sample."""
    interval: tuple[float, float]
    """95 % confidence interval of the mean."""


def spread(scores: Sequence[float]) -> Spread:
    """Return mean, standard deviation and interval of scores in [0, 1], 2 to 20 of them.

    The interval is m ± t·s/√k, with mean m, standard deviation s and Student's t of k − 1 degrees of freedom, cut off
    at 0 and 1. It takes the scores to be independent. Those of folds share training images, so that it is a little too
    narrow: Bengio and Grandvalet, "No Unbiased Estimator of the Variance of K-Fold Cross-Validation", 2004.
    """
    centre, deviation = mean(scores), stdev(scores)
    reach = T_975[len(scores) - 2] * deviation / sqrt(len(scores))
    return Spread(centre, deviation, (max(0.0, centre - reach), min(1.0, centre + reach)))


def describe_spread(scores: Sequence[float]) -> str:
    """Return the spread of accuracies as text: "0.9711 (95 % interval 0.961 to 0.981, standard deviation 0.0080)"."""
    found = spread(scores)
    low, high = found.interval
    return f"{found.mean:.4f} (95 % interval {low:.3f} to {high:.3f}, standard deviation {found.deviation:.4f})"


def describe_accuracy(accuracy: float, n: int) -> str:
    """Return an accuracy on n images with its interval: "0.6667 (95 % interval 0.21 to 0.94, 3 images)"."""
    low, high = wilson_interval(round(accuracy * n), n)
    decimals = 2 if n < MANY_IMAGES else 3
    images = "image" if n == 1 else "images"
    return f"{accuracy:.4f} (95 % interval {low:.{decimals}f} to {high:.{decimals}f}, {n:,} {images})"


def _ratio(numerator: NDArray[np.float64], denominator: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
