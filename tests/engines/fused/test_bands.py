"""The training of one block in bands: their edges, and the bits, which are those of one thread.

More networks, and all methods of training, are in `tests/engines/test_steps.py`.
"""

import numpy as np
import pytest
from engine_cases import make_case, make_engine, train

from golmu.engines.contract import Batches
from golmu.engines.fused.layout import first_row_of
from golmu.recipe import Method


@pytest.mark.parametrize("n_rows", range(1, 20))
def test_bands_have_each_row_once_and_as_many_as_the_next_or_one_more(n_rows):
    for n_bands in range(1, n_rows + 1):
        edges = [first_row_of(band, n_bands, n_rows) for band in range(n_bands + 1)]
        sizes = np.diff(edges)
        assert (edges[0], edges[-1]) == (0, n_rows)
        assert sizes.min() >= 1
        assert sizes.max() == -(-n_rows // n_bands)
        assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize(("batch_size", "loss_after"), [(1, False), (20, True), (32, False), (70, True)])
def test_many_batches_in_one_call_have_the_bits_of_one_thread(batch_size, loss_after):
    """In batches of one part, a second thread helps where there are several of them."""
    architecture, images, labels, weights = make_case((28, 28, 1, 10, 100, 10, 600), np.uint8)
    order = np.random.default_rng(0).integers(0, 600, (30, batch_size))
    results = []
    for n_threads in (1, 2, 3):
        engine = make_engine("fused", architecture, weights, n_threads)
        losses = train(engine, engine.prepare(images, labels), order, 0.1, loss_after=loss_after)
        results.append((losses, engine.get_weights()))
    for losses, others in results[1:]:
        assert np.array_equal(losses, results[0][0])
        assert all(np.array_equal(others[name], results[0][1][name]) for name in others)


def test_an_infinite_weight_makes_the_same_weights_nan_whatever_was_trained_before():
    """Samples that only fill a part kept the keys of an earlier batch, and 0 · inf is NaN where a draw keeps it."""
    architecture, images, labels, weights = make_case((8, 8, 1, 2, 40, 2, 64), np.uint8)
    weights["conv_b"] = np.array([np.inf, 0], np.float32)
    method, results = Method(feature_dropout=0.9, record_loss="before"), []
    for n_threads, first in ((1, False), (1, True), (2, True)):
        engine = make_engine("fused", architecture, weights, n_threads)
        data = engine.prepare(images, labels)
        if first:
            engine.train(data, Batches.at(0.1, np.arange(64)[None], seed=3), method)
            engine.set_weights(weights)
        engine.train(data, Batches.at(0.1, np.zeros((1, 1), np.int64), seed=7), method)
        results.append(np.isnan(engine.get_weights()["w1"]))
    assert 0 < results[0].sum() < results[0].size
    assert all(np.array_equal(result, results[0]) for result in results)


def test_one_engine_keeps_one_memory_for_evaluations_and_any_number_of_bands():
    architecture, images, labels, weights = make_case((28, 28, 1, 10, 100, 10, 600), np.uint8)
    engine = make_engine("fused", architecture, weights, 4)
    data, kept = engine.prepare(images, labels), []
    for batch_size in (128, 90, 64, 32, 128):
        engine.evaluate(data)
        train(engine, data, np.arange(batch_size)[None], 0.1)
        ((_, buffers),) = engine._idle_buffers.items()
        kept.append((len(buffers.bands), buffers.act.ctypes.data))
    assert kept == [(n_bands, kept[0][1]) for n_bands in (4, 3, 2, 1, 4)]
