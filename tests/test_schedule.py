"""What changes from step to step: against the definitions, written out step by step."""

import math
import tracemalloc

import numpy as np
import pytest

from golmu.recipe import Recipe
from golmu.schedule import Schedule


def schedule(n=100, **changes):
    settings = {"n_kernels": 1, "units": 1, "batch_size": 10, "learning_rate": 0.5, "epochs": 4}
    return Schedule(Recipe(**settings | changes), n)


def rates(made, total=40):
    found = made.learning_rates(np.arange(total))
    assert found.dtype == np.float32
    return found


def test_a_constant_rate_stays():
    assert rates(schedule(), 60).tolist() == [0.5] * 60


def test_a_warm_up_grows_in_a_line_and_ends_at_the_rate():
    found = rates(schedule(warmup=0.25))
    assert np.allclose(found[:10], 0.5 * np.arange(1, 11) / 10)
    assert found[10:].tolist() == [0.5] * 30


def test_a_triangle_falls_in_a_line_that_would_be_at_its_end_after_the_last_step():
    found = rates(schedule(schedule="triangular", warmup=0.25, final_rate=0.2))
    assert np.allclose(found[:10], 0.5 * np.arange(1, 11) / 10)
    for step in range(10, 40):
        assert found[step] == pytest.approx(0.5 * (1 - 0.8 * (step - 10) / 30))


def test_a_cosine_falls_along_half_a_wave():
    found = rates(schedule(schedule="cosine"))
    for step in range(40):
        assert found[step] == pytest.approx(0.25 * (1 + math.cos(math.pi * step / 40)))
    assert found.min() > 0


def test_a_rate_does_not_depend_on_what_else_is_asked():
    made = schedule(schedule="cosine", warmup=0.1)
    whole = rates(made)
    assert all(made.learning_rates(np.array([step]))[0] == whole[step] for step in range(40))


def test_batches_grow_by_one_factor_an_epoch():
    made = schedule(final_batch_size=80)
    assert [made.batch_size(epoch) for epoch in range(4)] == [10, 20, 40, 80]
    assert [made.first_step(epoch) for epoch in range(5)] == [0, 10, 15, 17, 18]
    assert schedule(final_batch_size=80, epochs=1).batch_size(0) == 10
    assert schedule(n=30, final_batch_size=80).batch_size(3) == 30


def test_epochs_beyond_the_recipes_have_their_steps():
    made = schedule()
    assert [made.first_step(epoch) for epoch in (3, 4, 6)] == [30, 40, 60]


def test_an_ema_begins_as_the_mean_of_all_weights():
    made = schedule(ema=0.75)
    weights = np.random.default_rng(0).random(40)
    average, averages = 0.0, []
    for step, towards in enumerate(made.averaging(np.arange(40))):
        average += towards * (weights[step] - average)
        averages.append(average)
    assert averages[:4] == pytest.approx([weights[: n + 1].mean() for n in range(4)])
    for step in range(4, 40):
        assert averages[step] == pytest.approx(0.75 * averages[step - 1] + 0.25 * weights[step])


def test_the_last_epochs_are_averaged_evenly():
    made = schedule(average_epochs=2)
    towards = made.averaging(np.arange(40))
    assert not towards[:20].any()
    weights = np.random.default_rng(0).random(40)
    average = 123.0  # whatever was there before
    for step in range(20, 40):
        average += towards[step] * (weights[step] - average)
    assert average == pytest.approx(weights[20:].mean())
    assert not schedule().averaging(np.arange(40)).any()


@pytest.mark.parametrize("changes", [{}, {"schedule": "cosine", "warmup": 0.1}, {"average_epochs": 2}])
def test_it_costs_no_memory_however_many_epochs_there_are(changes):
    tracemalloc.start()
    made = schedule(epochs=2_000_000, **changes)
    made.learning_rates(np.arange(3)), made.averaging(np.arange(3))
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()
    assert [made.first_step(epoch) for epoch in (0, 1, 2_000_000, 2_000_001)] == [0, 10, 20_000_000, 20_000_010]
