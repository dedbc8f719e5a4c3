"""From what a visitor has set on the page to a recipe, and what the page must know to show the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, asdict
from typing import Any

from golmu.architecture import Architecture
from golmu.checks import integer_within, one_of
from golmu.errors import InputError
from golmu.recipe import FIELDS, RECIPES, Recipe, get_recipe
from golmu.serve.live.messages import Request

MAX_SEED = 2**32 - 1

MAX_EPOCHS, MAX_BATCH_SIZE, MAX_KERNELS, MAX_UNITS = 1000, 4096, 256, 4096
"""What one visitor may set at most: all visitors share this computer."""

MAX_PARAMETERS = 20_000_000
"""Parameters of a visitor's network, at most."""

LIMITS = {"epochs": MAX_EPOCHS, "batch_size": MAX_BATCH_SIZE, "n_kernels": MAX_KERNELS, "units": MAX_UNITS}
"""The largest value of each field that has a limit here, which its recipe alone has not."""


def describe_fields() -> dict[str, dict[str, Any]]:
    """Return what the page must know of each field: type, help, range, choices, group and default."""
    return {name: _describe_field(name) for name in FIELDS}


def _describe_field(name: str) -> dict[str, Any]:
    said, check = FIELDS[name].metadata, getattr(FIELDS[name].metadata["check"], "keywords", {})
    low = check.get("low", {int: 1, float: 0}.get(said["kind"]))
    return {
        "kind": said["kind"].__name__,
        "help": said["help"],
        "group": said["group"],
        "low": low,
        "high": LIMITS.get(name, check.get("high", check.get("end"))),
        "choices": list(check["choices"]) if "choices" in check else None,
        "is_optional": said["is_optional"],
        "is_per_block": said["is_per_block"],
        "default": None if FIELDS[name].default is MISSING else FIELDS[name].default,
    }


def describe_recipes() -> dict[str, dict[str, Any]]:
    """Return the values of each named recipe."""
    return {name: asdict(recipe) for name, recipe in RECIPES.items()}


def read_recipe(request: Request) -> tuple[str, Recipe, int]:
    """Return the name of the recipe that a visitor begins from, the recipe with what was set, and the seed.

    Raises
    ------
    InputError, InputTypeError
        If a field is unknown, or a value cannot be used, or is above what one visitor may set.
    """
    name = one_of(request.word("recipe", "chapter"), RECIPES, "recipe")
    given = request.mapping("settings")
    for field in given:
        one_of(field, FIELDS, "each of settings")
    recipe = get_recipe(name).override(_as_python(given))
    _check_limits(recipe)
    return name, recipe, request.number("seed", 0, MAX_SEED, 42)


def _as_python(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of JSON as a recipe takes them: a list for several blocks becomes a tuple."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}


def _check_limits(recipe: Recipe) -> None:
    for name, high in LIMITS.items():
        value = getattr(recipe, name)
        for one in value if isinstance(value, tuple) else (value,):
            integer_within(one, name, 1, high)
    if recipe.final_batch_size is not None:
        integer_within(recipe.final_batch_size, "final_batch_size", 1, MAX_BATCH_SIZE)


def check_network(recipe: Recipe, image_shape: tuple[int, int, int], n_classes: int) -> None:
    """Raise `InputError` if the network for these images (h, w, c) is larger than one visitor's may be."""
    n = Architecture(*image_shape, recipe.n_kernels, recipe.units, n_classes).n_parameters
    if n > MAX_PARAMETERS:
        raise InputError(
            f"n_kernels and units make {n:,} parameters for these images, and this page trains at most "
            f"{MAX_PARAMETERS:,}: lower them"
        )
