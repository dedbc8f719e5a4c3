"""What to type to reproduce a run."""

from __future__ import annotations

from typing import Any

from golmu.about import DATASET_NAMES
from golmu.recipe import RECIPES, epochs_for
from golmu.runs.data_record import VALIDATION_SHARE, DataRecord
from golmu.runs.record import RunRecord
from golmu.system import join_command

BASE = "chapter"
"""The recipe to start from, where a run has none or one that no longer exists."""


def reproduce_command(record: RunRecord) -> str:
    """The command line that reproduces a run of `golmu train`: its data, and each setting that its recipe lacks."""
    words = ["golmu", *training_words(record)]
    words += ["--seed", str(record.seed), "--engine", record.engine_used or record.engine]
    if record.threads is not None:
        words += ["--threads", str(record.threads)]
    return join_command(words)


def training_words(record: RunRecord) -> list[str]:
    """The words of a command line, without the program, that train on the same data with the same recipe."""
    data, name = record.data, record.recipe_name
    name = name if name in RECIPES else BASE
    words = ["train", str(data.argument), "--recipe", name, *data_options(data)]
    if isinstance(record.fit.class_weight, str):
        words += ["--class-weight", record.fit.class_weight]
    usual = RECIPES[name].override({"epochs": epochs_for(name, data.train + data.validation)})
    for field, value in usual.changes_to(record.asked_recipe).items():
        words += _option(field, value)
    return words


def data_options(data: DataRecord) -> list[str]:
    """The words of a command line, after the data's name or path, that read and split the data as a run did."""
    words = []
    if data.argument not in DATASET_NAMES and data.size is not None:
        words += ["--size", "x".join(map(str, data.size))]
        words += ["--channels", str(data.channels)] if data.channels in (1, 3) else []
    if data.skip_bad:
        words += ["--skip-bad"]
    if data.label is not None:
        words += ["--label", data.label]
    if data.split is not None and data.split.folds is not None:
        words += ["--folds", str(data.split.folds)]
    elif data.split is not None and data.split.validation != VALIDATION_SHARE:
        words += ["--validation-share", str(data.split.validation)]
    return words


def reproduce_code(record: RunRecord) -> str:
    """The lines of Python that reproduce a run of `fit(run=...)`, given the same arrays."""
    fit = record.fit
    changes = RECIPES[BASE].changes_to(record.recipe)
    changes |= {"random_state": record.seed, "engine": record.engine_used or "auto"}
    if fit.image_shape is not None:
        changes["image_shape"] = fit.image_shape
    if fit.class_weight is not None:
        changes["class_weight"] = fit.class_weight if isinstance(fit.class_weight, str) else dict(fit.class_weight)
    given = "".join(f",\n    {field}={value!r}" for field, value in changes.items())
    lines = [f'network = ConvolutionNetwork.from_recipe(\n    "{BASE}"{given},\n)']
    arrays = "x, y"
    if record.data.validation:
        arrays += ", x_val=x_val, y_val=y_val"
    if fit.sample_weight:
        arrays += ", sample_weight=sample_weight"
    if fit.warm_start:
        lines += ["# the run continued from weights that the network had already (warm_start=True)"]
    return "\n".join([*lines, f"network.fit({arrays})"])


def _option(field: str, value: Any) -> list[str]:
    option = "--" + field.replace("_", "-")
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    return [option, ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]
