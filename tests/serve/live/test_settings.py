"""What a visitor sets becomes a recipe, and what cannot be is said in words."""

import json
from dataclasses import asdict

import pytest

from golmu.errors import InputError
from golmu.recipe import FIELDS, RECIPES
from golmu.serve.live.messages import Request
from golmu.serve.live.settings import check_network, describe_fields, describe_recipes, read_recipe


def read(**message):
    return read_recipe(Request(json.dumps({"do": "start", **message})))


def test_without_settings_it_is_the_recipe():
    assert read(recipe="quick") == ("quick", RECIPES["quick"], 42)
    assert read() == ("chapter", RECIPES["chapter"], 42)


def test_all_values_of_a_recipe_may_be_given_as_json_has_them():
    for name, recipe in RECIPES.items():
        assert read(recipe="chapter", settings=asdict(recipe), seed=7)[1:] == (recipe, 7), name


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"recipe": "chaptre"}, "recipe must be one of .*, got 'chaptre'; did you mean 'chapter'"),
        ({"recipe": 3}, "recipe must be a text"),
        ({"settings": {"epoch": 3}}, "each of settings must be one of .*, got 'epoch'; did you mean 'epochs'"),
        ({"settings": {"learning_rate": -1}}, "learning_rate must be a finite number above 0, got -1.0"),
        ({"settings": {"learning_rate": "1"}}, "learning_rate must be a number above 0, got '1'"),
        ({"settings": {"learning_rate": None, "epochs": 1001}}, "epochs must be an integer from 1 to 1000, got 1001"),
        ({"settings": {"n_kernels": [4, 257]}}, "n_kernels must be an integer from 1 to 256, got 257"),
        ({"settings": {"n_kernels": [4] * 5}}, "n_kernels must have one number for each of 1 to 4 blocks, got 5"),
        ({"settings": {"units": 10**9}}, "units must be an integer from 1 to 4096, got 1000000000"),
        ({"settings": {"batch_size": 4097}}, "batch_size must be an integer from 1 to 4096, got 4097"),
        ({"settings": {"final_batch_size": 4097}}, "final_batch_size must be an integer from 1 to 4096, got 4097"),
        ({"settings": {"optimizer": "adamw", "momentum": 1}}, "momentum must be a number of at least 0 and below 1"),
        ({"seed": -1}, "seed must be an integer from 0 to 4294967295, got -1"),
        ({"settings": 3}, "settings must be an object, got 3"),
    ],
)
def test_what_cannot_be_is_said_in_words(message, error):
    with pytest.raises(InputError, match=f"^{error}"):
        read(**message)


def test_a_network_may_not_be_too_large():
    recipe = RECIPES["wide"]
    check_network(recipe, (28, 28, 1), 10)
    with pytest.raises(InputError, match="make 201,926,666 parameters for these images, and this page trains at most"):
        check_network(recipe, (314, 314, 1), 10)


def test_the_page_is_told_of_every_field():
    fields = describe_fields()
    json.dumps(fields, allow_nan=False)
    assert list(fields) == list(FIELDS)
    assert fields["learning_rate"]["low"] == 0
    assert fields["optimizer"]["choices"] == ["sgd", "nesterov", "adam", "adamw"]
    assert (fields["epochs"]["low"], fields["epochs"]["high"]) == (1, 1000)
    assert fields["hidden_dropout"]["high"] == 1
    assert fields["n_kernels"]["is_per_block"]
    assert list(describe_recipes()) == list(RECIPES)
