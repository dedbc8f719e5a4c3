"""A training recorded in its run folder: checkpoints while it runs, all files when it ends, and the way back in."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from golmu import plots
from golmu.engines.contract import Prepared
from golmu.errors import RunError, SaveError, warn
from golmu.model.model import ImageFileOptions, Model, save_model
from golmu.runs.checkpoint import Checkpoint, RunIdentity, check_resumable, load_checkpoint, save_checkpoint
from golmu.runs.folder import CHECKPOINT, CURVES, MODEL
from golmu.runs.held_out import HeldOut, write_held_out
from golmu.runs.history_file import write_history
from golmu.runs.record import RunRecord, write_record
from golmu.runs.results import Results
from golmu.system import write_file
from golmu.training.history import Callback, History
from golmu.training.interruption import Abandoned, Interruption
from golmu.training.loop import Training
from golmu.training.streaming import Stream

CHECKPOINT_SECONDS = 60.0
"""A checkpoint is written after every epoch, and inside a longer one at least this often."""


class RunRecorder:
    """Writes what a training leaves in its folder. As a callback, it writes checkpoints.

    Parameters
    ----------
    folder
        The run folder, locked by this process.
    training, identity
        The training, and what must be the same when it continues.
    record
        The content of run.json, to which results are added.
    held_out
        The validation images, if there are any.
    """

    def __init__(
        self, folder: Path, training: Training, identity: RunIdentity, record: RunRecord, held_out: HeldOut | None
    ) -> None:
        self.folder = folder
        self.record = record
        self._held_out = held_out
        self._training = training
        self._identity = identity
        self._seconds_before = record.seconds or 0.0
        self._started = self._saved = time.monotonic()

    def begin(self) -> None:
        """Write run.json and the list of validation images, then the checkpoint from which the training starts."""
        write_record(self.folder, self.record)
        if self._held_out is not None:
            write_held_out(self.folder, self._held_out)
        self.checkpoint()

    def resume(self, *, allow_inexact: bool) -> None:
        """Put the training where the checkpoint stands.

        Without a checkpoint, which is what a kill in the first moments leaves, the training begins.

        Raises
        ------
        RunError
            If the run cannot continue with this identity, or has trained for more epochs than are asked for.
        CheckpointError
            If the checkpoint is damaged.
        """
        path, epochs = self.folder / CHECKPOINT, self._identity.recipe.epochs
        if path.exists():
            checkpoint = load_checkpoint(path)
            check_resumable(self.folder, checkpoint.identity, self._identity, allow_inexact)
            self._training.restore(checkpoint.state)
            trained = sum(checkpoint.state.history.seconds) + checkpoint.state.seconds
            self._seconds_before = max(self._seconds_before, trained)  # a run that was killed has written none
            if epochs < self._training.epoch:
                raise RunError(
                    f"{self.folder} has trained for {self._training.epoch} epochs already: epochs must be at least "
                    f"that, got {epochs}"
                )
        elif (self.folder / MODEL).exists():
            raise RunError(
                f"{self.folder} holds a model, but no {CHECKPOINT} to continue from: put it back, or start a new run"
            )
        self.record = self.record.continued(epochs)
        self.begin()

    def __call__(self, progress: Any) -> None:
        """Write a checkpoint after an epoch, and when the last one is a minute old."""
        if self._training.batch == 0 or time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Replace the checkpoint."""
        save_checkpoint(self.folder / CHECKPOINT, Checkpoint(self._identity, self._training.state()))
        self._saved = time.monotonic()

    def leave(self, status: str, *, error: str | None = None) -> None:
        """Write to run.json how the training ended, and nothing else; the last checkpoint stays."""
        with suppress(SaveError):  # what cannot be written either must not hide what went wrong
            write_record(self.folder, replace(self.record, status=status, error=error))

    def finish(self, status: str) -> None:
        """Write model, history and curves, and run.json last: a run that says it ended is whole."""
        training, identity = self._training, self._identity
        history, best = training.history, training.best
        epoch = training.epoch if best is None or status != "finished" else best.epoch
        self.record = replace(
            self.record,
            status=status,
            engine_used=training.engine.name,
            seconds=self._seconds_before + time.monotonic() - self._started,
            results=Results.of(history, epoch, identity.architecture.n_parameters),
        )
        preprocessing = training.engine.preprocessing
        model = Model(
            identity.architecture,
            training.weights(is_finished=status == "finished"),
            identity.classes,
            identity.class_names,
            preprocessing,
            epoch,
            ImageFileOptions.of(identity.architecture, preprocessing),
        )
        save_model(self.folder / MODEL, model)
        write_history(self.folder, history)
        self._draw_curves(history)
        write_record(self.folder, self.record)

    def _draw_curves(self, history: History) -> None:
        """Write curves.png; a training is worth more than its picture, so what cannot be drawn is a warning."""
        note = self._training.recipe.loss_note if history.val_losses else ""
        try:
            picture = plots.png(plots.curves(history, note=note))
        except Exception as error:
            warn(f"the curves cannot be drawn ({type(error).__name__}: {error}); everything else is in {self.folder}")
        else:
            write_file(self.folder / CURVES, picture, "the curves")


def record_run(
    recorder: RunRecorder, training: Training, data: Prepared | Stream, validation: Prepared | Stream | None,
    epochs: int, callbacks: Sequence[Callback],
) -> None:  # fmt: skip
    """Run a training and record it.

    Ctrl-C and SIGTERM end it between two batches, with a checkpoint from which it can continue, and come out as
    `KeyboardInterrupt` and `SystemExit`.
    """
    with Interruption(and_termination=True) as interruption:
        try:
            training.run(data, validation, epochs, [*callbacks, recorder, interruption])
            interruption.hold()
            recorder.finish("finished")
        except Abandoned:  # the weights may be ahead of the position: the last checkpoint stands
            interruption.hold()
            recorder.leave("interrupted")
            raise
        except (KeyboardInterrupt, SystemExit):
            interruption.hold()
            recorder.checkpoint()
            recorder.finish("interrupted")
            raise
        except Exception as error:
            interruption.hold()
            recorder.leave("failed", error=str(error))
            raise
