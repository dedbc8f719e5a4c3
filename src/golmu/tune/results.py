"""What a search came to: its trials, what mattered, and the files that say so."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golmu import plots
from golmu.errors import TrainingError, warn
from golmu.recipe import Recipe, format_setting
from golmu.runs.recipe_file import write_recipe
from golmu.system import write_file
from golmu.tune.space import Space

if TYPE_CHECKING:
    from optuna.study import Study
    from optuna.trial import FrozenTrial

TRIALS, PICTURE, RECIPE = "trials.csv", "importance.png", "recipe.json"

LOSS, ACCURACY, EPOCHS, SECONDS, ERROR, RETRY_OF = "val_loss", "val_accuracy", "epochs", "seconds", "error", "retry_of"
"""What a trial says of itself in the storage."""

STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}

MIN_TRIALS = 10
"""Finished trials below which the shares of what mattered would be chance."""

FOREST_SEED = 0


@dataclass(frozen=True)
class TrialResult:
    """One trial."""

    number: int
    """Counted from 0."""
    state: str
    """"finished", "pruned", "failed", "running" or "waiting"; "again": it was cut off, and another stands for it."""
    settings: dict[str, Any]
    """Its values of the fields that are searched, as far as they are chosen."""
    loss: float | None = None
    """Validation loss of the weights that count, or where it was pruned."""
    accuracy: float | None = None
    epochs: int = 0
    """Epochs trained."""
    seconds: float | None = None
    note: str = ""
    """Why it failed."""
    again_as: int | None = None
    """The number of the trial that stands for it, if it was cut off."""


def trial_results(study: Study, space: Space) -> list[TrialResult]:
    """Return the trials of a study, in the order of their numbers."""
    trials = study.get_trials(deepcopy=False)
    again = {one.user_attrs[RETRY_OF]: one.number for one in trials if RETRY_OF in one.user_attrs}
    return [_result(trial, space, again) for trial in trials]


def _result(trial: FrozenTrial, space: Space, again: dict[int, int]) -> TrialResult:
    said = trial.user_attrs
    settings = {one.name: one.value_of(trial.params[one.name]) for one in space if one.name in trial.params}
    state, note = STATES[trial.state.name], said.get(ERROR, "")
    if state == "failed" and trial.number in again:
        state, note = "again", f"it was cut off, and ran again as trial {again[trial.number]}"
    elif state == "failed" and not note:
        note = "its process was killed each time: it may need more memory than there is"
    return TrialResult(
        trial.number, state, settings, said.get(LOSS), said.get(ACCURACY), said.get(EPOCHS, 0), said.get(SECONDS), note,
        again.get(trial.number),
    )  # fmt: skip


def last_attempt(results: Sequence[TrialResult], number: int) -> TrialResult:
    """Return the trial that stands for this one: itself, unless it was cut off and ran again."""
    by_number = {one.number: one for one in results}
    trial = by_number[number]
    while trial.again_as in by_number:
        trial = by_number[trial.again_as]
    return trial


def best_of(results: Sequence[TrialResult]) -> TrialResult:
    """Return the best of the trials that came to their end: the first that `ranking` names.

    Raises
    ------
    TrainingError
        If none did.
    """
    finished = ranking(results)
    if not finished:
        reasons = [one.note for one in results if one.note]
        why = f"; the last one: {reasons[-1]}" if reasons else ""
        raise TrainingError(f"none of the {len(results)} trials has come to its end{why}")
    return finished[0]


def ranking(results: Sequence[TrialResult]) -> list[TrialResult]:
    """Return the trials that came to their end, the lowest validation loss first.

    The loss tells the test accuracy better than the accuracy on the same images does (docs/en/internals/log.md).
    """
    return sorted((one for one in results if one.state == "finished"), key=lambda one: (one.loss, one.number))


def importances(study: Study, space: Space) -> dict[str, float]:
    """Return each setting's share of what moved the validation loss, the largest first; {} with too few trials.

    Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter Importance", 2014: the share of
    the variance that each setting explains on its own in a random forest fitted to the finished trials.
    """
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances  # noqa: PLC0415

    finished = [trial for trial in study.get_trials(deepcopy=False) if trial.state.name == "COMPLETE"]
    if len(finished) < MIN_TRIALS or len({trial.value for trial in finished}) == 1:
        return {}
    evaluator = FanovaImportanceEvaluator(seed=FOREST_SEED)
    shares = get_param_importances(study, evaluator=evaluator, params=[dimension.name for dimension in space])
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def write_results(
    folder: Path, results: Sequence[TrialResult], best: TrialResult, recipe: Recipe, space: Space,
    shares: dict[str, float],
) -> None:  # fmt: skip
    """Write trials.csv, recipe.json and the picture of what mattered.

    Parameters
    ----------
    folder
        The folder of the search.
    results, best
        All trials, and the one whose settings recipe.json holds.
    recipe
        The settings of all trials where the space names none.
    space, shares
        What was searched, and the share of each setting.

    Raises
    ------
    SaveError
        If a file cannot be written.
    """
    write_file(folder / TRIALS, _csv(results, space), "the list of trials")
    write_recipe(folder / RECIPE, replace(recipe, **best.settings))
    finished = ranking(results)
    settings = [
        plots.SearchedSetting(
            dimension.name, [_plain(one.settings[dimension.name]) for one in finished], shares.get(dimension.name),
            dimension.is_log, tuple(map(_plain, dimension.values)) if dimension.kind == "choices" else None,
        )
        for dimension in sorted(space, key=lambda one: -shares.get(one.name, 0.0))
    ]  # fmt: skip
    try:  # a search is worth more than its picture
        picture = plots.png(plots.search(settings, [one.loss or 0.0 for one in finished], finished.index(best)))
    except Exception as error:
        warn(f"{PICTURE} cannot be drawn ({type(error).__name__}: {error}); everything else is in {folder}")
    else:
        write_file(folder / PICTURE, picture, "the picture of what mattered")


def _csv(results: Sequence[TrialResult], space: Space) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = [dimension.name for dimension in space]
    writer.writerow(["trial", "state", "val_loss", "val_accuracy", "epochs", "seconds", *names, "note"])
    for one in results:
        values = [_plain(one.settings[name]) if name in one.settings else "" for name in names]
        writer.writerow([one.number, one.state, one.loss, one.accuracy, one.epochs, one.seconds, *values, one.note])
    return file.getvalue()


def _plain(value: Any) -> Any:
    """A value as a cell or an axis takes it."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else format_setting(value)
