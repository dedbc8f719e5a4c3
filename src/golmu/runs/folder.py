"""The run folder: where a training leaves what it was, what it did and what it made.

run.json                  settings, data, versions, engine, times, results
history.csv               a line an epoch
model.safetensors         the weights and all that is needed to use them (`golmu.model.model`)
checkpoint.safetensors    where the training stands, to go on from (`golmu.runs.checkpoint`)
curves.png                training and validation loss
report.html               the page of the run (`golmu.report.run_report`)
.lock                     held by the process that trains here, and free when it ends, however it ends
"""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Iterator
from itertools import count, zip_longest
from pathlib import Path
from typing import Any

from golmu.data.reading import Reading
from golmu.errors import InputError, RunError, SaveError
from golmu.recipe import FIELDS, Recipe
from golmu.system import PART, write_atomically
from golmu.training.loop import History

RUN, HISTORY, MODEL, CURVES = "run.json", "history.csv", "model.safetensors", "curves.png"
CHECKPOINT, LOCK, REPORT = "checkpoint.safetensors", ".lock", "report.html"

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
            if any(path.name != LOCK for path in folder.iterdir()):
                raise RunError(
                    f"the run folder {folder} is not empty: name a new one, so that no run is lost, "
                    f"or go on with it by --resume {folder} (resume=)"
                )
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


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps every other process from training in `folder`, until the block or the process ends.

    What a process that was killed has left half written is swept away.

    Raises
    ------
    RunError
        If another process trains there.
    SaveError
        If the folder cannot be written.
    """
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise SaveError(f"the run folder {folder} cannot be written: {error.strerror or error}") from error
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            raise RunError(
                f"another process is training in {folder}: wait until it ends, or name another folder"
            ) from error
        for left in folder.glob(f".*{PART}"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(descriptor)


def lacking(folder: Path, status: Any, what: str) -> RunError:
    """The error of a run without what a training leaves at its end; `status` is of run.json."""
    if status == "failed":
        return RunError(f"the run {folder} holds no {what}, since its training failed: train anew with other settings")
    if status == "running" and is_in_use(folder):
        return RunError(f"the run {folder} holds no {what} yet, since its training is running: let it end")
    why = "was cut off" if status == "running" else f"is {status}"
    return RunError(f"the run {folder} holds no {what}, and its training {why}: go on by golmu train --resume {folder}")


def is_in_use(folder: Path) -> bool:
    """Whether a process trains in `folder` now; what cannot be told counts as no."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR)
    except OSError:
        return False
    try:
        _lock(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int) -> None:
    """Takes the lock of an open file, which the system frees when its holder ends, or raises `OSError` at once."""
    if os.name == "nt":
        import msvcrt  # noqa: PLC0415  each system has only one of the two

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write(folder: Path, name: str, content: str | bytes) -> None:
    """Writes one file of a run atomically.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    try:
        write_atomically(folder / name, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise SaveError(f"{folder / name} cannot be written: {error.strerror or error}") from error


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


def read_history(folder: Path) -> History:
    """The content of history.csv.

    Raises
    ------
    RunError
        If the file is missing or damaged.
    """
    history = History()
    columns = {
        "train_loss": history.losses, "val_loss": history.val_losses, "val_accuracy": history.val_accuracies,
        "seconds": history.seconds,
    }  # fmt: skip
    try:
        rows = list(csv.DictReader(io.StringIO((folder / HISTORY).read_text())))
        for row in rows:
            for name, values in columns.items():
                if row[name]:
                    values.append(float(row[name]))
    except OSError as error:
        raise RunError(f"{folder / HISTORY} cannot be read: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise RunError(f"{folder / HISTORY} is damaged: {error}") from error
    if not {len(values) for values in columns.values()} <= {0, len(rows)}:
        raise RunError(f"{folder / HISTORY} is damaged: its columns differ in length")
    return history


def read_recipe(folder: Path, record: dict[str, Any]) -> Recipe:
    """The recipe in the content of run.json.

    Raises
    ------
    RunError
        If it is not there, or not whole.
    """
    try:
        settings = record["settings"]
        return Recipe(**{name: settings[name] for name in FIELDS if name in settings})
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder / RUN} does not hold the settings of the run: {error}") from error


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


def run_reading(folder: Path) -> Reading:
    """How the image files that a run was trained on are to be read again, so that they are the same.

    Raises
    ------
    RunError
        If run.json says something that cannot be.
    """
    data = read_run(folder).get("data")
    said = data if isinstance(data, dict) else {}
    try:
        size = said.get("size")
        if size is None:
            return Reading(skip_bad=said.get("skip_bad", False), label=said.get("label"), is_binding=False)
        shape = (*size, said.get("channels", 0))
        return Reading.like(shape, skip_bad=said.get("skip_bad", False), label=said.get("label"))
    except (InputError, TypeError, ValueError) as error:
        raise RunError(f"{folder / RUN} does not say how its images were read: {error}") from error
