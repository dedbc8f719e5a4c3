"""The run folder: where a training leaves what it was, what it did and what it made.

run.json            settings, data, versions, engine, times, results
history.csv         a line an epoch
model.safetensors   the weights and all that is needed to use them (`golmu.checkpoint`)
curves.png          training and validation loss
"""

from __future__ import annotations

import csv
import io
import json
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

from golmu.errors import RunError
from golmu.files import write_atomically
from golmu.training import History

RUN, HISTORY, MODEL, CURVES = "run.json", "history.csv", "model.safetensors", "curves.png"

RUNS = Path("runs")
"""Folder under the current one for runs whose folder is not named."""


def create_run(folder: Path | None, stem: str) -> Path:
    """Makes and returns an empty run folder: `folder`, or the first free one of runs/stem, runs/stem-2, ...

    Raises
    ------
    RunError
        If `folder` holds anything already, or cannot be made.
    """
    try:
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise RunError(f"the run folder {folder} is not empty: name a new one, so that no run is lost")
            return folder
        RUNS.mkdir(exist_ok=True)
        for number in count(1):
            folder = RUNS / (stem if number == 1 else f"{stem}-{number}")
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        raise RunError(
            f"the run folder {error.filename or folder} cannot be made ({error.strerror}): name another"
        ) from error
    raise AssertionError("count() never ends")


def write(folder: Path, name: str, content: str | bytes) -> None:
    """Writes one file of a run atomically.

    Raises
    ------
    RunError
        If it cannot be written.
    """
    try:
        write_atomically(folder / name, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise RunError(f"{folder / name} cannot be written: {error.strerror or error}") from error


def write_run(folder: Path, run: dict[str, Any]) -> None:
    """Writes run.json."""
    write(folder, RUN, json.dumps(run, indent=2, ensure_ascii=False) + "\n")


def write_history(folder: Path, history: History) -> None:
    """Writes history.csv: epoch, train_loss, val_loss, val_accuracy, seconds."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["epoch", "train_loss", "val_loss", "val_accuracy", "seconds"])
    columns = history.losses, history.val_losses, history.val_accuracies, history.seconds
    table.writerows([epoch, *row] for epoch, row in enumerate(zip_longest(*columns), start=1))
    write(folder, HISTORY, text.getvalue())


def read_run(folder: Path) -> dict[str, Any]:
    """The content of run.json.

    Raises
    ------
    RunError
        If `folder` is not a run folder, or the file is damaged.
    """
    try:
        if not folder.is_dir():
            raise RunError(f"there is no run folder {folder}")
        run = json.loads((folder / RUN).read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"{folder} is not a run folder: it holds no {RUN}") from error
    except OSError as error:
        raise RunError(f"{folder / RUN} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{folder / RUN} is damaged: {error}") from error
    if not isinstance(run, dict):
        raise RunError(f"{folder / RUN} must hold a JSON object, got {type(run).__name__}")
    return run


def run_data(folder: Path) -> str:
    """Name or folder of the data that a run was trained on.

    Raises
    ------
    RunError
        If run.json does not say it.
    """
    data = read_run(folder).get("data")
    if not (isinstance(data, dict) and isinstance(data.get("argument"), str)):
        raise RunError(f"{folder / RUN} does not say what data the run was trained on: name it")
    return str(data["argument"])
