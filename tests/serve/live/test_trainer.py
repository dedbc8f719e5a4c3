"""The thread that trains: it stops and goes on between two batches, and what it computes is what `golmu train` does."""

import itertools
import queue

import numpy as np
import pytest
from live import SECONDS, SMALL, small_split

from golmu.errors import DataError, InputError
from golmu.recipe import RECIPES
from golmu.runs.job import TrainingJob
from golmu.serve.live.trainer import Trainer


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    return small_split(tmp_path_factory.mktemp("data"))


@pytest.fixture
def trainer(split):
    """A function that makes a trainer, and the queue of what it tells."""
    made = []

    def make(**changes):
        recipe = RECIPES["chapter"].override(SMALL | changes)
        events = queue.Queue()
        made.append(
            Trainer(lambda: TrainingJob.from_split(split, recipe, engine="fused"), events.put, itertools.count(1))
        )
        return made[-1], events

    yield make
    for one in made:
        one.close(SECONDS)
        assert not one._thread.is_alive()


def until(events, kind):
    while (event := events.get(timeout=SECONDS)).kind != kind:
        pass
    return event


def trained(split, **changes):
    """The losses and the weights of the same training without a page."""
    job = TrainingJob.from_split(split, RECIPES["chapter"].override(SMALL | changes), engine="fused")
    losses = []
    job.training.run(*job.prepared, job.record.recipe.epochs, [lambda progress: losses.extend(progress.batch_losses)])
    return losses, job.training.engine.get_weights()


@pytest.mark.parametrize("changes", [{"epochs": 3}, {"epochs": 4, "ema": 0.9}, {"epochs": 9, "patience": 1}])
def test_it_trains_to_the_end_as_ever(trainer, split, changes):
    one, events = trainer(**changes)
    until(events, "loaded")
    one.go(2)
    end = until(events, "finished")
    losses, weights = trained(split, **changes)
    assert np.array_equal(end.curve[1], losses)
    assert end.progress["train_losses"]
    snapshot = one.snapshot().result(SECONDS)
    for name, weight in weights.items():
        assert np.array_equal(snapshot.model.weights[name], weight), name


def test_steps_end_where_they_should(trainer, split):
    one, events = trainer(epochs=2)
    batches = until(events, "loaded").progress["batches"]
    for i in range(3):
        assert one.go(1, "batch") == i + 1
        event = until(events, "paused")
        assert (event.turn, event.progress["epoch"], event.progress["batch"]) == (i + 1, 0, i + 1)
    one.go(1, "epoch")
    event = until(events, "paused")
    assert (event.progress["epoch"], event.progress["batch"], event.progress["steps"]) == (1, 0, batches)
    one.go(1, "epoch")
    end = until(events, "finished")
    assert np.array_equal(end.curve[1], trained(split, epochs=2)[0])
    assert end.progress["epoch_steps"] == [batches, 2 * batches]


def test_a_pause_holds_until_it_is_told_to_go_on(trainer, split):
    one, events = trainer(epochs=1_000_000, batch_size=4)
    until(events, "loaded")
    one.go(1)
    for _ in range(5):
        one.pause()
        steps = until(events, "paused").progress["steps"]
        state = one.state().result(SECONDS)
        assert len(state.batch_losses) + sum(map(len, [state.history.losses])) * 24 == steps
        assert one.snapshot().result(SECONDS) is one.snapshot().result(SECONDS)
        one.go(1)


def test_the_state_of_a_finished_training_can_continue(trainer, split):
    changes = {"optimizer": "nesterov", "epochs": 2}
    one, events = trainer(**changes)
    until(events, "loaded")
    one.go(1)
    until(events, "finished")
    job = TrainingJob.from_split(split, RECIPES["chapter"].override(SMALL | changes | {"epochs": 4}), engine="fused")
    job.training.restore(one.state().result(SECONDS))
    job.run()
    assert job.training.history.losses == pytest.approx(
        [float(np.mean(part)) for part in np.split(np.array(trained(split, **changes | {"epochs": 4})[0]), 4)]
    )


def test_a_training_that_diverges_keeps_its_curve(trainer):
    one, events = trainer(epochs=50, learning_rate=1e30, record_loss="before")
    until(events, "loaded")
    one.show()
    one.go(1)
    end = until(events, "diverged")
    assert end.bad_batch == 2
    assert "most likely learning_rate=1e+30 is too large" in end.message
    assert len(end.curve[1]) == 1
    assert np.isfinite(end.curve[1]).all()
    for ask in (one.snapshot, one.state):
        with pytest.raises(InputError, match="diverged"):
            ask().result(SECONDS)


def test_frames_come_only_once_the_last_is_seen(trainer):
    one, events = trainer(epochs=30)
    until(events, "loaded")
    one.show()
    first = until(events, "frame")
    one.go(1)
    finished = until(events, "finished")
    assert events.empty()
    one.see(first.number - 1, 0)  # another frame's
    arrays = first.frame[1]
    one.see(first.number, len(arrays["losses"]))
    second = until(events, "frame")
    assert second.frame[0]["first_point"] == len(arrays["losses"])
    curve = np.concatenate([arrays["losses"], second.frame[1]["losses"]])
    assert np.array_equal(curve, finished.curve[1])


def test_a_finished_training_shows_all_that_it_says_of_the_images(trainer, split):
    one, events = trainer(epochs=20)
    until(events, "loaded")
    one.go(2)
    end = until(events, "finished")
    one.show()
    while True:
        values, arrays = until(events, "frame").frame
        if values["is_judged"]:
            break
        one.see(events.number, 0)
    counts = arrays["confusion"]
    assert counts.sum() == 24
    assert counts.trace() / 24 == pytest.approx(end.progress["val_accuracies"][-1])
    assert arrays["kernels"].shape == (3, 3, 1, 2)
    assert arrays["maps"].shape == (6, 5, 2)
    snapshot = one.snapshot().result(SECONDS)
    maps = np.maximum(snapshot.predictor.engine.feature_maps(split.images.validation.images[:1])[0], 0)
    assert np.allclose(arrays["maps"] * values["maps_high"] / 255, maps, atol=values["maps_high"] / 500)


def test_what_fails_is_said_and_leaves_no_question_open(split):
    events = queue.Queue()

    def fail():
        raise DataError("the data are gone")

    one = Trainer(fail, events.put, itertools.count(1))
    question = one.snapshot()
    assert until(events, "failed").message == "the data are gone"
    with pytest.raises(InputError, match="this training has ended"):
        question.result(SECONDS)
    with pytest.raises(InputError, match="this training has ended"):
        one.state().result(SECONDS)


def test_what_goes_wrong_unexpectedly_is_said_too():
    events = queue.Queue()
    Trainer(lambda: 1 / 0, events.put, itertools.count(1))
    assert until(events, "failed").message == "the training failed: ZeroDivisionError; the server's log says where"
