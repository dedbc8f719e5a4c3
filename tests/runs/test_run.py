"""A run folder opened once, and the network of a run that ended, was interrupted or never began."""

import json
import re
import shutil
import warnings

import numpy as np
import pytest
from command import read, write
from small_network import X, Y, network

import golmu
from golmu import Run
from golmu.errors import CheckpointError, GolmuWarning, InputTypeError, RunError
from golmu.runs.checkpoint import load_checkpoint
from golmu.runs.folder import lock_run


def killed(folder, **parameters):
    """A run whose process was killed in its third epoch: no model, a checkpoint, and the status it had."""

    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.epoch == 3:  # the recorder, which comes after, has written two
            raise Killed

    with pytest.raises(Killed):
        network(**parameters).fit(X, Y, 4, X, Y, run=folder, callback=kill)
    record = read(folder)
    assert record["status"] == "running"
    return folder


def test_it_holds_what_the_folder_says(finished):
    run, record = Run.open(finished.folder), read(finished.folder)
    assert run.record.status == "finished"
    assert run.record.results.val_accuracy == record["results"]["val_accuracy"]
    assert run.record.to_json() == record
    assert run.recipe.n_kernels == 2
    assert len(run.history.losses) == 2
    assert run.read_options.size == (6, 5)
    assert run.data == record["data"]["argument"]
    assert run.predictor is run.predictor
    assert repr(run) == f"<Run: {finished.folder}, finished>"
    assert Run.open(str(finished.folder)).folder == finished.folder


