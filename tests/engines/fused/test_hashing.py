"""The draws of the fused engine, against the evident twin and against what chance should look like."""

import naive
import numpy as np
import pytest
from numba import njit

from golmu.engines import draws
from golmu.engines.draws import DROPOUT
from golmu.engines.fused.hashing import draw, draw_below, sample_key


@njit
def many(seed, batch, n_samples, numbers):
    out = np.empty((n_samples, len(numbers)), np.uint32)
    for s in range(n_samples):
        key = sample_key(np.uint32(seed), batch, s)
        for i in range(len(numbers)):
            out[s, i] = draw(key, numbers[i])
    return out


@njit
def many_below(n, n_samples):
    out = np.empty(n_samples, np.int64)
    for s in range(n_samples):
        out[s] = draw_below(sample_key(np.uint32(3), 4, s), 1, n)
    return out


@pytest.mark.parametrize(("seed", "batch"), [(0, 0), (2**32 - 1, 374), (123_456_789, 2**20)])
def test_they_are_those_of_the_twin(seed, batch):
    numbers = np.array([0, 1, 4, DROPOUT, DROPOUT + 1959, DROPOUT + 2060])
    found = many(seed, batch, 9, numbers)
    for (s, i), value in np.ndenumerate(found):
        assert value == naive.draw(seed, batch, s, int(numbers[i]))


def test_they_look_like_chance():
    """Means, and correlations between neighbours in every direction, within five standard errors."""
    uniform = many(7, 3, 1000, np.arange(1000)) / 2**32
    n = uniform.size
    assert abs(uniform.mean() - 0.5) < 5 / np.sqrt(12 * n)
    assert np.abs(uniform.mean(axis=0) - 0.5).max() < 5 / np.sqrt(12 * 1000)
    assert np.abs(uniform.mean(axis=1) - 0.5).max() < 5 / np.sqrt(12 * 1000)
    others = [uniform[1:], uniform[:, 1:], many(7, 4, 1000, np.arange(1000)) / 2**32,
              many(8, 3, 1000, np.arange(1000)) / 2**32]  # fmt: skip
    for other in others:
        mine = uniform[: other.shape[0], : other.shape[1]]
        correlation = np.corrcoef(mine.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(other.size)


def test_draws_below_a_number_are_even():
    counts = np.bincount(many_below(7, 70_000), minlength=7)
    assert len(counts) == 7
    assert np.abs(counts - 10_000).max() < 5 * np.sqrt(10_000)


def test_numbers_do_not_meet():
    names = [draws.FLIP, draws.SHIFT_DOWN, draws.SHIFT_RIGHT, draws.ERASE_ROW, draws.ERASE_COLUMN, draws.DROPOUT]
    assert sorted(names) == list(range(6))
