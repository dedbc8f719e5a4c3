"""`golmu train --folds` and `--class-weight`: what is printed and kept, and what the other commands make of it."""

import io
import json
import re
import signal
from contextlib import redirect_stdout

import numpy as np
import pytest
from command import SETTINGS, main, process, read, write
from page import Page
from PIL import Image

from golmu.cli.shipping import origin_of
from golmu.data.sample_weight import importance
from golmu.runs import folder as runs
from golmu.runs.checkpoint import load_checkpoint
from golmu.runs.record import read_record
from golmu.runs.reproduce import reproduce_command
from golmu.runs.run import Run
from golmu.serve.live.opened import open_run


@pytest.fixture(scope="module")
def folded(tmp_path_factory, data):
    """A training over folds that has ended: its run folder, and what it printed."""
    folder = tmp_path_factory.mktemp("folds") / "done"
    with redirect_stdout(io.StringIO()) as out:
        assert main("train", data, *SETTINGS, "--folds=3", "--class-weight=balanced", "--run", folder) == 0
    return folder, out.getvalue().splitlines()


def test_a_line_for_each_fold_then_the_training_on_all_images(folded):
    folder, lines = folded
    assert lines[0] == f"training on 3 folds of 400 images; results go to {folder}"
    for number, line in enumerate(lines[1:4], start=1):
        n = 134 if number == 1 else 133
        expected = rf"fold {number}/3  accuracy \d\.\d{{4}} \(95 % interval \d.\d\d to \d.\d\d, {n} images\)  epoch 2"
        assert re.fullmatch(expected, line), line
    assert lines[4] == "training on all 400 images"
    assert [line[:9] for line in lines[5:7]] == ["epoch 1/2", "epoch 2/2"]
    said = read(folder)["folds"]
    assert lines[7] == (
        f"accuracy of 3 folds  {said['mean']:.4f} (95 % interval {said['interval'][0]:.3f} to "
        f"{said['interval'][1]:.3f}, standard deviation {said['standard_deviation']:.4f})"
    )
    assert not any(line.startswith("validation") for line in lines)
    assert (folder / runs.REPORT).is_file()


def test_the_curves_of_a_training_without_validation_do_not_speak_of_its_loss(tmp_path, data):
    folder = tmp_path / "run"
    assert main("train", data, *SETTINGS, "--folds=2", "--shift=1", "--run", folder) == 0
    lengths = []
    for picture in (folder / "curves.png", folder / "fold-1" / "curves.png"):
        with Image.open(picture) as image:
            foot = np.asarray(image.convert("L"))[int(0.95 * image.height) :]
        lengths.append(np.ptp(np.nonzero((foot < 200).any(axis=0))[0]))
    assert lengths[0] < 100  # the word "epoch"
    assert lengths[1] > 300  # a sentence


def test_the_report_has_a_row_for_each_fold_and_judges_all_images(folded, run):
    folder, _ = folded
    page = Page((folder / runs.REPORT).read_text())
    rows = next(table for table in page.tables if table[0][0] == "fold")[1:]
    assert [row[:3] for row in rows] == [["1", "266", "134"], ["2", "267", "133"], ["3", "267", "133"]]
    assert [row[3] for row in rows] == [f"{one:.4f}" for one in read(folder)["folds"]["accuracies"]]
    scores = next(table for table in page.tables if table[0][0] == "class")[1:]
    assert [int(row[4]) for row in scores] == [134, 133, 133]
    assert "each judged by the network of its fold" in page.text
    assert "--folds 3 --class-weight balanced" in page.text
    before = (folder / runs.REPORT).read_bytes()
    assert run("report", folder)[0] == 0
    assert (folder / runs.REPORT).read_bytes() == before