def test_each_command_reads_run_json_once(finished, run, monkeypatch, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    opened, real = [], type(folder).read_bytes

    def count(path):
        if path.name == "run.json":
            opened.append(path)
        return real(path)

    monkeypatch.setattr(type(folder), "read_bytes", count)
    other = shutil.copytree(finished.folder, tmp_path / "other")
    for command, n in (
        (("evaluate", folder), 1), (("predict", folder, tmp_path / "a.png"), 1), (("report", folder), 1),
        (("explain", folder, 0), 1), (("compare", folder, other, "--output", tmp_path / "c.html"), 2),
        (("train", "--resume", folder), 1),
    ):  # fmt: skip
        opened.clear()
        run(*command)
        assert len(opened) == n, command


def test_an_interrupted_run_has_the_network_of_its_last_checkpoint(tmp_path):
    folder = killed(tmp_path / "run")
    state = load_checkpoint(folder / "checkpoint.safetensors").state
    with pytest.warns(
        GolmuWarning, match="did not end: the weights are those of its last checkpoint, after 2 of 4 epochs"
    ):
        predictor = golmu.load(folder)
    assert all(np.array_equal(predictor.model.weights[name], state.weights[name]) for name in state.weights)
    assert predictor.model.epoch == 2


def test_commands_take_an_interrupted_run_with_what_it_has_come_to(tmp_path, run):
    folder = killed(tmp_path / "run")
    np.savez(tmp_path / "data.npz", x=X, y=Y)
    opened = Run.open(folder)
    with pytest.warns(GolmuWarning, match="last checkpoint"):
        _ = opened.predictor
    assert (opened.results.epochs, opened.results.model_epoch) == (2, 2)
    assert opened.history == load_checkpoint(folder / "checkpoint.safetensors").state.history
    assert opened.results.val_accuracy == opened.history.val_accuracies[-1]
    network().fit(X, Y, 1, X, Y, run=tmp_path / "other")
    for command in (
        ("report", folder, tmp_path / "data.npz"),
        ("compare", folder, tmp_path / "other", "--output", tmp_path / "c.html"),
        ("evaluate", folder, tmp_path / "data.npz"), ("explain", folder, 0, "--data", tmp_path / "data.npz"),
    ):  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert run(*command)[0] == 0, command


def test_a_run_that_is_still_running_is_said_to(tmp_path):
    folder = killed(tmp_path / "run")
    with lock_run(folder), pytest.warns(GolmuWarning, match="is still running: the weights are those .* of 4 epochs$"):
        golmu.load(folder)


def test_a_file_is_no_run_folder(finished, run):
    model = finished.folder / "model.safetensors"
    status, _, err = run("evaluate", model)
    text = f"{model} is a file, and a run folder is needed: give the folder that `golmu train` wrote"
    assert (status, err) == (2, f"golmu: error: {text}\n")


def test_averaged_weights_are_those_of_the_average(tmp_path):
    folder = killed(tmp_path / "run", ema=0.9)
    state = load_checkpoint(folder / "checkpoint.safetensors").state
    with pytest.warns(GolmuWarning, match="last checkpoint"):
        predictor = golmu.load(folder)
    assert all(np.array_equal(predictor.model.weights[name], value) for name, value in state.slots["average"].items())


def test_a_run_that_was_continued_and_killed_has_the_later_weights(tmp_path):
    network().fit(X, Y, 1, run=tmp_path / "run")
    record = read(tmp_path / "run")
    kept = (tmp_path / "run" / "model.safetensors").read_bytes()
    network().fit(X, Y, 3, resume=tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").write_bytes(kept)
    write(tmp_path / "run", record | {"status": "running"})
    with pytest.warns(GolmuWarning, match="after 3 of 1 epochs"):
        assert golmu.load(tmp_path / "run").model.epoch == 3


def test_a_run_that_made_no_step_has_no_network(tmp_path):
    def stop(progress):
        raise SystemError

    with pytest.raises(SystemError):
        network(batch_size=50).fit(X, Y, 4, run=tmp_path / "run", callback=stop)
    record = read(tmp_path / "run")
    from golmu.runs import checkpoint

    path = tmp_path / "run" / "checkpoint.safetensors"
    loaded = load_checkpoint(path)
    empty = type(loaded.state)(**{**vars(loaded.state), "batch_losses": np.empty(0, np.float32)})
    checkpoint.save_checkpoint(path, checkpoint.Checkpoint(loaded.identity, empty))
    for status, text in (
        ("running", "holds no model, and its training was interrupted: continue it with `golmu train --resume "),
        ("failed", "holds no model, since its training failed: train again with other settings"),
    ):
        write(tmp_path / "run", record | {"status": status})
        with pytest.raises(RunError, match=re.escape(text)):
            golmu.load(tmp_path / "run")
    write(tmp_path / "run", record | {"status": "running"})
    with lock_run(tmp_path / "run"), pytest.raises(RunError, match="yet, since its training is running: let it end"):
        golmu.load(tmp_path / "run")


@pytest.mark.parametrize("path", [None, "", 3, b"runs/x"])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(InputTypeError, match="path must be a path, got"):
        golmu.load(path)


def test_what_is_no_run_or_model_is_refused(tmp_path, finished):
    with pytest.raises(RunError, match="there is no run folder"):
        golmu.load(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"is not a run folder: it holds no run\.json"):
        golmu.load(tmp_path)
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        golmu.load(finished.folder / "run.json")
    with pytest.raises(CheckpointError, match="is the checkpoint of a run, not a model"):
        golmu.load(finished.folder / "checkpoint.safetensors")


def test_a_run_of_arrays_has_no_data(tmp_path):
    network().fit(X, Y, 1, run=tmp_path / "run")
    with pytest.raises(RunError, match="was trained on arrays, and does not keep them: give the data"):
        _ = Run.open(tmp_path / "run").data
    assert Run.open(tmp_path / "run").record.data.is_of_arrays
    assert json.loads((tmp_path / "run" / "run.json").read_text())["data"] == {
        "name": None,
        "train": 50,
        "validation": 0,
    }


def test_a_run_that_failed_answers_from_its_last_checkpoint(tmp_path):
    """As after a full disk: the advice was to train again, with a sound checkpoint beside it."""
    folder = killed(tmp_path / "run")
    write(folder, read(folder) | {"status": "failed", "error": "No space left on device"})
    with pytest.warns(GolmuWarning, match=r"failed \(No space left on device\): .* last checkpoint, after 2 of 4"):
        assert golmu.load(folder).predict(X[0]).label
    assert len(Run.open(folder).history.losses) == 2


@pytest.mark.parametrize("row", ["1,nan,1,0.5,1", "1,inf,1,0.5,1", "1,1,-1,0.5,1", "1,1,1,7,1", "1,1,1,0.5,-3"])
def test_a_history_that_no_training_writes_is_damaged(finished, tmp_path, row):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    (folder / "history.csv").write_text(f"epoch,train_loss,val_loss,val_accuracy,seconds\n{row}\n")
    with pytest.raises(RunError, match=r"history\.csv is damaged: it holds .*, which no training writes there$"):
        _ = Run.open(folder).history


def test_a_list_that_was_saved_again_with_a_mark_of_its_encoding_is_read(finished, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    for name in ("history.csv", "held-out.csv"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    old, new = Run.open(finished.folder), Run.open(folder)
    assert new.history == old.history
    assert new.held_out.classes == old.held_out.classes


def test_a_folder_called_like_an_unfinished_file_is_left_alone(finished, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    (folder / ".mine.part").mkdir()
    (folder / ".half.part").touch()
    with lock_run(folder):
        assert (folder / ".mine.part").is_dir()
        assert not (folder / ".half.part").exists()
