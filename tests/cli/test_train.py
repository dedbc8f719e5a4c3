"""The console command: what it prints, what it leaves in the run folder, and how it ends when something is wrong.

Most of it runs inside this process, since each start of TensorFlow costs seconds; where a process of its own matters,
there is one.
"""

import io
import json
import re
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from command import SETTINGS, history, main, process, read
from PIL import Image
from rich.console import Console

import golmu
from golmu import ConvolutionNetwork, Recipe, cli
from golmu.cli import progress
from golmu.cli.commands import evaluate as evaluation
from golmu.cli.commands import train as trainer
from golmu.engines import ENGINE_NAMES
from golmu.runs import job as assembly
from golmu.training import loop as training

# train


def test_training_prints_plain_lines_where_there_is_no_terminal(finished):
    begin, *epochs = finished.lines[:3]
    assert begin == f"training on 320 images, validating on 80; results go to {finished.folder}"
    number = r"\d+\.\d{4}"
    for i, line in enumerate(epochs, start=1):
        assert re.fullmatch(
            rf"epoch {i}/2  loss {number}  val_loss {number}  val_accuracy {number}  \d+\.\d\d s", line
        ), line
    table = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in finished.lines[3:])
    assert list(table) == [
        "validation accuracy", "validation loss", "training loss", "epochs", "time", "engine", "parameters",
        "curves", "model", "report",
    ]  # fmt: skip
    assert table["curves"] == str(finished.folder / "curves.png")
    assert table["report"] == str(finished.folder / "report.html")
    assert table["model"] == str(finished.folder / "model.safetensors")
    assert table["parameters"] == "151"
    assert not any("\x1b" in line for line in finished.lines)


def test_the_run_folder_holds_six_files_and_the_lock(finished):
    assert sorted(file.name for file in finished.folder.iterdir()) == [
        ".lock", "checkpoint.safetensors", "curves.png", "history.csv", "model.safetensors", "report.html",
        "run.json",
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
        "split": {"validation": 0.2, "random_state": 42}, "class_names": ["0", "1", "2"],
    }  # fmt: skip
    recipe = Recipe(n_kernels=2, units=8, batch_size=16, learning_rate=0.1, epochs=2)
    assert run["settings"] == {**asdict(recipe), "engine": "auto", "threads": None, "seed": 42}
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
    assert lines[1].endswith(" s")
    assert lines[-1].rstrip().endswith(f"  {folder}/report.html")
    assert len(lines) == 12
    status, _, err = run("evaluate", folder / "")
    assert (status, err) == (0, "")
    status, _, err = run("train", data, "--run", folder)
    assert err.startswith(
        f"golmu: error: the run folder {folder} is not empty: name a new one, so that no run is lost, "
    )
    assert err.endswith(f"or go on with it by --resume {folder} (resume=)\n")


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
    text = f"the run {tmp_path / 'run'} holds no model, since its training failed: train anew with other settings"
    assert (status, err) == (2, f"golmu: error: {text}\n")


def test_a_network_that_learned_nothing_is_said_to(run, data, tmp_path):
    wild = ("--optimizer", "adam", "--learning-rate", 30, "--epochs", 2, "--batch-size", 16)
    status, out, _ = run("train", data, "--run", tmp_path / "run", *wild)
    assert status == 0
    assert read(tmp_path / "run")["results"]["val_accuracy"] < 0.37
    said = " ".join(" ".join(out).split())
    assert "The network is no better than chance: most likely learning_rate=30 is too large for these settings." in said


def test_a_network_that_has_only_begun_to_learn_is_said_to(run, data, tmp_path, monkeypatch):
    monkeypatch.setattr(trainer, "NO_BETTER", 10)
    status, out, _ = run("train", data, "--run", tmp_path / "run", "--epochs", 3, "--batch-size", 16)
    assert status == 0
    assert "no better than chance: its loss has begun to fall, so that it most likely wants more epochs" in " ".join(
        " ".join(out).split()
    )


def test_a_failure_of_another_kind_is_noted_in_the_run_folder_too(data, tmp_path, monkeypatch):
    def fail(*_arguments, **_options):
        raise RuntimeError("a bug")

    monkeypatch.setattr(training.Training, "run", fail)
    monkeypatch.setattr(sys, "argv", ["golmu", "train", str(data), "--run", str(tmp_path / "run")])
    with pytest.raises(RuntimeError, match="a bug"):
        cli.main()
    assert (read(tmp_path / "run")["status"], read(tmp_path / "run")["error"]) == ("failed", "a bug")


# evaluate, predict, data


