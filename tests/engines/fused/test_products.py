"""The matrix products of the fused engine against NumPy's."""

import numpy as np
import pytest
from engine_cases import relative
from numba import njit

from golmu.engines.fused import products
from golmu.engines.fused.layout import SAMPLES_PER_LARGE_PART, SAMPLES_PER_PART, round_up_to_vectors
from golmu.engines.fused.passes import pack_by_sample


@njit
def multiply(a, b, c, beta):
    rows, n_k = a.shape
    samples = b.shape[1]
    products.multiply(rows, a.ctypes.data, n_k, products.UNIT_STRIDE, b.ctypes.data, c.ctypes.data, samples, n_k, beta)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 20])
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


@njit
def outer(left, right, first, last, factor, beta, c):
    n_parts, n_columns, samples = right.shape
    packed = np.zeros(n_parts * samples * c.shape[1], np.float32)
    for part in range(n_parts):
        pack_by_sample(right[part], part, n_parts, c.shape[1], packed)
    products.outer(left, packed, first, last, factor, beta, c.ctypes.data, n_columns, c.shape[1])


@pytest.mark.parametrize("n_columns", [1, 4, 5, 8, 9, 16, 17, 20, 33, 37, 49, 100])
@pytest.mark.parametrize("beta", [0, 1])
def test_outer_against_numpy(n_columns, beta):
    rng = np.random.default_rng(n_columns)
    left, right = (rng.normal(size=(3, n, SAMPLES_PER_PART)).astype(np.float32) for n in (30, n_columns))
    c = np.full((27, round_up_to_vectors(n_columns)), np.nan if beta == 0 else 2, np.float32)
    expected = -0.5 * np.einsum("pks,pcs->kc", left[:, 2:29].astype(float), right) + (0 if beta == 0 else 2)
    outer(left, right, 2, 29, np.float32(-0.5), np.float32(beta), c)
    assert relative(c[:, :n_columns], expected) < 1e-6
    assert (c[:, n_columns:] == (0 if beta == 0 else 2)).all(), "what lies behind the columns stays, or is set to zero"


@pytest.mark.parametrize("n_columns", [1, 3, 4, 35, 36, 100])
@pytest.mark.parametrize("samples", [SAMPLES_PER_PART, SAMPLES_PER_LARGE_PART])
def test_the_bits_of_outer_do_not_depend_on_the_tile(n_columns, samples):
    """A few last columns go through a tile of their own, single rows through another."""
    rng = np.random.default_rng(n_columns)
    left, right = (rng.normal(size=(3, n, samples)).astype(np.float32) for n in (37, n_columns))
    more_columns = np.concatenate([right, np.zeros((3, 5, samples), np.float32)], axis=1)
    c, of_more, by_row = (
        np.ones((37, round_up_to_vectors(n)), np.float32) for n in (n_columns, n_columns + 5, n_columns)
    )
    factor, beta = np.float32(-0.5), np.float32(1)
    outer(left, right, 0, 37, factor, beta, c)
    outer(left, more_columns, 0, 37, factor, beta, of_more)
    for row in range(37):
        outer(left, right, row, row + 1, factor, beta, by_row[row : row + 1])
    np.testing.assert_array_equal(c[:, :n_columns], of_more[:, :n_columns])
    np.testing.assert_array_equal(c, by_row)
