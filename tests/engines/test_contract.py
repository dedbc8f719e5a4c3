"""One suite for every engine: what the contract says, against the float64 twins in `naive.py`."""

from itertools import pairwise

import naive
import numpy as np
import pytest
from engine_cases import DEEP_SIZES, SIZES, make_case, make_engine, relative, train
from small_network import equal

from golmu.architecture import Architecture
from golmu.engines import ENGINE_NAMES, create_engine
from golmu.errors import InputError, InputTypeError


@pytest.mark.parametrize("size", SIZES + DEEP_SIZES)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_forward_and_gradients_agree_with_the_twin(engine_name, size, dtype):
    architecture, images, labels, weights = make_case(size, dtype)
    engine = make_engine(engine_name, architecture, weights)
    assert engine.name == engine_name
    f = naive.forward(images, weights)

    logits = engine.logits(images)
    assert logits.dtype == np.float32
    assert logits.shape == f["logits"].shape
    assert relative(logits, f["logits"]) < 1e-5
    assert np.array_equal(engine.feature_maps(images), engine.feature_maps(images, 0))
    for number, block in enumerate(f["blocks"]):
        maps = engine.feature_maps(images, number)
        assert maps.dtype == np.float32
        assert maps.shape == block["maps"].shape == (len(images), *architecture.blocks[number].maps_shape)
        assert relative(maps, block["maps"]) < 1e-5, number

    loss, gradients = engine.gradients(images, labels)
    expected_loss, expected = naive.gradients(images, labels, weights)
    assert loss == pytest.approx(expected_loss, rel=1e-5)
    assert list(gradients) == list(architecture.shapes)
    for name, slopes in expected.items():
        assert size in SIZES or np.abs(slopes).max() > 0, f"no image teaches {name}"
        assert gradients[name].dtype == np.float32
        assert relative(gradients[name], slopes) < 1e-5, name

    evaluation = engine.evaluate(engine.prepare(images, labels))
    assert evaluation.loss == pytest.approx(expected_loss, rel=1e-5)
    assert evaluation.accuracy == pytest.approx((f["logits"].argmax(1) == labels).mean())


def random_output_gradient(architecture, n):
    return np.random.default_rng(1).normal(0, 1, (n, architecture.n_classes)).astype(np.float32)


@pytest.mark.parametrize("size", SIZES + DEEP_SIZES)
def test_input_and_activation_gradients_agree_with_the_twin(engine_name, size):
    architecture, images, _, weights = make_case(size)
    output_gradient = random_output_gradient(architecture, len(images))
    engine, f = make_engine(engine_name, architecture, weights), naive.forward(images, weights)
    of_input = engine.input_gradient(images, output_gradient)
    assert of_input.dtype == np.float32
    assert of_input.shape == images.shape
    assert relative(of_input, naive.backward(f, weights, output_gradient)[1]) < 1e-5
    of_activations = engine.activation_gradient(images, output_gradient)
    assert of_activations.dtype == np.float32
    assert of_activations.shape == (len(images), *architecture.blocks[-1].maps_shape)
    assert relative(of_activations, naive.activation_gradient(f, weights, output_gradient)) < 1e-5


@pytest.mark.parametrize("size", SIZES[:3] + DEEP_SIZES[:2])
def test_input_gradient_agrees_with_central_differences(engine_name, size):
    """The differences are of the float64 logits; a step of 1e-6 crosses no kink of the network here."""
    architecture, images, _, weights = make_case(size)
    output_gradient = random_output_gradient(architecture, len(images))
    actual = make_engine(engine_name, architecture, weights).input_gradient(images, output_gradient)
    x = images.astype(np.float64)

    def value():
        return (naive.forward(x, weights)["logits"] * output_gradient).sum()

    rng = np.random.default_rng(2)
    for index in {tuple(rng.integers(0, images.shape).tolist()) for _ in range(25)}:
        slope = naive.central_difference(value, x, index)
        assert actual[index] == pytest.approx(slope, abs=1e-5 * float(np.abs(actual).max())), index


@pytest.mark.parametrize("size", [(28, 28, 1, 10, 100, 10, 640), (9, 7, 3, 4, 6, 3, 640), (7, 9, 3, (4, 5), 6, 3, 640)])
def test_twenty_steps_follow_a_float64_calculation(engine_name, size):
    # A rounding error decides where the gradient goes in a window that is nearly tied, and from there on two
    # calculations differ. Of the first dozen seeds, this one keeps its million windows farthest from a tie: 2e-7.
    architecture, images, labels, weights = make_case(size, np.uint8, seed=2)
    engine = make_engine(engine_name, architecture, weights)
    order = np.random.default_rng(1).permutation(640).reshape(20, 32)
    losses = train(engine, engine.prepare(images, labels), order, 0.1)
    assert losses.shape == (20,)
    for step, batch in enumerate(order):
        expected, weights = naive.sgd_step(images[batch], labels[batch], weights, 0.1)
        assert abs(losses[step] - expected) < 1e-5, step
    for name, actual in engine.get_weights().items():
        assert relative(actual, weights[name]) < 1e-4, name


