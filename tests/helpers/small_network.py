"""A small network with its images and labels, for the tests of the estimator."""

import numpy as np

from golmu import ConvolutionNetwork

WEIGHT_NAMES = ("conv_w", "conv_b", "w1", "b1", "w2", "b2")
"""The weights of a network of one block, in the canonical order."""

SHAPE = (7, 6, 2)
BATCH = 8
N = 50
SETTINGS = {"n_kernels": 3, "units": 5, "batch_size": BATCH, "learning_rate": 0.2, "random_state": 1}

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (N, *SHAPE), np.uint8)
Y = np.arange(N) % 3
NAMES = np.array(["ant", "bee", "cat"])


def network(**changes):
    return ConvolutionNetwork(**{**SETTINGS, **changes})


def ready(**changes):
    """A network with weights, none of them zero, that has not been trained."""
    made = network(**changes)
    made.init_weights(SHAPE, 3)
    weights = made.get_weights()
    for name in ("conv_b", "b1", "b2"):
        weights[name] = np.random.default_rng(1).normal(0, 0.1, weights[name].shape)
    made.set_weights(weights)
    return made


def same_weights(one, other):
    return equal(one.get_weights(), other.get_weights())


def equal(weights, others):
    """Whether two networks' weights have the same names and bits."""
    return list(weights) == list(others) and all(np.array_equal(weights[name], others[name]) for name in weights)


def assert_close(actual, expected, tolerance):
    assert list(actual) == list(expected)
    for name, value in expected.items():
        assert np.abs(actual[name] - value).max() <= tolerance * np.abs(value).max(), name