def test_other_commands_take_the_run(folded, run, tmp_path, pictures, data):
    folder, _ = folded
    assert run("predict", folder, pictures / "1.png")[0] == 0
    status, lines, err = run("evaluate", folder, "--json")
    assert (status, err, json.loads("\n".join(lines))["part"]) == (0, "", "test")
    status, lines, err = run("explain", folder, "399", "--output", tmp_path / "last.png")
    assert (status, err) == (0, "")
    assert lines[0].startswith("out-of-fold image 399  ")
    error = run("explain", folder, "400")[2]
    assert error.startswith("golmu: error: there is no out-of-fold image 400: they are numbered from 0 to 399; write")
    fold = folder / "fold-3"
    assert run("explain", fold, "132", "--output", tmp_path / "fold.png")[1][0].split()[3:5] == lines[0].split()[3:5]
    status, lines, err = run("compare", folder, fold, "--json", "--output", tmp_path / "page.html")
    compared = json.loads("\n".join(lines))
    assert compared["results"]["validation accuracy"][0] == read(folder)["folds"]["mean"]
    assert compared["results"]["95 % interval"][0] == read(folder)["folds"]["interval"]
    assert "class_weight" not in compared["settings"]
    status, lines, err = run("export", folder, "--to", "page", "--output", tmp_path / "page")
    assert (status, err) == (0, "")


def test_a_network_that_is_shipped_says_how_it_was_judged(folded):
    folder, _ = folded
    origin = origin_of(Run.open(folder))
    said = read(folder)["folds"]
    assert (origin.accuracy, list(origin.interval)) == (said["mean"], said["interval"])
    assert (origin.part, origin.n_judged) == ("out-of-fold", 400)


def test_the_live_page_shows_one_of_the_folds(folded):
    folder, _ = folded
    assert "golmu app" in (missing := open_run(folder).snapshot.missing)
    assert str(folder / "fold-1") in missing
    assert len(open_run(folder / "fold-1").snapshot.judged) == 134


def test_a_finished_run_has_nothing_left_to_train(folded, run, tmp_path):
    folder, _ = folded
    model = (folder / runs.MODEL).read_bytes()
    status, lines, err = run("train", "--resume", folder)
    assert (status, err) == (0, "")
    assert not any(line.startswith("epoch") and "/" in line for line in lines)
    assert (folder / runs.MODEL).read_bytes() == model


def test_a_fold_continues_as_a_run_of_its_own(run, data, tmp_path):
    folder = tmp_path / "run"
    assert run("train", data, *SETTINGS, "--folds=2", "--run", folder)[0] == 0
    status, lines, err = run("train", "--resume", folder / "fold-2", "--epochs=3")
    assert (status, err) == (0, "")
    assert lines[0].startswith("continuing at epoch 3, batch 1: on 200 images, validating on 200;")


def test_ctrl_c_in_a_fold_keeps_what_there_is(data, tmp_path, run):
    folder = tmp_path / "run"
    settings = [*SETTINGS, "--epochs=1000000"]
    with process("train", data, *settings, "--folds=2", "--run", folder) as running:
        running.stdout.readline()
        while (
            not (folder / "fold-1" / runs.CHECKPOINT).exists()
            or not load_checkpoint(folder / "fold-1" / runs.CHECKPOINT).is_trained
        ):
            assert running.poll() is None
        running.send_signal(signal.SIGINT)
        rest, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (130, "")
    assert rest == f"interrupted; continue with: golmu train --resume {folder}\n"
    assert read(folder)["status"] == read(folder / "fold-1")["status"] == "interrupted"
    status, _, err = run("predict", folder, folder / "x.png")
    assert status == 2
    assert "holds no model, and its training was interrupted: continue it with `golmu train --resume" in err


