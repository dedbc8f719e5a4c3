"""`golmu pack`, and the commands that take a packed folder."""

import json
import signal
import time

import numpy as np
import pytest
from command import SETTINGS, main, process, read
from packed import pack_dataset, small_shards
from PIL import Image

import golmu
from golmu.architecture import Architecture
from golmu.cli.commands import export
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.sample_weight import importance
from golmu.errors import GolmuWarning
from golmu.runs.data_record import DEFAULT_SPLIT
from golmu.runs.run import Run
from golmu.runs.sharded_data import ShardedData
from golmu.training.loop import begin


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The digits in shards of 400 images; the current folder is the one that holds it."""
    monkeypatch.chdir(tmp_path)
    with small_shards(monkeypatch, per_shard=400, per_block=64):
        pack_dataset(golmu.load_dataset("digits"), tmp_path / "shards")
    return tmp_path / "shards"


def train(*arguments):
    return main("train", *SETTINGS, *arguments)


def test_a_data_set_is_packed_and_the_next_step_is_said(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main("pack", "digits", "--output", "shards") == 0
    said, step = capsys.readouterr().out.splitlines()
    assert said == (
        "packed 1,437 training images and 360 test images of 8x8x1, 10 classes, in 2 shards; they are in shards"
    )
    assert step.endswith("golmu train shards")
    assert main("pack", "digits", "--output", "others", "--seed", "3", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["output"], found["train"], found["test"], found["shards"]) == ("others", 1437, 360, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["digits"], "--output"),
        (["nothing", "--output", "new"], "there is no data set, folder or file named 'nothing'"),
        (["digits", "--output", "new/deep"], "there is no folder new to make deep in: make it first"),
        (["digits", "--output", "full"], "full is not empty: give a new folder"),
        (["shards", "--output", "new"], "shards is packed already: train on it with"),
        (["digits", "--output", "shards"], "shards is packed already: give a new folder"),
        (["digits", "--output", "new", "--size", "9"], "size=9x9 was asked for"),
        (["images", "--output", "images/new"], "lies in images, which is read as data"),
    ],
)
def test_what_cannot_be_packed_is_one_line(folder, capsys, arguments, words):
    (folder.parent / "full").mkdir()
    (folder.parent / "full" / "letter.txt").write_text("mine")
    for name in "ab":
        (folder.parent / "images" / name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(folder.parent / "images" / name / "1.png")
    assert main("pack", *arguments) in (1, 2)
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert not (folder.parent / "new").exists()


def test_a_network_is_trained_evaluated_reported_and_explained_from_shards(folder, capsys):
    assert train("shards", "--run", "run") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "training on 1,150 images, validating on 287; results go to run" in lines
    assert read(folder.parent / "run")["data"]["argument"] == str(folder)
    assert not (folder.parent / "run" / "held-out.csv").exists()
    assert main("evaluate", "run", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["data"], found["part"], found["images"]) == ("digits", "test", 360)
    assert main("report", "run") == 0
    assert main("explain", "run", "0") == 0
    assert "validation image 0" in capsys.readouterr().out


def test_the_accuracy_is_that_of_the_same_images_in_memory(folder, capsys):
    assert train("shards", "--run", "run") == 0
    predictor, dataset = golmu.load("run"), golmu.load_dataset("shards")
    _, held_out = dataset.split()
    right = predictor.probabilities(held_out.images).argmax(axis=1) == held_out.labels
    history = read(folder.parent / "run")["results"]
    assert history["val_accuracy"] == pytest.approx(right.mean(), abs=1e-12)
    capsys.readouterr()
    assert main("evaluate", "run", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    right = predictor.probabilities(dataset.test.images).argmax(axis=1) == dataset.test.labels
    assert found["accuracy"] == pytest.approx(right.mean(), abs=1e-12)
    logits = predictor.logits(dataset.test.images).astype(float)
    own = logits[np.arange(360), dataset.test.labels]
    assert found["loss"] == pytest.approx((np.log(np.exp(logits).sum(axis=1)) - own).mean(), rel=1e-6)


def test_without_test_images_those_held_out_are_judged_wherever_the_shards_are_now(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    digits = golmu.load_dataset("digits")
    with small_shards(monkeypatch, per_shard=400, per_block=64):
        pack_dataset(Dataset("digits", digits.train, None, digits.class_names, "memory"), tmp_path / "shards")
        assert train("shards", "--run", "run") == 0
        (tmp_path / "shards").rename("moved")
        assert main("evaluate", "run") == 2
        assert "shards" in capsys.readouterr().err
        with pytest.warns(GolmuWarning, match="this is the run's own data: judged on its 287 validation images"):
            assert main("evaluate", "run", "moved", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["images"] == 287
    assert found["accuracy"] == pytest.approx(read(tmp_path / "run")["results"]["val_accuracy"], abs=1e-12)


def test_other_shards_are_judged_by_the_names_of_their_classes(folder, capsys, monkeypatch):
    assert train("shards", "--run", "run") == 0
    digits = golmu.load_dataset("digits")
    chosen = np.isin(digits.test.labels, [7, 3])
    test = ImageSet(digits.test.images[chosen], (digits.test.labels[chosen] == 3).astype(np.int64))
    pack_dataset(Dataset("two", test, None, ("7", "3"), "memory"), folder.parent / "other")
    capsys.readouterr()
    assert main("evaluate", "run", "other", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    right = golmu.load("run").probabilities(digits.test.images[chosen]).argmax(axis=1) == digits.test.labels[chosen]
    assert (found["images"], found["part"]) == (int(chosen.sum()), "test")
    assert found["accuracy"] == pytest.approx(right.mean(), abs=1e-12)


def test_shards_that_were_packed_anew_are_not_the_runs_own(folder, capsys, monkeypatch):
    assert train("shards", "--run", "run", "--epochs", "1") == 0
    folder.rename(folder.parent / "old")
    pack_dataset(golmu.load_dataset("digits"), folder, seed=5)
    capsys.readouterr()
    for command in (["evaluate", "run"], ["explain", "run", "3"]):
        assert main(*command) == 2
        assert "has changed since the training of run, so other images would be held out now" in capsys.readouterr().err
    assert main("train", "--resume", "run", "--epochs", "3") == 2
    assert "the training images or their labels differ" in capsys.readouterr().err


def test_a_training_on_shards_goes_on_with_the_same_bits(folder, capsys):
    assert train("shards", "--run", "whole", "--epochs", "4") == 0
    assert train("shards", "--run", "parts", "--epochs", "2") == 0
    assert main("train", "--resume", "parts", "--epochs", "4") == 0
    weights = [golmu.load(name).model.weights for name in ("whole", "parts")]
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])


def test_a_training_on_shards_that_is_killed_goes_on_with_the_same_bits(folder, capsys):
    settings = [*SETTINGS, "--epochs=60", "--shift=1"]
    assert main("train", *settings, "shards", "--run", "whole") == 0
    run = folder.parent / "killed"
    started = process("train", *settings, "shards", "--run", str(run))
    while not (run / "checkpoint.safetensors").exists() and started.poll() is None:
        time.sleep(0.01)
    started.send_signal(signal.SIGKILL)
    started.wait()
    assert main("train", "--resume", "killed") == 0
    weights = [golmu.load(name).model.weights for name in ("whole", "killed")]
    assert all((weights[0][name] == weights[1][name]).all() for name in weights[0])


@pytest.mark.parametrize("what", ["missing", "cut", "damaged"])
def test_a_bad_shard_is_one_line_that_names_it(folder, capsys, what):
    path = folder / "train-00002-images.npy"
    content = path.read_bytes()
    path.unlink()
    if what != "missing":
        path.write_bytes(content[:-1] if what == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    assert train("shards") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(path) in line
    assert what.replace("cut", "damaged") in line
    assert not (folder.parent / "runs").exists()


def test_a_report_on_many_images_shows_a_sample_and_says_so(folder, capsys, monkeypatch):
    monkeypatch.setattr("golmu.runs.sharded_data.MAX_JUDGED", 100)
    assert train("shards", "--run", "run") == 0
    page = (folder.parent / "run" / "report.html").read_text()
    assert "100 of the 287 validation images are shown, drawn at random" in page
    assert "100 of the 360 test images are shown, drawn at random" in page


def test_other_commands_read_a_packed_folder_whole(folder, capsys):
    assert main("data", "shards", "--json", "--sheet", "sheet.png") == 0
    assert sum(one["train"] for one in json.loads(capsys.readouterr().out)["classes"]) == 1437
    assert main("find-lr", "shards", "--steps", "40", "--plot", "lr.png") == 0


def test_classes_of_shards_are_balanced_as_in_memory(folder, tmp_path):
    digits = golmu.load_dataset("digits").train
    chosen = np.flatnonzero((digits.labels < 2) | (np.arange(len(digits)) % 9 == 0))
    part = Dataset("few", digits.take(chosen), None, tuple("0123456789"), "memory")
    data = ShardedData(pack_dataset(part, tmp_path / "few"), DEFAULT_SPLIT, "balanced")
    labels = data.images.labels
    engine, _ = begin(Architecture(8, 8, 1, 2, 4, 10), "fused", 1, 0)
    stream, held_out = data.prepare(engine)
    prepared = stream.prepare(data.images[:], labels)
    assert prepared.importance == pytest.approx(importance(None, "balanced", labels, data.classes), rel=1e-6)
    assert len(held_out.prepare(data.held_out[:], data.held_out.labels).importance) == 0
    assert data.fingerprint != ShardedData(data.index, DEFAULT_SPLIT).fingerprint


def test_folds_of_a_packed_folder(folder, capsys):
    assert train("shards", "--folds", "2", "--run", "run") == 0
    assert main("report", "run") == 0
    assert main("evaluate", "run") == 0


def test_a_network_of_shards_is_calibrated_on_what_it_was_trained_on(folder, capsys):
    assert train("shards", "--run", "run") == 0
    calibration = export._calibration(Run.open("run"), folder.parent / "run", None)
    fit, _ = golmu.load_dataset("shards").split()
    assert (calibration.images == fit.images).all()