def test_evaluate_shows_scores_by_class(run, finished):
    status, lines, err = run("evaluate", finished.folder)
    assert (status, err) == (0, "")
    assert re.fullmatch(r"100 test images of shapes: loss \d\.\d{4}, accuracy [01]\.\d{4}", lines[0])
    assert lines[1].split() == ["class", "precision", "recall", "f1", "support"]
    assert [line.split()[0] for line in lines[2:]] == ["0", "1", "2"]
    assert [line.split()[-1] for line in lines[2:]] == ["34", "33", "33"]


def test_evaluate_as_json_agrees_with_the_estimator(run, finished, data):
    status, lines, _ = run("evaluate", finished.folder, data, "--json")
    result = json.loads("\n".join(lines))
    test = golmu.load_dataset(data).test
    loaded = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    assert status == 0
    assert list(result) == ["run", "data", "images", "loss", "accuracy", "classes", "confusion_matrix"]
    assert (result["run"], result["data"], result["images"]) == (str(finished.folder), "shapes", 100)
    assert result["loss"] == loaded.get_loss(test.images, test.labels)
    assert result["accuracy"] == loaded.score(test.images, test.labels)
    assert list(result["classes"][0]) == ["class", "precision", "recall", "f1", "support"]
    confusion = np.array(result["confusion_matrix"])
    assert confusion.sum(axis=1).tolist() == [row["support"] for row in result["classes"]] == [34, 33, 33]
    assert np.trace(confusion) == round(100 * result["accuracy"])


def test_class_names_are_shown_as_they_are_and_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    names = ["[red]bag[/red]", "[large] bag :smile:", "a " + "very " * 30 + "long name"]
    scores = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 12345}
    rows = [{"class": name, **scores} for name in names]
    evaluation.show({"images": 3, "data": "[b]x[/b]", "loss": 1.0, "accuracy": 0.5, "classes": rows})
    first, _, *lines = capsys.readouterr().out.splitlines()
    assert first == "3 test images of [b]x[/b]: loss 1.0000, accuracy 0.5000"
    for name, line in zip(names, lines, strict=True):
        assert line.startswith(name + " ")
        assert line.endswith("0.5000  0.2500  0.3333   12,345")


def test_predict_gives_a_line_an_image(run, finished, pictures):
    status, lines, err = run("predict", finished.folder, pictures / "2.png", pictures)
    assert (status, err) == (0, "")
    shown = [line.split("  ") for line in lines]
    assert [row[0] for row in shown] == [str(pictures / f"{i}.png") for i in (2, 0, 1, 2)]
    assert all(row[1] in "012" and re.fullmatch(r"[01]\.\d{4}", row[2]) for row in shown)
    assert lines[0] == lines[3]


def test_predict_as_json_agrees_with_the_estimator(run, finished, pictures):
    status, lines, _ = run("predict", finished.folder, pictures, "--json")
    predictions = json.loads("\n".join(lines))
    assert status == 0
    assert list(predictions[0]) == ["image", "label", "probability", "inverted", "probabilities"]
    loaded = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    pixels = np.stack([np.asarray(Image.open(prediction["image"])) for prediction in predictions])
    for prediction, row in zip(predictions, loaded.predict_proba(pixels), strict=True):
        assert list(prediction["probabilities"]) == ["0", "1", "2"]
        assert list(prediction["probabilities"].values()) == pytest.approx(row.tolist())
        assert prediction["label"] == str(row.argmax())
        assert prediction["probability"] == max(prediction["probabilities"].values())


