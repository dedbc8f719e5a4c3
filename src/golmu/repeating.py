"""What must be typed to repeat a run."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Any

from golmu.assembly import DEFAULT_RECIPE
from golmu.recipe import Recipe
from golmu.recipes import RECIPES


def repeat_command(record: dict[str, Any], recipe: Recipe) -> str:
    """The command line that repeats a run of `golmu train`: its data, and each setting that its recipe has not.

    Parameters
    ----------
    record
        The content of run.json.
    recipe
        The recipe in it.
    """
    settings, name = record["settings"], record.get("recipe")
    name = name if name in RECIPES else DEFAULT_RECIPE
    words = ["golmu", "train", str(record["data"]["argument"])]
    if name != DEFAULT_RECIPE:
        words += ["--recipe", name]
    usual = asdict(RECIPES[name])
    for field, value in asdict(recipe).items():
        if value != usual[field]:
            words += _option(field, value)
    words += ["--seed", str(settings["seed"]), "--engine", str(record.get("engine") or settings["engine"])]
    if settings.get("threads") is not None:
        words += ["--threads", str(settings["threads"])]
    return shlex.join(words)


def repeat_code(record: dict[str, Any], recipe: Recipe) -> str:
    """The lines of Python that repeat a run of `fit(run=...)`, if it is given the same arrays."""
    usual = asdict(RECIPES[DEFAULT_RECIPE])
    changes = {field: value for field, value in asdict(recipe).items() if value != usual[field]}
    changes |= {"random_state": record["settings"]["seed"], "engine": record.get("engine", "auto")}
    given = "".join(f",\n    {field}={value!r}" for field, value in changes.items())
    validation = ", x_val=x_val, y_val=y_val" if record["data"].get("validation") else ""
    return (
        f'network = ConvolutionNetwork.from_recipe(\n    "{DEFAULT_RECIPE}"{given},\n)\nnetwork.fit(x, y{validation})'
    )


def _option(field: str, value: Any) -> list[str]:
    option = "--" + field.replace("_", "-")
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    return [option, str(value)]
