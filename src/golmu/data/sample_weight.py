"""How much each sample counts in training, by `sample_weight` and `class_weight`."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data.inputs import MAX_CLASSES_NAMED
from golmu.errors import InputError, InputTypeError, warn
from golmu.names import list_names
from golmu.types import Importance, Labels

BALANCED = "balanced"


def importance(sample_weight: Any, class_weight: Any, labels: Labels, classes: NDArray[Any]) -> Importance | None:
    """Return the product of both for each sample, scaled to a mean of 1 so that the learning rate keeps its meaning.

    Parameters
    ----------
    sample_weight
        (n,) numbers of at least 0, not all of them 0; None: every sample counts alike.
    class_weight
        None; or "balanced", by which each class counts alike, whatever its number of samples; or a mapping from labels
        to numbers of at least 0, where a class that is left out counts 1.
    labels, classes
        Indices of the classes, (n,), and the labels that they stand for.

    Returns
    -------
    None where nothing is weighted.

    Raises
    ------
    InputError, InputTypeError
        If either is something else.
    """
    if sample_weight is None and class_weight is None:
        return None
    weights = np.ones(len(labels)) if sample_weight is None else as_sample_weight(sample_weight, len(labels))
    weights = _by_class(weights, class_weight, labels, classes)
    mean = weights.mean()
    if mean == 0:
        raise InputError("sample_weight and class_weight leave no sample that counts: at least one must be above 0")
    return np.asarray(weights / mean, np.float32)


def importance_in_part(
    sample_weight: Any, class_weight: Any, labels: Labels, classes: NDArray[Any]
) -> Importance | None:
    """Return the product of both for samples that are a part of all: not scaled, so that 1 is a sample without weight.

    If they were scaled, a sample would count more or less depending on what comes with it. All of a part may weigh 0;
    "balanced" is refused, since it needs all samples.
    """
    if sample_weight is None and class_weight is None:
        return None
    if isinstance(class_weight, str) and class_weight == BALANCED:
        raise InputError(
            "class_weight='balanced' needs all samples, and partial_fit sees a part of them: give a dict from labels "
            "to numbers, or sample_weight"
        )
    weights = np.ones(len(labels)) if sample_weight is None else _as_weights(sample_weight, len(labels))
    return np.asarray(_by_class(weights, class_weight, labels, classes), np.float32)


def as_sample_weight(sample_weight: Any, n: int) -> NDArray[np.float64]:
    """Return `sample_weight` as float64 (n,), each finite and at least 0, not all 0."""
    weights = _as_weights(sample_weight, n)
    if not weights.any():
        raise InputError("sample_weight is zero for every image: at least one must be above 0")
    return weights


def _as_weights(sample_weight: Any, n: int) -> NDArray[np.float64]:
    try:
        weights = np.asarray(sample_weight, np.float64)
    except (TypeError, ValueError) as error:
        raise InputTypeError(f"sample_weight must be an array of numbers, one for each image: {error}") from error
    if weights.shape != (n,):
        # The beginning is what scikit-learn says too.
        raise InputError(f"sample_weight.shape == {weights.shape}, expected {(n,)}: give one number for each image")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise InputError("sample_weight must hold finite numbers of at least 0")
    return weights


def _by_class(
    weights: NDArray[np.float64], class_weight: Any, labels: Labels, classes: NDArray[Any]
) -> NDArray[np.float64]:
    return weights if class_weight is None else weights * _class_factors(class_weight, weights, labels, classes)[labels]


def _class_factors(
    class_weight: Any, weights: NDArray[np.float64], labels: Labels, classes: NDArray[Any]
) -> NDArray[np.float64]:
    """Return the factor of the samples of each class, (C,)."""
    if isinstance(class_weight, str) and class_weight == BALANCED:
        totals = np.bincount(labels, weights, len(classes))
        return np.divide(1, totals, out=np.zeros(len(classes)), where=totals > 0)
    if not isinstance(class_weight, Mapping):
        raise InputTypeError(
            f"class_weight must be None, 'balanced' or a dict from labels to numbers, got {class_weight!r}"
        )
    known = classes.tolist()
    for label, weight in class_weight.items():
        if label not in known:
            shown = list_names([*map(repr, known)], MAX_CLASSES_NAMED)
            warn(f"class_weight names the label {label!r}, which is not one of the classes: {shown}")
        if isinstance(weight, bool) or not isinstance(weight, Real) or not 0 <= float(weight) < np.inf:
            raise InputError(f"class_weight[{label!r}] must be a finite number of at least 0, got {weight!r}")
    return np.array([float(class_weight.get(label, 1.0)) for label in known])
