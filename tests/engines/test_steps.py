"""All that a step of training can do, on every engine, against the float64 twin: optimizers, dropout, augmentation."""

from dataclasses import replace

import naive
import numpy as np
import pytest
from engine_cases import make_case, relative
from small_network import equal

from golmu.engines import create_engine
from golmu.engines.contract import Batches
from golmu.preprocessing import Preprocessing
from golmu.recipe import Method

METHODS = {
    "plain": Method(),
    "decay": Method(weight_decay=0.1),
    "nesterov": Method(optimizer="nesterov", momentum=0.8),
    "nesterov with decay": Method(optimizer="nesterov", weight_decay=0.05),
    "adam": Method(optimizer="adam"),
    "adamw": Method(optimizer="adamw", momentum=0.7, weight_decay=0.1),
    "smoothing": Method(label_smoothing=0.2),
    "feature dropout": Method(feature_dropout=0.3),
    "hidden dropout": Method(hidden_dropout=0.5),
    "flip": Method(flip=True),
    "shift": Method(shift=2),
    "shift by more than the image": Method(shift=40),
    "erase": Method(erase=3),
    "erase more than the image": Method(erase=40),
    "everything": Method(
        optimizer="nesterov", weight_decay=0.01, label_smoothing=0.1, feature_dropout=0.2, hidden_dropout=0.4,
        flip=True, shift=1, erase=2,
    ),
}  # fmt: skip


SIZES = [(9, 7, 3, 4, 6, 3, 72), (6, 8, 1, 3, 5, 2, 120)]
CASES = [
    *((size, name) for size in SIZES for name in METHODS),
    # Of several blocks, with batches of 33, 31, 8 and 1.
    *(
        ((7, 10, 2, (3, 5), 6, 3, 99), name)
        for name in ("plain", "nesterov with decay", "adam", "feature dropout", "hidden dropout", "everything")
    ),
    ((9, 12, 3, (5, 1, 17), 6, 4, 93), "everything"),
    ((16, 17, 4, (3, 5, 1, 3), 7, 2, 24), "everything"),
    ((8, 8, 1, (5, 3), 6, 3, 3), "everything"),
]
DEPTHS = [4, (4, 3)]
"""Numbers of kernels for images of 9×7 pixels."""


def three_batches(n, method):
    order = np.random.default_rng(3).permutation(n).reshape(3, -1)
    # Adam divides by the gradients' size, and so enlarges the rounding of those that are nearly zero.
    rates = np.array([0.1, 0.05, 0.02], np.float32) * (0.03 if method.optimizer.startswith("adam") else 1)
    averaging = np.array([1, 0.5, 0.25], np.float32)
    return Batches(order, rates.astype(np.float32), averaging, first_batch=5, seed=2**32 - 7)


def assert_agrees(engine, weights):
    made = engine.get_weights()
    assert list(made) == list(weights)
    for name, value in weights.items():
        assert relative(made[name], value) < 2e-5, name


@pytest.mark.parametrize(("size", "name"), CASES)
def test_steps_agree_with_the_twin(engine_name, size, name):
    method = replace(METHODS[name], record_loss="before")
    architecture, images, labels, weights = make_case(size, np.uint8)
    channels = size[2]
    preprocessing = Preprocessing((0.3, 0.4, 0.5, 0.6)[:channels], (0.2, 0.3, 0.4, 0.5)[:channels])
    engine = create_engine(engine_name, architecture, preprocessing=preprocessing)
    engine.set_weights(weights)
    batches = three_batches(size[-1], method)
    losses = engine.train(engine.prepare(images, labels), batches, method)
    seen = (images / 255 - np.array(preprocessing.mean)) / np.array(preprocessing.std)
    slots, average = {}, {}
    for i, batch in enumerate(batches.order):
        expected, weights = naive.method_step(
            seen[batch], labels[batch], weights, slots, method, batches.learning_rates[i].astype(float), i,
            batches.seed, batches.first_batch + i,
        )  # fmt: skip
        assert losses[i] == pytest.approx(expected, rel=1e-5), i
        average = {
            name: average.get(name, 0) + batches.averaging[i] * (weights[name] - average.get(name, 0))
            for name in weights
        }
    slots = {slot: values for slot, values in slots.items() if values} | {"average": average}
    assert set(engine.slot_names) == set(slots)
    assert_agrees(engine, weights)
    made = engine.get_slots()
    for slot, values in slots.items():
        assert list(made[slot]) == list(values)
        for weight, value in values.items():
            assert relative(made[slot][weight], value) < 1e-4, (slot, weight)


