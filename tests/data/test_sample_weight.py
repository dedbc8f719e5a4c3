"""How much each image counts: sample_weight and class_weight, alone, together, on both engines, and what is refused."""

import re

import numpy as np
import pytest
from small_network import WEIGHT_NAMES

from golmu import ConvolutionNetwork
from golmu.data.sample_weight import importance
from golmu.errors import GolmuWarning, InputError, InputTypeError, RunError

CLASSES = np.array(["no", "yes"])
LABELS = np.array([0, 0, 0, 1])


def test_weights_are_scaled_to_a_mean_of_one():
    assert importance(None, None, LABELS, CLASSES) is None
    assert importance([1, 1, 2, 4], None, LABELS, CLASSES).tolist() == [0.5, 0.5, 1, 2]
    assert importance(None, {"yes": 3}, LABELS, CLASSES).tolist() == pytest.approx([2 / 3] * 3 + [2])
    assert importance([3, 3, 3, 1], {"yes": 3, "no": 1}, LABELS, CLASSES).tolist() == [1, 1, 1, 1]
    assert importance([1, 1, 1, 1], None, LABELS, CLASSES).dtype == np.float32


def test_balanced_classes_count_alike_whatever_their_samples_weigh():
    assert importance(None, "balanced", LABELS, CLASSES).tolist() == pytest.approx([2 / 3] * 3 + [2])
    weighted = importance([1, 2, 3, 50], "balanced", LABELS, CLASSES)
    assert weighted[:3].sum() == pytest.approx(weighted[3])


def test_balanced_agrees_with_scikit_learn():
    from sklearn.utils.class_weight import compute_sample_weight

    labels = np.random.default_rng(0).integers(0, 5, 100) ** 2 // 4
    classes = np.arange(5)
    expected = compute_sample_weight("balanced", labels)
    assert importance(None, "balanced", labels, classes) == pytest.approx(expected / expected.mean(), rel=1e-6)


@pytest.mark.parametrize(
    ("sample_weight", "class_weight", "error", "message"),
    [
        (["a"] * 4, None, InputTypeError, "sample_weight must be an array of numbers, one for each image"),
        ([1, 2], None, InputError, "sample_weight.shape == (2,), expected (4,): give one number for each image"),
        (3, None, InputError, "sample_weight.shape == (), expected (4,): give one number for each image"),
        ([1, 1, 1, -1], None, InputError, "sample_weight must hold finite numbers of at least 0"),
        ([1, 1, 1, np.nan], None, InputError, "sample_weight must hold finite numbers of at least 0"),
        ([0, 0, 0, 0], None, InputError, "sample_weight is zero for every image: at least one must be above 0"),
        (None, "even", InputTypeError, "class_weight must be None, 'balanced' or a dict from labels to numbers, got"),
        (None, 3, InputTypeError, "class_weight must be None, 'balanced' or a dict from labels to numbers, got 3"),
        (None, {"yes": -1}, InputError, "class_weight['yes'] must be a finite number of at least 0, got -1"),
        (None, {"yes": "2"}, InputError, "class_weight['yes'] must be a finite number of at least 0, got '2'"),
        (None, {"yes": np.inf}, InputError, "class_weight['yes'] must be a finite number of at least 0, got inf"),
        (None, {"yes": 0, "no": 0}, InputError, "sample_weight and class_weight leave no sample that counts"),
    ],
)
def test_what_is_no_weight_is_refused(sample_weight, class_weight, error, message):
    with pytest.raises(error, match=re.escape(message)):
        importance(sample_weight, class_weight, LABELS, CLASSES)


def test_a_label_that_is_not_there_is_noticed():
    """It may be a slip, or a class that is rare and in another part of the data."""
    with pytest.warns(
        GolmuWarning, match="class_weight names the label 'maybe', which is not one of the classes: 'no'"
    ):
        found = importance(None, {"maybe": 9, "yes": 3}, LABELS, CLASSES)
    assert found.tolist() == pytest.approx([2 / 3] * 3 + [2])


@pytest.fixture
def unbalanced():
    """Two kinds of noise, 16 of the one and 240 of the other."""
    rng = np.random.default_rng(0)
    y = np.repeat(["rare", "often"], [16, 240])
    x = rng.random((256, 8, 8)) * np.where(y == "rare", 0.6, 1.0)[:, None, None]
    return x.astype(np.float32), y


def fitted(engine_name, x, y, sample_weight=None, **parameters):
    settings = {"n_kernels": 4, "units": 8, "batch_size": 32, "epochs": 5, "random_state": 0}
    network = ConvolutionNetwork(engine=engine_name, **(settings | parameters))
    return network.fit(x, y, sample_weight=sample_weight)


def same(first, second):
    return all(np.array_equal(first.get_weights()[name], second.get_weights()[name]) for name in WEIGHT_NAMES)


def test_a_class_that_counts_more_is_found_more_often(engine_name, unbalanced):
    x, y = unbalanced
    is_rare = y == "rare"
    plain, balanced = (
        (fitted(engine_name, x, y, class_weight=weight, epochs=10).predict(x)[is_rare] == "rare").mean()
        for weight in (None, "balanced")
    )
    assert plain < 0.5 < balanced


def test_one_way_to_weight_is_as_good_as_another(engine_name, unbalanced):
    x, y = unbalanced
    balanced = fitted(engine_name, x, y, class_weight="balanced")
    assert same(balanced, fitted(engine_name, x, y, np.where(y == "rare", 15, 1)))
    assert same(balanced, fitted(engine_name, x, y, class_weight={"rare": 30, "often": 2}))
    assert not same(balanced, fitted(engine_name, x, y))


def test_an_image_without_weight_teaches_nothing(engine_name, unbalanced):
    x, y = unbalanced
    other, weights = x.copy(), np.ones(256)
    other[::3], weights[::3] = 0, 0
    assert same(fitted(engine_name, x, y, weights), fitted(engine_name, other, y, weights))


def test_equal_weights_change_no_bit(unbalanced):
    x, y = unbalanced
    assert same(fitted("fused", x, y), fitted("fused", x, y, np.full(256, 0.3)))


def test_the_score_is_weighted_too(unbalanced):
    x, y = unbalanced
    network = fitted("fused", x, y)
    is_right = network.predict(x) == y
    weights = np.arange(256)
    assert network.score(x, y) == pytest.approx(is_right.mean())
    assert network.score(x, y, sample_weight=weights) == pytest.approx((is_right * weights).sum() / weights.sum())
    with pytest.raises(InputError, match=r"sample_weight.shape == \(2,\), expected \(256,\)"):
        network.score(x, y, sample_weight=[1, 2])


def test_a_run_goes_on_with_its_weights_only(tmp_path, unbalanced):
    x, y = unbalanced
    weights = np.where(y == "rare", 15, 1)
    network = ConvolutionNetwork(4, 8, random_state=0, engine="fused")
    network.fit(x, y, 2, sample_weight=weights, run=tmp_path / "run")
    with pytest.raises(RunError, match="the weights of the images differ: sample_weight or class_weight is another"):
        network.fit(x, y, 4, resume=tmp_path / "run")
    resumed = network.fit(x, y, 4, sample_weight=weights, resume=tmp_path / "run")
    whole = ConvolutionNetwork(4, 8, random_state=0, engine="fused").fit(x, y, 4, sample_weight=weights)
    assert same(resumed, whole)
