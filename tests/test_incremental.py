"""partial_fit and warm_start: going on from the weights that there are."""

import re

import numpy as np
import pytest

import naive
from golmu import ConvolutionNetwork
from golmu.architecture import WEIGHT_NAMES
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
    trained.fit(x * 0.5, y, 1)
    assert trained._engine.preprocessing == before


@pytest.mark.parametrize("change", ["labels", "shape", "kernels"])
def test_warm_start_refuses_another_network(data, change):
    x, y = data
    trained = network(warm_start=True).fit(x, y, 1)
    if change == "labels":
        y = y + 1
    elif change == "shape":
        x = x[:, :4]
    else:
        trained.set_params(n_kernels=5)
    with pytest.raises(InputError, match=r"^warm_start goes on with .*: set warm_start=False to begin anew$"):
        trained.fit(x, y, 1)
    trained.set_params(warm_start=False).fit(x, y, 1)


def test_warm_start_must_be_a_boolean(data):
    with pytest.raises(InputTypeError, match="warm_start must be True or False, got 1"):
        network(warm_start=1).fit(*data)
