"""The run folder: the names of its files, how it is made, and its lock.

run.json                  settings, data, versions, engine, times, results (`golmu.runs.record`)
history.csv               one line per epoch
model.safetensors         the weights and all that is needed to use them (`golmu.model.model`)
checkpoint.safetensors    the state from which the training can continue (`golmu.runs.checkpoint`)
held-out.csv              which images were held out for validation (`golmu.runs.held_out`)
curves.png                training and validation loss
report.html               the report (`golmu.report.run_report`)
fold-1/, fold-2/, ...     the runs of the folds, in a training over folds (`golmu.runs.folds`)
export/                   networks in the formats of other programs (`golmu.export`)
.lock                     held by the process that trains here, and free when that ends, however it ends
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from fnmatch import fnmatch
from itertools import count
from pathlib import Path

from golmu.errors import RunError, SaveError
from golmu.system import PART_SUFFIX, is_locked, lock_file

RUN, HISTORY, MODEL, CURVES = "run.json", "history.csv", "model.safetensors", "curves.png"
CHECKPOINT, LOCK, REPORT, HELD_OUT = "checkpoint.safetensors", ".lock", "report.html", "held-out.csv"

UNFINISHED = f".*{PART_SUFFIX}"
"""Files of a run folder that are being written, or that a process left half-written as it was killed."""

RUNS = Path("runs")
"""Folder under the current one for runs whose folder the user does not name."""


def fold_folder(folder: Path, fold: int) -> Path:
    """The run folder of a fold, counted from 1, in that of a training over folds."""
    return folder / f"fold-{fold}"


@contextlib.contextmanager
def new_run(folder: Path | None, stem: str, runs: Path = RUNS) -> Iterator[Path]:
    """Make an empty run folder, and lock it until the block ends.

    It is `folder`, or the first free one of `stem`, `stem`-2, and so on in `runs`.

    Raises
    ------
    RunError
        If `folder` holds anything already, cannot be made, or another process trains there.
    SaveError
        If the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            folder = _make_numbered(stem, runs) if folder is None else folder
            folder.mkdir(parents=True, exist_ok=True)
            _check_empty(folder)  # a folder of other things gets no lock either
            stack.enter_context(lock_run(folder))
            _check_empty(folder)  # a training that has just ended was there before the lock
        except OSError as error:
            raise RunError(
                f"the run folder {error.filename or folder} cannot be made ({error.strerror}): give another folder"
            ) from error
        yield folder


def _make_numbered(stem: str, runs: Path) -> Path:
    runs.mkdir(exist_ok=True)
    for number in count(1):
        with contextlib.suppress(FileExistsError):
            folder = runs / (stem if number == 1 else f"{stem}-{number}")
            folder.mkdir()
            return folder
    raise AssertionError("count() never ends")


def _check_empty(folder: Path) -> None:
    # What a process that was killed has left half-written is deleted with the lock in hand.
    if any(path.name != LOCK and not fnmatch(path.name, UNFINISHED) for path in folder.iterdir()):
        raise RunError(
            f"the run folder {folder} is not empty: give a new folder, so that no run is lost, or continue the "
            f"run with --resume {folder} (resume=)"
        )


@contextlib.contextmanager
def lock_run(folder: Path) -> Iterator[None]:
    """Keep every other process from training in `folder`, until the block or the process ends.

    Half-written files of a process that was killed are deleted.

    Raises
    ------
    RunError
        If another process trains there.
    SaveError
        If the folder cannot be written.
    """
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(lock_file(folder / LOCK))
        except BlockingIOError as error:
            raise RunError(
                f"another process is training in {folder}: wait until it ends, or give another folder"
            ) from error
        except OSError as error:
            raise SaveError(f"the run folder {folder} cannot be written: {error.strerror or error}") from error
        for unfinished in folder.glob(UNFINISHED):
            if unfinished.is_file():
                unfinished.unlink(missing_ok=True)
        yield


def is_in_use(folder: Path) -> bool:
    """Whether a process trains in `folder` now; if that cannot be told, False."""
    return is_locked(folder / LOCK)
