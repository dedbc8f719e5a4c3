"""A training over folds: which images each network sees, what is left on disk, and the way back in after any end."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import count
from pathlib import Path

import killed_folds
import numpy as np
import pytest
from command import read, write
from killed import X, Y
from killed_folds import EPOCHS, folded, train
from small_network import equal

from golmu.data import ImageSet
from golmu.data.split import stratified_folds
from golmu.errors import RunError, TrainingError
from golmu.metrics import softmax
from golmu.model.model import load_model
from golmu.recipe import Recipe
from golmu.runs.data_record import SPLIT_SEED
from golmu.runs.folder import CHECKPOINT, HELD_OUT, MODEL, RUN
from golmu.runs.folds import out_of_fold_probabilities, without_validation
from golmu.runs.held_out import digests
from golmu.runs.images import out_of_fold_images
from golmu.runs.job import open_to_resume
from golmu.runs.run import Run

SCRIPT = Path(killed_folds.__file__)
FOLDERS = ("fold-1", "fold-2", "fold-3", ".")
N_BATCHES = 3 * EPOCHS * 5 + EPOCHS * 7
"""Of 40 images for each fold, and of 60 in the end, in batches of 8."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The run folder of a training over folds that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("folds") / "whole"
    outcome, listener = train(folder)
    assert outcome.interruption is None
    assert [fold for fold, _ in listener.ended] == [1, 2, 3]
    return folder


def assert_same(folder, whole):
    """Every network has the bits of the other run's, and the records say the same."""
    for name in FOLDERS:
        one, other = (load_model(place / name / MODEL) for place in (folder, whole))
        assert equal(one.weights, other.weights)
        one, other = (read(place / name) for place in (folder, whole))
        assert one["status"] == "finished"
        assert one["data"] == other["data"]
        assert {**one["results"], "seconds_per_epoch": 0} == {**other["results"], "seconds_per_epoch": 0}
    assert read(folder)["folds"] == read(whole)["folds"]


def test_each_image_is_held_out_once_and_the_last_network_sees_all(whole):
    folds = stratified_folds(Y.astype(np.int64), 3, SPLIT_SEED)
    for number in (1, 2, 3):
        run = Run.open(whole / f"fold-{number}")
        assert list(run.held_out.digests) == digests(X[folds == number - 1])
        assert (run.record.data.train, run.record.data.validation) == (40, 20)
        split = run.record.data.split
        assert (split.folds, split.fold, split.validation) == (3, number, pytest.approx(1 / 3))
    last = Run.open(whole)
    assert (last.record.data.train, last.record.data.validation, last.record.n_folds) == (60, 0, 3)
    assert not (whole / HELD_OUT).exists()
    assert last.results.val_accuracy is None
    accuracies = [Run.open(whole / f"fold-{number}").results.val_accuracy for number in (1, 2, 3)]
    assert list(last.record.folds.accuracies) == accuracies
    said = read(whole)["folds"]
    assert said["mean"] == pytest.approx(np.mean(accuracies))
    assert said["standard_deviation"] == pytest.approx(np.std(accuracies, ddof=1))


def test_probabilities_in_memory_are_those_of_the_networks_on_disk(whole):
    asked = []
    probabilities, labels = out_of_fold_probabilities(folded(), on_begin=asked.append)
    assert asked == [1, 2, 3]
    assert labels.tolist() == Y.tolist()
    folds = stratified_folds(labels, 3, SPLIT_SEED)
    for number in (1, 2, 3):
        rows = folds == number - 1
        expected = softmax(Run.open(whole / f"fold-{number}").predictor.engine.logits(X[rows]))
        np.testing.assert_array_equal(probabilities[rows], expected)


def test_images_are_found_again_each_with_its_judge(whole):
    images = out_of_fold_images(Run.open(whole), folded().dataset)
    assert (images.name, len(images), images.numbers.tolist()) == ("out-of-fold", 60, list(range(60)))
    assert sorted(digests(images.images)) == sorted(digests(X))
    other = Run.open(whole).predictor
    for index in (0, 19, 20, 59):
        judge = images.judge(index, other)
        assert judge.name == str(whole / f"fold-{index // 20 + 1}")


@pytest.mark.parametrize("at", [4, 15, 31, 46, N_BATCHES])
def test_it_continues_inside_and_between_folds_with_the_same_bits(whole, tmp_path, at, monkeypatch):
    monkeypatch.setattr("golmu.training.loop.SLICE_SECONDS", 0)
    calls = count(1)

    def stop(progress):
        if next(calls) == at:
            raise KeyboardInterrupt

    outcome, _ = train(tmp_path / "run", stop)
    assert isinstance(outcome.interruption, KeyboardInterrupt)
    assert read(tmp_path / "run")["status"] == "interrupted"
    outcome, _ = train(tmp_path / "run")
    assert outcome.interruption is None
    assert_same(tmp_path / "run", whole)


def test_an_interruption_between_two_trainings_is_one_too(whole, tmp_path, monkeypatch):
    def end(self, fold, run):
        if fold == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(killed_folds.Listener, "end", end)
        outcome, _ = train(tmp_path / "run")
    assert isinstance(outcome.interruption, KeyboardInterrupt)
    assert not (tmp_path / "run" / "fold-3").exists()
    assert read(tmp_path / "run")["status"] == "interrupted"
    train(tmp_path / "run")
    assert_same(tmp_path / "run", whole)


