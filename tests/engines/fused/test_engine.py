"""What is particular to the fused engine: its kernels, shapes of every kind, threads, forks and memory."""

import multiprocessing
import os
import resource
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import engine_cases
import naive
import numpy as np
import pytest
from engine_cases import make_case, relative, train
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from golmu import ConvolutionNetwork
from golmu.architecture import WEIGHT_NAMES, Architecture
from golmu.engines import load_ahead
from golmu.engines.contract import usable_cores
from golmu.engines.fused import engine as fused_module
from golmu.engines.fused import kernels, products
from golmu.engines.fused.engine import FusedEngine
from golmu.engines.fused.threads import kept
from golmu.engines.tensorflow.engine import TensorFlowEngine
from golmu.errors import EngineError, InputError, InputTypeError


def fused(architecture, weights, n_threads=None):
    engine = FusedEngine(architecture, n_threads)
    engine.set_weights(weights)
    return engine


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(2, 13),
    width=st.integers(2, 13),
    channels=st.sampled_from([1, 3]),
    n_kernels=st.sampled_from([1, 2, 7, 17]),
    units=st.sampled_from([1, 5, 8, 13, 24]),
    n_classes=st.sampled_from([2, 3, 10, 19]),
    n=st.sampled_from([1, 2, 31, 32, 33, 131]),
    dtype=st.sampled_from([np.uint8, np.float32]),
    seed=st.integers(0, 2**16),
)
def test_any_shape_agrees_with_the_twin(height, width, channels, n_kernels, units, n_classes, n, dtype, seed):
    size = (height, width, channels, n_kernels, units, n_classes, n)
    architecture, images, labels, weights = make_case(size, dtype, seed)
    engine = fused(architecture, weights)
    expected_loss, expected = naive.gradients(images, labels, weights)
    loss, gradients = engine.gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5, abs=1e-6)
    for name in WEIGHT_NAMES:
        assert np.abs(gradients[name] - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max() + 1e-7, name
    assert relative(engine.logits(images), naive.forward(images, weights)["logits"]) < 1e-5


@pytest.mark.parametrize("size", [(28, 28, 1, 10, 100, 10, 128), (9, 7, 3, 17, 6, 3, 131), (5, 4, 1, 1, 1, 2, 1)])
def test_gradients_agree_with_tensorflow(size):
    architecture, images, labels, weights = make_case(size, np.uint8)
    reference = TensorFlowEngine(architecture)
    reference.set_weights(weights)
    expected_loss, expected = reference.gradients(images, labels)
    loss, gradients = fused(architecture, weights).gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for name in WEIGHT_NAMES:
        assert relative(gradients[name], expected[name]) < 1e-5, name


@pytest.fixture
def large_parts(monkeypatch):
    """Every layer counts as large, so that parts have more samples."""
    monkeypatch.setattr(fused_module, "LARGE_LAYER", 0)


@pytest.mark.parametrize("size", [(9, 7, 3, 17, 230, 3, 64), (5, 4, 1, 40, 6, 3, 131), (12, 12, 1, 2, 200, 2, 600)])
def test_parts_of_more_samples_agree_with_the_twin(size, large_parts):
    architecture, images, labels, weights = make_case(size, np.uint8)
    engine = fused(architecture, weights)
    expected_loss, expected = naive.gradients(images, labels, weights)
    loss, gradients = engine.gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert all(relative(gradients[name], expected[name]) < 1e-5 for name in WEIGHT_NAMES)
    assert relative(engine.logits(images), naive.forward(images, weights)["logits"]) < 1e-5
    assert engine._kept[kernels.MORE_SAMPLES].act.shape[2] == 64
    few = engine.logits(images[:5])
    assert relative(few, naive.forward(images[:5], weights)["logits"]) < 1e-5
    assert sorted(engine._kept) == [kernels.SAMPLES, kernels.MORE_SAMPLES]


def test_the_bits_of_parts_of_more_samples_do_not_depend_on_threads(large_parts):
    test_the_bits_do_not_depend_on_the_number_of_threads(3)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4, 7])
def test_the_bits_do_not_depend_on_the_number_of_threads(n_threads):
    architecture, images, labels, weights = make_case((9, 8, 1, 5, 20, 4, 1000), np.uint8)
    order = np.random.default_rng(0).permutation(1000)[:930].reshape(6, 155)
    results = []
    for threads in (1, n_threads):
        engine = fused(architecture, weights, threads)
        data = engine.prepare(images, labels)
        losses = train(engine, data, order, 0.1, loss_after=True)
        results.append([losses, *engine.get_weights().values(), engine.logits(images), engine.evaluate(data)])
    for first, second in zip(*results, strict=True):
        assert np.array_equal(first, second)


