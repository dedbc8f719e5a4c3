"""Metrics against scikit-learn's and SciPy's, and against loops over the images."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from golmu.metrics import (
    class_scores,
    confusion_matrix,
    describe_accuracy,
    describe_spread,
    hundredths,
    reliability,
    spread,
    wilson_interval,
)


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
    for ours, theirs in zip(class_scores(labels, predictions, n_classes), expected, strict=True):
        assert np.allclose(ours, theirs, rtol=1e-14, atol=0)
    support = class_scores(labels, predictions, n_classes).support
    assert support.tolist() == np.bincount(labels, minlength=n_classes).tolist()


def test_rows_are_true_classes_and_columns_predicted_ones():
    assert confusion_matrix(np.array([0, 0, 1]), np.array([1, 1, 1]), 2).tolist() == [[0, 2], [0, 1]]


@pytest.mark.parametrize(("n_right", "n"), [(0, 10), (1, 10), (10, 10), (1, 1), (8807, 10_000), (5, 7)])
@pytest.mark.parametrize("confidence", [0.95, 0.5])
def test_the_interval_is_scipys(n_right, n, confidence):
    expected = stats.binomtest(n_right, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(n_right, n, confidence) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_the_interval_holds_the_true_share_as_often_as_it_says():
    shares = np.random.default_rng(0).binomial(200, 0.9, 4000)
    held = [low <= 0.9 <= high for low, high in (wilson_interval(int(right), 200) for right in shares)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.015)


def make_probabilities(n, n_classes, seed=0):
    raised = np.random.default_rng(seed).random((n, n_classes)) ** 6
    return (raised / raised.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("n_bins", [1, 10, 15])
def test_reliability_is_what_a_loop_over_the_images_finds(n_bins):
    probabilities = make_probabilities(700, 4)
    labels = np.random.default_rng(1).integers(0, 4, 700)
    bins = [[] for _ in range(n_bins)]
    for row, label in zip(probabilities, labels, strict=True):
        confidence = float(max(row))
        number = next(m for m in range(n_bins) if confidence <= (m + 1) / n_bins)
        bins[number].append((confidence, row.tolist().index(max(row.tolist())) == label))
    found = reliability(probabilities, labels, n_bins)
    error = 0.0
    for m, images in enumerate(bins):
        assert found.support[m] == len(images)
        if images:
            confidence, accuracy = np.mean(images, axis=0)
            assert found.confidence[m] == pytest.approx(confidence)
            assert found.accuracy[m] == pytest.approx(accuracy)
            error += len(images) / 700 * abs(accuracy - confidence)
        else:
            assert np.isnan(found.confidence[m])
            assert np.isnan(found.accuracy[m])
    assert found.support.sum() == 700
    assert found.calibration_error == pytest.approx(error)


def test_a_network_that_is_as_sure_as_it_is_right_is_calibrated():
    probabilities = make_probabilities(20_000, 3, seed=2)
    rng = np.random.default_rng(3)
    labels = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)[:, :-1]).sum(axis=1)
    assert reliability(probabilities, labels).calibration_error < 0.02
    always_wrong = (probabilities.argmax(axis=1) + 1) % 3
    expected = probabilities.max(axis=1).mean()
    assert reliability(probabilities, always_wrong).calibration_error == pytest.approx(expected, rel=1e-4)


def test_the_ends_of_confidence_are_in_the_first_and_the_last_bin():
    probabilities = np.array([[1, 0], [0.5, 0.5], [1 + 1e-7, 0]], np.float32)
    assert reliability(probabilities, np.array([0, 0, 0]), 10).support.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0, 2]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([5, 3, 0], [63, 37, 0]), ([5, 1, 2], [63, 12, 25]), ([1, 1, 1], [34, 33, 33]), ([0, 0], [0, 0]),
        ([29, 71], [29, 71]), ([1999, 1], [100, 0]), ([7], [100]),
    ],
)  # fmt: skip
def test_whole_hundredths_sum_to_a_hundred(counts, expected):
    assert hundredths(np.array(counts)) == expected
    assert hundredths(np.array(counts) / max(1, sum(counts))) == expected
    random = np.random.default_rng(0).integers(0, 50, (200, 7)) + np.eye(7, dtype=int)[0]
    assert all(sum(hundredths(row)) == 100 for row in random)


@pytest.mark.parametrize(
    ("accuracy", "n", "text"),
    [
        (2 / 3, 3, "0.6667 (95 % interval 0.21 to 0.94, 3 images)"),
        (1.0, 1, "1.0000 (95 % interval 0.21 to 1.00, 1 image)"),
        (0.8758, 12000, "0.8758 (95 % interval 0.870 to 0.882, 12,000 images)"),
    ],
)
def test_an_accuracy_is_written_with_its_interval(accuracy, n, text):
    assert describe_accuracy(accuracy, n) == text


@pytest.mark.parametrize("n", range(2, 21))
def test_the_spread_of_scores_is_students(n):
    scores = np.random.default_rng(n).uniform(0.4, 0.6, n)
    found = spread(scores.tolist())
    assert found.mean == pytest.approx(scores.mean())
    assert found.deviation == pytest.approx(scores.std(ddof=1))
    error = scores.std(ddof=1) / np.sqrt(n)
    expected = np.clip(stats.t.interval(0.95, n - 1, scores.mean(), error), 0, 1)
    assert found.interval == pytest.approx(tuple(expected), abs=1e-5)


def test_the_spread_stays_within_zero_and_one():
    assert spread([1.0, 1.0, 0.9]).interval[1] == 1.0
    assert spread([0.5, 0.5]) == (0.5, 0.0, (0.5, 0.5))
    text = "0.9500 (95 % interval 0.925 to 0.975, standard deviation 0.0100)"
    assert describe_spread([0.94, 0.95, 0.96]) == text
