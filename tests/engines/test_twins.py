"""The twins themselves, in float64: against central differences of their own loss, and TensorFlow's differentiation."""

import naive
import numpy as np
import pytest

from golmu.architecture import Architecture
from golmu.recipe import Method

ARCHITECTURES = [
    Architecture(7, 6, 2, 3, 5, 4),
    Architecture(7, 7, 2, (4, 3), 5, 4),  # 7×7 to 3×3 to 1×1
    Architecture(8, 11, 1, (3, 4, 5), 5, 4),
    Architecture(16, 17, 3, (4, 3, 5, 4), 5, 4),
]


@pytest.fixture(scope="module", params=ARCHITECTURES, ids=lambda architecture: f"{architecture.n_blocks} blocks")
def case(request):
    rng = np.random.default_rng(3)
    architecture = request.param
    weights = {name: rng.normal(0, 0.5, shape) for name, shape in architecture.shapes.items()}
    return rng.normal(0, 1, (6, *architecture.image_shape)), rng.integers(0, 4, 6), weights


def assert_slopes(slopes, function, array, n=5):
    """Asserts that at n random places the slopes, not all of them zero, are the function's central differences."""
    rng = np.random.default_rng(1)
    assert np.abs(slopes).max() > 0
    for _ in range(n):
        index = tuple(rng.integers(0, size) for size in array.shape)
        slope = naive.central_difference(function, array, index)
        assert slopes[index] == pytest.approx(slope, rel=1e-5, abs=1e-8), index


def test_gradients_are_central_differences(case):
    images, labels, weights = case
    _, gradients = naive.gradients(images, labels, weights)
    assert list(gradients) == list(weights)
    for name, weight in weights.items():
        assert_slopes(gradients[name], lambda: naive.loss(images, labels, weights), weight)


def test_a_step_by_a_method_goes_down_its_central_differences(case):
    images, labels, weights = case
    method = Method(
        weight_decay=0.5, label_smoothing=0.2, feature_dropout=0.3, hidden_dropout=0.4, flip=True, shift=1, erase=2
    )

    def step(rate=0.0):
        return naive.method_step(images, labels, weights, {}, method, rate, 0, seed=3, batch=4)

    _, moved = step(rate=1e-3)
    for name, weight in weights.items():
        slopes = (weight - moved[name]) / 1e-3 - method.weight_decay * weight
        assert_slopes(slopes, lambda: step()[0], weight)


def test_input_gradient_is_central_differences(case):
    images, _, weights = case
    output_gradient = np.random.default_rng(2).normal(0, 1, (6, 4))
    _, gradient = naive.backward(naive.forward(images, weights), weights, output_gradient)

    def value():
        return (naive.forward(images, weights)["logits"] * output_gradient).sum()

    assert_slopes(gradient, value, images, 20)


def test_all_gradients_are_those_of_tensorflows_automatic_differentiation(case):
    import tensorflow as tf

    images, labels, weights = case
    output_gradient = np.random.default_rng(2).normal(0, 1, (6, 4))
    x, variables = tf.Variable(images), {name: tf.Variable(weight) for name, weight in weights.items()}
    with tf.GradientTape(persistent=True) as tape:
        pooled, maps = x, []
        for kernels, bias in naive.block_names(weights):
            maps.append(tf.nn.conv2d(pooled, variables[kernels], strides=1, padding="SAME") + variables[bias])
            activations = tf.nn.relu(maps[-1])
            pooled = tf.nn.max_pool2d(activations, ksize=2, strides=2, padding="VALID")
        hidden = tf.nn.relu(tf.reshape(pooled, [6, -1]) @ variables["w1"] + variables["b1"])
        logits = hidden @ variables["w2"] + variables["b2"]
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        product = tf.reduce_sum(logits * output_gradient)

    f = naive.forward(images, weights)
    loss_of_twin, gradients = naive.gradients(images, labels, weights)
    pairs = [(block["maps"], its) for block, its in zip(f["blocks"], maps, strict=True)]
    pairs += [(f["logits"], logits), (loss_of_twin, loss)]
    pairs += [(gradients[name], tape.gradient(loss, variable)) for name, variable in variables.items()]
    pairs.append((naive.backward(f, weights, output_gradient)[1], tape.gradient(product, x)))
    pairs.append((naive.activation_gradient(f, weights, output_gradient), tape.gradient(product, activations)))
    for mine, its in pairs:
        np.testing.assert_allclose(mine, its.numpy(), rtol=1e-9, atol=1e-12)


def test_loss_of_equal_logits_is_log_of_the_number_of_classes():
    assert naive.sample_losses(np.zeros((3, 10)), np.array([0, 4, 9])) == pytest.approx([np.log(10)] * 3)
