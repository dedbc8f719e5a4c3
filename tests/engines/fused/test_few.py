"""A few images: the bits that they have among many, for any network, and without a thread or a buffer that is kept."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import naive
import numpy as np
import pytest
from engine_cases import make_case, make_engine, relative, train
from hypothesis import given, settings
from hypothesis import strategies as st

from golmu.engines.fused import engine as fused_module
from golmu.engines.fused.engine import FusedEngine
from golmu.engines.fused.few import MAX_FEW_IMAGES, few_logits
from golmu.errors import InputError
from golmu.preprocessing import Preprocessing

N_IMAGES = 64
COUNTS = range(1, 41)


def have_the_bits_of_many(engine, images, counts=COUNTS):
    """Return whether images have the same logits in calls of some images as in one call of all, wherever they stand."""
    many = engine.logits(images)
    starts = [7 * n % (len(images) - n + 1) for n in counts]
    return all(
        np.array_equal(engine.logits(images[at : at + n]), many[at : at + n], equal_nan=True)
        for at, n in zip(starts, counts, strict=True)
    )


@settings(max_examples=40, deadline=None)
@given(
    data=st.data(),
    channels=st.integers(1, 4),
    n_kernels=st.lists(st.sampled_from([1, 2, 7, 8, 16, 17, 33]), min_size=1, max_size=4),
    units=st.sampled_from([1, 5, 8, 13, 24, 100, 130]),
    n_classes=st.sampled_from([2, 3, 10, 19]),
    dtype=st.sampled_from([np.uint8, np.float32]),
    is_standardized=st.booleans(),
    test_flip=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_any_shape_has_the_bits_of_many_and_agrees_with_the_twin(
    data, channels, n_kernels, units, n_classes, dtype, is_standardized, test_flip, seed
):
    least = 2 ** len(n_kernels)
    height, width = (data.draw(st.integers(least, least + 13)) for _ in range(2))
    kernels = n_kernels[0] if len(n_kernels) == 1 else tuple(n_kernels)
    architecture, images, _, weights = make_case(
        (height, width, channels, kernels, units, n_classes, N_IMAGES), dtype, seed
    )
    images[::5] = images[::5].max()  # all outputs of a window inside are equal
    preprocessing = Preprocessing.of(images, standardize=is_standardized, test_flip=test_flip)
    engine = FusedEngine(architecture, 1, preprocessing)
    engine.set_weights(weights)
    assert have_the_bits_of_many(engine, images, [1, 2, 3, 4, 5, 8, 9, 33])

    few = images[:2]
    scale, offset = preprocessing.factors(dtype, channels)
    views = [few, few[:, :, ::-1]] if test_flip else [few]
    expected = [naive.forward(view * scale.astype(np.float64) + offset, weights)["logits"] for view in views]
    assert relative(engine.logits(few), np.mean(expected, axis=0)) < 2e-5


@pytest.mark.parametrize(
    "size",
    [
        (28, 28, 1, 10, 100, 10, N_IMAGES),
        (32, 32, 3, (16, 32, 64), 100, 10, N_IMAGES),
        (28, 28, 1, 64, 256, 10, N_IMAGES),
    ],
)
def test_any_number_of_images_has_the_bits_of_many(size):
    architecture, images, _, weights = make_case(size, np.uint8)
    assert have_the_bits_of_many(make_engine("fused", architecture, weights), images)


@pytest.mark.parametrize("n_kernels", [3, (3, 4), (3, 4, 2)])
def test_what_is_not_finite_is_the_same_as_among_many(n_kernels, monkeypatch):
    architecture, images, _, weights = make_case((12, 11, 2, n_kernels, 9, 3, N_IMAGES))
    rng = np.random.default_rng(1)
    places = rng.integers(0, images[0].size, 20)
    for image, place in zip(images[10:], places, strict=False):
        image.reshape(-1)[place] = rng.choice([np.nan, np.inf, -np.inf])
    engine = make_engine("fused", architecture, weights)
    with pytest.raises(InputError, match="the network's output for image 2 is NaN or infinite"):
        engine.logits(np.stack([images[0], images[1], np.full_like(images[2], np.nan)]))
    monkeypatch.setattr(fused_module, "finite_logits", lambda logits: logits)
    assert np.isnan(engine.logits(images)).any()
    assert have_the_bits_of_many(engine, images)


@pytest.mark.parametrize("n_kernels", [3, (3, 4), (3, 4, 2)])
def test_a_pixel_that_is_not_finite_surfaces_wherever_it_is(n_kernels):
    """A comparison finds NaN neither larger nor smaller, so that pooling lost it at three of a window's four places."""
    architecture, images, _, weights = make_case((9, 11, 2, n_kernels, 9, 3, 8 * 10 * 2))
    engine = make_engine("fused", architecture, weights)
    for value in (np.nan, np.inf, -np.inf):
        spoiled = images.copy()
        for number, place in enumerate(np.ndindex(8, 10, 2)):
            spoiled[(number, *place)] = value
        for number in range(len(images)):
            with pytest.raises(InputError, match="the network's output for image 0 is NaN or infinite"):
                engine.logits(spoiled[number : number + 1])


