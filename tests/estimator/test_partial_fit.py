"""partial_fit and warm_start: going on from the weights that there are."""

import json
import re
from copy import deepcopy
from dataclasses import replace

import naive
import numpy as np
import pytest
from small_network import WEIGHT_NAMES

from golmu import ConvolutionNetwork
from golmu.errors import InputError, InputTypeError, TrainingError


def network(engine_name="fused", **parameters):
    return ConvolutionNetwork(3, 6, 16, 0.05, engine=engine_name, random_state=1, **parameters)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.random((48, 6, 6), np.float32), rng.integers(0, 3, 48)


def same(first, second):
    return all(np.array_equal(first.get_weights()[name], second.get_weights()[name]) for name in WEIGHT_NAMES)


@pytest.mark.parametrize("optimizer", ["sgd", "nesterov", "adam"])
def test_passes_are_steps_by_the_twin_with_one_optimizer_throughout(engine_name, data, optimizer):
    x, y = data
    rate = 0.001 if optimizer == "adam" else 0.05
    trained = network(engine_name, optimizer=optimizer).set_params(learning_rate=rate, batch_size=48)
    # A batch of all samples does not depend on their order.
    trained.init_weights((6, 6, 1), 3)
    weights, slots = trained.get_weights(), {}
    method = trained._recipe().method
    for step in range(4):
        trained.partial_fit(x, y)
        expected, weights = naive.method_step(x[..., None], y, weights, slots, method, rate, step, 0, 0)
        assert trained.losses[step] == pytest.approx(expected, rel=1e-5)
    for name in WEIGHT_NAMES:
        assert trained.get_weights()[name] == pytest.approx(weights[name], rel=1e-3, abs=1e-5), name


def test_a_pass_takes_every_full_batch_once(data):
    x, y = data
    first, second = network(), network()
    for trained in (first, second):
        trained.init_weights((6, 6, 1), 3)
    first.partial_fit(x, y)
    for images, labels in second.gen_batch(x, y):
        second.training(images, labels)
    assert same(first, second)


def test_a_pass_leaves_nothing_out(engine_name, data):
    """48 images are two batches of 20 and one of 8, by the twin in the order of the generator."""
    x, y = data
    trained = network(engine_name).set_params(batch_size=20)
    trained.init_weights((6, 6, 1), 3)
    weights, method = trained.get_weights(), trained._recipe().method
    order = np.random.default_rng()
    order.bit_generator.state = trained._order_rng.bit_generator.state
    rows, losses = order.permutation(48), []
    for batch in (rows[:20], rows[20:40], rows[40:]):
        loss, weights = naive.method_step(x[batch][..., None], y[batch], weights, {}, method, 0.05, 0, 0, 0)
        losses += [loss] * len(batch)
    trained.partial_fit(x, y)
    assert trained.losses == [pytest.approx(np.mean(losses), rel=1e-5)]
    for name in WEIGHT_NAMES:
        assert trained.get_weights()[name] == pytest.approx(weights[name], rel=1e-4, abs=1e-6), name


def test_a_single_image_is_a_pass(data):
    x, y = data
    assert network().partial_fit(x[:1], y[:1], classes=[0, 1, 2]).n_iter_ == 1


def test_an_image_counts_the_same_whatever_comes_with_it(data):
    """A chunk of one class is weighted too, and a weight is a longer step of plain SGD."""
    x, y = data
    first, second = network(class_weight={0: 3, 1: 0}), network().set_params(learning_rate=0.15)
    for trained in (first, second):
        trained.partial_fit(x[y == 0], y[y == 0], classes=[0, 1, 2])
    for name in WEIGHT_NAMES:
        assert first.get_weights()[name] == pytest.approx(second.get_weights()[name], rel=1e-4, abs=1e-6), name
    before = first.get_weights()
    first.partial_fit(x[y == 1], y[y == 1])
    first.partial_fit(x, y, sample_weight=np.zeros(48))
    assert all(np.array_equal(first.get_weights()[name], before[name]) for name in WEIGHT_NAMES)
    assert first.losses[1:] == [0, 0]


def test_a_part_cannot_be_balanced(data):
    with pytest.raises(InputError, match="class_weight='balanced' needs all samples, and partial_fit sees a part of"):
        network(class_weight="balanced").partial_fit(*data)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"shift": 4}, "shift must be at most half of the smaller side of the images, 3, got 4: little would be left"),
        ({"erase": 6}, "erase must be below the smaller side of the images, 6, got 6"),
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_nothing_is_trained_out_of_sight(data, method, settings, text):
    trained = network(**settings)
    with pytest.raises(InputError, match=text):
        getattr(trained, method)(*data)
    assert not trained.__sklearn_is_fitted__()


def test_many_passes_learn(data):
    x, y = data
    x = x / 4 + 0.3 * y[:, None, None]
    trained = network()
    for _ in range(150):
        trained.partial_fit(x, y, classes=[0, 1, 2])
    assert trained.score(x, y) > 0.9
    assert trained.n_iter_ == len(trained.loss_curve_) == trained.best_epoch_ == 150


def test_classes_may_come_later(data):
    x, y = data
    trained = network().partial_fit(x[y < 2], y[y < 2], classes=[2, 1, 0])
    assert trained.classes_.tolist() == [0, 1, 2]
    trained.partial_fit(x[y == 2], y[y == 2]).partial_fit(x, y, [0, 1, 2])
    assert trained.predict_proba(x).shape == (48, 3)
    with pytest.raises(InputError, match=re.escape("classes must be those of the first call, [0, 1, 2], or left out")):
        trained.partial_fit(x, y, classes=[0, 1, 3])
    with pytest.raises(InputError, match="y holds the label 7, which is not one of the classes: 0, 1, 2"):
        trained.partial_fit(x, np.full(48, 7))


