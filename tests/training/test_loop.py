"""The epoch loop, with an engine that only takes notes."""

import re

import numpy as np
import pytest

from golmu.engines.contract import Score
from golmu.errors import InputError, TrainingError
from golmu.recipe import Recipe
from golmu.training import loop as training
from golmu.training.batching import epoch_order
from golmu.training.loop import Training


class NotingEngine:
    """Gives the losses 1, 2, 3, ... of successive batches, and notes each call."""

    def __init__(self, bad_batch=None, bad_evaluation=None):
        self.calls = []
        self.evaluations = 0
        self.batches = 0
        self.bad_batch, self.bad_evaluation = bad_batch, bad_evaluation

    def get_weights(self):
        return {"batches": np.array(self.batches)}

    def set_weights(self, weights):
        self.batches = int(weights["batches"])

    slot_names = ()

    def get_slots(self):
        return {}

    def set_slots(self, slots):
        assert not slots

    def train(self, data, batches, method):
        order, rates = batches.order, batches.learning_rates
        assert len(rates) == len(order)
        self.calls.append((data, order.copy(), float(rates[0]), method.record_loss == "after"))
        losses = np.arange(self.batches, self.batches + len(order), dtype=np.float32) + 1
        if self.bad_batch is not None:
            losses[losses == self.bad_batch] = np.nan
        self.batches += len(order)
        return losses

    def evaluate(self, data, *, averaged=False):
        assert not averaged
        assert data == "validation"
        self.evaluations += 1
        return Score(np.inf if self.evaluations == self.bad_evaluation else self.evaluations / 10, 0.5)

    @property
    def orders(self):
        return [order for _, order, _, _ in self.calls]


def training_of(engine, batch_size=3, seed=0, **changes):
    recipe = Recipe(
        **{"n_kernels": 1, "units": 1, "batch_size": batch_size, "learning_rate": 0.25, "epochs": 1}
        | {"record_loss": "before"}
        | changes
    )
    return Training(engine, recipe, np.random.default_rng(seed))


def run(engine, validation=None, epochs=2, n=20, batch_size=3, callback=None, seed=0, **changes):
    made = training_of(engine, batch_size, seed, **changes)
    made.run(range(n), validation, epochs, [] if callback is None else [callback])
    return made.history


def test_slices_cover_every_batch_once_and_in_order():
    engine = NotingEngine()
    run(engine, epochs=3, n=1000, batch_size=3)
    rng = np.random.default_rng(0)
    expected = np.concatenate([epoch_order(1000, 3, rng) for _ in range(3)])
    assert np.array_equal(np.concatenate(engine.orders), expected)


def test_slices_start_with_one_batch_and_then_last_a_quarter_second(monkeypatch):
    now, engine = [0.0], NotingEngine()
    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])
    real_train = engine.train

    def train(data, batches, method):  # the first batch takes 25 ms, as one that waits for memory, and later ones 1 ms
        now[0] += 0.025 if not engine.orders else 0.001 * len(batches.order)
        return real_train(data, batches, method)

    engine.train = train
    run(engine, epochs=1, n=3000, batch_size=3)
    assert [len(order) for order in engine.orders] == [1, 10, 250, 250, 250, 239]


def test_slices_of_a_slow_engine_stay_short(monkeypatch):
    now = iter(range(10**6))
    monkeypatch.setattr(training.time, "perf_counter", lambda: float(next(now)))  # each look at the clock: a second
    engine = NotingEngine()
    run(engine, epochs=1)
    assert [len(order) for order in engine.orders] == [1] * 6


def test_the_engine_is_given_the_data_and_the_settings():
    engine = NotingEngine()
    run(engine)
    assert all(call[0] == range(20) and call[2:] == (0.25, False) for call in engine.calls)


def test_history_holds_the_mean_of_each_epochs_batches():
    history = run(NotingEngine(), "validation")
    assert history.losses == [3.5, 9.5]  # of 1..6 and 7..12
    assert history.val_losses == [0.1, 0.2]
    assert history.val_accuracies == [0.5, 0.5]
    assert len(history.seconds) == 2
    assert min(history.seconds) > 0
    assert all(type(value) is float for column in vars(history).values() for value in column)


def test_history_without_validation_has_none():
    engine = NotingEngine()
    history = run(engine)
    assert len(history.losses) == 2
    assert history.val_losses == history.val_accuracies == []
    assert engine.evaluations == 0


