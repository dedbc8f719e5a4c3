"""A training kept in its run folder: checkpoints while it runs, all files when it ends, and the way back in."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from golmu import plots
from golmu.engines.contract import Prepared
from golmu.errors import RunError, SaveError
from golmu.model.model import Model, save_model
from golmu.runs import folder as runs
from golmu.runs.checkpoint import Checkpoint, Setup, check_resumable, load_checkpoint, save_checkpoint
from golmu.training.interruption import Abandoned, Interruption
from golmu.training.loop import Callback, Training

CHECKPOINT_SECONDS = 60.0
"""A checkpoint is written after every epoch, and inside a longer one at least this often."""

VERSIONED = ("golmu", "numpy", "numba", "tensorflow", "keras", "scikit-learn")

Record = dict[str, Any]
"""The content of run.json."""


def new_record(data: Record, recipe_name: str | None, settings: Record) -> Record:
    """What run.json says of a training that begins now."""
    return {
        "format": 1,
        "status": "running",
        "started": _now(),
        "data": data,
        "recipe": recipe_name,
        "settings": settings,
        "versions": _versions(),
        "machine": {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
    }


class Keeper:
    """Writes what a training leaves in its folder. As a callback, it writes checkpoints.

    Parameters
    ----------
    folder
        The run folder, locked by this process.
    training, setup
        The training, and what must be the same when it goes on.
    record
        The content of run.json, to which results are added.
    """

    def __init__(self, folder: Path, training: Training, setup: Setup, record: Record) -> None:
        self.folder = folder
        self.record = record
        self._training = training
        self._setup = setup
        self._seconds_before = float(record.get("seconds", 0))
        self._started = self._saved = time.monotonic()

    def begin(self) -> None:
        """Writes run.json, then the checkpoint from which the training starts."""
        runs.write_run(self.folder, self.record)
        self.checkpoint()

    def resume(self, *, allow_inexact: bool) -> None:
        """Puts the training where the checkpoint stands.

        Without one, which is what a kill in the first moments leaves, the training begins.

        Raises
        ------
        RunError
            If the run cannot go on with this setup, or has gone further than it is to go.
        CheckpointError
            If the checkpoint is damaged.
        """
        path = self.folder / runs.CHECKPOINT
        if path.exists():
            kept = load_checkpoint(path)
            check_resumable(self.folder, kept.setup, self._setup, allow_inexact)
            self._training.restore(kept.state)
            trained = sum(kept.state.history.seconds) + kept.state.seconds
            self._seconds_before = max(self._seconds_before, trained)  # a run that was killed has written none
            if self._setup.recipe.epochs < self._training.epoch:
                raise RunError(
                    f"{self.folder} has done {self._training.epoch} epochs already: epochs must be at least that, "
                    f"got {self._setup.recipe.epochs}"
                )
        elif (self.folder / runs.MODEL).exists():
            raise RunError(
                f"{self.folder} holds a model, but no {runs.CHECKPOINT} to go on from: bring it back, or start anew"
            )
        self.record |= {"status": "running", "resumed": [*self.record.get("resumed", []), _now()]}
        self.record.setdefault("settings", {})["epochs"] = self._setup.recipe.epochs
        self.record.pop("error", None)
        self.begin()

    def __call__(self, progress: Any) -> None:
        """Writes a checkpoint after an epoch, and when the last one is a minute old."""
        if self._training.batch == 0 or time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Replaces the checkpoint."""
        save_checkpoint(self.folder / runs.CHECKPOINT, Checkpoint(self._setup, self._training.state()))
        self._saved = time.monotonic()

    def leave(self, status: str, **facts: str) -> None:
        """Says in run.json how the training ended, and no more; the last checkpoint stays."""
        with suppress(SaveError):  # what cannot be written either must not hide what went wrong
            runs.write_run(self.folder, self.record | {"status": status, **facts})

    def finish(self, status: str) -> None:
        """Writes model, history and curves, and run.json last: a run that says it ended is whole."""
        training, setup = self._training, self._setup
        history, best = training.history, training.best
        epoch = training.epoch if best is None or status != "finished" else best.epoch
        at = epoch - 1
        self.record |= {
            "status": status,
            "engine": training.engine.name,
            "seconds": self._seconds_before + time.monotonic() - self._started,
            "results": {
                "epochs": training.epoch,
                "model_epoch": epoch,
                "n_parameters": setup.architecture.n_parameters,
                "train_loss": history.losses[at] if history.losses else None,
                "val_loss": history.val_losses[at] if history.val_losses else None,
                "val_accuracy": history.val_accuracies[at] if history.val_accuracies else None,
                "seconds_per_epoch": sum(history.seconds) / len(history.seconds) if history.seconds else None,
            },
        }
        weights = training.weights(is_finished=status == "finished")
        model = Model(
            setup.architecture, weights, setup.classes, setup.class_names, training.engine.preprocessing, epoch
        )
        save_model(self.folder / runs.MODEL, model)
        runs.write_history(self.folder, history)
        runs.write(self.folder, runs.CURVES, plots.png(plots.curves(history)))
        runs.write_run(self.folder, self.record)


def run_kept(
    keeper: Keeper, training: Training, data: Prepared, validation: Prepared | None, epochs: int,
    callbacks: Sequence[Callback],
) -> None:  # fmt: skip
    """Runs a training with its keeper.

    Ctrl-C and SIGTERM end it between two batches, with a checkpoint from which it can go on, and come out as
    `KeyboardInterrupt` and `SystemExit`.
    """
    with Interruption(and_termination=True) as interruption:
        try:
            training.run(data, validation, epochs, [*callbacks, keeper, interruption])
            interruption.hold()
            keeper.finish("finished")
        except Abandoned:  # the weights may be ahead of the position: the last checkpoint stands
            interruption.hold()
            keeper.leave("interrupted")
            raise
        except (KeyboardInterrupt, SystemExit):
            interruption.hold()
            keeper.checkpoint()
            keeper.finish("interrupted")
            raise
        except Exception as error:
            interruption.hold()
            keeper.leave("failed", error=str(error))
            raise


@contextmanager
def opened(folder: Path) -> Iterator[Record]:
    """The record of a run that is to go on, its folder locked meanwhile.

    Raises
    ------
    RunError
        If there is no such run, or another process trains in it.
    """
    runs.read_run(folder)  # a folder that is no run is not locked either
    with runs.locked(folder):
        yield runs.read_run(folder)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in VERSIONED:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
