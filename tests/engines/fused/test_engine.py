"""What is particular to the fused engine: images of every shape, buffers, and what it says of numbers not finite."""

import resource
from concurrent.futures import ThreadPoolExecutor

import naive
import numpy as np
import pytest
from engine_cases import make_case, make_engine, relative, train
from hypothesis import given, settings
from hypothesis import strategies as st
from small_network import WEIGHT_NAMES

from golmu.engines.fused import engine as fused_module
from golmu.engines.fused import kernels
from golmu.engines.fused.layout import SAMPLES_PER_LARGE_PART, SAMPLES_PER_PART
from golmu.errors import InputError


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
    engine = make_engine("fused", architecture, weights)
    expected_loss, expected = naive.gradients(images, labels, weights)
    loss, gradients = engine.gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5, abs=1e-6)
    for name in WEIGHT_NAMES:
        assert np.abs(gradients[name] - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max() + 1e-7, name
    assert relative(engine.logits(images), naive.forward(images, weights)["logits"]) < 1e-5


@pytest.mark.parametrize("size", [(28, 28, 1, 10, 100, 10, 128), (9, 7, 3, 17, 6, 3, 131), (5, 4, 1, 1, 1, 2, 1)])
def test_gradients_agree_with_tensorflow(size):
    architecture, images, labels, weights = make_case(size, np.uint8)
    reference = make_engine("tensorflow", architecture, weights)
    expected_loss, expected = reference.gradients(images, labels)
    loss, gradients = make_engine("fused", architecture, weights).gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for name in WEIGHT_NAMES:
        assert relative(gradients[name], expected[name]) < 1e-5, name


@pytest.fixture
def large_parts(monkeypatch):
    """Every layer counts as large, so that parts have more samples."""
    monkeypatch.setattr(fused_module, "LARGE_LAYER_BYTES", 0)


@pytest.mark.parametrize("size", [(9, 7, 3, 17, 230, 3, 64), (5, 4, 1, 40, 6, 3, 131), (12, 12, 1, 2, 200, 2, 600)])
def test_parts_of_more_samples_agree_with_the_twin(size, large_parts):
    architecture, images, labels, weights = make_case(size, np.uint8)
    engine = make_engine("fused", architecture, weights)
    expected_loss, expected = naive.gradients(images, labels, weights)
    loss, gradients = engine.gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert all(relative(gradients[name], expected[name]) < 1e-5 for name in WEIGHT_NAMES)
    assert relative(engine.logits(images), naive.forward(images, weights)["logits"]) < 1e-5
    assert engine._idle_buffers[SAMPLES_PER_LARGE_PART].act.shape[2] == 64
    few = engine.logits(images[:5])
    assert relative(few, naive.forward(images[:5], weights)["logits"]) < 1e-5
    assert sorted(engine._idle_buffers) == [SAMPLES_PER_PART, SAMPLES_PER_LARGE_PART]


def test_the_bits_of_parts_of_more_samples_do_not_depend_on_threads(large_parts):
    test_the_bits_do_not_depend_on_the_number_of_threads(3)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 4, 7])
def test_the_bits_do_not_depend_on_the_number_of_threads(n_threads):
    architecture, images, labels, weights = make_case((9, 8, 1, 5, 20, 4, 1000), np.uint8)
    order = np.random.default_rng(0).permutation(1000)[:930].reshape(6, 155)
    results = []
    for threads in (1, n_threads):
        engine = make_engine("fused", architecture, weights, threads)
        data = engine.prepare(images, labels)
        losses = train(engine, data, order, 0.1, loss_after=True)
        results.append([losses, *engine.get_weights().values(), engine.logits(images), engine.evaluate(data)])
    for first, second in zip(*results, strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize("taps", ["infinite", "not a number"])
def test_what_is_not_finite_surfaces(taps):
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 40))
    weights["conv_w"][0, 0, 0, 2] = np.inf if taps == "infinite" else np.nan
    engine = make_engine("fused", architecture, weights)
    with pytest.raises(InputError, match="the network's output for image 0 is NaN or infinite"):
        engine.logits(images)
    assert not np.isfinite(engine.evaluate(engine.prepare(images, labels)).loss)
    assert not np.isfinite(engine.gradients(images, labels)[0])


@pytest.mark.parametrize("n_threads", [1, 2])
def test_one_engine_answers_many_threads_at_once(n_threads):
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 300))
    engine = make_engine("fused", architecture, weights, n_threads)
    data = engine.prepare(images, labels)
    logits, loss = engine.logits(images), engine.evaluate(data).loss

    def are_right(call):
        return engine.evaluate(data).loss == loss if call % 3 == 0 else np.array_equal(engine.logits(images), logits)

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(are_right, range(600)))
    assert list(engine._idle_buffers) == [SAMPLES_PER_PART]


def test_images_that_cannot_be_written_to_compile_nothing_again():
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 40))
    fixed = images.copy()
    fixed.flags.writeable = False
    engine = make_engine("fused", architecture, weights)
    logits, loss = engine.logits(images), engine.evaluate(engine.prepare(images, labels)).loss
    before = len(kernels.evaluate.signatures)
    assert np.array_equal(engine.logits(fixed), logits)
    assert engine.evaluate(engine.prepare(fixed, labels)).loss == loss
    assert len(kernels.evaluate.signatures) == before
    assert images.flags.writeable


def test_memory_does_not_grow_between_epochs():
    architecture, images, labels, weights = make_case((28, 28, 1, 10, 100, 10, 4096), np.uint8)
    engine = make_engine("fused", architecture, weights)
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