def test_weights_go_in_and_come_out_as_they_were():
    architecture, _, _, weights = make_case((9, 7, 3, 4, 6, 3, 1))
    returned = fused(architecture, weights).get_weights()
    assert list(returned) == list(WEIGHT_NAMES)
    for name in WEIGHT_NAMES:
        assert np.array_equal(returned[name], weights[name])
        assert returned[name].flags.c_contiguous


@njit
def multiply(a, b, c, beta):
    rows, n_k = a.shape
    samples = b.shape[1]
    products.multiply(rows, a.ctypes.data, n_k, products.NEXT, b.ctypes.data, c.ctypes.data, samples, n_k, beta)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 4, 5, 6, 7, 13])
@pytest.mark.parametrize("beta", [0, 1])
@pytest.mark.parametrize("samples", [kernels.SAMPLES, kernels.MORE_SAMPLES])
def test_multiply_against_numpy(n_rows, beta, samples):
    rng = np.random.default_rng(n_rows)
    a, b = rng.normal(size=(n_rows, 9)).astype(np.float32), rng.normal(size=(9, samples)).astype(np.float32)
    # With beta = 0, what stood in C must not matter, not even NaN.
    c = np.full((n_rows, samples), np.nan if beta == 0 else 2, np.float32)
    expected = a.astype(float) @ b + (0 if beta == 0 else 2)
    multiply(a, b, c, np.float32(beta))
    assert relative(c, expected) < 1e-6


@njit
def exponentials(x):
    return np.array([kernels.exponential(value) for value in x])


@njit
def logarithms(x):
    return np.array([kernels.logarithm(value) for value in x])


def test_exponential_and_logarithm_against_numpy():
    x = np.concatenate([np.linspace(-86.9, 0, 20_001), -np.logspace(-30, 1, 1000)]).astype(np.float32)
    assert np.abs(exponentials(x) / np.exp(x.astype(float)) - 1).max() < 3e-7
    special = exponentials(np.array([-88, -np.inf, np.nan, 0], np.float32))
    assert np.array_equal(special, [0, 0, np.nan, 1], equal_nan=True)
    x = np.concatenate([np.linspace(1, 20, 10_001), np.logspace(0, 30, 1000)])
    assert np.abs(logarithms(x) - np.log(x)).max() < 1e-13
    assert np.array_equal(logarithms(np.array([np.inf, np.nan])), [np.inf, np.nan], equal_nan=True)


def test_where_no_compiled_code_can_be_kept_it_is_compiled_each_time(monkeypatch):
    def refuse(*_arguments):
        raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")

    monkeypatch.setattr("numba.core.dispatcher.FunctionCache", refuse)
    add = kept(nogil=True)(lambda a, b: a + b)
    assert add(2, 3) == 5


def test_code_that_was_compiled_before_gives_the_same_bits(tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import engine_cases as t\n"
        "a, images, labels, weights = t.make_case((9, 8, 1, 5, 20, 4, 128))\n"
        "engine = t.make_engine('fused', a, weights); order = t.np.arange(128).reshape(2, 64)\n"
        "losses = t.train(engine, engine.prepare(images, labels), order, 0.1, loss_after=True)\n"
        "print(losses.tobytes().hex(), *(value.tobytes().hex() for value in engine.get_weights().values()))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", code, str(Path(engine_cases.__file__).parent)]
    first, later = (
        subprocess.run(command, env=environment, capture_output=True, text=True, check=True) for _ in range(2)
    )
    assert "compiling the kernels" in first.stderr
    assert "compiling" not in later.stderr
    assert first.stdout == later.stdout


@pytest.mark.parametrize("taps", ["infinite", "not a number"])
def test_what_is_not_finite_surfaces(taps):
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 40))
    weights["conv_w"][0, 0, 0, 2] = np.inf if taps == "infinite" else np.nan
    engine = fused(architecture, weights)
    assert not np.isfinite(engine.logits(images)).all()
    assert not np.isfinite(engine.evaluate(engine.prepare(images, labels)).loss)
    assert not np.isfinite(engine.gradients(images, labels)[0])


def test_no_thread_outlives_a_call():
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 300))
    engine = fused(architecture, weights, 2)
    before = threading.active_count()
    train(engine, engine.prepare(images, labels), np.arange(300)[None], 0.1)
    engine.logits(images)
    assert threading.active_count() == before


def _logits_in_child(engine, images, queue):
    queue.put(engine.logits(images))


def test_it_survives_a_fork():
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 300))
    engine = fused(architecture, weights, 2)
    train(engine, engine.prepare(images, labels), np.arange(300)[None], 0.1)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_logits_in_child, args=(engine, images, queue))
    child.start()
    assert np.array_equal(queue.get(timeout=60), engine.logits(images))
    child.join(60)
    assert child.exitcode == 0


