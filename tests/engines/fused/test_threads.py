"""The threads of the fused engine: they end with the call, survive forks and Ctrl-C, and are as many as asked for."""

import multiprocessing
import threading
import time

import numpy as np
import pytest
from engine_cases import make_case, make_engine, train
from numba import njit

from golmu import ConvolutionNetwork
from golmu.engines.fused.threads import (
    ABORTED,
    FORWARD,
    claim,
    run_in_threads,
    shared_state,
    tell,
    wait_for,
    wait_for_all,
)
from golmu.errors import InputError, InputTypeError


def test_no_thread_outlives_a_call():
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 300))
    engine = make_engine("fused", architecture, weights, 2)
    before = threading.active_count()
    train(engine, engine.prepare(images, labels), np.arange(300)[None], 0.1)
    engine.logits(images)
    assert threading.active_count() == before


def _logits_in_child(engine, images, queue):
    queue.put(engine.logits(images))


def test_it_survives_a_fork():
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 300))
    engine = make_engine("fused", architecture, weights, 2)
    train(engine, engine.prepare(images, labels), np.arange(300)[None], 0.1)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_logits_in_child, args=(engine, images, queue))
    child.start()
    assert np.array_equal(queue.get(timeout=60), engine.logits(images))
    child.join(60)
    assert child.exitcode == 0


def test_an_interruption_waits_for_the_threads_and_is_raised(monkeypatch):
    is_interrupted, finished = threading.Event(), []
    real_join = threading.Thread.join

    def join(self, timeout=None):
        if not is_interrupted.is_set():
            is_interrupted.set()
            raise KeyboardInterrupt
        real_join(self, timeout)

    def kernel(thread, state):
        if threading.current_thread() is not threading.main_thread():
            assert threading.current_thread().daemon
            assert is_interrupted.wait(60)
            finished.append(thread)

    monkeypatch.setattr(threading.Thread, "join", join)
    with pytest.raises(KeyboardInterrupt):
        run_in_threads(kernel, 3)
    assert sorted(finished) == [0, 1, 2]


def test_a_thread_that_cannot_start_ends_those_that_have(monkeypatch):
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 300))
    engine = make_engine("fused", architecture, weights, 3)
    data, order = engine.prepare(images, labels), np.arange(300).reshape(3, 100)
    real_start, started = threading.Thread.start, []

    def start(self):
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(self)
        real_start(self)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        train(engine, data, order, 0.1)
    assert len(started) == 2
    assert not any(thread.is_alive() for thread in started)
    assert all(np.array_equal(engine.get_weights()[name], weights[name]) for name in weights)
    monkeypatch.undo()
    other = make_engine("fused", architecture, weights, 1)
    assert np.array_equal(train(engine, data, order, 0.1), train(other, data, order, 0.1))
    assert np.array_equal(engine.logits(images), other.logits(images))


@pytest.mark.parametrize("n_kernels", [40, (4, 64)])
def test_an_interruption_while_the_last_thread_starts_leaves_whole_steps(monkeypatch, n_kernels):
    """The weights of a step were cut short where some threads had claimed theirs, and changed after the call."""
    architecture, images, labels, weights = make_case((8, 8, 1, n_kernels, 500, 4, 128))
    order, real_start = np.tile(np.arange(128), (400, 1)), threading.Thread.start
    engine = make_engine("fused", architecture, weights, 2)
    data, expected = engine.prepare(images, labels), engine.logits(images)

    def start(self):
        real_start(self)
        started.append(self)
        if len(started) == 2:
            time.sleep(0.0015 * len(interrupted))
            raise KeyboardInterrupt

    interrupted = []
    for _ in range(20):
        started = []
        engine.set_weights(weights)
        monkeypatch.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            train(engine, data, order, 0.1)
        monkeypatch.undo()
        assert not any(thread.is_alive() for thread in started)
        interrupted.append(engine.get_weights())
    engine.set_weights(weights)
    started = []
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(KeyboardInterrupt):
        engine.logits(images)
    monkeypatch.undo()
    assert np.array_equal(engine.logits(images), expected)
    steps = [weights]
    for row in order:
        train(engine, data, row[None], 0.1)
        steps.append(engine.get_weights())
        interrupted = [one for one in interrupted if any(not np.array_equal(one[k], steps[-1][k]) for k in one)]
    interrupted = [one for one in interrupted if any(not np.array_equal(one[k], weights[k]) for k in one)]
    assert interrupted == []


@njit(nogil=True)
def meet(state):
    """Wait for the others at the barrier; return whether all came, and what is left to claim."""
    return wait_for_all(state), claim(state, 0, 5)


def test_threads_do_not_wait_for_one_that_has_failed():
    """Where compiled code could not be kept, a thread failed, and the other waited for it for ever."""
    calls, last_has_begun = [], threading.Event()

    def kernel(thread, state):
        if thread == 1:
            assert last_has_begun.wait(60)
            raise MemoryError("no memory for thread 1")
        if thread == 2:
            last_has_begun.set()
        calls.append((threading.current_thread() is threading.main_thread(), meet(state)))

    with pytest.raises(MemoryError, match="no memory for thread 1"):
        run_in_threads(kernel, 3)
    # The first call, before the threads, is to compile the kernel, and ends at once.
    assert calls == [(True, (False, 5)), (False, (False, 5)), (False, (False, 5))]


@njit(nogil=True)
def follow(thread, state):
    """Tell of three steps, each after the thread before has told of it; return how many have come about."""
    for step in range(3):
        if thread > 0 and not wait_for(state, thread - 1, FORWARD, step + 1):
            return step
        tell(state, thread, FORWARD)
    return 3


@pytest.mark.parametrize(("missing", "expected"), [(0, 0), (1, 3)])
def test_threads_that_follow_one_another_do_not_wait_for_one_that_has_failed(missing, expected):
    steps, have_begun = {}, threading.Barrier(3, timeout=60)

    def kernel(thread, state):
        if threading.current_thread() is threading.main_thread():
            return
        have_begun.wait()
        if thread == missing:
            raise MemoryError("no memory")
        steps[thread] = follow(thread, state)

    with pytest.raises(MemoryError, match="no memory"):
        run_in_threads(kernel, 3)
    assert steps == {thread: expected if thread < missing else 0 for thread in {0, 1, 2} - {missing}}


@njit(nogil=True)
def is_there(state, count):
    return wait_for(state, 1, FORWARD, count)


def test_what_is_there_already_is_not_missed_by_a_thread_that_is_to_end():
    """Else one thread could take a step that another leaves out."""
    state = shared_state(2)
    follow(0, state)
    state[ABORTED] = 1
    assert not is_there(state, 1)
    assert is_there(state, 0)


def test_threads_of_the_estimator():
    x, y = np.random.default_rng(0).random((64, 6, 6)), np.arange(64) % 2
    one, three = (ConvolutionNetwork(n_threads=n, random_state=0).fit(x, y, 2) for n in (1, 3))
    assert np.array_equal(one.w1, three.w1)
    assert one.engine_ == "fused"
    with pytest.raises(InputError, match="n_threads must be an integer from 1 to 1024, got 0"):
        ConvolutionNetwork(n_threads=0).fit(x, y, 1)
    with pytest.raises(InputTypeError, match=r"n_threads must be an integer from 1 to 1024, got 1\.5"):
        ConvolutionNetwork(n_threads=1.5).fit(x, y, 1)
