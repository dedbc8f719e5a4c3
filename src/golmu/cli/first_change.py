"""What to try after a training with a recipe as it is: the same with more kernels, and both compared."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from golmu.about import DATASET_NAMES
from golmu.cli.console import shell_command
from golmu.cli.places import lies_in_data
from golmu.names import printable
from golmu.recipe import RECIPES
from golmu.runs.job import DEFAULT_SEED
from golmu.runs.naming import setting_words
from golmu.runs.record import RunRecord
from golmu.runs.reproduce import training_words
from golmu.runs.run import Run

FACTOR = 2
"""Times as many kernels."""

MAX_SECONDS = 300
"""Of a training that is offered once more, at most."""


def suggest_change(run: Run) -> list[str]:
    """Return lines that train a finished run with more kernels and compare both; none where there is nothing to offer.

    It is for somebody who has not changed a setting yet, apart from the number of epochs. Nothing is offered for a
    training that took long, nor once its folder is there, nor where a line would not work as typed.
    """
    with suppress(OSError):  # the training has succeeded, whatever has become of the places around it
        lines = _change(run)
        if all(line == printable(line, keep="") for line in lines):
            return lines
    return []


def _change(run: Run) -> list[str]:
    record, recipe = run.record, run.recipe
    usual = RECIPES.get(record.recipe_name or "")
    if usual is None or usual.override({"epochs": recipe.epochs}).changes_to(recipe):
        return []
    if not isinstance(recipe.n_kernels, int):
        return []
    if record.folds is not None or (record.seconds or 0) > MAX_SECONDS or not run.folder.name.strip("."):
        return []
    n_kernels = FACTOR * recipe.n_kernels
    folder = run.folder.with_name(f"{run.folder.name}-{setting_words('n_kernels', n_kernels)}")
    if folder.exists() or (folder.parent.exists() and not os.access(folder.parent, os.W_OK)):
        return []
    changed = replace(
        record, recipe=recipe.override({"n_kernels": n_kernels}),
        data=replace(record.data, argument=_as_typed(str(record.data.argument))),
    )  # fmt: skip
    lines = [f"try {n_kernels} kernels: {shell_command(*training_words(changed), *_rest(record), '--run', folder)}"]
    # The page of the comparison goes to the current folder.
    if os.access(os.curdir, os.W_OK) and not lies_in_data(Path(), str(record.data.argument)):
        lines.append(f"then compare: {shell_command('compare', run.folder, folder)}")
    return lines


def _rest(record: RunRecord) -> list[object]:
    """The options of `golmu train` that are no settings of a recipe, where they are not the usual ones."""
    words: list[object] = [] if record.seed == DEFAULT_SEED else ["--seed", record.seed]
    words += [] if record.engine == "auto" else ["--engine", record.engine]
    return words + ([] if record.threads is None else ["--threads", record.threads])


def _as_typed(data: str) -> str:
    """The name of a data set, or the path of data: from the current folder where they lie in it, else the whole."""
    if data in DATASET_NAMES or not Path(data).is_relative_to(Path.cwd()):
        return data
    relative = os.path.relpath(data)
    return data if relative in DATASET_NAMES or relative.startswith("-") else relative
