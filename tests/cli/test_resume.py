"""Resuming from the command line, and what ends a real training."""

import json
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from command import SETTINGS, history, process, read
from fuzzing import npz
from small_network import WEIGHT_NAMES, X, Y

from golmu.model.model import load_model
from golmu.runs import folder as runs
from golmu.runs.checkpoint import load_checkpoint


def test_resume_from_the_command_line(run, data, tmp_path):
    whole, folder = tmp_path / "whole", tmp_path / "run"
    assert run("train", data, *SETTINGS, "--epochs=4", "--run", whole)[0] == 0
    assert run("train", data, *SETTINGS, "--epochs=2", "--run", folder)[0] == 0
    status, lines, err = run("train", "--resume", folder, "--epochs", "4")
    assert (status, err) == (0, "")
    assert lines[0] == f"continuing at epoch 3, batch 1: on 320 images, validating on 80; results go to {folder}"
    assert [line[:9] for line in lines[1:3]] == ["epoch 3/4", "epoch 4/4"]
    one, other = (load_model(path / runs.MODEL) for path in (whole, folder))
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in WEIGHT_NAMES)
    without_seconds = [[{**row, "seconds": ""} for row in history(path)] for path in (whole, folder)]
    assert without_seconds[0] == without_seconds[1]
    status, lines, err = run("train", data, "--resume", folder)
    assert (status, err) == (0, "")
    assert lines[0].startswith("the run is finished, after epoch 4: nothing is left to train; ")


def test_a_run_continues_with_the_options_it_began_with_in_an_earlier_version(run, data, tmp_path):
    """In which `--flip` did not bring the mirror images at prediction along."""
    options = ("--recipe=best", "--n-kernels=2", "--units=3", "--epochs=1")
    for given, kept in (("--flip", "--no-test-flip"), ("--no-flip", "--test-flip")):
        folder = tmp_path / f"run{given}"
        assert run("train", data, *options, given, kept, "--run", folder)[0] == 0
        for words in ([given], [*options, given], [*options, given, kept]):
            status, lines, err = run("train", "--resume", folder, *words)
            assert (status, err) == (0, "")
            assert lines[0].startswith("the run is finished, after epoch 1")
        other = "--test-flip" if kept == "--no-test-flip" else "--no-test-flip"
        status, _, err = run("train", "--resume", folder, *options, given, other)
        assert status == 2
        assert f"test_flip is {other == '--no-test-flip'}, not {other == '--test-flip'}. " in err


def test_resume_with_other_data_is_refused(run, data, tmp_path, finished):
    other = shutil.copytree(data, tmp_path / "other")
    path = other / "train-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    kept = (finished.folder / runs.CHECKPOINT).read_bytes()
    assert run("train", other, "--resume", finished.folder, "--epochs=3") == (2, [], (
        f"golmu: error: {finished.folder} cannot continue with this: the training images or their labels differ (the "
        "same number, 400; renaming counts too, since the order follows the names). Put the images back as they were, "
        "or start a new run\n"
    ))  # fmt: skip
    assert (finished.folder / runs.CHECKPOINT).read_bytes() == kept


