"""Trainings that stop and go on: bit for bit as if they had not, or refused with the difference."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from command import read
from small_network import WEIGHT_NAMES, X, Y, equal, network, same_weights

from golmu import ConvolutionNetwork, system
from golmu.errors import CheckpointError, InputTypeError, RunError, SaveError, TrainingError
from golmu.model.model import load_model
from golmu.runs import folder as runs
from golmu.runs import recorder
from golmu.runs.checkpoint import load_checkpoint
from golmu.runs.record import read_record, write_record
from golmu.training import loop as training

VALIDATION = X[:20], Y[:20]
ENGINES = ("fused", "tensorflow")


def stop_at(n_calls):
    """A callback that ends the training at its n-th call."""
    calls = []

    def callback(progress):
        calls.append(progress)
        if len(calls) == n_calls:
            raise KeyboardInterrupt

    return callback


def fit(epochs=4, callback=None, run=None, resume=None, images=X, labels=Y, validation=VALIDATION, inexact=False,
        **changes):  # fmt: skip
    made = network(**changes)
    made.fit(images, labels, epochs, *(validation or ()), callback=callback, run=run, resume=resume,
             allow_inexact=inexact)  # fmt: skip
    return made


def stopped(folder, n_calls=3, **arguments):
    """A training that has been stopped at its n-th slice, kept in `folder`."""
    with pytest.raises(KeyboardInterrupt):
        fit(callback=stop_at(n_calls), run=folder, **arguments)
    return folder


def assert_same(one, other):
    assert same_weights(one, other)
    assert one.losses == other.losses
    assert one.val_losses == other.val_losses
    assert one.history_.val_accuracies == other.history_.val_accuracies
    assert one._order_rng.bit_generator.state == other._order_rng.bit_generator.state


@pytest.fixture(autouse=True)
def one_batch_a_slice(monkeypatch):
    """A slice is one batch, so that a callback can stop at each."""
    monkeypatch.setattr(training, "SLICE_SECONDS", 0)


# Exactly


def test_the_time_of_a_run_that_was_killed_counts(tmp_path):
    folder = stopped(tmp_path / "run", 20)
    write_record(folder, replace(read_record(folder), seconds=None))
    made = fit(resume=folder)
    assert read(folder)["seconds"] >= sum(made.history_.seconds)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_stopped_anywhere_goes_on_exactly(tmp_path, engine):
    whole = fit(engine=engine)
    for n_calls in (1, 4, 6, 7, 13, 24) if engine == "fused" else (4, 6, 13):
        folder = stopped(tmp_path / f"{n_calls}", n_calls, engine=engine)
        assert_same(fit(resume=folder, engine=engine), whole)


@pytest.mark.parametrize("engine", ENGINES)
def test_so_does_one_of_two_blocks(tmp_path, engine):
    changes = EVERYTHING | {"n_kernels": (3, 2), "average_epochs": 2, "engine": engine}
    whole = fit(**changes)
    assert list(whole.get_weights()) == ["conv_w", "conv_b", "conv2_w", "conv2_b", "w1", "b1", "w2", "b2"]
    folder = stopped(tmp_path / "run", 14, **changes)
    assert_same(fit(resume=folder, **changes), whole)
    assert equal(load_model(folder / runs.MODEL).weights, whole.get_weights())
    text = r"the architecture's n_kernels is \(3, 2\), not 3; n_kernels is \(3, 2\), not 3"
    with pytest.raises(RunError, match=text):
        fit(resume=folder, **changes | {"n_kernels": 3})


EVERYTHING = {
    "optimizer": "nesterov", "schedule": "cosine", "warmup": 0.2, "weight_decay": 0.01, "label_smoothing": 0.1,
    "feature_dropout": 0.2, "hidden_dropout": 0.2, "flip": True, "shift": 1, "erase": 2, "test_flip": True,
    "standardize": True, "final_batch_size": 16,
}  # fmt: skip


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("average", [{"ema": 0.8}, {"average_epochs": 2}, {"ema": 0.5, "patience": 3}])
@pytest.mark.parametrize("optimizer", ["nesterov", "adamw"])
def test_so_does_one_with_all_that_a_recipe_can_have(tmp_path, engine, optimizer, average):
    changes = EVERYTHING | average | {"optimizer": optimizer, "engine": engine}
    whole = fit(**changes)
    for n_calls in (3, 14):
        folder = stopped(tmp_path / f"{n_calls}", n_calls, **changes)
        assert_same(fit(resume=folder, **changes), whole)
        model = load_model(folder / runs.MODEL)
        assert all(np.array_equal(model.weights[name], whole.get_weights()[name]) for name in WEIGHT_NAMES)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_weights_that_count_are_the_average(engine):
    whole = fit(3, engine=engine, **EVERYTHING, average_epochs=2)
    last = fit(3, engine=engine, **EVERYTHING)
    assert whole.losses == last.losses
    assert not same_weights(whole, last)
    assert whole.score(*VALIDATION) == whole.history_.val_accuracies[-1]
    assert whole.val_losses[0] == last.val_losses[0]
    assert whole.val_losses[1:] != last.val_losses[1:]


def test_a_training_whose_schedule_has_ended_takes_no_more_epochs(tmp_path):
    folder = stopped(tmp_path / "run", 8, epochs=3, schedule="triangular", warmup=0.1)
    with pytest.raises(
        RunError, match=r"cannot continue with this: epochs is 3, and the recipe's schedule ends there, not"
    ):
        fit(resume=folder, epochs=4, schedule="triangular", warmup=0.1)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_kept_training_is_the_same_as_one_that_is_not(tmp_path, engine):
    assert_same(fit(run=tmp_path / "run", engine=engine), fit(engine=engine))


def test_a_training_stopped_again_and_again(tmp_path):
    whole, folder = fit(), stopped(tmp_path / "run", 2)
    for _ in range(30):
        try:
            made = fit(resume=folder, callback=stop_at(2))
            break
        except KeyboardInterrupt:
            continue
    assert_same(made, whole)
    assert len(read(folder)["resumed"]) > 5


@pytest.mark.parametrize("engine", ENGINES)
def test_more_epochs_equal_a_longer_run(tmp_path, engine):
    fit(2, run=tmp_path / "run", engine=engine)
    longer = fit(4, resume=tmp_path / "run", engine=engine)
    assert_same(longer, fit(4, engine=engine))
    assert read(tmp_path / "run")["settings"]["epochs"] == 4
    assert load_checkpoint(tmp_path / "run" / runs.CHECKPOINT).identity.recipe.epochs == 4


def test_a_finished_run_that_goes_on_to_where_it_is_changes_nothing(tmp_path):
    whole = fit(3, run=tmp_path / "run")
    assert_same(fit(3, resume=tmp_path / "run"), whole)


def test_patience_survives(tmp_path):
    settings = {"patience": 2, "learning_rate": 1.5}
    whole = fit(30, **settings)
    assert whole.n_iter_ < 30
    assert whole.best_epoch_ == whole.n_iter_ - 2 == int(np.argmin(whole.val_losses)) + 1
    folder = stopped(tmp_path / "run", 6 * whole.best_epoch_ + 2, epochs=30, **settings)
    resumed = fit(30, resume=folder, **settings)
    assert_same(resumed, whole)
    assert resumed.best_epoch_ == whole.best_epoch_
    model = load_model(folder / runs.MODEL)
    assert model.epoch == whole.best_epoch_
    assert all(np.array_equal(model.weights[name], whole.get_weights()[name]) for name in WEIGHT_NAMES)
    assert read(folder)["results"]["model_epoch"] == whole.best_epoch_


def test_the_fused_engine_goes_on_with_any_number_of_threads(tmp_path):
    images = np.concatenate([X] * 6)  # several parts a batch
    arguments = {"images": images, "labels": np.concatenate([Y] * 6), "batch_size": 150, "engine": "fused"}
    folder = stopped(tmp_path / "run", 3, n_threads=1, **arguments)
    assert_same(fit(resume=folder, n_threads=3, **arguments), fit(n_threads=2, **arguments))


def test_a_run_killed_before_its_first_checkpoint_begins(tmp_path):
    folder = stopped(tmp_path / "run", 3)
    for name in (runs.CHECKPOINT, runs.MODEL, runs.HISTORY, runs.CURVES):
        (folder / name).unlink()
    assert_same(fit(resume=folder), fit())


def test_what_was_left_half_written_is_swept_away(tmp_path):
    folder = stopped(tmp_path / "run")
    (folder / ".checkpoint.safetensors.abc.part").write_bytes(b"half")
    fit(resume=folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        ".lock", "checkpoint.safetensors", "curves.png", "held-out.csv", "history.csv", "model.safetensors",
        "report.html", "run.json",
    ]  # fmt: skip


def test_a_checkpoint_is_written_after_every_epoch_and_in_a_long_one(tmp_path, monkeypatch):
    written, now = [], [0.0]
    save = recorder.save_checkpoint
    monkeypatch.setattr(recorder.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(
        recorder, "save_checkpoint", lambda path, c: (save(path, c), written.append((c.state.history.losses, c.state)))
    )

    def callback(progress):
        now[0] += 25

    fit(2, callback=callback, run=tmp_path / "run")
    places = [(len(losses), len(state.batch_losses)) for losses, state in written]
    assert places == [(0, 0), (0, 3), (1, 0), (1, 3), (2, 0)]  # 6 batches an epoch of 25 s each


# Refused

OF_ALL = "now, validation images included"
SAME = "or their labels differ (the same number, 70; renaming counts too, since the order follows the names)"


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"units": 6}, "the architecture's units is 5, not 6; units is 5, not 6"),
        ({"n_kernels": 2}, "the architecture's n_kernels is 3, not 2; n_kernels is 3, not 2"),
        ({"learning_rate": 0.3}, "learning_rate is 0.2, not 0.3"),
        ({"batch_size": 9}, "batch_size is 8, not 9"),
        ({"record_loss": "before"}, "record_loss is 'after', not 'before'"),
        ({"patience": 3}, "patience is None, not 3"),
        ({"images": X[:-1], "labels": Y[:-1]}, f"the training images or their labels differ (70 before, 69 {OF_ALL})"),
        ({"images": X / np.float32(255)}, "the training images are uint8, not float32"),
        ({"images": X[::-1]}, f"the training images {SAME}"),
        ({"labels": Y[::-1]}, f"the training images {SAME}"),
        ({"validation": (X[:21], Y[:21])}, f"the validation images or their labels differ (70 before, 71 {OF_ALL})"),
        ({"validation": (X[1:21], Y[1:21])}, f"the validation images {SAME}"),
        ({"validation": None}, "the run had validation images"),
        ({"labels": Y + 1, "validation": (X[:20], Y[:20] + 1)}, "the classes are called 0, 1, 2, not 1, 2, 3"),
    ],
)  # fmt: skip
def test_another_training_is_refused_with_the_difference(tmp_path, changes, difference):
    folder = stopped(tmp_path / "run")
    before = (folder / runs.CHECKPOINT).read_bytes()
    remedy = "Start a new run, or give what the run began with"
    if "images" in difference:
        remedy = "Put the images back as they were, or start a new run"
    text = f"{folder} cannot continue with this: {difference}. {remedy}"
    with pytest.raises(RunError, match=f"^{re.escape(text)}$"):
        fit(resume=folder, **changes)
    assert (folder / runs.CHECKPOINT).read_bytes() == before


def test_fewer_epochs_than_are_done_are_refused(tmp_path):
    fit(3, run=tmp_path / "run")
    with pytest.raises(RunError, match=r"has trained for 3 epochs already: epochs must be at least that, got 2$"):
        fit(2, resume=tmp_path / "run")


def test_another_engine_is_refused_unless_inexact_is_allowed(tmp_path):
    folder = stopped(tmp_path / "run", engine="fused")
    text = f"{folder} would continue with engine tensorflow, not fused, and not give the bits of an uninterrupted run: "
    with pytest.raises(RunError, match=f"^{re.escape(text)}"):
        fit(resume=folder, engine="tensorflow")
    resumed, whole = fit(resume=folder, engine="tensorflow", inexact=True), fit(engine="fused")
    assert resumed.engine_ == "tensorflow"
    np.testing.assert_allclose(resumed.losses, whole.losses, rtol=1e-4)


def test_tensorflow_on_other_cores_is_refused_unless_inexact_is_allowed(tmp_path, monkeypatch):
    from golmu.engines.tensorflow import engine as tensorflow

    folder = stopped(tmp_path / "run", engine="tensorflow")
    n = len(os.sched_getaffinity(0))
    monkeypatch.setattr(tensorflow, "usable_cores", lambda: n + 3)
    with pytest.raises(RunError, match=f"would continue with {n + 3} threads, not {n}, and not give the bits"):
        fit(resume=folder, engine="tensorflow")
    fit(resume=folder, engine="tensorflow", inexact=True)


def test_run_and_resume_are_checked(tmp_path):
    with pytest.raises(
        InputTypeError, match=r"^run is for a new folder, and resume for a run to continue: give one of them$"
    ):
        fit(run=tmp_path, resume=tmp_path)
    for argument in ("run", "resume"):
        for value in (3, "", b"x"):
            with pytest.raises(InputTypeError, match=rf"^{argument} must be a folder's path, got {value!r}$"):
                fit(**{argument: value})
    with pytest.raises(RunError, match=r"^there is no run folder .*nowhere$"):
        fit(resume=tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"^.* is not a run folder: it holds no run.json$"):
        fit(resume=tmp_path)
    fit(1, run=tmp_path / "run")
    with pytest.raises(
        RunError, match="is not empty: give a new folder, so that no run is lost, or continue the run with"
    ):
        fit(1, run=tmp_path / "run")


def test_a_damaged_checkpoint_is_never_used(tmp_path):
    folder = stopped(tmp_path / "run")
    path = folder / runs.CHECKPOINT
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        fit(resume=folder)


# The lock


HOLD = "import sys, time; from pathlib import Path; from golmu.runs.folder import lock_run\n" \
       "with lock_run(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"  # fmt: skip


def test_a_second_process_is_refused_and_the_lock_dies_with_its_holder(tmp_path):
    folder = stopped(tmp_path / "run")
    with subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        text = f"another process is training in {folder}: wait until it ends, or give another folder"
        with pytest.raises(RunError, match=f"^{re.escape(text)}$"):
            fit(resume=folder)
        holder.kill()
    fit(resume=folder)


def test_a_second_training_in_this_process_is_refused_too(tmp_path):
    def again(progress):
        with pytest.raises(RunError, match="another process is training in"):
            fit(resume=tmp_path / "run")

    fit(1, run=tmp_path / "run", callback=again)


# A loss that is not finite


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(tmp_path, monkeypatch):
    folder = stopped(tmp_path / "run", 7)
    kept = load_checkpoint(folder / runs.CHECKPOINT).state
    train = training.Training._train_slice

    def diverge(self, data, order):
        if self.batch == 4:
            self.engine.set_weights({name: weight * np.float32(np.nan) for name, weight in kept.weights.items()})
        train(self, data, order)

    with monkeypatch.context() as patch:
        patch.setattr(training.Training, "_train_slice", diverge)
        text = r"^the loss is nan in epoch 2, batch 5: most likely learning_rate=0.2 is too large; try a tenth of it"
        with pytest.raises(TrainingError, match=text):
            fit(resume=folder)
    after = load_checkpoint(folder / runs.CHECKPOINT).state
    assert all(np.array_equal(after.weights[name], kept.weights[name]) for name in WEIGHT_NAMES)
    assert read(folder)["status"] == "failed"
    assert "the loss is nan" in read(folder)["error"]
    assert_same(fit(resume=folder), fit())
    assert "error" not in read(folder)


# Ctrl-C and SIGTERM


def send(number, when=2):
    """A callback that sends this process a signal, as a terminal or a system would."""
    calls = []

    def callback(progress):
        calls.append(progress)
        if len(calls) == when:
            os.kill(os.getpid(), number)

    return callback


@pytest.fixture
def default_ctrl_c():
    """A parent that ignores Ctrl-C, as a job in the background, would hand that on."""
    kept = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, kept)


def test_ctrl_c_leaves_a_usable_network_and_raises(default_ctrl_c):
    made = network()
    with pytest.raises(KeyboardInterrupt):
        made.fit(X, Y, 50, callback=send(signal.SIGINT, 8))
    assert made.n_iter_ == made.best_epoch_ == 1
    assert made.predict(X).shape == Y.shape
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize(("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_signals_write_a_checkpoint_from_which_it_goes_on(tmp_path, default_ctrl_c, number, raised):
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(raised) as ended:
        fit(run=tmp_path / "run", callback=send(number, 9))
    assert raised is KeyboardInterrupt or ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == before
    kept = load_checkpoint(tmp_path / "run" / runs.CHECKPOINT).state
    assert (len(kept.history.losses), len(kept.batch_losses)) == (1, 3)
    assert read(tmp_path / "run")["status"] == "interrupted"
    assert_same(fit(resume=tmp_path / "run"), fit())


def test_a_second_ctrl_c_ends_it_at_once_and_the_checkpoint_before_stands(tmp_path, default_ctrl_c):
    def twice(progress):
        if progress.epoch == 1 and progress.samples:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        fit(run=tmp_path / "run", callback=twice)
    kept = load_checkpoint(tmp_path / "run" / runs.CHECKPOINT).state
    assert (len(kept.history.losses), len(kept.batch_losses)) == (1, 0)
    assert_same(fit(resume=tmp_path / "run"), fit())


def test_an_ignored_signal_stays_ignored():
    kept = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert network().fit(X, Y, 2, callback=send(signal.SIGINT)).n_iter_ == 2
    finally:
        signal.signal(signal.SIGINT, kept)


def test_a_training_in_another_thread_leaves_signals_alone(tmp_path):
    made = []
    thread = threading.Thread(target=lambda: made.append(fit(1, run=tmp_path / "run")))
    thread.start()
    thread.join()
    assert made[0].n_iter_ == 1


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    folder = stopped(tmp_path / "run")
    kept = os.open

    def refuse(path, *arguments, **options):
        if str(path).endswith(runs.LOCK):
            raise PermissionError(13, "Permission denied")
        return kept(path, *arguments, **options)

    monkeypatch.setattr(system.os, "open", refuse)
    with pytest.raises(SaveError, match=f"^the run folder {re.escape(str(folder))} cannot be written: Permission deni"):
        fit(resume=folder)


def test_class_names_are_those_of_the_labels(tmp_path):
    names = np.array(["ant", "bee", "벌"])[Y]
    ConvolutionNetwork(2, 3, 8).fit(X, names, 1, run=tmp_path / "run")
    assert load_model(tmp_path / "run" / runs.MODEL).class_names == ("ant", "bee", "벌")


def test_another_seed_is_refused_from_python_too(tmp_path):
    folder = stopped(tmp_path / "run")
    with pytest.raises(RunError, match=r"cannot continue with this: random_state is 1, not 2\. Start a new run"):
        fit(resume=folder, random_state=2)
    assert_same(fit(resume=folder, random_state=None), fit())
