"""Image files on the command line, from a folder of real photographs to predictions and scores."""

import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from command import process, read, write
from PIL import Image
from rich.console import Console
from sklearn.datasets import load_sample_images

from golmu import load
from golmu.cli import progress
from golmu.data.readers.image_files import read_image
from golmu.data.reading import ReadOptions
from golmu.errors import GolmuWarning, RunError
from golmu.metrics import softmax
from golmu.model.model import load_model
from golmu.runs import folder as runs
from golmu.runs.record import read_record

TILE, LEARNED = (
    32,
    ("--recipe=chapter", "--epochs=30", "--n-kernels=4", "--units=16", "--batch-size=16", "--learning-rate=0.05"),
)


@pytest.fixture(scope="module")
def tiles(tmp_path_factory):
    """Two photographs cut into tiles: train/ and test/ with the classes "china" and "flower"."""
    folder = tmp_path_factory.mktemp("photos") / "tiles"
    bunch = load_sample_images()
    for name, photo in zip(
        (path[: path.index(".")] for path in ("china.jpg", "flower.jpg")), bunch.images, strict=True
    ):
        height, width = photo.shape[0] // TILE, photo.shape[1] // TILE
        for number in range(height * width):
            row, column = divmod(number, width)
            tile = photo[TILE * row :, TILE * column :][:TILE, :TILE]
            path = folder / ("test" if number % 4 == 0 else "train") / name / f"{number:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(tile).save(path)
    return folder


@pytest.fixture(scope="module")
def trained(tiles, tmp_path_factory):
    from command import main

    folder = tmp_path_factory.mktemp("runs") / "run"
    assert main("train", tiles, *LEARNED, "--size", "16x12", "--run", folder) == 0
    return folder


def test_photographs_are_learned_predicted_and_scored(run, trained, tiles):
    assert load_model(trained / runs.MODEL).architecture.image_shape == (16, 12, 3)
    data = read(trained)["data"]
    assert (data["size"], data["channels"], data["skip_bad"]) == ([16, 12], 3, False)
    assert (data["argument"], data["class_names"]) == (str(tiles), ["china", "flower"])
    status, lines, err = run("evaluate", trained, "--json")
    result = json.loads("\n".join(lines))
    assert (status, err, result["images"]) == (0, "", 130)
    assert result["accuracy"] > 0.9
    assert run("evaluate", trained, tiles, "--json") == (0, lines, "")
    right = 0
    for name in ("china", "flower"):
        status, lines, err = run("predict", trained, tiles / "test" / name)
        assert (status, err) == (0, "")
        right += sum(line.split("  ")[1] == name for line in lines)
    assert right == round(130 * result["accuracy"])


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself
def test_a_network_of_photographs_is_exported_and_answers_alike(run, trained, tiles, tmp_path):
    from keras.saving import load_model as load_keras

    assert run("export", trained, "--output", tmp_path / "tiles")[0] == 0
    files = sorted((tiles / "test" / "flower").iterdir())
    predictions = json.loads("\n".join(run("predict", trained, *files, "--json")[1]))
    shape = load_model(trained / "model.safetensors").architecture.image_shape
    pixels = np.stack([read_image(file, shape) for file in files])
    probabilities = load_keras(tmp_path / "tiles" / "network.keras").predict(pixels, verbose=0)
    assert [one["probability"] for one in predictions] == pytest.approx(probabilities.max(axis=1), abs=1e-5)


def test_resume_reads_the_images_as_the_run_began_with(run, trained, tiles, tmp_path):
    folder = shutil.copytree(trained, tmp_path / "run")
    status, lines, err = run("train", "--resume", folder, "--epochs=31")
    assert (status, err) == (0, "")
    assert lines[0].startswith("continuing at epoch 31")
    assert run("train", tiles, "--resume", folder, "--size=16x12", "--channels=3", "--epochs=32")[0] == 0
    assert read(folder)["results"]["epochs"] == 32


