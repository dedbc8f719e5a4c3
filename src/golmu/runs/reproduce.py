"""What must be typed to repeat a run."""

from __future__ import annotations

import shlex
from dataclasses import asdict
from typing import Any

from golmu.data.loading import DATASET_NAMES
from golmu.recipe import RECIPES, Recipe

BASE = "chapter"
"""The recipe whose settings need not be named, where a run has none or one that is gone."""


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
    name = name if name in RECIPES else BASE
    data = record["data"]
    words = ["golmu", "train", str(data["argument"]), "--recipe", name]
    if data["argument"] not in DATASET_NAMES and "size" in data:
        words += ["--size", "x".join(map(str, data["size"]))]
        words += ["--channels", str(data["channels"])] if data["channels"] in (1, 3) else []
    if data.get("skip_bad"):
        words += ["--skip-bad"]
    if data.get("label") is not None:
        words += ["--label", str(data["label"])]
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
    settings, usual = record["settings"], asdict(RECIPES[BASE])
    changes = {field: value for field, value in asdict(recipe).items() if value != usual[field]}
    changes |= {"random_state": settings["seed"], "engine": record.get("engine", "auto")}
    if "image_shape" in settings:
        changes["image_shape"] = tuple(settings["image_shape"])
    if "class_weight" in settings:
        weight = settings["class_weight"]
        changes["class_weight"] = weight if isinstance(weight, str) else dict(weight)
    given = "".join(f",\n    {field}={value!r}" for field, value in changes.items())
    lines = [f'network = ConvolutionNetwork.from_recipe(\n    "{BASE}"{given},\n)']
    arrays = "x, y"
    if record["data"].get("validation"):
        arrays += ", x_val=x_val, y_val=y_val"
    if "sample_weight" in settings:
        arrays += ", sample_weight=sample_weight"
    if "warm_start" in settings:
        lines += ["# the run went on from weights that the network had already (warm_start=True)"]
    return "\n".join([*lines, f"network.fit({arrays})"])


def _option(field: str, value: Any) -> list[str]:
    option = "--" + field.replace("_", "-")
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    return [option, str(value)]