@pytest.mark.parametrize("name", ["adam", "adamw"])
@pytest.mark.parametrize("size", [*SIZES, (7, 10, 2, (3, 5), 6, 3, 99), (9, 12, 3, (5, 1, 17), 6, 4, 93)])
def test_adam_agrees_with_the_twin_wherever_a_gradient_is_nearly_zero(engine_name, size, name):
    # Where a gradient is nothing but rounding, Adam takes a whole step of it. So each step is compared with that of the
    # twin from the engine's own gradients, and these with the twin's.
    method = replace(METHODS[name], record_loss="before")
    architecture, images, labels, weights = make_case(size, np.uint8)
    engine = create_engine(engine_name, architecture)
    engine.set_weights(weights)
    batches, slots = three_batches(size[-1], method), {}
    for i, batch in enumerate(batches.order):
        before = engine.get_weights()
        loss, gradients = engine.gradients(images[batch], labels[batch])
        _, expected = naive.gradients(images[batch], labels[batch], before)
        for weight, value in expected.items():
            assert relative(gradients[weight], value) < 1e-5, weight
        rate = batches.learning_rates[i].astype(float)
        before, gradients = naive.in_float64(before), naive.in_float64(gradients)
        after = {
            weight: naive.update(weight, value, gradients[weight], slots, method, rate, i)
            for weight, value in before.items()
        }
        losses = engine.train(engine.prepare(images, labels), batches.part(i, 1), method)
        assert losses[0] == pytest.approx(loss, rel=1e-6)
        assert_agrees(engine, after)


@pytest.mark.parametrize("n_kernels", DEPTHS)
def test_the_loss_after_a_step_is_plain_and_of_the_images_as_they_were_seen(engine_name, n_kernels):
    method = replace(METHODS["everything"], record_loss="after")
    architecture, images, labels, weights = make_case((9, 7, 3, n_kernels, 6, 3, 120), np.uint8)
    engine = create_engine(engine_name, architecture)
    engine.set_weights(weights)
    batches = three_batches(120, method)
    losses = engine.train(engine.prepare(images, labels), batches, method)
    slots = {}
    for i, batch in enumerate(batches.order):
        number, rate = batches.first_batch + i, batches.learning_rates[i].astype(float)
        _, weights = naive.method_step(
            images[batch] / 255, labels[batch], weights, slots, method, rate, i, batches.seed, number
        )
        seen = naive.augment(images[batch] / 255, method, batches.seed, number)
        assert losses[i] == pytest.approx(naive.loss(seen, labels[batch], weights), rel=1e-5), i


@pytest.mark.parametrize(
    ("n_kernels", "name"), [(4, "plain"), (4, "smoothing"), (4, "everything"), ((4, 3), "everything")]
)
def test_a_sample_counts_as_its_importance_says(engine_name, n_kernels, name):
    method = replace(METHODS[name], record_loss="before")
    architecture, images, labels, weights = make_case((9, 7, 3, n_kernels, 6, 3, 72), np.uint8)
    importance = np.random.default_rng(5).exponential(size=72).astype(np.float32)
    importance[::7] = 0
    engine = create_engine(engine_name, architecture)
    engine.set_weights(weights)
    batches = three_batches(72, method)
    losses = engine.train(engine.prepare(images, labels, importance), batches, method)
    slots = {}
    for i, batch in enumerate(batches.order):
        number, rate = batches.first_batch + i, batches.learning_rates[i].astype(float)
        expected, weights = naive.method_step(
            images[batch] / 255, labels[batch], weights, slots, method, rate, i, batches.seed, number, importance[batch]
        )
        assert losses[i] == pytest.approx(expected, rel=1e-5), i
    assert_agrees(engine, weights)


