"""`golmu train --folds N`: a training over folds, shown on standard output."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from golmu.cli.console import SafeConsole, make_console
from golmu.cli.progress import TrainingDisplay
from golmu.cli.training_results import show_interruption, show_outcome
from golmu.metrics import describe_accuracy
from golmu.runs.folder import RUNS
from golmu.runs.folds import FoldedTraining
from golmu.runs.images import out_of_fold_images
from golmu.runs.job import TrainingJob
from golmu.runs.run import Run


def train_over_folds(
    folded: FoldedTraining, folder: Path | None, begun: Run | None, *, allow_inexact: bool = False, note: str = "",
    runs: Path = RUNS, with_panel: bool = True,
) -> int:  # fmt: skip
    """Train over folds in a new run folder, or continue in that of `begun`; show progress and results.

    Parameters
    ----------
    folded
        Data and settings.
    folder, runs
        As for `TrainingJob.start`.
    begun, allow_inexact
        A run to continue, if any, and whether another engine may be used.
    note
        What to say of the recipe.
    with_panel
        Whether the report has the panel on which the network can be tried.

    Returns
    -------
    int
        The exit status.

    Raises
    ------
    GolmuError
        If the settings or the folder cannot be used, or a loss becomes NaN or infinite.
    """
    console = make_console()
    if note:
        console.print(note)
    with FoldsDisplay(console, folded) as display:
        if begun is None:
            outcome = folded.start(display, folder, runs=runs)
        else:
            outcome = folded.resume(begun, display, allow_inexact=allow_inexact)
    if display.last is None:
        return show_interruption(outcome)
    images = display.last.images
    if outcome.has_results:
        images = replace(images, validation=out_of_fold_images(outcome.run, folded.dataset))
    return show_outcome(outcome, display.last, images, with_panel=with_panel)


class FoldsDisplay(TrainingDisplay):
    """The progress of a training over folds: a line for each fold, then those of the training on all images."""

    last: TrainingJob | None = None
    """The training on all images, once it has begun."""

    def __init__(self, console: SafeConsole, folded: FoldedTraining) -> None:
        super().__init__(console)
        self._folded = folded
        self._is_announced = False

    def begin(self, fold: int | None, folder: Path, job: TrainingJob) -> None:
        """Say what begins or continues; a training that has ended before needs no word."""
        if fold is None:
            self.last = job
            self.next("", has_lines=True)
            self._console.print(f"training on all {job.data.n_images:,} images{self._epochs(job)}")
            return
        n, folds = len(self._folded.dataset.train), len(self._folded.numbers)
        if not self._is_announced:
            self._is_announced = True
            self._console.print(f"training on {folds} folds of {n:,} images; results go to {folder.parent}")
        self.next(f"fold {fold}/{folds}, ", has_lines=False)
        if not job.is_done and (job.training.epoch or job.training.batch):
            at = f"epoch {job.training.epoch + 1}, batch {job.training.batch + 1}"
            self._console.print(f"fold {fold}/{folds}  continuing at {at}")

    def end(self, fold: int, run: Run) -> None:
        """Print what the training of a fold came to."""
        results, folds = run.results, len(self._folded.numbers)
        assert results.val_accuracy is not None
        accuracy = describe_accuracy(results.val_accuracy, run.record.data.validation)
        self._console.print(f"fold {fold}/{folds}  accuracy {accuracy}  epoch {results.model_epoch}")

    def _epochs(self, job: TrainingJob) -> str:
        """How long the training on all images is where the folds had patience, and why."""
        if self._folded.recipe.patience is None:
            return ""
        return f" for {job.record.recipe.epochs} epochs, the median of the folds' best: no image is held out to stop by"