@pytest.mark.parametrize("n_kernels", [5, (5, 3)])
def test_new_weights_count_at_once(n_kernels):
    architecture, images, labels, weights = make_case((8, 8, 1, n_kernels, 12, 4, N_IMAGES))
    engine = make_engine("fused", architecture, weights)
    before = engine.logits(images[:1])
    train(engine, engine.prepare(images, labels), np.arange(N_IMAGES)[None], 0.1)
    after = engine.logits(images[:1])
    assert not np.array_equal(after, before)
    assert np.array_equal(after, engine.logits(images)[:1])
    engine.set_weights(weights)
    assert np.array_equal(engine.logits(images[:1]), before)


@pytest.mark.parametrize("change", ["set_weights", "train"])
def test_weights_that_change_while_a_thread_predicts_count_afterwards(change, monkeypatch):
    architecture, images, labels, weights = make_case((8, 8, 1, (5, 3), 12, 4, N_IMAGES))
    engine = make_engine("fused", architecture, weights)
    others = {name: 2 * value for name, value in weights.items()}
    changes = {
        "set_weights": lambda: engine.set_weights(others),
        "train": lambda: train(engine, engine.prepare(images, labels), np.arange(N_IMAGES)[None], 0.1),
    }

    def predict_slowly(*arguments):  # another thread changes the weights when they have been transformed
        few_logits(*arguments)
        changes[change]()

    monkeypatch.setattr(fused_module, "few_logits", predict_slowly)
    engine.logits(images[:1])
    monkeypatch.undo()
    for n in (1, 2):
        assert np.array_equal(engine.logits(images[:n]), engine.logits(images)[:n])


def test_no_thread_is_started_and_no_buffer_kept(monkeypatch):
    architecture, images, _, weights = make_case((8, 8, 1, 5, 12, 4, MAX_FEW_IMAGES))
    engine = make_engine("fused", architecture, weights, 2)
    monkeypatch.setattr(threading, "Thread", None)
    engine.logits(images)
    assert engine._idle_buffers == {}


@pytest.mark.parametrize("n_kernels", [5, (5, 3)])
def test_one_engine_answers_many_threads_at_once(n_kernels):
    architecture, images, _, weights = make_case((8, 8, 1, n_kernels, 12, 4, N_IMAGES))
    engine = make_engine("fused", architecture, weights, 2)
    logits = engine.logits(images)

    def is_right(call):
        rows = slice(call % 50, call % 50 + 1 + call % 10)
        return np.array_equal(engine.logits(images[rows]), logits[rows])

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(is_right, range(2000)))


def _logits_in_child(engine, images, queue):
    queue.put(engine.logits(images))


def test_it_survives_a_fork():
    architecture, images, _, weights = make_case((8, 8, 1, 5, 12, 4, 3))
    engine = make_engine("fused", architecture, weights)
    expected = engine.logits(images)
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_logits_in_child, args=(engine, images, queue))
    child.start()
    assert np.array_equal(queue.get(timeout=60), expected)
    child.join(60)
    assert child.exitcode == 0


def test_any_few_images_and_any_network_are_one_compiled_kernel():
    def signatures_after(n_kernels, n):
        architecture, images, _, weights = make_case((9, 8, 1, n_kernels, 12, 4, n), np.uint8)
        images.flags.writeable = n % 2 == 0
        make_engine("fused", architecture, weights).logits(images)
        return len(few_logits.signatures)

    first = signatures_after(5, 1)
    assert {signatures_after(n_kernels, n) for n_kernels in (5, (5, 3)) for n in range(1, MAX_FEW_IMAGES + 1)} == {
        first
    }