def test_engines_follow_the_same_trajectory(fashion_mnist):
    """A hundred steps of the chapter's recipe on the real data."""
    architecture = Architecture(28, 28, 1, 10, 100, 10)
    weights = architecture.initial_weights(np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(12_800).reshape(100, 128)
    losses = []
    for name in ENGINE_NAMES[1:]:
        engine = make_engine(name, architecture, weights)
        data = engine.prepare(fashion_mnist.train.images[:12_800], fashion_mnist.train.labels[:12_800])
        losses.append(train(engine, data, order, 0.01))
    first, *others = losses
    assert others
    assert all(np.abs(other - first).max() < 1e-4 for other in others)


@pytest.mark.parametrize("n_kernels", [4, (4, 3)])
def test_loss_after_is_the_loss_of_the_batch_after_its_update(engine_name, n_kernels):
    architecture, images, labels, weights = make_case((9, 7, 3, n_kernels, 6, 3, 24))
    engine = make_engine(engine_name, architecture, weights)
    order = np.arange(24).reshape(3, 8)
    losses = train(engine, engine.prepare(images, labels), order, 0.5, loss_after=True)
    for step, batch in enumerate(order):
        _, weights = naive.sgd_step(images[batch], labels[batch], weights, 0.5)
        assert losses[step] == pytest.approx(naive.loss(images[batch], labels[batch], weights), abs=1e-5)


@pytest.mark.parametrize("n_kernels", [5, (5, 3), (3, 1, 5)])
def test_training_in_slices_gives_the_same_bits(engine_name, n_kernels):
    architecture, images, labels, weights = make_case((8, 8, 1, n_kernels, 12, 4, 160), np.uint8)
    order = np.random.default_rng(1).permutation(160).reshape(10, 16)
    results = []
    for cuts in ([0, 10], [0, 1, 4, 10]):
        engine = make_engine(engine_name, architecture, weights)
        data = engine.prepare(images, labels)
        parts = [train(engine, data, order[a:b], 0.1) for a, b in pairwise(cuts)]
        results.append((np.concatenate(parts), engine.get_weights()))
    (losses, weights), (other_losses, other_weights) = results
    assert np.array_equal(losses, other_losses)
    assert equal(weights, other_weights)


@pytest.mark.parametrize("n_blocks", [1, 2, 3])
def test_ties_in_pooling_go_to_the_first_position(engine_name, n_blocks):
    side = 2 ** (n_blocks + 1)
    architecture = Architecture(side, side, 1, [1] * n_blocks, 1, 2)
    weights = {name: np.ones(shape, np.float32) for name, shape in architecture.shapes.items()}
    for kernel in (weights[block.names[0]] for block in architecture.blocks):
        kernel[:] = 0
        kernel[1, 1] = 1  # the identity, so that a flat image ties everywhere
    images = np.ones((1, side, side, 1), np.float32)
    output_gradient = np.array([[1, 0]], np.float32)
    engine = make_engine(engine_name, architecture, weights)
    for gradient, step in (
        (engine.input_gradient(images, output_gradient), 2**n_blocks),
        (engine.activation_gradient(images, output_gradient), 2),
    ):
        first = np.zeros(gradient.shape[1:3])
        first[::step, ::step] = 1
        assert np.array_equal(gradient[0, :, :, 0], first)


def test_a_loss_that_is_not_finite_is_returned(engine_name):
    architecture, images, labels, weights = make_case((8, 8, 1, 5, 12, 4, 64))
    engine = make_engine(engine_name, architecture, weights)
    order = np.tile(np.arange(64), (30, 1))
    losses = train(engine, engine.prepare(images, labels), order, 1e30)
    assert np.isfinite(losses[0])
    assert not np.isfinite(losses[-1])


@pytest.mark.parametrize("size", [(9, 7, 3, 4, 6, 3, 5), *DEEP_SIZES])
def test_weights_and_slots_are_copied_in_and_out(engine_name, size):
    architecture, images, _, weights = make_case(size)
    slots = {slot: make_case(size, seed=seed)[3] for slot, seed in (("first", 1), ("average", 2))}
    engine = make_engine(engine_name, architecture, weights)
    engine.set_slots(slots)
    before = engine.logits(images)
    given = [weights, *slots.values()]
    kept = [{name: value.copy() for name, value in one.items()} for one in given]
    for one in [*given, engine.get_weights(), *engine.get_slots().values()]:
        for value in one.values():
            value[:] = 0
    assert list(engine.get_slots()) == ["first", "average"]
    for one, other in zip(kept, [engine.get_weights(), *engine.get_slots().values()], strict=True):
        assert equal(one, other)
    assert np.array_equal(engine.logits(images), before)


@pytest.mark.parametrize("n_kernels", [2, (2, 3)])
def test_many_images_are_computed_in_chunks(engine_name, n_kernels):
    architecture, images, labels, weights = make_case((6, 6, 1, n_kernels, 3, 2, 1111), np.uint8)
    engine = make_engine(engine_name, architecture, weights)
    f = naive.forward(images, weights)
    assert relative(engine.logits(images), f["logits"]) < 1e-5
    assert engine.evaluate(engine.prepare(images, labels)).loss == pytest.approx(
        naive.loss(images, labels, weights), rel=1e-5
    )


def test_unknown_engine():
    with pytest.raises(InputError, match=r"engine must be one of auto, .*, got 'tensorflw'; did you mean 'tensorflow'"):
        create_engine("tensorflw", Architecture(4, 4, 1, 1, 1, 2))
    with pytest.raises(InputTypeError, match=r"engine must be one of auto, .*, got 3"):
        create_engine(3, Architecture(4, 4, 1, 1, 1, 2))
