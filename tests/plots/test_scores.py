"""Figures of scores: their data, read back from Matplotlib's own objects."""

import numpy as np
import pytest
from drawn import draw, values_of, words

from golmu import metrics, plots

MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def test_confusion_is_shown_by_row():
    axes = plots.confusion(MATRIX, ["ant", "bee", "cat"])
    assert values_of(axes).tolist() == [[0.8, 0.2, 0], [0.25, 0.75, 0], [0, 0, 0]]
    assert values_of(axes).sum(axis=1).tolist() == [1, 1, 0]
    assert words(axes.texts) == ["80", "20", "25", "75"]
    assert words(axes.get_yticklabels()) == words(axes.get_xticklabels()) == ["ant", "bee", "cat"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true class", "predicted class")
    draw(axes)


def test_a_large_confusion_has_no_figures_and_some_names():
    axes = plots.confusion(np.eye(120, dtype=int))
    assert not axes.texts
    assert words(axes.get_yticklabels())[:3] == ["0", "3", "6"]
    assert axes.get_yticks()[:3].tolist() == [0, 3, 6]
    draw(axes)


def test_class_scores_are_a_row_a_class():
    scores = metrics.class_scores(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), 3)
    axes = plots.class_scores(scores, ["ant", "bee", "cat"])
    drawn = {line.get_label(): line for line in axes.lines}
    assert list(drawn) == words(axes.get_legend().get_texts()) == ["precision", "recall", "F1"]
    for line, values in zip(drawn.values(), scores, strict=False):
        assert line.get_xdata().tolist() == values.tolist()
        assert line.get_ydata().tolist() == [0, 1, 2]
    assert words(axes.get_yticklabels()) == ["ant", "bee", "cat"]
    assert axes.get_xlim()[0] == pytest.approx(-0.02)
    assert axes.yaxis_inverted()
    draw(axes)


def test_of_very_many_classes_the_scores_of_the_weakest_are_shown():
    rng = np.random.default_rng(0)
    labels = np.arange(1000) % 100
    scores = metrics.class_scores(labels, np.where(rng.random(1000) < 0.9, labels, 0), 100)
    axes = plots.class_scores(scores)
    shown_classes = [int(name) for name in words(axes.get_yticklabels())]
    assert shown_classes == sorted(np.argsort(scores.f1, kind="stable")[:60])
    assert axes.lines[2].get_xdata().tolist() == scores.f1[shown_classes].tolist()
    assert axes.get_xlabel() == "score: the 60 of 100 classes with the lowest F1"
    assert plots.class_scores(metrics.ClassScores(*np.ones((3, 2)), np.array([4, 5]))).get_xlim()[0] == 0.898
    draw(axes)


def test_reliability_shows_each_bins_accuracy_and_the_gap():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1], 400)
    bins = metrics.reliability(probabilities, rng.integers(0, 2, 400), 10)
    axes = plots.reliability(bins)
    accuracy, gap = axes.containers
    filled = bins.support > 0
    assert [bar.get_height() for bar in accuracy] == bins.accuracy[filled].tolist()
    tops = [bar.get_y() + bar.get_height() for bar in gap]
    assert tops == pytest.approx(bins.confidence[filled].tolist())
    assert [bar.get_x() for bar in accuracy] == bins.edges[:-1][filled].tolist()
    assert (
        f"ECE {bins.calibration_error:.3f}"
        in words(axes.get_legend().get_texts())[1] + words(axes.get_legend().get_texts())[2]
    )
    draw(axes)


def test_class_activations_are_a_row_a_kernel():
    means = np.array([[1.0, 0.5, 0.0], [0.25, 2.0, 0.75]])
    axes = plots.class_activations(means, ["ant", "bee", "cat"])
    assert np.array_equal(values_of(axes), means)
    assert words(axes.get_yticklabels()) == ["1", "2"]
    assert words(axes.get_xticklabels()) == ["ant", "bee", "cat"]
    draw(axes)
