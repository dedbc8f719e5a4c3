"""The console command: what it prints, what it leaves in the run folder, and how it ends when something is wrong.

Most of it runs inside this process, since each start of TensorFlow costs seconds; where a process of its own matters,
there is one.
"""

import io
import re
import shlex
import shutil
import signal
import sys
import warnings
from contextlib import redirect_stdout
from dataclasses import asdict

import numpy as np
import pytest
from command import SETTINGS, history, main, process, read
from PIL import Image

import golmu
from golmu import ConvolutionNetwork, Recipe, cli
from golmu.cli import progress, training_results
from golmu.cli.commands import train as trainer
from golmu.cli.console import SafeConsole
from golmu.engines import ENGINE_NAMES
from golmu.pages.rendering import format_duration
from golmu.runs.data_record import test_digest as digest_of_test_images
from golmu.training import loop as training

# train


def test_training_prints_plain_lines_where_there_is_no_terminal(finished):
    begin, *epochs = finished.lines[:3]
    assert begin == f"training on 320 images, validating on 80; results go to {finished.folder}"
    number = r"\d+\.\d{4}"
    for i, line in enumerate(epochs, start=1):
        duration = format_duration(float(history(finished.folder)[i - 1]["seconds"]))
        assert re.fullmatch(
            rf"epoch {i}/2  loss {number}  val_loss {number}  val_accuracy {number}  {re.escape(duration)}", line
        ), line
    after = finished.lines.index("next:")
    table = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in finished.lines[3:after])
    assert list(table) == [
        "validation accuracy", "validation loss", "training loss", "epochs", "time", "engine", "parameters",
        "curves", "model", "report",
    ]  # fmt: skip
    assert table["curves"] == str(finished.folder / "curves.png")
    assert table["report"] == str(finished.folder / "report.html")
    assert table["model"] == str(finished.folder / "model.safetensors")
    assert table["parameters"] == "151"
    assert not any("\x1b" in line for line in finished.lines)


def test_the_run_folder_holds_seven_files_and_the_lock(finished):
    assert sorted(file.name for file in finished.folder.iterdir()) == [
        ".lock", "checkpoint.safetensors", "curves.png", "held-out.csv", "history.csv", "model.safetensors",
        "report.html", "run.json",
    ]  # fmt: skip


def test_run_json_says_everything(finished, data):
    run = read(finished.folder)
    assert list(run) == [
        "format", "status", "started", "data", "recipe", "settings", "versions", "machine", "engine", "seconds",
        "results",
    ]  # fmt: skip
    assert (run["format"], run["status"], run["recipe"]) == (1, "finished", "chapter")
    assert run["data"] == {
        "name": "shapes", "argument": str(data), "source": str(data), "size": [6, 5], "channels": 1,
        "skip_bad": False, "label": None, "left_out": [], "train": 320, "validation": 80,
        "split": {"validation": 0.2, "random_state": 42, "at_least_one": True}, "class_names": ["0", "1", "2"],
        "test_digest": digest_of_test_images(golmu.load_dataset(data)),
    }  # fmt: skip
    recipe = Recipe(n_kernels=2, units=8, batch_size=16, learning_rate=0.1, epochs=2)
    assert run["settings"] == {**asdict(recipe.settled()), "engine": "auto", "threads": None, "seed": 42}
    assert {"python", "golmu", "numpy", "tensorflow"} <= set(run["versions"])
    assert run["engine"] in ENGINE_NAMES
    assert run["engine"] != "auto"
    results = run["results"]
    assert (results["epochs"], results["n_parameters"]) == (2, 151)
    assert 0 < results["seconds_per_epoch"] < run["seconds"]


def test_history_csv_has_a_line_an_epoch_that_agrees_with_run_json(finished):
    rows = history(finished.folder)
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert list(rows[0]) == ["epoch", "train_loss", "val_loss", "val_accuracy", "seconds"]
    results = read(finished.folder)["results"]
    assert all(float(rows[-1][name]) == results[name] for name in ("train_loss", "val_loss", "val_accuracy"))


def test_the_model_is_that_of_the_estimator_with_the_same_settings(finished, data):
    loaded = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    train, validation = golmu.load_dataset(data).split()
    again = ConvolutionNetwork(2, 8, 16, 0.1, random_state=42).fit(train.images, train.labels, 2)
    for name, weight in again.get_weights().items():
        assert np.array_equal(weight, loaded.get_weights()[name])
    assert loaded.score(validation.images, validation.labels) == read(finished.folder)["results"]["val_accuracy"]