@pytest.mark.parametrize(
    ("classes", "error", "message"),
    [
        (3, InputTypeError, "classes must be an array of labels, got 3"),
        ([1], InputError, "classes must hold at least 2 classes, got one class only: 1"),
        (np.eye(3, dtype=int), InputError, "classes must have shape (C,), got (3, 3)"),
        ([0, 1], InputError, "y holds the label 2, which is not one of the classes: 0, 1"),
    ],
)
def test_classes_that_cannot_be_are_refused(data, classes, error, message):
    with pytest.raises(error, match=re.escape(message)):
        network().partial_fit(*data, classes=classes)


def test_a_refused_call_leaves_the_network_without_weights(data):
    x, y = data
    trained = network()
    with pytest.raises(InputError):
        trained.partial_fit(x, y, sample_weight=[1])
    assert not trained.__sklearn_is_fitted__()


def test_partial_fit_says_when_it_diverges(data):
    x, y = data
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) in epoch 1, batch \d"):
        network().set_params(learning_rate=1e30).partial_fit(x, y).partial_fit(x, y)


def test_it_goes_on_from_fit_and_from_a_file(data, tmp_path):
    x, y = data
    trained = network().fit(x, y, 2)
    trained.save(tmp_path / "model.safetensors")
    before = trained.get_loss(x, y)
    loaded = ConvolutionNetwork.load(tmp_path / "model.safetensors").set_params(learning_rate=0.05, batch_size=16)
    for _ in range(20):
        trained.partial_fit(x, y)
        loaded.partial_fit(x, y)
    assert trained.n_iter_ == 22
    assert loaded.n_iter_ == 20
    assert trained.get_loss(x, y) < before
    assert loaded.get_loss(x, y) < before


def test_warm_start_goes_on_where_fit_ended(engine_name, data):
    x, y = data
    trained = network(engine_name, warm_start=True).fit(x, y, 2, x[:9], y[:9])
    losses, weights = trained.losses, trained.get_weights()
    trained.fit(x, y, 3, x[:9], y[:9])
    assert trained.losses[:2] == losses
    assert trained.n_iter_ == len(trained.val_losses) == len(trained.history_.seconds) == trained.best_epoch_ == 5
    again = network(engine_name)
    again.init_weights((6, 6, 1), 3)
    again.set_weights(weights)
    assert same(again.set_params(warm_start=True).fit(x, y, 3), trained)
    trained.set_params(warm_start=False).fit(x, y, 2)
    assert trained.losses == losses


def test_warm_start_begins_where_there_is_nothing(data):
    x, y = data
    assert same(network(warm_start=True).fit(x, y, 2), network().fit(x, y, 2))


def test_warm_start_keeps_the_best_epoch_of_the_later_fit(data):
    x, y = data
    trained = network(warm_start=True, patience=1).fit(x, y, 4, x[:9], y[:9])
    epochs = trained.n_iter_
    trained.fit(x, y, 4, x[:9], y[:9])
    assert epochs < trained.best_epoch_ <= trained.n_iter_


def test_warm_start_keeps_the_standardization(data):
    x, y = data
    trained = network(warm_start=True, standardize=True).fit(x, y, 1)
    before = trained._engine.preprocessing
    trained.set_params(test_flip=True).fit(x * 0.5, y, 1)
    assert trained._engine.preprocessing == replace(before, test_flip=True)


@pytest.mark.parametrize("before", [True, False])
def test_warm_start_refuses_to_standardize_otherwise(data, before):
    trained = network(warm_start=True, standardize=before).fit(*data, 1)
    said = "standardized, but standardize is False. Set it to True" if before else "not standardized, but standardize"
    with pytest.raises(InputError, match=f"^warm_start cannot continue with this network: its images are {said}"):
        trained.set_params(standardize=not before).fit(*data, 1)


def test_a_run_that_went_on_from_weights_is_resumed_by_a_network_that_has_none(data, tmp_path):
    x, y = data
    whole = network(warm_start=True, standardize=True).fit(x * 0.5, y, 2)
    stopped = deepcopy(whole)
    whole.fit(x, y, 4)
    stopped.fit(x, y, 2, run=tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["settings"]["warm_start"] is True
    resumed = network(standardize=True).fit(x, y, 4, resume=tmp_path / "run")
    assert same(resumed, whole)
    assert resumed._engine.preprocessing == whole._engine.preprocessing
    assert resumed.losses == whole.losses[2:]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("labels", "its classes are [0, 1, 2], not [1, 2, 3]"),
        ("shape", "the architecture's height is 6, not 4"),
        ("kernels", "the architecture's n_kernels is 3, not 5"),
    ],
)
def test_warm_start_refuses_another_network(data, change, text):
    x, y = data
    trained = network(warm_start=True).fit(x, y, 1)
    if change == "labels":
        y = y + 1
    elif change == "shape":
        x = x[:, :4]
    else:
        trained.set_params(n_kernels=5)
    text = f"warm_start cannot continue with this network: {text}. Set warm_start=False to start again"
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        trained.fit(x, y, 1)
    trained.set_params(warm_start=False).fit(x, y, 1)


def test_warm_start_must_be_a_boolean(data):
    with pytest.raises(InputTypeError, match="warm_start must be True or False, got 1"):
        network(warm_start=1).fit(*data)