def test_other_images_are_tested_as_a_whole_and_classes_may_lack(run, trained, tiles, tmp_path):
    others = tmp_path / "others"
    for name in ("flower", "china"):
        shutil.copytree(tiles / "test" / name, others / name)
    Image.open(others / "china" / "000.png").resize((80, 50)).save(others / "china" / "large.png")
    status, lines, err = run("evaluate", trained, others, "--json")
    assert (status, err) == (0, "")
    assert json.loads("\n".join(lines))["images"] == 131
    (others / "china" / "bad.png").touch()
    status, _, err = run("evaluate", trained, others)
    assert (status, err.startswith("golmu: error: 1 of 132 images cannot be read: ")) == (2, True)
    with pytest.warns(GolmuWarning, match="^1 of 132 images cannot be read: .*; it is skipped$"):
        assert run("evaluate", trained, others, "--skip-bad", "--json")[1] == lines
    (others / "china" / "bad.png").unlink()
    (others / "china").rename(others / "rose")
    status, _, err = run("evaluate", trained, others)
    assert status == 2
    text = (
        f"others calls class 0 'flower', but {trained} was trained with 'china': evaluate it on data with the classes"
    )
    assert text in err
    parts = tmp_path / "parts"
    shutil.copytree(tiles / "train", parts / "train")
    shutil.copytree(tiles / "test" / "flower", parts / "test" / "flower")
    with pytest.warns(GolmuWarning, match="the test images of parts are not those that it had at the training"):
        status, lines, _ = run("evaluate", trained, parts, "--json")
    assert (status, [row["support"] for row in json.loads("\n".join(lines))["classes"]]) == (0, [0, 65])


def test_of_the_runs_own_data_without_test_images_those_held_out_are_judged(run, tiles, tmp_path):
    arguments = ["train", tiles / "train", *LEARNED, "--size=8", "--epochs=1", "--run", tmp_path / "run"]
    assert run(*arguments)[0] == 0
    answers = [run("evaluate", tmp_path / "run", *data) for data in ([], [tiles / "train"])]
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][2]) == (0, "")
    assert re.match(r"\d+ validation images of train: ", answers[0][1][0])


def test_bad_files_end_a_command_or_are_left_out(run, tiles, tmp_path):
    place = shutil.copytree(tiles, tmp_path / "tiles")
    (place / "train" / "china" / "bad.png").write_bytes(b"text")
    arguments = [place, "--size=8", "--batch-size=16"]
    train = ["train", *arguments, *LEARNED, "--epochs=1", "--run", tmp_path / "run"]
    find = ["find-lr", *arguments, "--recipe=chapter", "--plot", tmp_path / "a.png", "--steps=40", "--high=30"]
    bad = f"1 of 521 images cannot be read: {place}/train/china/bad.png is not an image in a known format (PNG, JPEG, "
    bad += "BMP, GIF, TIFF, WEBP, AVIF, HEIC)"
    for command in (train, find):
        status, _, err = run(*command)
        assert status == 2
        assert err.startswith(f"golmu: error: {bad}; fix or remove it, or skip it with --skip-bad")
    with process(*train, "--skip-bad") as running:
        _, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, f"golmu: warning: {bad}; it is skipped\n")
    assert read(tmp_path / "run")["data"]["skip_bad"] is True
    assert read(tmp_path / "run")["data"]["left_out"] == [bad.split(": ")[1]]
    for command in (["train", "--resume", tmp_path / "run", "--epochs=2"], ["evaluate", tmp_path / "run"]):
        with pytest.warns(GolmuWarning, match="cannot be read and is skipped: .*/bad.png is not an image"):
            assert run(*command)[0] == 0


def test_a_record_that_cannot_be_is_named(finished, tmp_path):
    record = read(finished.folder)
    least = {"train": 9, "validation": 3}
    write(tmp_path, record | {"data": least})
    assert read_record(tmp_path).data.read_options == ReadOptions(is_binding=False)
    for data in ({"size": [6]}, {"size": "ab"}, {"size": [6, 5], "skip_bad": "no"}, {"size": 3}, {"size": [6, None]}):
        write(tmp_path, record | {"data": least | data})
        with pytest.raises(RunError, match=r"run.json is damaged: '(size|skip_bad)' must be "):
            read_record(tmp_path)


