"""The canonical weights on their way into the fused engine's memory and back."""

import pickle
from copy import copy, deepcopy
from itertools import pairwise

import numpy as np
import pytest
from engine_cases import make_case, make_engine
from numba import njit
from small_network import WEIGHT_NAMES

from golmu.architecture import Architecture
from golmu.engines.contract import Batches
from golmu.engines.fused.layout import (
    CACHE_LINE_BYTES,
    NUMBERS_PER_BLOCK,
    ROWS_PER_BLOCK,
    make_flat,
    parameters_of,
)
from golmu.engines.fused.updates import FURTHER_BLOCKS, block_range
from golmu.recipe import Method


def test_weights_go_in_and_come_out_as_they_were():
    architecture, _, _, weights = make_case((9, 7, 3, 4, 6, 3, 1))
    returned = make_engine("fused", architecture, weights).get_weights()
    assert list(returned) == list(WEIGHT_NAMES)
    for name in WEIGHT_NAMES:
        assert np.array_equal(returned[name], weights[name])
        assert returned[name].flags.c_contiguous


def test_parameters_are_those_of_the_architecture():
    architecture = Architecture(28, 28, 1, 10, 100, 10)
    weights = make_engine("fused", architecture, architecture.initial_weights(np.random.default_rng(0))).get_weights()
    assert sum(value.size for value in weights.values()) == architecture.n_parameters == 197_210


@pytest.mark.parametrize("n_kernels", [4, (3, 5)])
def test_weights_and_slots_begin_at_cache_lines(n_kernels):
    architecture, _, _, weights = make_case((9, 7, 3, n_kernels, 6, 3, 1))
    engine = make_engine("fused", architecture, weights)
    engine.set_slots({"first": weights, "average": weights})
    for array in [*engine._net, *engine._slots.values()]:
        assert array.ctypes.data % CACHE_LINE_BYTES == 0 or array.size == 0


@njit
def range_of(net, first_row, last_row, block):
    return block_range(net, first_row, last_row, block)


@pytest.mark.parametrize(("n_kernels", "edges"), [(4, [0]), ((16, 40, 5), [0]), (4, [0, 200, 300])])
def test_the_blocks_of_an_update_hold_each_parameter_once(n_kernels, edges):
    """`edges` is where in dense1 the bands of the threads begin."""
    architecture, ranges = Architecture(20, 24, 3, n_kernels, 6, 3), []
    flat = make_flat(architecture)
    net = parameters_of(architecture, flat)
    further = FURTHER_BLOCKS + -(-len(net.deeper) // NUMBERS_PER_BLOCK)
    for first, last in pairwise([*edges, len(net.dense1)]):
        for block in range(-(-(last - first) // ROWS_PER_BLOCK) + (further if last == len(net.dense1) else 0)):
            ranges.append(range_of(net, first, last, block))
            assert all(isinstance(place, int) for place in ranges[-1])
    for start, end in ranges:
        flat[start:end] += 1
    assert sum(end - start for start, end in ranges) == sum(array.size for array in net)
    assert all((array == 1).all() for array in net)


@pytest.mark.parametrize("copied", [copy, deepcopy, lambda engine: pickle.loads(pickle.dumps(engine))])
@pytest.mark.parametrize("n_kernels", [4, (3, 5)])
def test_a_copied_engine_trains_apart_from_the_first(n_kernels, copied):
    architecture, images, labels, weights = make_case((9, 7, 3, n_kernels, 6, 3, 64))
    engine = make_engine("fused", architecture, weights)
    engine.set_slots({"first": weights})
    logits = engine.logits(images[:3])
    second = copied(engine)
    order, method = np.arange(64).reshape(2, 32), Method(optimizer="nesterov")
    for one, other in ((second, engine), (engine, second)):
        before = other.get_weights(), other.get_slots()["first"]
        one.train(one.prepare(images, labels), Batches.at(0.1, order), method)
        after = other.get_weights(), other.get_slots()["first"]
        assert all(np.array_equal(a[name], b[name]) for a, b in zip(before, after, strict=True) for name in a)
    for name, value in engine.get_weights().items():
        assert np.array_equal(value, second.get_weights()[name])
        assert not np.array_equal(value, weights[name]), name
    assert np.array_equal(engine.logits(images[:3]), second.logits(images[:3]))
    assert not np.array_equal(engine.logits(images[:3]), logits)


@pytest.mark.parametrize("n_kernels", [4, (3, 5)])
def test_the_memory_of_a_batch_does_not_go_with_a_copy(n_kernels):
    architecture, images, labels, weights = make_case((9, 7, 3, n_kernels, 6, 3, 640))
    engine = make_engine("fused", architecture, weights)
    before = len(pickle.dumps(engine))
    engine.train(engine.prepare(images, labels), Batches.at(0.1, np.arange(640)[None]), Method())
    assert len(pickle.dumps(engine)) < before + 1000
