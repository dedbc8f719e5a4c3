"""Confident learning against a slow calculation from the paper's formulas, image by image."""

import numpy as np
import pytest

from golmu.analysis.label_check import NONE, check_labels, confident_classes, thresholds


def drawn(seed, n=60, n_classes=4):
    """Probabilities that know something of the labels, some of which are wrong; float32 as a network gives them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, n_classes, n)
    logits = rng.normal(0, 1.5, (n, n_classes))
    logits[np.arange(n), np.where(rng.random(n) < 0.2, rng.integers(0, n_classes, n), labels)] += 2
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32), labels


def slow(probabilities, labels):
    """Thresholds, confident classes, doubtful images and their order, as the paper writes them."""
    n, n_classes = probabilities.shape
    p = [[float(value) for value in row] for row in probabilities]
    t = []
    for j in range(n_classes):
        own = [p[x][j] for x in range(n) if labels[x] == j]
        t.append(sum(own) / len(own) if own else float("inf"))
    confident = []
    for x in range(n):
        reached = [j for j in range(n_classes) if p[x][j] >= t[j]]
        confident.append(max(reached, key=lambda j: p[x][j]) if reached else NONE)
    doubtful = [x for x in range(n) if confident[x] not in (NONE, labels[x])]
    others = [x for x in range(n) if x not in doubtful]
    order = [x for part in (doubtful, others) for x in sorted(part, key=lambda x: p[x][labels[x]])]
    return t, confident, doubtful, order


@pytest.mark.parametrize("seed", range(30))
def test_the_check_is_that_of_the_formulas(seed):
    probabilities, labels = drawn(seed)
    t, confident, doubtful, order = slow(probabilities, labels)
    np.testing.assert_allclose(thresholds(probabilities, labels), t, rtol=1e-12)
    assert confident_classes(probabilities, labels).tolist() == confident
    found = check_labels(probabilities, labels)
    assert np.flatnonzero(found.is_doubtful).tolist() == doubtful
    assert found.order.tolist() == order
    assert found.doubtful.tolist() == order[: len(doubtful)]
    for x, label in enumerate(labels.tolist()):
        suggested = int(found.suggested[x])
        assert suggested != label
        best = max((j for j in range(4) if j != label), key=lambda j: float(probabilities[x, j]))
        assert suggested == (confident[x] if x in doubtful else best)
        assert found.believability[x] == probabilities[x, label]
        assert found.probability[x] == probabilities[x, suggested]


def test_a_wrong_label_comes_first():
    probabilities = np.tile(np.array([[0.9, 0.05, 0.05], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8]], np.float32), (5, 1))
    labels = np.tile(np.arange(3), 5)
    labels[4] = 2  # shows class 1
    found = check_labels(probabilities, labels)
    assert found.doubtful.tolist() == [4]
    assert (found.suggested[4], found.order[0]) == (1, 4)


def test_right_labels_leave_nothing_doubtful():
    probabilities = np.eye(3, dtype=np.float32)[[0, 1, 2, 0]]
    found = check_labels(probabilities, np.array([0, 1, 2, 0]))
    assert len(found.doubtful) == 0
    assert sorted(found.order.tolist()) == [0, 1, 2, 3]


def test_an_image_like_no_class_is_not_doubtful():
    probabilities = np.array([[0.9, 0.1], [0.1, 0.9], [0.45, 0.55], [0.8, 0.2]], np.float32)
    labels = np.array([0, 1, 0, 0])
    assert confident_classes(probabilities, labels)[2] == NONE
    assert not check_labels(probabilities, labels).is_doubtful[2]


def test_no_image_is_confidently_of_a_class_that_has_none():
    probabilities = np.array([[0.6, 0.1, 0.3], [0.1, 0.2, 0.7], [0.0, 1.0, 0.0]], np.float32)
    labels = np.array([0, 1, 1])
    assert thresholds(probabilities, labels).tolist() == [pytest.approx(0.6), pytest.approx(0.6), np.inf]
    assert set(confident_classes(probabilities, labels).tolist()) <= {NONE, 0, 1}
