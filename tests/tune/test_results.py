"""What a search came to: the order of its trials, what mattered, and its files."""

import csv
import json

import optuna
import pytest

from golmu import plots
from golmu.errors import GolmuWarning, TrainingError
from golmu.recipe import RECIPES
from golmu.tune.results import MIN_TRIALS, TrialResult, best_of, importances, last_attempt, ranking, write_results
from golmu.tune.space import parse_space

SPACE = parse_space(["learning_rate=log:0.01:1", "units=int:2:9", "n_kernels=2,2-4"])


def trial(number, loss, state="finished", **changes):
    settings = {"learning_rate": 0.1, "units": 2 + number, "n_kernels": (2, 4)}
    return TrialResult(number, state, settings, loss, 0.5, 3, 0.1, **changes)


RESULTS = [trial(0, 0.4), trial(1, 0.1, "pruned"), trial(2, 0.3), trial(3, 0.3), trial(4, None, "failed", note="a, b")]


def test_the_best_trial_has_the_lowest_loss_of_those_that_ended():
    assert [one.number for one in ranking(RESULTS)] == [2, 3, 0]
    assert best_of(RESULTS).number == 2
    with pytest.raises(TrainingError, match=r"^none of the 2 trials has come to its end; the last one: a, b$"):
        best_of([RESULTS[1], RESULTS[4]])
    with pytest.raises(TrainingError, match=r"^none of the 1 trials has come to its end$"):
        best_of(RESULTS[1:2])


def test_a_trial_that_was_cut_off_twice_is_found_where_it_ran_again():
    results = [trial(0, None, "again", again_as=2), trial(1, 0.3), trial(2, None, "again", again_as=4), trial(4, 0.2)]
    assert last_attempt(results, 0).number == 4
    assert last_attempt(results, 1).number == 1


def test_what_mattered_is_found():
    study = optuna.create_study()

    def add(count):
        for _ in range(count):
            tried = study.ask()
            rate, _, _ = (dimension.suggest(tried) for dimension in SPACE)
            study.tell(tried, rate)

    add(MIN_TRIALS - 1)
    assert importances(study, SPACE) == {}
    add(20)
    shares = importances(study, SPACE)
    assert next(iter(shares)) == "learning_rate"
    assert shares["learning_rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert importances(study, SPACE) == shares


def test_trials_that_are_all_alike_say_nothing_of_what_mattered():
    study = optuna.create_study()
    for _ in range(MIN_TRIALS):
        tried = study.ask()
        for dimension in SPACE:
            dimension.suggest(tried)
        study.tell(tried, 1.0)
    assert importances(study, SPACE) == {}


def test_the_files_of_a_search_hold_its_trials_and_the_best_recipe(tmp_path):
    write_results(tmp_path, RESULTS, RESULTS[2], RECIPES["any"], SPACE, {"units": 0.7})
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["trial"], row["state"], row["val_loss"], row["n_kernels"], row["note"]) for row in rows][1::3] == [
        ("1", "pruned", "0.1", "2, 4", ""), ("4", "failed", "", "2, 4", "a, b"),
    ]  # fmt: skip
    recipe = json.loads((tmp_path / "recipe.json").read_text())
    assert (recipe["units"], recipe["n_kernels"], recipe["epochs"]) == (4, [2, 4], 60)
    assert (tmp_path / "importance.png").read_bytes().startswith(b"\x89PNG")


def test_a_picture_that_cannot_be_drawn_costs_no_results(tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("no ink")

    monkeypatch.setattr(plots, "search", fail)
    with pytest.warns(GolmuWarning, match=r"importance.png cannot be drawn \(RuntimeError: no ink\)"):
        write_results(tmp_path, RESULTS, RESULTS[2], RECIPES["any"], SPACE, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["recipe.json", "trials.csv"]