def test_curves_png_is_a_picture(finished):
    with Image.open(finished.folder / "curves.png") as picture:
        assert picture.format == "PNG"
        assert picture.width > 800


def test_runs_get_a_folder_of_their_own_and_find_their_data_from_anywhere(run, data, tmp_path, monkeypatch):
    shutil.copytree(data, tmp_path / "shapes")
    monkeypatch.chdir(tmp_path)
    for name in ("shapes-chapter", "shapes-chapter-2"):
        status, lines, _ = run("train", "shapes", *SETTINGS, "--epochs=1")
        assert status == 0
        assert lines[0].endswith(f"results go to runs/{name}")
    monkeypatch.chdir("runs")
    status, lines, err = run("evaluate", "shapes-chapter-2")
    assert (status, err) == (0, "")
    assert lines[0].startswith("100 test images of shapes: ")


def test_names_and_narrow_places_break_nothing(run, data, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    folder = tmp_path / "a  run[bold] of :smile: [/] 골무"
    status, lines, err = run("train", data, *SETTINGS, "--epochs=1", "--run", folder)
    assert (status, err) == (0, "")
    assert lines[0].endswith(f"results go to {folder}")
    assert lines[1].startswith("epoch 1/1  loss ")
    assert lines[1].endswith(f"  {format_duration(float(history(folder)[0]['seconds']))}")
    assert lines[11].rstrip().endswith(f"  {folder}/report.html")
    assert shlex.split(lines[-1].strip())[-4:] == ["--resume", str(folder), "--epochs", "2"]
    assert len(lines) == 16
    status, _, err = run("evaluate", folder / "")
    assert (status, err) == (0, "")
    status, _, err = run("train", data, "--run", folder)
    assert err.startswith(
        f"golmu: error: the run folder {folder} is not empty: give a new folder, so that no run is lost, "
    )
    assert err.endswith(f"or continue the run with --resume {folder} (resume=)\n")


def test_a_terminal_shows_that_the_report_is_being_drawn(data, tmp_path, monkeypatch):
    out = io.StringIO()
    monkeypatch.setattr(training_results, "make_console", lambda: SafeConsole(file=out, force_terminal=True, width=80))
    assert main("train", data, *SETTINGS, "--epochs=1", "--run", tmp_path / "run") == 0
    assert "drawing the report" in out.getvalue()


def test_an_encoding_that_lacks_a_name_is_no_error(data, tmp_path):
    with redirect_stdout(io.TextIOWrapper(io.BytesIO(), encoding="ascii")) as out:
        assert main("train", data, *SETTINGS, "--epochs=1", "--run", tmp_path / "골무") == 0
        assert main("evaluate", tmp_path / "골무") == 0
    lines = out.buffer.getvalue().decode("ascii").splitlines()
    assert lines[0].endswith(f"results go to {tmp_path}/\\uace8\\ubb34")


def test_seed_and_record_loss_are_heeded(run, data, tmp_path):
    losses = []
    for i, options in enumerate((["--seed=1"], ["--seed=1", "--record-loss=before"], ["--seed=2"])):
        assert run("train", data, *SETTINGS, "--epochs=1", *options, "--run", tmp_path / str(i))[0] == 0
        losses.append(read(tmp_path / str(i))["results"])
    assert losses[0]["val_loss"] == losses[1]["val_loss"] != losses[2]["val_loss"]
    assert losses[0]["train_loss"] < losses[1]["train_loss"]


def test_a_diverging_training_exits_1_and_says_so_in_the_run_folder(run, data, tmp_path):
    arguments = ["train", data, *SETTINGS, "--learning-rate=1e30", "--engine=tensorflow", "--run", tmp_path / "run"]
    status, _, err = run(*arguments)
    assert status == 1
    assert re.fullmatch(r"golmu: error: the loss is (nan|inf) in epoch 1, batch \d+: .*\n", err)
    saved = read(tmp_path / "run")
    assert saved["status"] == "failed"
    assert saved["error"] in err
    status, _, err = run("evaluate", tmp_path / "run")
    text = f"the run {tmp_path / 'run'} holds no model, since its training failed: train again with other settings"
    assert (status, err) == (2, f"golmu: error: {text}\n")


def test_a_network_that_learned_nothing_is_said_to(run, data, tmp_path):
    wild = ("--optimizer", "adam", "--learning-rate", 30, "--epochs", 2, "--batch-size", 16)
    status, out, _ = run("train", data, "--run", tmp_path / "run", *wild)
    assert status == 0
    assert read(tmp_path / "run")["results"]["val_accuracy"] < 0.37
    said = " ".join(" ".join(out).split())
    assert "The network is no better than chance: most likely learning_rate=30 is too large for these settings;" in said


def test_a_network_that_has_only_begun_to_learn_is_said_to(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr(training_results, "CHANCE_FACTOR", 10)
    status, out, _ = run("train", data, "--run", tmp_path / "run", "--epochs", 3, "--batch-size", 16)
    assert status == 0
    assert "no better than chance: its loss has begun to fall, so it most likely needs more epochs" in " ".join(
        " ".join(out).split()
    )


def test_kernels_that_never_fire_are_counted_with_what_to_try(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr(training_results, "dead_kernels", lambda predictor, images: [[0] if len(images) == 80 else []])
    status, lines, _ = run("train", data, *SETTINGS, "--run", tmp_path / "run")
    text = "1 of 2 kernels never fires on the validation images: try --standardize, or a lower learning rate "
    assert status == 0
    assert lines[lines.index("next:") - 1] == f"{text}(--learning-rate 0.02) with more epochs."


def test_it_says_why_the_two_losses_do_not_compare_only_where_they_do_not(run, data, tmp_path, finished):
    assert not any("The training loss includes" in line for line in finished.lines)
    _, lines, _ = run("train", data, *SETTINGS, "--shift", 1, "--run", tmp_path / "run")
    assert lines[1] == (
        "The training loss includes augmentation, and the validation loss does not, so the training loss may stay "
        "higher."
    )


def test_another_share_is_held_out_recorded_and_kept(run, data, tmp_path):
    folder = tmp_path / "run"
    status, lines, _ = run("train", data, *SETTINGS, "--validation-share", 0.1, "--run", folder)
    assert (status, lines[0][:46]) == (0, "training on 360 images, validating on 40; resu")
    assert read(folder)["data"]["split"]["validation"] == 0.1
    assert "--validation-share 0.1" in (folder / "report.html").read_text()
    assert "40 images" in (folder / "report.html").read_text()
    assert run("report", folder)[0] == run("explain", folder, 39)[0] == 0
    assert run("train", "--resume", folder, "--epochs", 3)[0] == 0
    assert run("train", "--resume", folder, "--epochs", 4, "--validation-share", 0.1)[0] == 0
    status, _, err = run("train", "--resume", folder, "--epochs", 5, "--validation-share", 0.3)
    assert (status, "validation_share is 0.1, not 0.3" in err) == (2, True)


def test_three_images_of_each_class_are_enough_and_one_is_not(run, tmp_path):
    rng = np.random.default_rng(0)
    for n, expected in ((3, 0), (1, 2)):
        np.savez(tmp_path / "few.npz", x=rng.integers(0, 256, (10 * n, 6, 6), np.uint8), y=np.arange(10 * n) % 10)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            status, lines, err = run("train", tmp_path / "few.npz", *SETTINGS, "--run", tmp_path / str(n))
        assert status == expected
        if n == 3:
            assert lines[0].startswith("training on 20 images, validating on 10; ")
        else:
            assert "'0', '1', '2'" in err
            assert "only 1 image, and each class needs 2, one to train on and one to validate on: add images" in err


def test_a_failure_of_another_kind_is_noted_in_the_run_folder_too(data, tmp_path, monkeypatch):
    def fail(*_arguments, **_options):
        raise RuntimeError("a bug")

    monkeypatch.setattr(training.Training, "run", fail)
    monkeypatch.setattr(sys, "argv", ["golmu", "train", str(data), "--run", str(tmp_path / "run")])
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main()
    assert (read(tmp_path / "run")["status"], read(tmp_path / "run")["error"]) == ("failed", "a bug")


# Ctrl-C


def test_ctrl_c_during_training_keeps_what_was_trained(run, data, tmp_path, monkeypatch, pictures):
    show = progress.TrainingDisplay.__call__

    def interrupt(self, state):
        show(self, state)
        if state.epoch == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(progress.TrainingDisplay, "__call__", interrupt)
    folder = tmp_path / "run"
    status, lines, err = run("train", data, *SETTINGS, "--epochs=9", "--run", folder)
    assert (status, err) == (130, "")
    assert lines[-2:] == [
        f"for a report so far: golmu report {folder}", f"interrupted; continue with: golmu train --resume {folder}"
    ]  # fmt: skip
    assert (read(folder)["status"], read(folder)["results"]["epochs"]) == ("interrupted", 2)
    assert len(history(folder)) == 2
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert run("evaluate", folder)[0] == run("predict", folder, pictures)[0] == 0


def test_ctrl_c_in_the_first_epoch_leaves_a_whole_run_folder(run, data, tmp_path, monkeypatch):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "epoch_order", interrupt)
    folder = tmp_path / "run"
    status, lines, err = run("train", data, *SETTINGS, "--run", folder)
    assert (status, err) == (130, "")
    assert "validation accuracy  –" in [line.rstrip() for line in lines]
    assert read(folder)["results"]["val_loss"] is None
    assert history(folder) == []
    assert run("evaluate", folder)[0] == 0


def test_ctrl_c_elsewhere(run, data, monkeypatch):
    def interrupt(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(trainer, "load_to_train", interrupt)
    assert run("train", data) == (130, [], "")


# In a process of its own


def test_sigint_ends_a_real_training_cleanly(data, tmp_path):
    folder = tmp_path / "run"
    with process("train", data, *SETTINGS, "--epochs=1000000", "--run", folder) as running:
        lines = [running.stdout.readline() for _ in range(4)]  # each appears as it is printed
        running.send_signal(signal.SIGINT)
        rest, err = running.communicate(timeout=60)
    assert lines[0].startswith("training on 320 images")
    assert lines[3].startswith("epoch       3/1000000  loss ")
    assert (running.returncode, err) == (130, "")
    assert f"interrupted; continue with: golmu train --resume {folder}\n" in rest
    assert read(folder)["status"] == "interrupted"
    assert len(history(folder)) == read(folder)["results"]["epochs"] >= 3
    assert ConvolutionNetwork.load(folder / "model.safetensors").n_kernels == 2


# What an accuracy is worth


def test_copies_and_few_images_are_said_once_and_notes_about_the_data_are_not_repeated(run, tmp_path):
    folder, data = tmp_path / "run", tmp_path / "data"
    for name, grey in (("cat", 60), ("dog", 200)):
        (data / name).mkdir(parents=True)
        for i in range(5):
            Image.new("L", (6, 6), grey).save(data / name / f"{i}.png")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        status, lines, _ = run("train", data, *SETTINGS, "--batch-size", 4, "--run", folder)
    assert len(caught) == 2  # few images, and duplicates
    note = "2 of the 2 validation images have a copy among the training images, so the accuracy is too high: remove the"
    assert status == 0
    assert [line for line in lines if "copy" in line] == [f"{note} copies."]
    assert lines.count("With 2 validation images the accuracy says little: add images.") == 1
    assert not any("no better than chance" in line for line in lines)
    (line,) = (line for line in lines if line.startswith("validation accuracy"))
    assert re.fullmatch(r"validation accuracy +\d\.\d{4} \(95 % interval 0\.\d\d to [01]\.\d\d, 2 images\)", line)
    for command in (("evaluate", folder), ("explain", folder, 0), ("report", folder), ("train", "--resume", folder)):
        assert run(*command)[::2] == (0, "")
    page = " ".join((folder / "report.html").read_text().split())
    assert f'<p class="note">{note} copies.</p>' in page
    assert "Everything below uses the validation images." in page
    Image.new("L", (6, 6), 9).save(data / "dog" / "new.png")
    status, _, err = run("train", "--resume", folder, "--epochs", 9)
    assert status == 2
    assert "differ (10 before, 11 now, validation images included). Put the images back as they were, or" in err
    moved = data.rename(tmp_path / "moved")
    (moved / "dog" / "new.png").unlink()
    for words, form in (
        (["train", "--resume", folder, "--epochs", 3], f"golmu train NEW-PLACE --resume {folder}"),
        (["evaluate", folder], f"golmu evaluate {folder} NEW-PLACE"),
    ):
        text = f"the data of {folder} are no longer at {data}: if they have moved, give the new place: {form}"
        assert run(*words) == (2, [], f"golmu: error: {text}\n")
    assert run("train", moved, "--resume", folder, "--epochs", 3)[::2] == (0, "")
    assert read(folder)["data"]["argument"] == str(moved)
    assert run("train", "--resume", folder, "--epochs", 4)[::2] == (0, "")


def test_few_steps_are_no_reason_to_blame_the_learning_rate(run, data, tmp_path):
    slow = ("--learning-rate", 1e-6, "--epochs", 1, "--batch-size", 320, "--n-kernels", 2, "--units", 8)
    status, lines, _ = run("train", data, "--run", tmp_path / "run", *slow)
    assert status == 0
    if read(tmp_path / "run")["results"]["val_accuracy"] < 0.36:
        text = "The network is no better than chance: it has taken only 1 training step, so it most likely needs more"
        assert f"{text} epochs." in lines
