"""How reading and training show themselves: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from golmu.data import Dataset
from golmu.data.loading import read_dataset
from golmu.data.reading import Reading
from golmu.errors import GolmuWarning
from golmu.training import loop as training


def epoch_line(progress: training.Progress) -> str:
    """What is said of the epoch just finished."""
    history = progress.history
    parts = [f"epoch {progress.epoch:{len(str(progress.epochs))}}/{progress.epochs}", f"loss {progress.loss:.4f}"]
    if history.val_losses:
        parts += [f"val_loss {history.val_losses[-1]:.4f}", f"val_accuracy {history.val_accuracies[-1]:.4f}"]
    parts.append(f"{history.seconds[-1]:.2f} s")
    return "  ".join(parts)


class TrainingDisplay(AbstractContextManager["TrainingDisplay"]):
    """A callback for training: a line an epoch, and on a terminal a bar under them.

    The bar shows the running epoch, samples a second, the loss so far and the time left.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = time.perf_counter()
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}%  {task.fields[rate]} samples/s  loss {task.fields[loss]}"),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("train", total=None, epoch="1", rate="–", loss="–")

    def __enter__(self) -> TrainingDisplay:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, progress: training.Progress) -> None:
        seen = progress.epoch * progress.samples_per_epoch + progress.samples
        self._bar.update(
            self._task,
            total=progress.epochs * progress.samples_per_epoch,
            completed=seen,
            epoch=f"{min(progress.epoch + 1, progress.epochs)}/{progress.epochs}",
            rate=f"{seen / (time.perf_counter() - self._started):,.0f}",
            loss=f"{progress.loss:.4f}",
        )
        if progress.samples == 0:
            self._console.print(epoch_line(progress))


class ReadingDisplay(AbstractContextManager["ReadingDisplay"]):
    """A bar while image files are decoded, on standard error, where that is a terminal; elsewhere nothing."""

    def __init__(self, console: Console | None = None) -> None:
        console = Console(stderr=True) if console is None else console
        self._bar = Progress(
            TextColumn("reading images"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("read", total=None, visible=False)

    def __enter__(self) -> ReadingDisplay:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total, visible=True)


def load_shown(data: str, folder: Path | None, reading: Reading) -> Dataset:
    """`golmu.load_dataset`, with a bar and with the notes as warnings.

    Raises
    ------
    GolmuError
        As `golmu.load_dataset`.
    """
    with ReadingDisplay() as reading.progress:
        dataset = read_dataset(data, folder, reading)
    for note in reading.notes:
        warnings.warn(note, GolmuWarning, stacklevel=2)
    return dataset