def test_an_interruption_waits_for_the_threads_and_is_raised(monkeypatch):
    architecture, images, _, weights = make_case((8, 8, 1, 5, 12, 4, 300))
    engine = fused(architecture, weights, 2)
    expected = engine.logits(images)
    real_join, interrupted = threading.Thread.join, []

    def join(self, timeout=None):
        if not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt
        real_join(self, timeout)

    monkeypatch.setattr(threading.Thread, "join", join)
    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        engine.logits(images)
    assert all(thread.daemon for thread in set(threading.enumerate()) - before)
    monkeypatch.undo()
    assert np.array_equal(engine.logits(images), expected)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_one_engine_answers_many_threads_at_once(n_threads):
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 300))
    engine = fused(architecture, weights, n_threads)
    data = engine.prepare(images, labels)
    logits, loss = engine.logits(images), engine.evaluate(data).loss

    def are_right(call):
        return engine.evaluate(data).loss == loss if call % 3 == 0 else np.array_equal(engine.logits(images), logits)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(are_right, range(600)))
    assert list(engine._kept) == [kernels.SAMPLES]


def test_images_that_cannot_be_written_to_compile_nothing_anew():
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 40))
    fixed = images.copy()
    fixed.flags.writeable = False
    engine = fused(architecture, weights)
    logits, loss = engine.logits(images), engine.evaluate(engine.prepare(images, labels)).loss
    before = len(kernels.evaluate.signatures)
    assert np.array_equal(engine.logits(fixed), logits)
    assert engine.evaluate(engine.prepare(fixed, labels)).loss == loss
    assert len(kernels.evaluate.signatures) == before
    assert images.flags.writeable


def test_memory_does_not_grow_between_epochs():
    architecture, images, labels, weights = make_case((28, 28, 1, 10, 100, 10, 4096), np.uint8)
    engine = fused(architecture, weights)
    data = engine.prepare(images, labels)
    order = np.arange(4096).reshape(-1, 128)

    def peak():
        train(engine, data, order, 0.01, loss_after=True)
        engine.evaluate(data)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(3):
        before = peak()
    for _ in range(10):
        after = peak()
    assert after - before < 2048, "KiB"


def test_auto_is_the_fused_engine_and_needs_no_tensorflow():
    code = (
        "import sys, numpy as np; from golmu import ConvolutionNetwork\n"
        "x, y = np.zeros((64, 8, 8), np.uint8), np.arange(64) % 2\n"
        "network = ConvolutionNetwork().fit(x, y, 1)\n"
        "print(network.engine_, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["fused", "False"]


def test_threads_of_the_estimator():
    x, y = np.random.default_rng(0).random((64, 6, 6)), np.arange(64) % 2
    one, three = (ConvolutionNetwork(n_threads=n, random_state=0).fit(x, y, 2) for n in (1, 3))
    assert np.array_equal(one.w1, three.w1)
    assert one.engine_ == "fused"
    with pytest.raises(InputError, match="n_threads must be an integer of at least 1, got 0"):
        ConvolutionNetwork(n_threads=0).fit(x, y, 1)
    with pytest.raises(InputTypeError, match=r"n_threads must be an integer of at least 1, got 1\.5"):
        ConvolutionNetwork(n_threads=1.5).fit(x, y, 1)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot bind a process to cores")
def test_usable_cores_heeds_affinity():
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, cores)


def test_parameters_are_those_of_the_architecture():
    architecture = Architecture(28, 28, 1, 10, 100, 10)
    weights = fused(architecture, architecture.initial_weights(np.random.default_rng(0))).get_weights()
    assert sum(value.size for value in weights.values()) == architecture.n_parameters == 197_210


def test_kernels_are_loaded_ahead_in_a_thread_that_ends(monkeypatch):
    loaded = threading.Event()
    monkeypatch.setattr(fused_module, "load_kernels", loaded.set)
    before = threading.active_count()
    load_ahead("auto")
    assert loaded.wait(10)
    deadline = time.monotonic() + 10
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() == before


def test_kernels_are_loaded_without_scipys_algebra_which_others_still_get():
    code = """
import sys
import numpy as np
from numba import njit
from golmu.engines.fused.engine import load_kernels
load_kernels()
print("scipy.linalg" in sys.modules)
print(*njit(lambda a, b: np.linalg.solve(np.dot(a, b), b))(2 * np.eye(2), np.ones((2, 2)) + np.eye(2)).ravel())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["False", "0.5 0.0 0.0 0.5"]


def test_loading_ahead_calls_every_kernel_and_keeps_its_errors(monkeypatch):
    called = []
    monkeypatch.setattr(fused_module.kernels, "train", lambda *_: called.append("train"))
    monkeypatch.setattr(fused_module.kernels, "evaluate", lambda *_: called.append("evaluate"))
    fused_module.load_kernels()
    assert called == ["train", "evaluate"]

    def broken():
        raise EngineError("no kernels here")

    monkeypatch.setattr(fused_module, "load_kernels", broken)
    load_ahead("fused")
