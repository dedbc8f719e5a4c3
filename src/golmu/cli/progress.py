"""How reading and training show themselves: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from golmu import training
from golmu.cli.console import make_console
from golmu.data import Dataset
from golmu.data.loading import read_again, read_and_warn
from golmu.data.reading import ReadOptions
from golmu.data.shards.index import ShardIndex, is_packed, read_index
from golmu.data.shards.loading import check_options
from golmu.errors import InputError
from golmu.pages.rendering import format_duration

if TYPE_CHECKING:
    from typing import Self


def epoch_line(progress: training.Progress) -> str:
    """The line about the epoch just finished."""
    history = progress.history
    parts = [f"epoch {progress.epoch:{len(str(progress.epochs))}}/{progress.epochs}", f"loss {progress.loss:.4f}"]
    if history.val_losses:
        parts += [f"val_loss {history.val_losses[-1]:.4f}", f"val_accuracy {history.val_accuracies[-1]:.4f}"]
    parts.append(format_duration(history.seconds[-1]))
    return "  ".join(parts)


class _Display(AbstractContextManager["_Display"]):
    """A bar that is shown on a terminal while the block runs, and nowhere else."""

    def __init__(self, console: Console, *columns: TextColumn | BarColumn | MofNCompleteColumn) -> None:
        self._console = console
        self._bar = Progress(
            *columns, TextColumn("left"), TimeRemainingColumn(), console=console, transient=True,
            disable=not console.is_terminal,
        )  # fmt: skip

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:  # elsewhere some versions of Rich print an empty line
            self._bar.stop()


class TrainingDisplay(_Display):
    """A callback for training: a line per epoch, and on a terminal a bar under them.

    The bar shows the running epoch, samples per second, the loss so far and the time left.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(
            console,
            TextColumn("{task.fields[title]}epoch {task.fields[epoch]}"),
            BarColumn(),
            TextColumn("{task.percentage:3.0f}% of the run  {task.fields[rate]} samples/s  loss {task.fields[loss]}"),
        )
        self._started: float | None = None
        self._seen_before = 0
        self._has_lines = True
        self._task = self._bar.add_task("train", total=None, title="", epoch="–", rate="–", loss="–", visible=False)

    def next(self, title: str, *, has_lines: bool) -> None:
        """Turn to the next training: what the bar calls it, such as "fold 2/5, ", and whether its epochs have lines."""
        self._has_lines, self._started, self._seen_before = has_lines, None, 0
        self._bar.reset(self._task, total=None, title=title, epoch="–", rate="–", loss="–", visible=False)

    def __call__(self, progress: training.Progress) -> None:
        seen = progress.epoch * progress.samples_per_epoch + progress.samples
        total, rate = progress.epochs * progress.samples_per_epoch, "–"
        if self._started is None:  # what a resumed training did earlier tells nothing of the speed now
            self._started, self._seen_before = time.perf_counter(), seen
            self._bar.reset(self._task, total=total, completed=seen, visible=True)
        else:
            rate = f"{(seen - self._seen_before) / (time.perf_counter() - self._started):,.0f}"
        self._bar.update(
            self._task,
            completed=seen,
            epoch=f"{min(progress.epoch + 1, progress.epochs)}/{progress.epochs}",
            rate=rate,
            loss=f"{progress.loss:.4f}",
        )
        if progress.samples == 0 and self._has_lines:
            self._console.print(epoch_line(progress))


class TrialDisplay(_Display):
    """A callback for the trainings of a search: on a terminal, a bar with the running trial and its epoch."""

    def __init__(self, console: Console) -> None:
        super().__init__(
            console, TextColumn("trial {task.fields[trial]}"), BarColumn(), TextColumn("epoch {task.fields[epoch]}")
        )
        self._task = self._bar.add_task("try", total=None, trial="–", epoch="–", visible=False)

    def begin(self, trial: int) -> None:
        """Show another trial, by its number."""
        self._bar.reset(self._task, trial=str(trial), epoch="–", visible=True)

    def __call__(self, progress: training.Progress) -> None:
        seen = progress.epoch * progress.samples_per_epoch + progress.samples
        self._bar.update(
            self._task, completed=seen, total=progress.epochs * progress.samples_per_epoch,
            epoch=f"{min(progress.epoch + 1, progress.epochs)}/{progress.epochs}",
        )  # fmt: skip


class ReadingDisplay(_Display):
    """A bar while images are read, on standard error; `doing` says what is done with them."""

    def __init__(self, console: Console | None = None, doing: str = "reading images") -> None:
        super().__init__(console or make_console(stderr=True), TextColumn(doing), BarColumn(), MofNCompleteColumn())
        self._task = self._bar.add_task("read", total=None, visible=False)

    def __call__(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total, visible=True)


def load_with_bar(data: str, folder: Path | None, read_options: ReadOptions, *, is_known: bool = False) -> Dataset:
    """Load a data set as `golmu.load_dataset` does, with a bar; the notes about one that `is_known` are not repeated.

    Raises
    ------
    GolmuError
        As `golmu.load_dataset`.
    """
    with ReadingDisplay() as read_options.progress:
        return (read_again if is_known else read_and_warn)(data, folder, read_options)


def load_to_train(
    data: str, folder: Path | None, read_options: ReadOptions, *, is_known: bool = False
) -> Dataset | ShardIndex:
    """Load a data set as `load_with_bar` does, but a packed folder only as far as it takes to check its files.

    Raises
    ------
    GolmuError
        As `golmu.load_dataset`.
    """
    if not is_packed(data):
        return load_with_bar(data, folder, read_options, is_known=is_known)
    if folder is not None:
        raise InputError(f"{data} is a folder itself, so --folder {folder} has no effect; leave it out")
    index = read_index(Path(data))
    check_options(index, read_options)
    with ReadingDisplay(doing="checking shards") as progress:
        index.check(progress)
    return index
