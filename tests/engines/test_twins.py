"""The twins themselves: their gradients against central differences of their own loss, in float64."""

import naive
import numpy as np
import pytest
from small_network import WEIGHT_NAMES

from golmu.architecture import Architecture
from golmu.recipe import Method


@pytest.fixture(scope="module")
def case():
    rng = np.random.default_rng(3)
    architecture = Architecture(7, 6, 2, 3, 5, 4)
    weights = {name: rng.normal(0, 0.5, shape) for name, shape in architecture.shapes.items()}
    return rng.normal(0, 1, (6, 7, 6, 2)), rng.integers(0, 4, 6), weights


@pytest.mark.parametrize("name", WEIGHT_NAMES)
def test_gradients_are_central_differences(case, name):
    images, labels, weights = case
    _, gradients = naive.gradients(images, labels, weights)
    rng = np.random.default_rng(1)
    for _ in range(12):
        index = tuple(rng.integers(0, size) for size in weights[name].shape)
        slope = naive.central_difference(lambda: naive.loss(images, labels, weights), weights[name], index)
        assert gradients[name][index] == pytest.approx(slope, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", WEIGHT_NAMES)
def test_a_step_by_a_method_goes_down_its_central_differences(case, name):
    images, labels, weights = case
    method = Method(
        weight_decay=0.5, label_smoothing=0.2, feature_dropout=0.3, hidden_dropout=0.4, flip=True, shift=1, erase=2
    )

    def step(rate=0.0):
        return naive.method_step(images, labels, weights, {}, method, rate, 0, seed=3, batch=4)

    _, moved = step(rate=1e-3)
    slopes = (weights[name] - moved[name]) / 1e-3 - method.weight_decay * weights[name]
    rng = np.random.default_rng(1)
    for _ in range(12):
        index = tuple(rng.integers(0, size) for size in weights[name].shape)
        slope = naive.central_difference(lambda: step()[0], weights[name], index)
        assert slopes[index] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_input_gradient_is_central_differences(case):
    images, _, weights = case
    output_gradient = np.random.default_rng(2).normal(0, 1, (6, 4))
    _, gradient = naive.backward(naive.forward(images, weights), weights, output_gradient)

    def value():
        return (naive.forward(images, weights)["logits"] * output_gradient).sum()

    for index in [(0, 0, 0, 0), (1, 3, 2, 1), (2, 5, 5, 0), (5, 6, 0, 1), (4, 1, 1, 1)]:
        slope = naive.central_difference(value, images, index)
        assert gradient[index] == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_loss_of_equal_logits_is_log_of_the_number_of_classes():
    assert naive.sample_losses(np.zeros((3, 10)), np.array([0, 4, 9])) == pytest.approx([np.log(10)] * 3)
