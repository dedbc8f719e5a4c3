"""What is particular to the fused engine: images of every shape, buffers, and what it says of numbers not finite."""

import resource
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import naive
import numpy as np
import pytest
from engine_cases import DEEP_SIZES, make_case, make_engine, relative, train
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from golmu.engines.fused import engine as fused_module
from golmu.engines.fused import kernels
from golmu.engines.fused.layout import SAMPLES_PER_LARGE_PART, SAMPLES_PER_PART
from golmu.errors import InputError

SHAPES = {
    "channels": st.sampled_from([1, 2, 3, 4]),
    "units": st.sampled_from([1, 5, 8, 13, 24]),
    "n_classes": st.sampled_from([2, 3, 10, 19]),
    "dtype": st.sampled_from([np.uint8, np.float32]),
    "seed": st.integers(0, 2**16),
}
KERNELS = st.sampled_from([1, 2, 7, 17])


def assert_agrees_with_the_twin(size, dtype, seed):
    architecture, images, labels, weights = make_case(size, dtype, seed)
    f = naive.forward(images, weights)
    assume(naive.clearance(f, weights) > 1e-6)
    engine = make_engine("fused", architecture, weights)
    expected_loss, expected = naive.gradients(images, labels, weights)
    loss, gradients = engine.gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5, abs=1e-6)
    for name in weights:
        assert np.abs(gradients[name] - expected[name]).max() <= 1e-5 * np.abs(expected[name]).max() + 1e-7, name
    assert relative(engine.logits(images), f["logits"]) < 1e-5


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(2, 13),
    width=st.integers(2, 13),
    n_kernels=KERNELS,
    n=st.sampled_from([1, 2, 31, 32, 33, 131]),
    **SHAPES,
)
def test_any_shape_agrees_with_the_twin(height, width, channels, n_kernels, units, n_classes, n, dtype, seed):
    assert_agrees_with_the_twin((height, width, channels, n_kernels, units, n_classes, n), dtype, seed)


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(2, 5),
    width=st.integers(2, 5),
    odd=st.tuples(st.integers(0, 7), st.integers(0, 7)),
    n_kernels=st.lists(KERNELS, min_size=2, max_size=4),
    n=st.sampled_from([1, 2, 31, 32, 33]),
    **SHAPES,
)
def test_any_shape_of_several_blocks_agrees_with_the_twin(
    height, width, odd, channels, n_kernels, units, n_classes, n, dtype, seed
):
    """The last block reads maps of `height` × `width`; what is odd is dropped on the way."""
    factor = 2 ** (len(n_kernels) - 1)
    height, width = (side * factor + rest % factor for side, rest in zip((height, width), odd, strict=True))
    assert_agrees_with_the_twin((height, width, channels, n_kernels, units, n_classes, n), dtype, seed)


@pytest.mark.parametrize(
    "size", [(28, 28, 1, 10, 100, 10, 128), (9, 7, 3, 17, 6, 3, 131), (5, 4, 1, 1, 1, 2, 1), *DEEP_SIZES]
)
def test_gradients_agree_with_tensorflow(size):
    architecture, images, labels, weights = make_case(size, np.uint8)
    reference = make_engine("tensorflow", architecture, weights)
    expected_loss, expected = reference.gradients(images, labels)
    loss, gradients = make_engine("fused", architecture, weights).gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    for name in weights:
        assert relative(gradients[name], expected[name]) < 1e-5, name


@pytest.fixture
def large_parts(monkeypatch):
    """Every layer counts as large, so that parts have more samples."""
    monkeypatch.setattr(fused_module, "LARGE_LAYER_BYTES", 0)


