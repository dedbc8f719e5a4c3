"""What `golmu train` offers to change after a first training."""

import os
import shlex
import sys

import pytest
from command import main

from golmu import RECIPES
from golmu.cli import first_change
from golmu.cli.first_change import suggest_change
from golmu.recipe import Recipe
from golmu.runs.data_record import DataRecord
from golmu.runs.record import RunRecord
from golmu.runs.run import Run

SMALL = Recipe(n_kernels=2, units=8, batch_size=16, learning_rate=0.1, epochs=2)


@pytest.fixture
def small(monkeypatch):
    """A recipe of a name that trains in a moment."""
    monkeypatch.setitem(RECIPES, "chapter", SMALL)


def offered(lines):
    """The command lines that are offered after a training."""
    return [line.partition(": ")[2] for line in lines if line.startswith(("  try 4 kernels: ", "  then compare: "))]


def test_the_lines_train_and_compare_as_they_stand(run, small, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, lines, _ = run("train", data, "--recipe=chapter", "--epochs=1", "--seed=3", "--threads=1")
    assert status == 0
    train, compare = map(shlex.split, offered(lines))
    status, lines, _ = run(*train[1:])
    assert (status, offered(lines)) == (0, [])
    status, lines, _ = run(*compare[1:])
    assert status == 0
    assert lines[0].split() == ["shapes-chapter", "shapes-chapter-n-kernels-4"]
    assert lines[1].split() == ["n_kernels", "2", "4"]
    assert not lines[2].strip(), "nothing else differs"


def test_the_lines_begin_as_the_command_was_called(small, data, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main("train", data, "--recipe=chapter") == 0
    record = Run.open("runs/shapes-chapter")
    monkeypatch.setattr(sys, "argv", [".venv/bin/golmu"])
    train, compare = suggest_change(record)
    assert train.startswith(f"try 4 kernels: .venv/bin/golmu train {shlex.quote(str(data))} --recipe chapter ")
    assert compare == "then compare: .venv/bin/golmu compare runs/shapes-chapter runs/shapes-chapter-n-kernels-4"


def test_data_below_the_current_folder_are_given_as_they_would_be_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place, typed in (("photos/mine", "photos/mine"), ("digits", tmp_path / "digits"), ("", ".")):
        lines = suggest_change(made(RECIPES["any"], data=DataRecord(40, 10, argument=str(tmp_path / place))))
        assert f" train {typed} --recipe any " in lines[0]


def made(recipe, **changes):
    """A run that has ended, of which nothing is on disk."""
    given = {"data": DataRecord(40, 10, argument="digits"), "recipe_name": "any", "seconds": 9.0, **changes}
    data, folder = given.pop("data"), given.pop("folder", "runs/digits-any")
    return Run(first_change.Path(folder), RunRecord("finished", data, recipe, "auto", None, 42, **given))


def test_a_recipe_as_it_is_but_for_its_epochs_is_offered_with_more_kernels():
    assert suggest_change(made(RECIPES["any"].override({"epochs": 3})))[0].startswith("try 64 kernels: ")


@pytest.mark.parametrize(
    "run",
    [
        made(RECIPES["any"].override({"units": 5})),
        made(RECIPES["color"], recipe_name="color"),
        made(RECIPES["any"], recipe_name="any.json"),
        made(RECIPES["any"], recipe_name=None),
        made(RECIPES["any"], seconds=900.0),
        made(RECIPES["any"], folder="."),
    ],
    ids=["changed", "several blocks", "file", "arrays", "long", "current folder"],
)
def test_nothing_is_offered_where_it_would_not_help(run):
    assert suggest_change(run) == []


def test_nothing_is_offered_twice(tmp_path):
    folder = tmp_path / "digits-any"
    assert suggest_change(made(RECIPES["any"], folder=folder))
    (tmp_path / "digits-any-n-kernels-64").mkdir()
    assert suggest_change(made(RECIPES["any"], folder=folder)) == []


def test_the_end_of_a_training_does_not_hang_on_the_lines(run, small, data, tmp_path):
    folder = tmp_path / ("r" * 250)
    status, lines, err = run("train", data, "--recipe=chapter", "--epochs=1", "--run", folder)
    assert (status, err) == (0, "")
    assert offered(lines) == []
    assert lines[-1].startswith("  train longer: ")


def test_nothing_is_offered_that_would_fail(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a\u202eb", "a\nb", "a\tb", "\udcff"):
        assert suggest_change(made(RECIPES["any"], folder=name)) == [], "a terminal would show another name"
    (tmp_path / "-runme").mkdir()
    assert suggest_change(made(RECIPES["any"], folder="-runme"))[1].endswith(" ./-runme ./-runme-n-kernels-64")
    monkeypatch.setattr(first_change.os, "access", lambda place, _: str(place) != os.curdir)
    assert len(suggest_change(made(RECIPES["any"]))) == 1, "the page goes to the current folder"
    monkeypatch.setattr(first_change.os, "access", lambda *_: False)
    assert suggest_change(made(RECIPES["any"], folder=tmp_path / "run")) == []


def test_no_page_goes_into_the_data(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(suggest_change(made(RECIPES["any"], data=DataRecord(40, 10, argument=str(tmp_path))))) == 1
