"""The order of the samples: permutations, full batches, and the warning of few samples."""

import numpy as np
import pytest

from golmu.errors import GolmuWarning
from golmu.training.batching import batches, epoch_order, warn_if_one_batch


@pytest.mark.parametrize(("n", "batch_size", "shape"), [(20, 3, (6, 3)), (20, 20, (1, 20)), (7, 1, (7, 1))])
def test_an_epochs_order_is_a_permutation_cut_into_full_batches(n, batch_size, shape):
    order = epoch_order(n, batch_size, np.random.default_rng(0))
    assert order.dtype == np.int64
    assert order.shape == shape
    assert len(np.unique(order)) == order.size
    assert set(order.ravel()) <= set(range(n))


def test_fewer_samples_than_a_batch_make_one_batch_of_them_all():
    order = epoch_order(5, 32, np.random.default_rng(0))
    assert order.shape == (1, 5)
    assert sorted(order[0]) == [0, 1, 2, 3, 4]


def test_every_sample_is_left_out_equally_often():
    rng = np.random.default_rng(0)
    seen = np.bincount(np.concatenate([epoch_order(10, 4, rng).ravel() for _ in range(2000)]))
    assert np.abs(seen / 2000 - 0.8).max() < 0.05


def test_orders_follow_the_generator():
    one, again = np.random.default_rng(1), np.random.default_rng(1)
    first = epoch_order(50, 10, one)
    assert np.array_equal(first, epoch_order(50, 10, again))
    assert not np.array_equal(first, epoch_order(50, 10, one))


def test_a_warning_says_that_there_is_only_one_batch():
    text = "^batch_size is 32, but there are only 31 samples: each epoch is one batch of them all$"
    with pytest.warns(GolmuWarning, match=text):
        warn_if_one_batch(31, 32)
    warn_if_one_batch(32, 32)


def test_batches_keep_images_and_labels_together():
    x = np.arange(40).reshape(20, 2)
    found = list(batches(x, x[:, 0], 6, np.random.default_rng(0)))
    assert [len(images) for images, _ in found] == [6, 6, 6]
    assert all(np.array_equal(images[:, 0], labels) for images, labels in found)
