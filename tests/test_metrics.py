"""Metrics against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics

from golmu.metrics import class_scores, confusion_matrix


def cases():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 500)
    yield pytest.param(labels, np.where(rng.random(500) < 0.7, labels, rng.integers(0, 10, 500)), 10, id="ten classes")
    yield pytest.param(np.array([0, 0, 1, 1]), np.array([0, 0, 0, 0]), 2, id="a class that is never predicted")
    yield pytest.param(np.array([0, 0, 0, 0]), np.array([0, 1, 1, 0]), 2, id="a class without images")
    yield pytest.param(np.array([0, 2]), np.array([2, 0]), 4, id="a class that appears nowhere, and nothing right")
    yield pytest.param(np.array([1]), np.array([1]), 3, id="one image")


@pytest.mark.parametrize(("labels", "predictions", "n_classes"), list(cases()))
def test_scores_are_scikit_learns(labels, predictions, n_classes):
    classes = np.arange(n_classes)
    confusion = confusion_matrix(labels, predictions, n_classes)
    assert np.array_equal(confusion, metrics.confusion_matrix(labels, predictions, labels=classes))
    expected = metrics.precision_recall_fscore_support(labels, predictions, labels=classes, zero_division=0)
    for ours, theirs in zip(class_scores(confusion), expected, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-14, atol=0)
    assert class_scores(confusion).support.tolist() == np.bincount(labels, minlength=n_classes).tolist()


def test_rows_are_true_classes_and_columns_predicted_ones():
    assert confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 1]), 2).tolist() == [[0, 2], [0, 1]]
