"""The command line that reproduces a run, read back by the command itself."""

import shlex

import pytest
from command import main

from golmu.cli.commands import train
from golmu.cli.recipe_choice import choose_recipe
from golmu.recipe import RECIPES
from golmu.runs.data_record import DataRecord
from golmu.runs.job import DEFAULT_SEED
from golmu.runs.record import RunRecord
from golmu.runs.reproduce import reproduce_code, reproduce_command


def parsed(command, monkeypatch):
    """What `golmu train` is asked for by a command line."""
    asked = {}
    monkeypatch.setattr(
        train, "train_run", lambda data, name, given, **rest: asked.update(data=data, name=name, given=given, **rest)
    )
    words = shlex.split(command)
    assert words[0] == "golmu"
    main(*words[1:])
    return asked


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("flip", [True, False])
def test_the_command_reproduces_the_run(name, flip, monkeypatch):
    recipe = RECIPES[name].override({
        "epochs": 7, "learning_rate": 0.1 + 0.2, "flip": flip, "patience": 3, "average_epochs": 0, "units": 9,
    })  # fmt: skip
    data = "/some where/it's <b>here</b>"
    record = RunRecord(
        "finished", DataRecord(9, 3, argument=data), recipe, "auto", 2, 3, recipe_name=name, engine_used="tensorflow"
    )
    asked = parsed(reproduce_command(record), monkeypatch)
    assert RECIPES[asked["name"]].override(asked["given"]) == recipe
    assert (asked["data"], asked["seed"], asked["engine"], asked["threads"]) == (data, 3, "tensorflow", 2)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"flip": True}, "--flip"), ({"flip": True, "test_flip": True}, "--flip"),
        ({"flip": True, "test_flip": False}, "--flip --no-test-flip"), ({"test_flip": True}, "--test-flip"),
        ({"test_flip": False}, ""),
    ],
)  # fmt: skip
def test_mirrored_predictions_are_named_where_they_do_not_follow_the_training(changes, words):
    recipe = RECIPES["deep"].override(changes)
    record = RunRecord("finished", DataRecord(9, 3, argument="x"), recipe, "fused", None, DEFAULT_SEED, "deep")
    assert f" --recipe deep {words} --seed".replace("  ", " ") in reproduce_command(record)


@pytest.mark.parametrize(("name", "n_kernels"), [("any", (4, 8, 16)), ("color", 5), ("color", (16, 32))])
def test_other_kernels_than_the_recipes_are_named(name, n_kernels, monkeypatch):
    recipe = RECIPES[name].override({"n_kernels": n_kernels})
    record = RunRecord("finished", DataRecord(9, 3, argument="x"), recipe, "fused", None, DEFAULT_SEED, name)
    asked = parsed(reproduce_command(record), monkeypatch)
    assert RECIPES[asked["name"]].override(asked["given"]) == recipe
    assert f"n_kernels={n_kernels!r}" in reproduce_code(record)


@pytest.mark.parametrize(("n", "epochs"), [(9, 60), (60_000, 20), (60_000, 60), (20_000, 30), (20_000, 20)])
def test_the_command_names_the_epochs_where_the_number_of_images_would_choose_others(n, epochs, monkeypatch):
    recipe = RECIPES["any"].override({"epochs": epochs})
    data = DataRecord(n - 3, 3, argument="x")
    asked = parsed(reproduce_command(RunRecord("finished", data, recipe, "fused", None, 3, "any")), monkeypatch)
    assert choose_recipe("x", asked["name"], asked["given"], (28, 28, 1), n).recipe == recipe


def test_a_run_by_a_recipe_that_is_gone_names_every_setting(monkeypatch):
    recipe = RECIPES["best"].override({"epochs": 7})
    record = RunRecord("finished", DataRecord(9, 3, argument="x"), recipe, "fused", None, DEFAULT_SEED, "gone")
    asked = parsed(reproduce_command(record), monkeypatch)
    assert RECIPES[asked["name"]].override(asked["given"]) == recipe
