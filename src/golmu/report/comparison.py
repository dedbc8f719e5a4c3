"""Runs side by side, as a page and as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from golmu import plots
from golmu.about import DATASET_NAMES
from golmu.data.reading import format_size
from golmu.errors import CheckpointError, InputError
from golmu.metrics import wilson_interval
from golmu.names import printable
from golmu.pages.rendering import check_page, render
from golmu.plots.comparison import legend_height
from golmu.recipe import format_setting
from golmu.report.page import FIGURE_SIZE, render_drawing
from golmu.report.run_labels import label_runs
from golmu.runs.run import Run
from golmu.system import write_file

FORMATS = {
    "validation accuracy": ".4f", "validation loss": ".4f", "training loss": ".4f", "parameters": ",", "seconds": ".1f",
    "median seconds per epoch": ".4g",
}  # fmt: skip
"""The format of each result that is a number."""

INTERVAL = "95 % interval"


def compare_runs(runs: Sequence[Run], output: Path) -> dict[str, Any]:
    """Write a page with the curves of several runs, the settings in which they differ, and their results.

    Parameters
    ----------
    runs
        At least two runs.
    output
        The HTML file to write or replace.

    Returns
    -------
    dict
        `runs`, what each is called; `settings` and `results`, for each name a list with a value for each run; and
        `page`, the path.

    Raises
    ------
    GolmuError
        If there are fewer than two runs, one is given twice or has no results, or the page cannot be written.
    """
    if len(runs) < 2:
        raise InputError(f"RUN must name at least 2 runs to compare, got {len(runs)}")
    if len({run.folder.resolve() for run in runs}) < len(runs):
        raise InputError("RUN names a run twice: name each once")
    check_page(output, "the page")
    names = [run.folder.resolve().name for run in runs]
    if len(set(names)) < len(names):
        names = [str(run.folder) for run in runs]
    judged, results = [_judged_on(run) for run in runs], [_results(run) for run in runs]
    settings, idle = [_settings(run, images) for run, images in zip(runs, judged, strict=True)], _idle(runs)
    compared = {
        "runs": names,
        "settings": {
            name: row
            for name in settings[0]
            if _differ(row := [one[name] for one in settings], can_be_idle=name in idle)
        },
        "results": {name: [one[name] for one in results] for name in results[0]},
        "same_images": all(map(judged[0].is_as, judged)),
        "page": str(output),
    }
    page = _page(compared, runs, idle)
    write_file(output, page, "the page")
    return compared


@dataclass(frozen=True)
class _Judged:
    """The images that the results of a run are about."""

    place: tuple[Any, ...]
    """Where the data were, and the number of images."""
    shape: tuple[int, ...] | None
    """(h, w, c) of the images, if it is known."""
    content: Any
    """Fingerprint of the images; None without a checkpoint."""

    def is_as(self, other: _Judged) -> bool:
        """Whether both are about the same images; at different sizes only the place can tell."""
        if None in (self.content, other.content) or self.shape != other.shape:
            return self.place == other.place
        return bool(self.content == other.content)


def _judged_on(run: Run) -> _Judged:
    data = run.record.data
    place = data.argument or data.name, data.train, data.validation
    with suppress(CheckpointError):  # only the results are compared here
        if run.checkpoint is not None:
            identity = run.checkpoint.identity
            prints = identity.fingerprint
            return _Judged(place, identity.architecture.image_shape, prints.get("validation", prints.get("training")))
    return _Judged(place, None if data.size is None else (*data.size, data.channels or 0), None)


def _settings(run: Run, judged: _Judged) -> dict[str, Any]:
    """Everything that may differ between two runs; None where a setting has no effect."""
    record, data, shape = run.record, run.record.data, judged.shape
    return {
        "data": data.name,
        "path": None if data.argument in DATASET_NAMES else data.argument,
        "size": None if shape is None else format_size(shape[:2]),
        "channels": None if shape is None else shape[2],
        "skip_bad": data.skip_bad,
        "training images": data.train,
        "validation images": data.validation,
        "folds": None if data.split is None else data.split.folds,
        "recipe": record.recipe_name,
        **{name: None if name in record.recipe.idle else value for name, value in asdict(record.recipe).items()},
        "class_weight": record.fit.weights_in_words,
        "engine": record.engine_used or record.engine,
        "threads": record.threads,
        "seed": record.seed,
    }


def _results(run: Run) -> dict[str, Any]:
    results, n, folds = run.results, run.record.data.validation, run.record.folds
    accuracy = results.val_accuracy if folds is None else folds.spread.mean
    interval = None if folds is None else folds.spread.interval
    if folds is None and accuracy is not None and n:
        interval = wilson_interval(round(accuracy * n), n)
    return {
        "status": run.record.status,
        "epochs trained": results.epochs,
        "validation accuracy": accuracy,
        INTERVAL: interval,
        "validation loss": results.val_loss,
        "training loss": results.train_loss,
        "parameters": results.n_parameters,
        "seconds": run.record.seconds or sum(run.history.seconds),
        "median seconds per epoch": median(run.history.seconds) if run.history.seconds else None,
    }


def _idle(runs: Sequence[Run]) -> frozenset[str]:
    """The settings that have no effect in one of the runs."""
    return frozenset[str]().union(*(run.record.recipe.idle for run in runs))


def _differ(values: Sequence[Any], *, can_be_idle: bool) -> bool:
    """Whether runs differ in a setting. Where it may have no effect, that is the same as to be switched off."""
    told = [value or None for value in values] if can_be_idle else values
    return any(value != told[0] for value in told)


def _page(compared: dict[str, Any], runs: Sequence[Run], idle: frozenset[str]) -> str:
    settings = {name: [format_value(name, value) for value in row] for name, row in compared["settings"].items()}
    names, histories, same_data = compared["runs"], [run.history for run in runs], compared["same_images"]
    # What has no effect in one of the runs follows from another setting, as the momentum does from the optimizer.
    told = {name: row for name, row in settings.items() if name not in idle}
    shown = [printable(name, keep="") for name in names]
    labels = label_runs(shown, told or settings)
    size = FIGURE_SIZE[0], FIGURE_SIZE[1] + legend_height(len(runs))
    accuracies = [one for one in compared["results"]["validation accuracy"] if one is not None]
    return render(
        "golmu.report",
        "comparison.html",
        names=names,
        labels=["" if label == name else label for label, name in zip(labels, shown, strict=True)],
        settings=settings,
        results={name: [format_value(name, value) for value in row] for name, row in compared["results"].items()},
        same_data=same_data,
        losses=render_drawing(lambda axes: plots.compared(histories, labels, axes), size),
        accuracies=render_drawing(lambda axes: plots.compared(histories, labels, axes, accuracy=True), size)
        if accuracies
        else "",
    )


def format_value(name: str, value: Any) -> str:
    """Format a setting or a result for a table."""
    if value is None:
        return "–"
    if isinstance(value, tuple):
        return " to ".join(f"{end:.4f}" for end in value) if name == INTERVAL else format_setting(value)
    return format(value, FORMATS[name]) if name in FORMATS else str(value)