def test_patience_is_that_of_the_folds(run, data, tmp_path):
    folder = tmp_path / "run"
    settings = [*SETTINGS, "--epochs=40", "--learning-rate=3", "--patience=1", "--folds=2"]
    status, lines, err = run("train", data, *settings, "--run", folder)
    assert (status, err) == (0, "")
    epochs = read(folder)["results"]["epochs"]
    assert f"training on all 400 images for {epochs} epochs, the median of the folds' best: no image is held out" in (
        "\n".join(lines)
    )
    record = read_record(folder)
    assert "--epochs 40" in (command := reproduce_command(record))
    assert "--patience 1" in command
    status, _, err = run("train", "--resume", folder, "--patience=2")
    assert (status, "patience is 1, not 2" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--folds=1"], "folds must be an integer from 2 to 20, got 1"),
        (["--folds=21"], "folds must be an integer from 2 to 20, got 21"),
        (
            ["--folds=3", "--validation-share=0.1"],
            "--folds holds out each image once, and --validation-share a part of them: give one of them",
        ),
        (["--class-weight=even"], "class_weight must be one of balanced, got 'even'"),
    ],
)
def test_options_that_cannot_be_are_refused_before_the_data_are_read(run, tmp_path, options, text):
    assert run("train", tmp_path / "nowhere", *options, "--run", tmp_path / "run") == (2, [], f"golmu: error: {text}\n")
    assert not (tmp_path / "run").exists()


def test_other_folds_and_weights_are_refused_when_a_run_continues(folded, finished, run):
    folder, _ = folded
    status, _, err = run("train", "--resume", folder, "--folds=4")
    assert (status, "folds is 3, not 4" in err) == (2, True)
    status, _, err = run("train", "--resume", finished.folder, "--folds=4", "--class-weight=balanced")
    assert status == 2
    assert "folds is None, not 4; class_weight is None, not balanced" in err


def test_a_class_of_one_image_is_refused(run, tmp_path):
    np.savez(tmp_path / "few.npz", x=np.zeros((5, 6, 5), np.uint8), y=np.array([0, 0, 0, 1, 1]))
    np.savez(tmp_path / "one.npz", x=np.zeros((4, 6, 5), np.uint8), y=np.array([0, 0, 0, 1]))
    status, _, err = run("train", tmp_path / "one.npz", "--folds=2", "--run", tmp_path / "run")
    assert (status, "'1' has only 1 image, and each class needs 2" in err) == (2, True)
    status, _, err = run("train", tmp_path / "few.npz", "--folds=6", "--run", tmp_path / "run")
    assert (status, "has 5 training images, too few for 6 folds: give fewer folds" in err) == (2, True)
    assert not (tmp_path / "run").exists()


def test_balanced_weights_are_those_of_scikit_learn_and_recorded(run, data, tmp_path):
    from sklearn.utils.class_weight import compute_sample_weight

    labels = np.array([0, 0, 0, 0, 0, 1, 1, 2])
    expected = compute_sample_weight("balanced", labels)
    np.testing.assert_allclose(importance(None, "balanced", labels, np.arange(3)), expected, rtol=1e-6)
    folder = tmp_path / "run"
    rng = np.random.default_rng(0)
    path = tmp_path / "unbalanced.npz"
    np.savez(path, x=rng.integers(0, 256, (60, 6, 5), np.uint8), y=np.repeat([0, 1], [48, 12]))
    assert run("train", path, *SETTINGS, "--class-weight=balanced", "--run", folder)[0] == 0
    assert run("train", path, *SETTINGS, "--run", tmp_path / "plain")[0] == 0
    assert read(folder)["settings"]["class_weight"] == "balanced"
    assert "--class-weight balanced" in reproduce_command(read_record(folder))
    assert (folder / runs.MODEL).read_bytes() != (tmp_path / "plain" / runs.MODEL).read_bytes()
    report = Page((folder / runs.REPORT).read_text())
    assert "class_weight" in report.text
    status, lines, _ = run("compare", folder, tmp_path / "plain", "--json", "--output", tmp_path / "page.html")
    assert json.loads("\n".join(lines))["settings"] == {"class_weight": ["balanced", None]}
    assert run("train", "--resume", folder, "--epochs=4")[0] == 0
    assert run("train", path, *SETTINGS, "--epochs=4", "--class-weight=balanced", "--run", tmp_path / "four")[0] == 0
    assert (folder / runs.MODEL).read_bytes() == (tmp_path / "four" / runs.MODEL).read_bytes()
    said = read(folder)
    del said["settings"]["class_weight"]
    write(folder, said)
    status, _, err = run("train", "--resume", folder, "--epochs=5")
    assert (status, "the weights of the images differ" in err) == (2, True)
