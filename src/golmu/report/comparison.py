"""Runs side by side: what `golmu compare` does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from golmu import plots
from golmu.cli.console import print_table
from golmu.data.loading import DATASET_NAMES
from golmu.data.reading import shown
from golmu.errors import CheckpointError, InputError, RunError, SaveError
from golmu.metrics import wilson_interval
from golmu.report.page import drawing, render
from golmu.runs import folder as runs
from golmu.runs.checkpoint import load_checkpoint
from golmu.training.loop import History

FORMS = {
    "validation accuracy": ".4f", "validation loss": ".4f", "training loss": ".4f", "parameters": ",", "seconds": ".1f",
    "seconds an epoch": ".2f",
}  # fmt: skip
"""How a result is written."""


def compare_runs(folders: Sequence[Path], output: Path) -> dict[str, Any]:
    """Writes a page with the curves of several runs, the settings in which they differ, and their results.

    Parameters
    ----------
    folders
        At least two run folders.
    output
        The HTML file, which is replaced.

    Returns
    -------
    dict
        `runs`, what each is called; `settings` and `results`, for each name a list with a value for each run; and
        `page`, the path.

    Raises
    ------
    GolmuError
        If there are fewer than two runs, one is named twice or cannot be read, or the page cannot be written.
    """
    if len(folders) < 2:
        raise InputError(f"RUN must name at least 2 runs to compare, got {len(folders)}")
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise InputError("RUN names a run twice: name each once")
    if not output.parent.is_dir():
        raise SaveError(f"the page cannot be written to {output}: there is no folder {output.parent}")
    names = [folder.resolve().name for folder in folders]
    if len(set(names)) < len(names):
        names = [str(folder) for folder in folders]
    judged, settings, results, histories = [], [], [], []
    for folder in folders:
        record = runs.read_run(folder)
        if "results" not in record:
            raise runs.lacking(folder, record.get("status"), "results")
        try:
            judged.append(_judged_on(folder, record))
            settings.append(_settings(folder, record, judged[-1]))
            results.append(_results(record))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RunError(f"{folder / runs.RUN} does not hold what a comparison needs: {error!r}") from error
        histories.append(runs.read_history(folder))
    compared = {
        "runs": names,
        "settings": {
            name: [one[name] for one in settings]
            for name in settings[0]
            if any(one[name] != settings[0][name] for one in settings)
        },
        "results": {name: [one[name] for one in results] for name in results[0]},
        "page": str(output),
    }
    runs.write(output.parent, output.name, _page(compared, histories, all(map(judged[0].is_as, judged))))
    return compared


@dataclass(frozen=True)
class _Judged:
    """On which images the results of a run are."""

    place: tuple[Any, ...]
    """Where the data were, and the number of images."""
    shape: tuple[int, ...] | None
    """(h, w, c), if it is known."""
    content: Any
    """Their fingerprint; None without a checkpoint."""

    def is_as(self, other: _Judged) -> bool:
        """Whether both are of the same images; at different sizes their content does not tell."""
        if None in (self.content, other.content) or self.shape != other.shape:
            return self.place == other.place
        return bool(self.content == other.content)


def _judged_on(folder: Path, record: dict[str, Any]) -> _Judged:
    data = record["data"]
    place = data.get("argument", data["name"]), data["train"], data["validation"]
    with suppress(CheckpointError):  # only the results are compared here
        setup = load_checkpoint(folder / runs.CHECKPOINT).setup
        printed = setup.fingerprint
        return _Judged(place, setup.architecture.image_shape, printed.get("validation", printed.get("training")))
    return _Judged(place, (*data["size"], data["channels"]) if "size" in data else None, None)


def _settings(folder: Path, record: dict[str, Any], judged: _Judged) -> dict[str, Any]:
    """Everything that may differ."""
    data, settings, shape = record["data"], record["settings"], judged.shape
    return {
        "data": data["name"],
        "path": None if data.get("argument") in DATASET_NAMES else data.get("argument"),
        "size": None if shape is None else shown(shape[:2]),
        "channels": None if shape is None else shape[2],
        "skip_bad": bool(data.get("skip_bad")),
        "training images": data["train"],
        "validation images": data["validation"],
        "recipe": record["recipe"],
        **asdict(runs.read_recipe(folder, record)),
        "engine": record["engine"],
        "threads": settings["threads"],
        "seed": settings["seed"],
    }


def _results(record: dict[str, Any]) -> dict[str, Any]:
    results, n = record["results"], record["data"]["validation"]
    accuracy = results["val_accuracy"]
    return {
        "status": record["status"],
        "epochs trained": results["epochs"],
        "validation accuracy": accuracy,
        "95 % interval": None if accuracy is None else wilson_interval(round(accuracy * n), n),
        "validation loss": results["val_loss"],
        "training loss": results["train_loss"],
        "parameters": results["n_parameters"],
        "seconds": record["seconds"],
        "seconds an epoch": results["seconds_per_epoch"],
    }


def _page(compared: dict[str, Any], histories: list[History], same_data: bool) -> str:
    numbers = [""] * len(histories)  # the legend has numbers; the names stand in the tables
    accuracies = [one for one in compared["results"]["validation accuracy"] if one is not None]
    best = max(accuracies, default=None) if same_data else None
    return render(
        "comparison.html",
        names=compared["runs"],
        settings={name: [_text(name, value) for value in row] for name, row in compared["settings"].items()},
        results={name: [_text(name, value) for value in row] for name, row in compared["results"].items()},
        best=[best is not None and one == best for one in compared["results"]["validation accuracy"]],
        same_data=same_data,
        losses=drawing(lambda axes: plots.compared(histories, numbers, axes)),
        accuracies=drawing(lambda axes: plots.compared(histories, numbers, axes, accuracy=True)) if accuracies else "",
    )


def _text(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, tuple):
        return " to ".join(f"{end:.4f}" for end in value)
    return format(value, FORMS[name]) if name in FORMS else str(value)


def show(compared: dict[str, Any]) -> None:
    """Prints what `compare_runs` gives as a table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in compared["runs"]:
        table.add_column(name, justify="right")
    for part in ("settings", "results"):
        for name, values in compared[part].items():
            table.add_row(name, *(_text(name, value) for value in values))
        if part == "settings" and compared[part]:
            table.add_row()
    print_table(table)
