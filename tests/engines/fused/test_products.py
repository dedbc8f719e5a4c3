"""The matrix product of the fused engine against NumPy's."""

import numpy as np
import pytest
from engine_cases import relative
from numba import njit

from golmu.engines.fused import products
from golmu.engines.fused.layout import SAMPLES_PER_LARGE_PART, SAMPLES_PER_PART


@njit
def multiply(a, b, c, beta):
    rows, n_k = a.shape
    samples = b.shape[1]
    products.multiply(rows, a.ctypes.data, n_k, products.UNIT_STRIDE, b.ctypes.data, c.ctypes.data, samples, n_k, beta)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4, 5, 6, 7, 13])
@pytest.mark.parametrize("beta", [0, 1])
@pytest.mark.parametrize("samples", [SAMPLES_PER_PART, SAMPLES_PER_LARGE_PART])
def test_multiply_against_numpy(n_rows, beta, samples):
    rng = np.random.default_rng(n_rows)
    a, b = rng.normal(size=(n_rows, 9)).astype(np.float32), rng.normal(size=(9, samples)).astype(np.float32)
    # With beta = 0, the old content of C must not matter, not even NaN.
    c = np.full((n_rows, samples), np.nan if beta == 0 else 2, np.float32)
    expected = a.astype(float) @ b + (0 if beta == 0 else 2)
    multiply(a, b, c, np.float32(beta))
    assert relative(c, expected) < 1e-6