@pytest.mark.parametrize("moment", ["fsync 1", "replace 2", "fsync 25", "replace 40", "fsync 75"])
def test_kill_9_at_a_moment_of_writing(whole, tmp_path, moment):
    command = [sys.executable, SCRIPT, tmp_path / "run", moment]
    assert subprocess.run(command, timeout=120, capture_output=True, check=False).returncode == -9
    train(tmp_path / "run")
    assert_same(tmp_path / "run", whole)


def test_a_fold_that_was_killed_before_its_record_is_begun_again(whole, tmp_path):
    folder = shutil.copytree(whole, tmp_path / "run")
    for path in (folder / "fold-3").iterdir():
        path.unlink()
    (folder / "fold-3" / ".run.json.12.part").touch()
    (folder / CHECKPOINT).unlink()
    (folder / MODEL).unlink()
    train(folder)
    assert_same(folder, whole)


def test_patience_gives_the_last_network_the_median_of_the_best_epochs(tmp_path):
    outcome, _ = train(tmp_path / "run", epochs=30, patience=1)
    best = [Run.open(tmp_path / "run" / f"fold-{number}").results.model_epoch for number in (1, 2, 3)]
    recipe = outcome.run.recipe
    assert (recipe.epochs, recipe.patience, outcome.run.results.epochs) == (sorted(best)[1], None, sorted(best)[1])
    asked = Run.open(tmp_path / "run").record.asked_recipe
    assert (asked.epochs, asked.patience) == (30, 1)
    again, _ = train(tmp_path / "run", epochs=30, patience=1)
    assert again.run.recipe == recipe


def test_half_an_epoch_is_rounded_up():
    recipe = Recipe(n_kernels=2, units=4, batch_size=8, learning_rate=0.2, epochs=30)
    assert without_validation(recipe, [3, 4]) == recipe
    assert without_validation(recipe.override({"patience": 2}), [3, 4]).epochs == 4
    assert without_validation(recipe.override({"patience": 2}), [0, 0]).epochs == 1


def test_more_epochs_continue_every_training(tmp_path, whole):
    folder = shutil.copytree(whole, tmp_path / "run")
    train(folder, epochs=EPOCHS + 2)
    train(tmp_path / "other", epochs=EPOCHS + 2)
    assert_same(folder, tmp_path / "other")
    assert read(folder)["folds"]["epochs"] == EPOCHS + 2


def test_other_data_are_refused_and_nothing_changes(tmp_path, whole):
    folder = shutil.copytree(whole, tmp_path / "run")
    with pytest.raises(RunError, match=r"fold-1 cannot continue with this: the training images or their labels differ"):
        train(folder, labels=np.roll(Y, 1))
    for path in whole.rglob("*.*"):
        assert (folder / path.relative_to(whole)).read_bytes() == path.read_bytes(), path


def test_more_epochs_are_remembered_where_they_are_interrupted(tmp_path, whole):
    def stop(progress):
        raise KeyboardInterrupt

    folder = shutil.copytree(whole, tmp_path / "run")
    outcome, _ = train(folder, stop, epochs=EPOCHS + 2)
    assert isinstance(outcome.interruption, KeyboardInterrupt)
    assert Run.open(folder).record.asked_recipe.epochs == EPOCHS + 2


def test_data_that_have_moved_are_found_at_their_new_place(tmp_path):
    def stop(progress):
        raise KeyboardInterrupt

    train(tmp_path / "run", stop)
    with open_to_resume(tmp_path / "run") as run:
        outcome = replace(folded(), argument="/elsewhere/small").resume(run, killed_folds.Listener())
    assert outcome.run.data == Run.open(tmp_path / "run" / "fold-1").data == "/elsewhere/small"


def test_a_fold_that_fails_is_a_run_that_failed(tmp_path):
    with pytest.raises(TrainingError, match="learning_rate=1e\\+20 is too large"):
        train(tmp_path / "run", learning_rate=1e20)
    said = read(tmp_path / "run")
    assert said["status"] == "failed"
    assert "too large" in said["error"]
    with pytest.raises(RunError, match="holds no model, since its training failed"):
        _ = Run.open(tmp_path / "run").predictor


def test_copies_in_other_folds_are_counted(tmp_path):
    images = X.copy()
    images[1:13] = images[0]
    made = folded()
    dataset = replace(made.dataset, train=ImageSet(images, made.dataset.train.labels))
    outcome = replace(made, dataset=dataset).start(killed_folds.Listener(), tmp_path / "run")
    assert outcome.run.record.data.copies_note.startswith("13 of the 60 images have a copy in another fold, so the acc")


@pytest.mark.parametrize(
    "damage", [{"accuracies": [0.5]}, {"accuracies": [0.5, 2]}, {"epochs": 0}, {"patience": "x"}, {"accuracies": None}]
)
def test_a_damaged_record_of_folds_is_one_error(tmp_path, whole, damage):
    folder = shutil.copytree(whole, tmp_path / "run")
    said = read(folder)
    write(folder, {**said, "folds": {**said["folds"], **damage}})
    with pytest.raises(RunError, match=f"^{folder / RUN} is damaged: '"):
        Run.open(folder)


def test_the_record_is_kept_as_it_was(whole):
    said = json.loads((whole / RUN).read_text())
    assert Run.open(whole).record.to_json() == said