def test_the_callback_hears_of_every_slice_and_of_the_end_of_every_epoch():
    heard = []
    engine = NotingEngine()
    history = run(engine, "validation", callback=heard.append)
    assert all(progress.history is history for progress in heard)
    assert {(progress.epochs, progress.samples_per_epoch) for progress in heard} == {(2, 18)}
    # Where each call leaves off, in samples since the beginning, and the mean loss of the running epoch until there.
    seen = np.cumsum([order.size for order in engine.orders])
    assert [progress.epoch * 18 + progress.samples for progress in heard] == seen.tolist()
    for progress, at in zip(heard, seen, strict=True):
        first = 18 if at > 18 else 0
        assert progress.loss == np.arange(first // 3 + 1, at // 3 + 1).mean()
    ends = [progress for progress in heard if progress.samples == 0]
    assert [(progress.epoch, progress.loss) for progress in ends] == [(1, 3.5), (2, 9.5)]
    assert heard[-1] is ends[-1]


def test_the_history_is_written_before_the_callback_hears_of_an_epoch():
    lengths = []
    run(NotingEngine(), callback=lambda progress: lengths.append((progress.epoch, len(progress.history.losses))))
    assert all(epoch == length for epoch, length in lengths)


ADVICE = (
    "most likely learning_rate=0.25 is too large; try a tenth of it, and check that float pixels lie in \\[0, 1\\]$"
)


def test_a_loss_that_is_not_finite_ends_training_and_names_its_batch():
    made = training_of(NotingEngine(bad_batch=10), record_loss="after")
    with pytest.raises(TrainingError, match=f"^the loss is nan in epoch 2, batch 4: {ADVICE}"):
        made.run(range(20), None, 3)
    assert made.history.losses == [3.5]


def test_a_validation_loss_that_is_not_finite_ends_training():
    with pytest.raises(TrainingError, match=f"^the validation loss is inf after epoch 2: {ADVICE}"):
        run(NotingEngine(bad_evaluation=2), "validation", epochs=5)


def test_what_the_callback_raises_comes_out_and_leaves_the_finished_epochs():
    def stop(progress):
        if progress.epoch == 2:
            raise KeyboardInterrupt

    made = training_of(NotingEngine())
    with pytest.raises(KeyboardInterrupt):
        made.run(range(20), None, 9, [stop])
    assert made.history.losses == [3.5, 9.5]


def test_a_large_learning_rate_is_shown_as_it_was_written():
    with pytest.raises(TrainingError, match=re.escape("learning_rate=1e+30 is")):
        run(NotingEngine(bad_batch=1), learning_rate=1e30)


# Patience


class ScriptedEngine(NotingEngine):
    """Gives these validation losses."""

    def __init__(self, losses):
        super().__init__()
        self.losses = losses

    def evaluate(self, data, *, averaged=False):
        self.evaluations += 1
        return Score(self.losses[self.evaluations - 1], 0.5)


def test_patience_stops_and_restores_the_best_epoch():
    engine = ScriptedEngine([5.0, 3.0, 4.0, 3.0, 3.5, 1.0])
    made = training_of(engine, patience=3)
    made.run(range(20), "validation", 9)
    assert made.epoch == 5  # an equal loss is no improvement
    assert made.has_stalled
    assert (made.best.epoch, made.best.loss) == (2, 3.0)
    assert engine.batches == 12  # of epoch 2: 6 batches each


def test_patience_restores_the_best_epoch_at_the_end_too():
    engine = ScriptedEngine([5.0, 3.0, 4.0])
    made = training_of(engine, patience=3)
    made.run(range(20), "validation", 3)
    assert (made.epoch, made.has_stalled, engine.batches) == (3, False, 12)


def test_patience_needs_validation_images():
    with pytest.raises(InputError, match=r"^patience needs validation images: pass x_val and y_val, or leave"):
        run(NotingEngine(), patience=2)


# State


def test_a_training_goes_on_from_any_moment_as_if_it_had_not_stopped(monkeypatch):
    monkeypatch.setattr(training, "SLICE_SECONDS", 0)  # a state after every batch
    whole = training_of(NotingEngine())
    states = [whole.state()]
    whole.run(range(20), "validation", 3, [lambda progress: states.append(whole.state())])
    assert len(states) == 19
    assert {len(state.batch_losses) for state in states} == {0, 1, 2, 3, 4, 5}
    for state in states:
        engine = NotingEngine()
        engine.evaluations = len(state.history.losses)
        made = training_of(engine, seed=99)
        made.restore(state)
        made.run(range(20), "validation", 3)
        assert made.history.losses == whole.history.losses
        assert made.history.val_losses == whole.history.val_losses
        assert engine.batches == whole.engine.batches
        left = np.concatenate(engine.orders) if engine.calls else np.empty((0, 3), int)
        assert np.array_equal(left, np.concatenate(whole.engine.orders)[18 - len(left) :])


def test_a_state_is_a_copy():
    made = training_of(NotingEngine())
    state = made.state()
    made.run(range(20), None, 2)
    assert state.history.losses == []
    assert len(state.batch_losses) == 0
    restored = training_of(NotingEngine())
    restored.restore(state)
    restored.run(range(20), None, 1)
    assert state.history.losses == []


def test_the_callback_hears_the_losses_of_the_batches_since_the_last_call():
    heard = []
    run(NotingEngine(), "validation", n=300, callback=lambda progress: heard.append(progress.batch_losses))
    assert np.concatenate(heard).tolist() == list(range(1, 201))


def test_slices_are_no_longer_than_a_callback_allows():
    engine = NotingEngine()
    made = training_of(engine)

    def shorten(progress):
        made.longest_slice = 2 if progress.epoch == 0 else None

    made.longest_slice = 1
    made.run(range(300), None, 2, [shorten])
    sizes = [len(order) for order in engine.orders]
    assert sizes[0] == 1
    assert max(sizes[1 : 1 + 50]) == 2
    assert max(sizes) > 2
    assert sum(sizes) == 200


def test_the_losses_until_one_is_not_finite_are_kept():
    engine = NotingEngine(bad_batch=5)
    made = training_of(engine)
    with pytest.raises(TrainingError):
        made.run(range(30), None, 1)
    losses = made.state().batch_losses
    assert losses[:4].tolist() == [1, 2, 3, 4]
    assert np.isnan(losses[4])