def test_data_says_where_it_is_and_what_it_holds(run, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, lines, err = run("data", data)
    assert (status, err) == (0, "")
    assert [line.rstrip() for line in lines] == [
        f"shapes: {data}",
        "train  400 images of 6x5x1",
        "test   100 images of 6x5x1",
        "3 classes  train  test",
        "0            134    34",
        "1            133    33",
        "2            133    33",
        "samples: shapes-samples.png",
    ]
    with Image.open("shapes-samples.png") as picture:
        assert picture.width > 500


def test_data_as_json_and_a_sheet_elsewhere(run, data, tmp_path):
    sheet = tmp_path / "골무.PNG"
    sheet.write_text("replaced")
    status, lines, err = run("data", data, "--json", "--sheet", sheet)
    assert (status, err) == (0, "")
    assert json.loads("\n".join(lines)) == {
        "name": "shapes", "source": str(data), "train": {"images": 400, "shape": [6, 5, 1]},
        "test": {"images": 100, "shape": [6, 5, 1]},
        "classes": [{"class": str(i), "train": 133 + (i == 0), "test": 33 + (i == 0)} for i in range(3)],
        "notices": [], "left_out": [], "sheet": str(sheet),
    }  # fmt: skip
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_data_says_what_is_remarkable_once(run, tmp_path):
    for name, n in (("ant", 3), ("bee", 40)):
        (tmp_path / "bugs" / name).mkdir(parents=True)
        for i in range(n):
            pixels = np.random.default_rng((n, i)).integers(0, 256, (5 + (i == 0), 5), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "bugs" / name / f"{i}.png")
    (tmp_path / "bugs" / "ant" / "bad.png").touch()
    status, lines, err = run("data", tmp_path / "bugs", "--skip-bad", "--sheet", tmp_path / "sheet.png")
    assert (status, err) == (0, "")
    assert [line.rstrip() for line in lines[1:5]] == [
        "train  43 images of 28x28x1", "2 classes  train  test", "ant            3", "bee           40",
    ]  # fmt: skip
    bad = f"{tmp_path}/bugs/ant/bad.png is not an image, or one of a format that is not known"
    assert lines[5:-1] == [
        "notice: the images have 2 sizes, 5x5 (41), 6x5 (2): all are fitted to 28x28; choose another size by --size "
        "(size=)",
        f"notice: 1 of 44 images cannot be read: {bad}; they are left out",
        "notice: 1 class has fewer than 10 training images: ant (3)",
        "notice: the classes are uneven: 'bee' has 40 training images, 'ant' 3",
    ]


def test_without_arguments_the_help_is_shown(run):
    status, lines, err = run()
    assert (status, err) == (2, "")
    assert any("Usage: golmu" in line for line in lines)
    for command in ("train", "evaluate", "predict", "data"):
        assert any(f" {command} " in line for line in lines)


@pytest.mark.parametrize(
    "command", [[], ["train"], ["evaluate"], ["predict"], ["report"], ["compare"], ["explain"], ["data"]]
)
def test_help(run, command):
    status, lines, err = run(*command, "--help")
    assert (status, err) == (0, "")
    assert any("Usage: golmu" in line for line in lines)


def test_version(run):
    assert run("--version") == (0, [f"golmu {golmu.__version__}"], "")


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
    assert lines[3] == f"interrupted; go on with: golmu train --resume {folder}"
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

    monkeypatch.setattr(assembly, "load_shown", interrupt)
    assert run("train", data) == (130, [], "")


# Progress on a terminal


def test_a_terminal_shows_a_bar_with_rate_loss_and_time_left():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    past = training.History([1.5], [1.25], [0.5], [0.1])
    with progress.TrainingDisplay(console) as display:
        display(training.Progress(0, 3, 500, 1000, 1.75, past))
        display._bar.refresh()
        display(training.Progress(1, 3, 0, 1000, 1.5, past))
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert re.search(r"epoch 1/3 .* 17%  [\d,]+ samples/s  loss 1\.7500 left", text)
    assert "epoch 1/3  loss 1.5000  val_loss 1.2500  val_accuracy 0.5000  0.10 s\n" in text


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
    assert f"interrupted; go on with: golmu train --resume {folder}\n" in rest
    assert read(folder)["status"] == "interrupted"
    assert len(history(folder)) == read(folder)["results"]["epochs"] >= 3
    assert ConvolutionNetwork.load(folder / "model.safetensors").n_kernels == 2


def test_log_messages_are_plain_lines_on_standard_error(tmp_path, fashion_mnist):
    sheet = ("--sheet", tmp_path / "sheet.png")
    with process("data", "fashion-mnist", "--folder", tmp_path / "empty", *sheet) as running:
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert out.splitlines()[1:3] == [
        "train  60,000 images of 28x28x1",
        "test   10,000 images of 28x28x1",
    ]
    first, last = err.splitlines()[0], err.splitlines()[-1]
    assert first.startswith(f"Fashion-MNIST is looked for elsewhere: folder '{tmp_path / 'empty'}': cannot look into ")
    assert last == f"Fashion-MNIST comes from {fashion_mnist.source}"


def test_debug_shows_the_traceback():
    for option, has_traceback in (("--debug", True), (None, False)):
        with process(*([option] if option else []), "evaluate", "nowhere") as running:
            out, err = running.communicate(timeout=60)
        assert (running.returncode, out) == (2, "")
        assert ("Traceback (most recent call last):" in err) == has_traceback
        assert err.endswith("golmu: error: there is no run folder nowhere\n")


def test_a_reader_that_leaves_is_no_error():
    with process("--version") as running:
        running.stdout.close()
        err = running.stderr.read()
    assert (running.returncode, err) == (1, "")


def test_the_console_command_is_installed():
    command = shutil.which("golmu", path=str(Path(sys.executable).parent))
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"golmu {golmu.__version__}\n"
