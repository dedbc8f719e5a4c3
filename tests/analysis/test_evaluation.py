"""A network judged on images, against loops over what it answers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from small_network import X, Y, network

from golmu import Dataset
from golmu.analysis.evaluation import Evaluation, evaluate_images, mean_activations
from golmu.analysis.labelled_images import LabelledImages, check_names, outputs_of
from golmu.model.predictor import Predictor

PROBABILITIES = np.array(
    [[0.9, 0.1, 0.0], [0.2, 0.5, 0.3], [0.05, 0.05, 0.9], [0.3, 0.3, 0.4], [0.0, 0.99, 0.01], [0.6, 0.2, 0.2]],
    np.float32,
)
LABELS = np.array([0, 2, 0, 2, 2, 0])


@pytest.fixture
def judged():
    return Evaluation(LabelledImages("validation", np.zeros((6, 2, 2, 1), np.uint8), LABELS), PROBABILITIES, 0.5)


def test_what_is_right_and_what_is_wrong(judged):
    assert judged.predictions.tolist() == [0, 1, 2, 2, 1, 0]
    assert (judged.n_right, judged.accuracy) == (3, 0.5)
    assert judged.interval[0] < 0.5 < judged.interval[1]
    assert judged.confusion.tolist() == [[2, 0, 1], [0, 0, 0], [0, 2, 1]]
    assert judged.scores.recall.tolist() == [2 / 3, 0, 1 / 3]
    assert judged.reliability.support.sum() == 6


def test_of_very_many_classes_there_is_no_matrix_but_all_else(judged, monkeypatch):
    scores = judged.scores
    monkeypatch.setattr("golmu.analysis.evaluation.MAX_CONFUSION_CLASSES", 2)
    assert judged.confusion is None
    assert all(map(np.array_equal, judged.scores, scores))
    assert judged.frequent_confusions(1) == [(2, 1, 2)]


def test_without_mistakes_there_are_no_confusions():
    labels = PROBABILITIES.argmax(axis=1)
    assert (
        Evaluation(
            LabelledImages("test", np.zeros((6, 2, 2, 1), np.uint8), labels), PROBABILITIES, 0
        ).frequent_confusions(9)
        == []
    )


def test_the_surest_mistakes_come_first(judged):
    assert judged.confident_mistakes(9) == [4, 2, 1]
    assert judged.confident_mistakes(2) == [4, 2]


def test_the_least_sure_images_come_first_right_or_wrong(judged):
    assert judged.unsure(3) == [3, 1, 5]


def test_the_most_frequent_confusions_come_first(judged):
    assert judged.frequent_confusions(9) == [(2, 1, 2), (0, 2, 1)]
    assert judged.frequent_confusions(1) == [(2, 1, 2)]


def test_a_network_is_judged_as_by_its_own_methods(engine_name):
    fitted = network(engine=engine_name).fit(X, Y, 2)
    judged = evaluate_images(fitted.predictor_, LabelledImages("test", X, Y))
    assert np.allclose(judged.probabilities, fitted.predict_proba(X))
    assert judged.accuracy == fitted.score(X, Y)
    assert judged.loss == fitted.get_loss(X, Y)


def test_mean_activations_are_by_kernel_and_class(engine_name, monkeypatch):
    fitted = network(engine=engine_name).fit(X, Y, 2)
    labels = np.where(Y == 1, 2, Y)  # no image of class 1
    maps = np.maximum(fitted._engine.feature_maps(X), 0)
    means, n = mean_activations(fitted.predictor_, LabelledImages("test", X, labels))
    assert n == 50
    for label in (0, 2):
        assert np.allclose(means[:, label], maps[labels == label].mean(axis=(0, 1, 2)), atol=1e-6)
    assert (means[:, 1] == 0).all()
    monkeypatch.setattr("golmu.analysis.evaluation.MAX_ACTIVATION_VALUES", 4 * 7 * 6 * 3 * 3)  # four images of a class
    means, n = mean_activations(fitted.predictor_, LabelledImages("test", X, labels))
    assert n == 8
    assert np.allclose(means[:, 2], maps[labels == 2][:4].mean(axis=(0, 1, 2)), atol=1e-6)


def test_mean_activations_are_those_of_the_last_block(engine_name, monkeypatch):
    fitted = network(engine=engine_name, n_kernels=(3, 5)).fit(X, Y, 2)
    maps = np.maximum(fitted._engine.feature_maps(X, 1), 0)
    monkeypatch.setattr("golmu.analysis.evaluation.MAX_ACTIVATION_VALUES", (7 * 6 * 3 + 3 * 3 * 5) * 3 * 4)
    means, n = mean_activations(fitted.predictor_, LabelledImages("test", X, Y))
    assert (means.shape, n) == ((5, 3), 12)
    for label in range(3):
        assert np.allclose(means[:, label], maps[label == Y][:4].mean(axis=(0, 1, 2)), atol=1e-6)


def test_classes_of_an_earlier_version_are_found_by_their_names_in_any_unicode_form():
    written = ("cafe\u0301", "dog ")
    predictor = SimpleNamespace(model=SimpleNamespace(class_names=written, classes=np.arange(2)), name="runs/old")
    pixels = np.zeros((2, 4, 4), np.uint8)
    pixels[:, 0, 0] = 255
    data = Dataset.from_arrays(pixels, ["dog", "caf\xe9"])
    assert data.class_names == ("caf\xe9", "dog")
    assert outputs_of(data, data.train.labels, predictor).tolist() == [1, 0]
    check_names(data, predictor)


def test_images_with_judges_are_each_judged_by_theirs():
    one = network().fit(X, Y, 2).predictor_
    weights = {name: weight.copy() for name, weight in one.model.weights.items()}
    weights["b2"] = weights["b2"] + np.array([5.0, 0, 0], np.float32)
    other = Predictor.of(replace(one.model, weights=weights))
    first = LabelledImages("validation", X[:10], Y[:10])
    second = LabelledImages("validation", X[10:25], Y[10:25], numbers=np.arange(1, 16))
    images = LabelledImages.out_of_fold([(one, first, 10), (other, second, 16)])
    judged = evaluate_images(one, images)
    parts = [evaluate_images(one, first), evaluate_images(other, second)]
    np.testing.assert_array_equal(judged.probabilities, np.concatenate([part.probabilities for part in parts]))
    assert judged.loss == pytest.approx((10 * parts[0].loss + 15 * parts[1].loss) / 25)
    assert images.numbers.tolist() == [*range(10), *range(11, 26)]
    assert [images.judge(i, one) is other for i in (0, 9, 10, 24)] == [False, False, True, True]
