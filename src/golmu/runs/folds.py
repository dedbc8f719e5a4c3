"""A training over folds: one network for each fold, judged on the images of it, then one that is trained on all images.

The run folder is that of the last network. Each fold is an ordinary run in a folder of its own inside it, `fold-1` and
so on, and continues as such.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from statistics import median
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.data import Dataset
from golmu.data.reading import ReadOptions
from golmu.data.split import stratified_folds
from golmu.errors import SaveError
from golmu.metrics import softmax
from golmu.recipe import Recipe
from golmu.runs.data_record import Split
from golmu.runs.folder import CHECKPOINT, RUN, RUNS, fold_folder, new_run
from golmu.runs.job import DEFAULT_SEED, Outcome, TrainingData, TrainingJob, open_to_resume
from golmu.runs.record import write_record
from golmu.runs.results import FoldResults
from golmu.runs.run import Run
from golmu.training.history import Callback, Progress
from golmu.types import Labels


class FoldListener(Protocol):
    """Is told how the trainings go, one after the other; as a callback, the progress of each."""

    def begin(self, fold: int | None, folder: Path, job: TrainingJob) -> None:
        """Hear that the training of a fold, counted from 1, begins or continues; None: that on all images."""

    def __call__(self, progress: Progress) -> None:
        """Hear of the progress."""

    def end(self, fold: int, run: Run) -> None:
        """Hear that the training of a fold has ended."""


@dataclass(frozen=True, eq=False)
class FoldedTraining:
    """Data and settings of a training over folds; the fields are the arguments of `TrainingJob.from_dataset`."""

    dataset: Dataset
    argument: str
    recipe: Recipe
    split: Split
    """That of the training on all images, `Split.of_folds(n)`."""
    recipe_name: str | None = None
    engine: str = "auto"
    threads: int | None = None
    seed: int = DEFAULT_SEED
    read_options: ReadOptions | None = None
    class_weight: str | None = None

    @property
    def numbers(self) -> range:
        """The numbers of the folds."""
        assert self.split.folds is not None
        return range(1, self.split.folds + 1)

    def job(self, fold: int | None = None, recipe: Recipe | None = None) -> TrainingJob:
        """Make ready the training of a fold, or that on all images.

        Raises
        ------
        GolmuError
            If the data or the settings cannot be used.
        """
        return TrainingJob.from_dataset(
            self.dataset, self.argument, recipe or self.recipe, recipe_name=self.recipe_name, engine=self.engine,
            threads=self.threads, seed=self.seed, read_options=self.read_options,
            split=Split.of_folds(len(self.numbers), fold), class_weight=self.class_weight,
        )  # fmt: skip

    def start(self, listener: FoldListener, folder: Path | None = None, *, runs: Path = RUNS) -> Outcome:
        """Train in a new run folder; the arguments and errors are those of `TrainingJob.start`."""
        first = self.job(1)  # what is wrong with data or settings is said before a folder is made
        with new_run(folder, first.stem, runs) as made:
            run = Run(made, self.job().record)
            write_record(made, run.record)  # a process that is killed from here on leaves a run that can continue
            return self._train(run, listener, is_begun=True)

    def resume(self, run: Run, listener: FoldListener, *, allow_inexact: bool = False) -> Outcome:
        """Continue in the folder of a run from the last checkpoint in it; as for `TrainingJob.resume`."""
        folds = run.record.folds
        asked = {"recipe": self.recipe} if folds is None else {"folds": replace(folds, epochs=self.recipe.epochs)}
        record = replace(run.record, status="running", error=None, **asked)
        return self._train(Run(run.folder, record), listener, allow_inexact=allow_inexact)

    def _train(
        self, run: Run, listener: FoldListener, *, allow_inexact: bool = False, is_begun: bool = False
    ) -> Outcome:
        """Train what is left to train; the folder is locked. What is refused before anything begins changes no file."""

        def begin(number: int, folder: Path, job: TrainingJob) -> None:
            nonlocal is_begun
            if not is_begun:
                write_record(run.folder, run.record)
                is_begun = True
            listener.begin(number, folder, job)

        folds = []
        try:
            for number in self.numbers:
                outcome = self._train_fold(run.folder, number, listener, begin, allow_inexact=allow_inexact)
                if outcome.interruption is not None:
                    raise outcome.interruption
                folds.append(outcome.run)
                listener.end(number, outcome.run)
        except (KeyboardInterrupt, SystemExit) as interruption:
            return Outcome(_leave(run, "interrupted") if is_begun else run, interruption)
        except Exception as error:
            if is_begun:
                _leave(run, "failed", error=str(error))
            raise
        return self._train_on_all(run, folds, listener, allow_inexact=allow_inexact)

    def _train_fold(
        self, root: Path, number: int, listener: FoldListener, begin: Callable[[int, Path, TrainingJob], None], *,
        allow_inexact: bool,
    ) -> Outcome:  # fmt: skip
        job, folder = self.job(number), fold_folder(root, number)

        def on_begin(folder: Path) -> None:
            begin(number, folder, job)

        if (folder / RUN).is_file():
            with open_to_resume(folder) as begun:
                return job.resume(begun, [listener], on_begin, allow_inexact=allow_inexact)
        return job.start(folder, [listener], on_begin)

    def _train_on_all(self, run: Run, folds: list[Run], listener: FoldListener, *, allow_inexact: bool) -> Outcome:
        results = [fold.results for fold in folds]
        recipe = without_validation(self.recipe, [one.model_epoch for one in results])
        job = self.job(None, recipe)
        copies = sum(fold.record.data.copies for fold in folds)
        seconds = run.record.seconds or sum(fold.record.seconds or 0.0 for fold in folds)
        data = replace(run.record.data, copies=copies, argument=job.record.data.argument)  # they may have moved
        record = replace(
            run.record, recipe=recipe, folds=FoldResults.of(results, self.recipe), data=data, seconds=seconds
        )

        def begin(folder: Path) -> None:
            listener.begin(None, folder, job)

        begun = Run(run.folder, record)
        if (run.folder / CHECKPOINT).exists():
            return job.resume(begun, [listener], begin, allow_inexact=allow_inexact)
        return job.start_in(begun, [listener], begin)


def without_validation(recipe: Recipe, model_epochs: list[int]) -> Recipe:
    """Return the recipe of a training that holds no images out, after folds whose models are of these epochs.

    Patience needs images that are held out. In its place, the number of epochs is the median of the folds', rounded up.
    """
    if recipe.patience is None:
        return recipe
    return replace(recipe, patience=None, epochs=max(1, ceil(median(model_epochs))))


def out_of_fold_probabilities(
    folded: FoldedTraining, callbacks: Sequence[Callback] = (), on_begin: Callable[[int], None] | None = None
) -> tuple[NDArray[np.float32], Labels]:
    """Train over folds in memory, and have the network of each fold answer to the images of the fold.

    Parameters
    ----------
    folded
        The data and settings.
    callbacks
        Called with the progress of each training.
    on_begin
        Called with the number of each fold before its first batch.

    Returns
    -------
    (probabilities, labels): (n, C), and the output that stands for the class of each image, (n,), for the data set's
    training images in their order.

    Raises
    ------
    GolmuError
        If the data or the settings cannot be used, or a loss becomes NaN or infinite.
    """
    given = folded.dataset.train.labels
    classes, labels = np.unique(given, return_inverse=True)
    folds = stratified_folds(given, len(folded.numbers), folded.split.random_state)
    probabilities = np.empty((len(labels), len(classes)), np.float32)
    for number in folded.numbers:
        job = folded.job(number)
        if on_begin is not None:
            on_begin(number)
        job.run(callbacks)
        assert isinstance(job.data, TrainingData)
        assert job.data.validation is not None
        probabilities[folds == number - 1] = softmax(job.training.engine.logits(job.data.validation[0]))
    return probabilities, labels


def _leave(run: Run, status: str, *, error: str | None = None) -> Run:
    """Write to run.json how the trainings of the folds ended; what each has reached stays in its folder."""
    record = replace(run.record, status=status, error=error)
    with suppress(SaveError):  # what cannot be written either must not hide what went wrong
        write_record(run.folder, record)
    return Run(run.folder, record)
