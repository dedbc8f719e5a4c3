"""A recipe in a file: written whole, read back the same, and each wrong value named."""

import json
from dataclasses import asdict

import pytest

from golmu.errors import InputError, SaveError
from golmu.recipe import RECIPES
from golmu.runs.recipe_file import find_recipe, is_recipe_file, read_recipe, write_recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_read_back_as_it_was_written(name, tmp_path):
    write_recipe(tmp_path / "best.json", RECIPES[name])
    assert read_recipe(tmp_path / "best.json") == RECIPES[name]
    assert find_recipe(str(tmp_path / "best.json")) == RECIPES[name]
    assert find_recipe(name) == RECIPES[name]


def test_fields_with_a_default_may_be_missing(tmp_path):
    said = {"n_kernels": [4, 8], "units": 5, "batch_size": 6, "learning_rate": 1, "epochs": 2}
    (tmp_path / "mine.json").write_text(json.dumps(said))
    recipe = read_recipe(tmp_path / "mine.json")
    assert (recipe.n_kernels, recipe.learning_rate, recipe.optimizer) == ((4, 8), 1.0, "sgd")


def test_a_path_ends_in_json_and_a_name_does_not():
    assert [is_recipe_file(name) for name in ("a/b.json", "B.JSON", "best", "json", None)] == [
        True, True, False, False, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"learning_rate": -1}, "learning_rate must be a finite number above 0, got -1.0"),
        ({"learning_rate": "fast"}, "learning_rate must be a number above 0, got 'fast'"),
        ({"units": 2.5}, "units must be an integer of at least 1, got 2.5"),
        ({"units": None}, "units must be an integer of at least 1, got None"),
        ({"flip": 1}, "flip must be True or False, got 1"),
        ({"optimizer": "sdg"}, "optimizer must be one of sgd, nesterov, adam, adamw, got 'sdg'; did you mean 'sgd'?"),
        ({"n_kernels": []}, "n_kernels must have one number for each of 1 to 4 blocks, got 0"),
        ({"optimizer": "adam", "weight_decay": 0.1}, "weight_decay is 0.1, but optimizer 'adam' has none: use 'adamw', "
            "or leave it out"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_file(change, text, tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(asdict(RECIPES["any"]) | change))
    with pytest.raises(InputError) as raised:
        read_recipe(path)
    assert str(raised.value) == f"the recipe file {path}: {text}"


def test_what_is_no_recipe_is_said(tmp_path):
    path = tmp_path / "r.json"

    def error(content):
        path.write_bytes(content)
        with pytest.raises(InputError) as raised:
            read_recipe(path)
        return str(raised.value).removeprefix(f"the recipe file {path}")

    assert error(b"[1]") == " must hold a JSON object, got list"
    assert error(b"{").startswith(" is no JSON: ")
    assert error(b"\xff\xfe{").startswith(" is no JSON: ")
    assert error(b"[" * 100_000).startswith(" is no JSON: ")
    assert error(b"{}") == ": n_kernels is missing"
    assert error(b'{"learning_rte": 1}').endswith("got 'learning_rte'; did you mean 'learning_rate'?")
    assert error(b'{"n_kernels": 1, "units": 1, "batch_size": 1, "learning_rate": NaN, "epochs": 1}') == (
        ": learning_rate must be a finite number above 0, got nan"
    )
    path.unlink()
    with pytest.raises(InputError, match=f"^there is no recipe file {path}$"):
        read_recipe(path)
    path.mkdir()
    with pytest.raises(InputError, match=f"^the recipe file {path} cannot be read: Is a directory$"):
        read_recipe(path)
    with pytest.raises(SaveError, match=r"^the recipe cannot be written to "):
        write_recipe(path, RECIPES["any"])
