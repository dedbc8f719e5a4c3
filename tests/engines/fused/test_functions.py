"""The fused engine's exponential and logarithm against NumPy's."""

import numpy as np
from numba import njit

from golmu.engines.fused import functions


@njit
def exponentials(x):
    return np.array([functions.exponential(value) for value in x])


@njit
def logarithms(x):
    return np.array([functions.logarithm(value) for value in x])


def test_exponential_and_logarithm_against_numpy():
    x = np.concatenate([np.linspace(-86.9, 0, 20_001), -np.logspace(-30, 1, 1000)]).astype(np.float32)
    assert np.abs(exponentials(x) / np.exp(x.astype(float)) - 1).max() < 3e-7
    special = exponentials(np.array([-88, -np.inf, np.nan, 0], np.float32))
    assert np.array_equal(special, [0, 0, np.nan, 1], equal_nan=True)
    x = np.concatenate([np.linspace(1, 20, 10_001), np.logspace(0, 30, 1000)])
    assert np.abs(logarithms(x) - np.log(x)).max() < 1e-13
    assert np.array_equal(logarithms(np.array([np.inf, np.nan])), [np.inf, np.nan], equal_nan=True)
