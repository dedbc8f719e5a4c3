"""A recipe in a file of its own: JSON, one value for each field, which `golmu tune` writes and users may write."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict
from pathlib import Path
from typing import Any

from golmu.checks import one_of
from golmu.errors import InputError
from golmu.recipe import FIELDS, Recipe, get_recipe
from golmu.system import read_file, write_file

SUFFIX = ".json"
"""What tells the path of such a file from the name of a recipe."""


def find_recipe(name: str) -> Recipe:
    """Return the recipe of that name, or the one in the file of that path, which ends in .json.

    Raises
    ------
    InputTypeError, InputError
        If there is none, or a value in the file cannot be used.
    """
    return read_recipe(Path(name)) if is_recipe_file(name) else get_recipe(name)


def is_recipe_file(name: str | None) -> bool:
    """Whether it is the path of a file, and no recipe's name."""
    return name is not None and name.lower().endswith(SUFFIX)


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; fields that have a default may be missing.

    Raises
    ------
    InputError
        If the file cannot be read, or holds anything else; the error names the file and the field.
    """
    try:
        said: Any = json.loads(read_file(path))
    except FileNotFoundError as error:
        raise InputError(f"there is no recipe file {path}") from error
    except OSError as error:
        raise InputError(f"the recipe file {path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"the recipe file {path} is no JSON: {error}") from error
    if not isinstance(said, dict):
        raise InputError(f"the recipe file {path} must hold a JSON object, got {type(said).__name__}")
    try:
        for name in said:
            one_of(name, FIELDS, "a field")
        for name, one in FIELDS.items():
            if one.default is MISSING and name not in said:
                raise InputError(f"{name} is missing")
        return Recipe(**said)
    except InputError as error:
        raise InputError(f"the recipe file {path}: {error}") from error


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe, every field of it.

    Raises
    ------
    SaveError
        If the file cannot be written.
    """
    write_file(path, json.dumps(asdict(recipe), indent=2) + "\n", "the recipe")