@pytest.mark.parametrize(
    "size",
    [
        (9, 7, 3, 17, 230, 3, 64),
        (5, 4, 1, 40, 6, 3, 131),
        (12, 12, 1, 2, 200, 2, 600),
        (9, 12, 3, (5, 1, 17), 6, 4, 131),
    ],
)
def test_parts_of_more_samples_agree_with_the_twin(size, large_parts):
    architecture, images, labels, weights = make_case(size, np.uint8)
    engine = make_engine("fused", architecture, weights)
    expected_loss, expected = naive.gradients(images, labels, weights)
    loss, gradients = engine.gradients(images, labels)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert all(relative(gradients[name], expected[name]) < 1e-5 for name in weights)
    assert relative(engine.logits(images), naive.forward(images, weights)["logits"]) < 1e-5
    assert engine._idle_buffers[SAMPLES_PER_LARGE_PART].act.shape[2] == 64
    few = engine.logits(images[:20])
    assert relative(few, naive.forward(images[:20], weights)["logits"]) < 1e-5
    assert sorted(engine._idle_buffers) == [SAMPLES_PER_PART, SAMPLES_PER_LARGE_PART]


@pytest.mark.parametrize("n_kernels", [5, (5, 3)])
def test_the_bits_of_parts_of_more_samples_do_not_depend_on_threads(large_parts, n_kernels):
    test_the_bits_do_not_depend_on_the_number_of_threads(n_kernels, 3)


@pytest.mark.parametrize(
    ("n_kernels", "n_threads"), [(5, 1), (5, 2), (5, 3), (5, 4), (5, 7), ((5, 3), 1), ((5, 3), 2), ((3, 17, 2), 3)]
)
def test_the_bits_do_not_depend_on_the_number_of_threads(n_kernels, n_threads):
    architecture, images, labels, weights = make_case((9, 8, 1, n_kernels, 20, 4, 1000), np.uint8)
    order = np.random.default_rng(0).permutation(1000)[:930].reshape(6, 155)
    results = []
    for threads in (1, n_threads):
        engine = make_engine("fused", architecture, weights, threads)
        data = engine.prepare(images, labels)
        losses = train(engine, data, order, 0.1, loss_after=True)
        results.append([losses, *engine.get_weights().values(), engine.logits(images), engine.evaluate(data)])
    for first, second in zip(*results, strict=True):
        assert np.array_equal(first, second)


@pytest.mark.parametrize(
    "size", [(9, 7, 3, 4, 6, 3, 131), (9, 7, 3, (4, 3), 6, 3, 131), (16, 16, 1, (16, 3, 5), 9, 3, 70)]
)
def test_the_bits_of_logits_do_not_depend_on_the_other_images(size):
    architecture, images, _, weights = make_case(size, np.uint8)
    engine = make_engine("fused", architecture, weights, 2)
    whole, n = engine.logits(images), len(images)
    for cuts in ([0, 1, 3, 34, n], [0, 32, 64, n], range(n + 1)):
        parts = [engine.logits(images[start:end]) for start, end in pairwise(cuts)]
        assert np.array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize(
    ("n_kernels", "name"), [(5, "conv_w"), ((5, 3), "conv_w"), ((5, 3), "conv2_w"), ((5, 3), "conv2_b")]
)
def test_what_is_not_finite_surfaces(n_kernels, name, value):
    architecture, images, labels, weights = make_case((8, 8, 1, n_kernels, 12, 4, 40))
    weights[name].reshape(-1)[2] = value  # of the third kernel
    engine = make_engine("fused", architecture, weights)
    with pytest.raises(InputError, match="the network's output for image 0 is NaN or infinite"):
        engine.logits(images)
    assert not np.isfinite(engine.evaluate(engine.prepare(images, labels)).loss)
    assert not np.isfinite(engine.gradients(images, labels)[0])


@pytest.mark.parametrize(("n_kernels", "n_threads"), [(5, 1), (5, 2), ((5, 3), 2)])
def test_one_engine_answers_many_threads_at_once(n_kernels, n_threads):
    architecture, images, labels, weights = make_case((8, 8, 1, n_kernels, 12, 4, 300))
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
