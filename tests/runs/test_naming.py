"""What a run folder is called whose user does not name it."""

import pytest

from golmu.recipe import RECIPES
from golmu.runs.naming import MAX_BYTES, run_name


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "clothes-chapter"),
        ({"n_kernels": 20}, "clothes-chapter-n-kernels-20"),
        ({"n_kernels": (16, 32)}, "clothes-chapter-n-kernels-16,32"),
        ({"optimizer": "adam", "learning_rate": 0.1 + 0.2}, "clothes-chapter-learning-rate-0.3-optimizer-adam"),
        ({"n_kernels": 20, "units": 50, "learning_rate": 0.1}, "clothes-chapter"),
        ({"epochs": 3, "batch_size": 8, "flip": True}, "clothes-chapter-flip"),
        ({"epochs": 3, "batch_size": 8, "standardize": True}, "clothes-chapter"),
    ],
)
def test_a_name_says_the_data_the_recipe_and_the_main_changes(changes, name):
    assert run_name("clothes", "chapter", RECIPES["chapter"].override(changes)) == name


def test_a_name_says_that_a_recipe_does_not_mirror():
    assert run_name("clothes", "best", RECIPES["best"].override({"flip": False})) == "clothes-best-no-flip"


def test_of_a_recipe_without_a_name_nothing_is_known_to_have_changed():
    recipe = RECIPES["chapter"].override({"n_kernels": 20})
    assert run_name("clothes", "best.json", recipe) == "clothes-best"
    assert run_name("clothes", None, recipe) == "clothes-run"
    assert run_name("clothes", "best") == "clothes-best"


def test_a_name_is_never_too_long():
    recipe = RECIPES["chapter"].override({"n_kernels": 10**100, "units": 10**100})
    assert run_name("clothes", "chapter", recipe) == "clothes-chapter"
    changed = run_name("셔츠" * 60, "chapter", RECIPES["chapter"].override({"n_kernels": 20}))
    assert changed.endswith("-chapter-n-kernels-20")
    assert len(changed.encode()) <= MAX_BYTES
