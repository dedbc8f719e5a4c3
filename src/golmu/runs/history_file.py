"""history.csv: one line per epoch with its losses, validation accuracy and seconds."""

from __future__ import annotations

import csv
import io
from dataclasses import fields
from itertools import zip_longest
from pathlib import Path
from sys import float_info

from golmu.errors import RunError
from golmu.json_values import number
from golmu.runs.folder import HISTORY
from golmu.system import read_file, write_file
from golmu.training.history import History

COLUMNS = {"losses": "train_loss", "val_losses": "val_loss", "val_accuracies": "val_accuracy", "seconds": "seconds"}
"""The columns of history.csv after `epoch`, by the field of `History` that each holds."""


def write_history(folder: Path, history: History) -> None:
    """Write history.csv: epoch, train_loss, val_loss, val_accuracy, seconds.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["epoch", *COLUMNS.values()])
    columns = (getattr(history, name) for name in COLUMNS)
    table.writerows([epoch, *row] for epoch, row in enumerate(zip_longest(*columns), start=1))
    write_file(folder / HISTORY, text.getvalue(), "the history of the run")


def _number(text: str, most: float) -> float:
    """Return a number of the file, or raise `ValueError` unless it is finite and from 0 to `most`."""
    value = float(text)
    if not number(0, most).includes(value):
        raise ValueError(f"it holds {text}, which no training writes there")
    return value


def read_history(folder: Path) -> History:
    """Read history.csv.

    Raises
    ------
    RunError
        If the file is missing or damaged.
    """
    path = folder / HISTORY
    columns: dict[str, list[float]] = {one.name: [] for one in fields(History)}
    try:
        rows = list(csv.DictReader(io.StringIO(read_file(path).decode("utf-8-sig"))))
        for row in rows:
            for name, values in columns.items():
                if row[COLUMNS[name]]:
                    values.append(_number(row[COLUMNS[name]], most=1 if name == "val_accuracies" else float_info.max))
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    if not {len(values) for values in columns.values()} <= {0, len(rows)}:
        raise RunError(f"{path} is damaged: its columns differ in length")
    return History(**columns)