def test_a_trained_run_without_checkpoint_is_not_begun_anew(run, finished, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    (folder / runs.CHECKPOINT).unlink()
    before = (folder / runs.MODEL).read_bytes()
    text = (
        f"golmu: error: {folder} holds a model, but no {runs.CHECKPOINT} to continue from: put it back, or "
        "start a new run\n"
    )
    assert run("train", "--resume", folder, "--epochs=9") == (2, [], text)
    assert (folder / runs.MODEL).read_bytes() == before


def named(folder, names):
    """The images of the tests as an `.npz` whose classes have these names."""
    folder.write_bytes(npz(x_train=X, y_train=np.array(names)[Y], x_test=X, y_test=np.array(names)[Y]))
    return folder


def test_classes_of_other_names_are_others(run, tmp_path):
    first, other = named(tmp_path / "a.npz", ["cat", "dog", "eel"]), named(tmp_path / "b.npz", ["ant", "cat", "dog"])
    folder = tmp_path / "run"
    assert run("train", first, *SETTINGS, "--run", folder)[0] == 0
    assert run("evaluate", folder, first)[0] == 0
    status, lines, err = run("evaluate", folder, other)
    assert (status, lines) == (2, [])
    assert err == (
        f"golmu: error: b calls class 0 'ant', but {folder} was trained with 'cat': evaluate it on data with the "
        "classes cat, dog, eel\n"
    )
    status, lines, err = run("train", other, "--resume", folder, "--epochs=9")
    assert (status, lines) == (2, [])
    assert "the classes are called cat, dog, eel, not ant, cat, dog" in err


def test_one_class_is_refused_before_there_is_a_folder(run, tmp_path):
    path = tmp_path / "one.npz"
    path.write_bytes(npz(x=X, y=0 * Y))
    text = "golmu: error: one holds one class only, '0': at least 2 are needed\n"
    assert run("train", path, "--run", tmp_path / "run") == (2, [], text)
    assert not (tmp_path / "run").exists()


def test_a_warning_is_one_line(data, tmp_path):
    code = "from golmu.cli import main; main()"
    command = [sys.executable, "-c", code, "train", data, "--epochs=1", "--batch-size=999", "--run", tmp_path / "run"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    text = "batch_size is 999, but there are only 320 samples: each epoch is one batch of them all"
    assert f"golmu: warning: {text}\n" in done.stderr
    assert ".py" not in done.stderr


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.15])
def test_a_second_ctrl_c_before_all_is_written_ends_with_130_too(data, tmp_path, seconds):
    folder = tmp_path / "run"
    with process("train", data, *SETTINGS, "--epochs=1000000", "--run", folder) as running:
        for _ in range(4):
            running.stdout.readline()
        running.send_signal(signal.SIGINT)
        time.sleep(seconds)
        running.send_signal(signal.SIGINT)
        rest, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "")
    assert f"interrupted; continue with: golmu train --resume {folder}\n" in rest
    assert read(folder)["status"] == "interrupted"
    load_checkpoint(folder / runs.CHECKPOINT)


def test_patience_from_the_command_line(run, data, tmp_path):
    status, lines, err = run(
        "train", data, *SETTINGS, "--epochs=60", "--learning-rate=3", "--patience=2", "--run", tmp_path / "run"
    )
    results = read(tmp_path / "run")["results"]
    assert (status, err) == (0, "")
    assert results["epochs"] == results["model_epoch"] + 2 < 60
    text = f"epochs               {results['epochs']} (the model is that of epoch {results['model_epoch']}, the best)"
    assert text in [line.rstrip() for line in lines]


def test_sigterm_ends_a_real_training_and_it_goes_on(run, data, tmp_path):
    folder = tmp_path / "run"
    with process("train", data, *SETTINGS, "--epochs=1000000", "--run", folder) as running:
        for _ in range(4):
            running.stdout.readline()
        running.send_signal(signal.SIGTERM)
        rest, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (143, "")
    assert f"interrupted; continue with: golmu train --resume {folder}\n" in rest
    done = read(folder)["results"]["epochs"]
    status, lines, err = run("train", "--resume", folder, "--epochs", done + 1)
    assert (status, err) == (0, "")
    assert lines[1].startswith(f"epoch {done + 1}/{done + 1}  loss ")


# Settings that cannot be read


@pytest.mark.parametrize("change", [{"settings": None}, {"settings": {}}, {"settings": 3}])
def test_a_run_without_settings_cannot_go_on(run, finished, tmp_path, change):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    (folder / "run.json").write_text(json.dumps(read(folder) | change))
    status, _, err = run("train", "--resume", folder)
    assert status == 2
    begin = f"golmu: error: {folder / 'run.json'} is "
    assert err.startswith((f"{begin}damaged: 'settings' must be an object, got ", f"{begin}incomplete: 'n_kernels' is"))
