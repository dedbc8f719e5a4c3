"""What a run folder is called whose user does not name it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from golmu.names import file_stem
from golmu.recipe import RECIPES, Recipe

NAMED_SETTINGS = ("n_kernels", "units", "learning_rate", "optimizer", "flip")
"""Settings that are changed first, and so stand in the name where they are not the recipe's."""

MAX_NAMED = 2
"""Changed settings, at most, that a name has room for; a name with some of them would mislead."""

MAX_BYTES = 180
"""Bytes of UTF-8 of a name with its settings, at most; systems allow 255, of which a number and exports need some."""


def run_name(data: str, recipe_name: str | None, recipe: Recipe | None = None) -> str:
    """Return how the name of a run folder begins: the data, the recipe, and what was changed of it.

    Parameters
    ----------
    data
        The name of the data set.
    recipe_name
        The name of the recipe, or of its file, that the training began from.
    recipe
        How it is trained; None: as the recipe says.

    Examples
    --------
    >>> from golmu import RECIPES
    >>> from golmu.runs.naming import run_name
    >>> run_name("fashion-mnist", "chapter", RECIPES["chapter"].override({"n_kernels": 20}))
    'fashion-mnist-chapter-n-kernels-20'
    """
    name = f"{file_stem(data)}-{file_stem(Path(recipe_name or 'run').stem)}"
    if recipe is None or recipe_name not in RECIPES:
        return name
    usual = RECIPES[recipe_name]
    changes = [field for field in NAMED_SETTINGS if getattr(recipe, field) != getattr(usual, field)]
    changed = "-".join([name, *(setting_words(field, getattr(recipe, field)) for field in changes)])
    return changed if len(changes) <= MAX_NAMED and len(changed.encode()) <= MAX_BYTES else name


def setting_words(field: str, value: Any) -> str:
    """Return a setting as a part of a file's name, such as `n-kernels-16,32`: a number behind it is that of the run.

    What is on or off is written as its option, `flip` or `no-flip`.
    """
    if isinstance(value, bool):
        return f"{'' if value else 'no-'}{field.replace('_', '-')}"
    values = value if isinstance(value, tuple) else (value,)
    written = ",".join(f"{one:g}" if isinstance(one, float) else str(one) for one in values)
    return f"{field.replace('_', '-')}-{written}"