def test_a_terminal_shows_a_bar_while_images_are_read():
    out = io.StringIO()
    with progress.ReadingDisplay(Console(file=out, force_terminal=True, width=80)) as display:
        display(32, 100)
        display._bar.refresh()
    assert "32/100" in out.getvalue()
    plain = io.StringIO()
    with progress.ReadingDisplay(Console(file=plain)) as display:
        display(32, 100)
    assert plain.getvalue() == ""


def test_arrays_are_not_fitted_but_taken_as_they_are():
    read_options = ReadOptions.like((5000, 1, 2), skip_bad=True)
    assert (read_options.size, read_options.channels, read_options.skip_bad) == (None, None, True)
    ReadOptions.like((6, 5, 1), skip_bad=False).check_arrays((28, 28, 3), "others")
    assert np.all(ReadOptions.like((6, 5, 3), skip_bad=False).size == (6, 5))


def test_many_files_are_predicted_part_by_part_as_all_at_once(run, trained, tiles):
    status, lines, _ = run("predict", trained, tiles / "train" / "china", tiles / "train" / "flower", "--json")
    whole = json.loads("\n".join(lines))
    assert (status, len(whole)) == (0, 390)
    assert [Path(row["image"]) for row in whole[:195]] == sorted((tiles / "train" / "china").iterdir())
    model = load(trained)
    images = np.stack([read_image(Path(row["image"]), (16, 12, 3)) for row in whole])
    expected = softmax(model.engine.logits(images))
    assert np.allclose([list(row["probabilities"].values()) for row in whole], expected, atol=1e-6)


def test_images_are_not_all_in_memory_at_once(trained, tiles, monkeypatch):
    sizes = []
    predictor = load(trained)
    logits = predictor.engine.logits
    monkeypatch.setattr(predictor.engine, "logits", lambda images: sizes.append(len(images)) or logits(images))
    predictor.predict(tiles / "train" / "china")
    assert sizes == [64, 64, 64, 3]


def test_files_that_cannot_be_predicted_are_counted_or_left_out(run, trained, tiles, tmp_path):
    folder = shutil.copytree(tiles / "test" / "china", tmp_path / "china")
    for i in range(4):
        (folder / f"bad{i}.png").write_bytes(b"text")
    known = "PNG, JPEG, BMP, GIF, TIFF, WEBP, AVIF, HEIC"
    wrong = [f"{folder}/bad{i}.png is not an image in a known format ({known})" for i in range(4)]
    status, out, err = run("predict", trained, folder)
    assert (status, out) == (2, [])
    assert err == (
        f"golmu: error: 4 of 69 images cannot be read: {'; '.join(wrong[:3])}; ...; fix or remove them, or skip them "
        "with --skip-bad (in Python: skip_bad=True)\n"
    )
    with process("predict", trained, folder, "--skip-bad") as running:
        out, err = running.communicate(timeout=60)
    assert running.returncode == 0
    assert len(out.splitlines()) == 65
    assert err.splitlines() == [f"golmu: warning: {line}; it is skipped" for line in wrong]
    status, out, err = run("predict", trained, folder / "bad1.png", "--skip-bad")
    assert (status, out, err) == (2, [], f"golmu: error: {wrong[1]}; no image is left\n")


def test_networks_of_other_channels_take_no_image_files(run, tiles, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "two.npz", x=rng.integers(0, 256, (60, 4, 4, 2), np.uint8), y=np.arange(60) % 2)
    status, _, err = run("train", tmp_path / "two.npz", *LEARNED, "--epochs=1", "--run", tmp_path / "run")
    assert (status, err) == (0, "")
    assert run("train", "--resume", tmp_path / "run", "--epochs=2")[0] == 0
    text = f"golmu: error: image files have 1 or 3 channels, but {tmp_path}/run takes 2\n"
    assert run("predict", tmp_path / "run", tiles / "test" / "china") == (2, [], text)