@pytest.mark.parametrize("n_kernels", DEPTHS)
def test_an_importance_of_one_changes_no_bit(engine_name, n_kernels):
    architecture, images, labels, weights = make_case((9, 7, 3, n_kernels, 6, 3, 72), np.uint8)
    results = []
    for importance in (None, np.ones(72, np.float32)):
        engine = create_engine(engine_name, architecture)
        engine.set_weights(weights)
        data = engine.prepare(images, labels, importance)
        losses = engine.train(data, three_batches(72, METHODS["everything"]), METHODS["everything"])
        results.append((losses, engine.get_weights(), engine.evaluate(data)))
    assert np.array_equal(results[0][0], results[1][0])
    assert equal(results[0][1], results[1][1])
    assert results[0][2] == results[1][2]


@pytest.mark.parametrize("n_kernels", DEPTHS)
@pytest.mark.parametrize("record_loss", ["before", "after"])
def test_samples_of_no_importance_teach_nothing(engine_name, n_kernels, record_loss):
    architecture, images, labels, weights = make_case((9, 7, 3, n_kernels, 6, 3, 72), np.uint8)
    engine = create_engine(engine_name, architecture)
    engine.set_weights(weights)
    data = engine.prepare(images, labels, np.zeros(72, np.float32))
    losses = engine.train(data, three_batches(72, METHODS["plain"]), Method(record_loss=record_loss))
    assert losses.tolist() == [0, 0, 0]
    assert equal(engine.get_weights(), weights)


@pytest.mark.parametrize(
    ("size", "name"),
    [
        ((9, 7, 3, 4, 6, 3, 300), "plain"),
        ((9, 7, 3, 4, 6, 3, 300), "adamw"),
        ((9, 7, 3, 4, 6, 3, 300), "everything"),
        ((9, 7, 3, 4, 6, 3, 480), "everything"),
        ((28, 28, 1, 10, 100, 10, 900), "everything"),
        ((15, 4, 2, 40, 30, 3, 600), "nesterov"),
        ((3, 5, 1, 2, 9, 2, 600), "plain"),
        ((9, 7, 3, (4, 3), 6, 3, 300), "plain"),
        ((9, 7, 3, (4, 3), 6, 3, 300), "everything"),
        ((9, 12, 1, (5, 1, 17), 6, 3, 300), "adamw"),
        ((16, 16, 3, (16, 32, 64), 24, 10, 300), "everything"),
        ((16, 17, 4, (3, 5, 1, 3), 7, 2, 600), "everything"),
    ],
)
def test_slices_and_threads_do_not_change_a_bit(size, name):
    architecture, images, labels, weights = make_case(size, np.uint8)
    batches = three_batches(size[-1], METHODS[name])
    results = []
    for n_threads, cuts in ((1, [3]), (2, [1, 2]), (3, [2, 1]), (4, [3]), (5, [1, 1, 1])):
        engine = create_engine("fused", architecture, n_threads)
        engine.set_weights(weights)
        data, first, losses = engine.prepare(images, labels), 0, []
        for n in cuts:
            losses.extend(engine.train(data, batches.part(first, n), METHODS[name]))
            first += n
        scores = engine.evaluate(data), engine.evaluate(data, averaged=True)
        results.append(([engine.get_weights(), *engine.get_slots().values()], losses, scores))
    for others, *rest in results[1:]:
        assert all(equal(mine, its) for mine, its in zip(results[0][0], others, strict=True))
        assert rest == list(results[0][1:])


@pytest.mark.parametrize("n_kernels", DEPTHS)
def test_one_engine_takes_one_method_after_another(engine_name, n_kernels):
    """Slots go from one method to the next, or are set in between."""
    architecture, images, labels, weights = make_case((9, 7, 3, n_kernels, 6, 3, 72), np.uint8)
    engine = create_engine(engine_name, architecture)
    engine.set_weights(weights)
    data, slots, seen = engine.prepare(images, labels), {}, images / 255
    for i, name in enumerate(["nesterov", "smoothing", "nesterov", "nesterov with decay"]):
        method = replace(METHODS[name], record_loss="before")
        if i == 3:
            slots = {"first": {weight: np.ones(shape) for weight, shape in architecture.shapes.items()}}
            engine.set_slots({"first": {weight: value.astype(np.float32) for weight, value in slots["first"].items()}})
        losses = engine.train(data, Batches.at(0.05, np.arange(72)[None]), method)
        expected, weights = naive.method_step(seen, labels, weights, slots, method, 0.05, 0, 0, 0)
        assert losses[0] == pytest.approx(expected, rel=1e-5), name
    assert_agrees(engine, weights)
