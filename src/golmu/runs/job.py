"""A training made ready, from a data set or from arrays: it starts in a new run folder, or resumes in its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from golmu.about import DATASET_NAMES
from golmu.analysis.labelled_images import JudgedImages, LabelledImages
from golmu.architecture import Architecture
from golmu.data import Dataset
from golmu.data.reading import ReadOptions
from golmu.data.sample_weight import importance
from golmu.data.shards.index import ShardIndex
from golmu.engines.contract import Engine, Prepared
from golmu.errors import DataError
from golmu.preprocessing import Preprocessing
from golmu.recipe import Recipe
from golmu.runs.checkpoint import RunIdentity, fingerprint, refuse_differences
from golmu.runs.data_record import DEFAULT_SPLIT, DataRecord, Split
from golmu.runs.folder import RUN, RUNS, lock_run, new_run
from golmu.runs.held_out import HeldOut, count_copies
from golmu.runs.naming import run_name
from golmu.runs.record import FitRecord, RunRecord
from golmu.runs.recorder import RunRecorder, record_run
from golmu.runs.run import Run
from golmu.runs.sharded_data import ShardedData, sample_judged
from golmu.training.batching import refuse_hiding, warn_of_small_data
from golmu.training.history import Callback
from golmu.training.interruption import Abandoned, Interruption
from golmu.training.loop import State, Training, begin
from golmu.training.streaming import Stream
from golmu.types import Images, Importance, Labels

DEFAULT_SEED = 42
"""Seed of a training whose user names none."""


@dataclass(frozen=True, eq=False)
class TrainingData:
    """Images and labels, checked, and the classes that the labels stand for."""

    images: Images
    labels: Labels
    validation: tuple[Images, Labels] | None
    classes: NDArray[Any]
    """(C,): the labels as users write them."""
    class_names: tuple[str, ...]
    importance: Importance | None = None

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What tells these data from others; it takes a moment to make."""
        return fingerprint(self.images, self.labels, self.validation, self.importance)

    @property
    def n_images(self) -> int:
        """Images to fit on."""
        return len(self.labels)

    @property
    def n_copies(self) -> int:
        """Number of validation images that are trained on too."""
        return 0 if self.validation is None else count_copies(self.validation[0], self.images)

    def prepare(self, engine: Engine) -> tuple[Prepared, Prepared | None]:
        """The images to train and to validate on where the engine wants them."""
        validation = None if self.validation is None else engine.prepare(*self.validation)
        return engine.prepare(self.images, self.labels, self.importance), validation


@dataclass(frozen=True, eq=False)
class SplitDataset:
    """A data set of which a part is held out for validation; any number of trainings may share one."""

    argument: str
    """The name or the absolute path by which the data set was loaded."""
    data: TrainingData | ShardedData
    record: DataRecord
    images: JudgedImages
    """The validation images, and the test images if there are any."""
    class_weight: str | None = None
    """How much the images of each class count; None: all count alike."""

    @classmethod
    def of(
        cls, dataset: Dataset, argument: str, read_options: ReadOptions | None = None, split: Split = DEFAULT_SPLIT,
        class_weight: str | None = None,
    ) -> SplitDataset:  # fmt: skip
        """Hold out a part of a data set's training images; the arguments are those of `TrainingJob.from_dataset`.

        Raises
        ------
        GolmuError
            If the data cannot be split, or hold one class only.
        """
        fit, held_out = split.of(dataset)
        classes = np.unique(fit.labels)
        if len(classes) < 2:
            raise DataError(
                f"{dataset.name} holds one class only, '{dataset.class_names[classes[0]]}': at least 2 are needed"
            )
        labels = np.searchsorted(classes, fit.labels)
        validation = None if held_out is None else (held_out.images, np.searchsorted(classes, held_out.labels))
        names = tuple(dataset.class_names[label] for label in classes)
        place = argument if argument in DATASET_NAMES else str(Path(argument).resolve())
        n_held_out = 0 if held_out is None else len(held_out)
        record = DataRecord.of(place, dataset, read_options or ReadOptions(), split, len(fit), n_held_out)
        counts = importance(None, class_weight, labels, classes)
        return cls(
            place, TrainingData(fit.images, labels, validation, classes, names, counts), record,
            JudgedImages.of(dataset, held_out, classes), class_weight,
        )  # fmt: skip

    @classmethod
    def of_shards(
        cls, index: ShardIndex, split: Split = DEFAULT_SPLIT, class_weight: str | None = None
    ) -> SplitDataset:
        """Hold out a part of a packed folder's training images, which stay on disk.

        Raises
        ------
        GolmuError
            If the data cannot be read or split, or hold one class only.
        """
        data = ShardedData(index, split, class_weight)
        record = DataRecord.of_shards(index, split, data.n_images, len(data.held_out))
        return cls(str(index.folder), data, record, sample_judged(data.judged), class_weight)

    @property
    def name(self) -> str:
        """What the data set is called."""
        return str(self.record.name)


@dataclass(frozen=True)
class Outcome:
    """How a training in a run folder ended."""

    run: Run
    interruption: KeyboardInterrupt | SystemExit | None = None
    """What ended it early: Ctrl-C or SIGTERM."""

    @property
    def has_results(self) -> bool:
        """Whether the model and the results were written; a second Ctrl-C leaves the last checkpoint alone."""
        return not isinstance(self.interruption, Abandoned)


@dataclass(frozen=True, eq=False)
class TrainingJob:
    """Data and settings of one training."""

    training: Training
    data: TrainingData | ShardedData
    record: RunRecord
    """What run.json will say as the training starts."""
    images: JudgedImages
    """On which the network will be judged."""
    stem: str = ""
    """How the name of a run folder begins that the user does not name."""

    @classmethod
    def from_dataset(
        cls, dataset: Dataset, argument: str, recipe: Recipe, *, recipe_name: str | None = None, engine: str = "auto",
        threads: int | None = None, seed: int = DEFAULT_SEED, read_options: ReadOptions | None = None,
        split: Split = DEFAULT_SPLIT, class_weight: str | None = None,
    ) -> TrainingJob:  # fmt: skip
        """Make ready a training on a part of a data set's training images, which validates on the rest.

        Parameters
        ----------
        dataset, argument
            The data set, and the name or path by which it was loaded.
        recipe, recipe_name
            How to train, and the name of the recipe, or of the recipe's file, that it began from.
        engine, threads, seed
            `engine`, `n_threads` and `random_state` of `ConvolutionNetwork`.
        read_options
            How its image files were read.
        split
            How images are held out for validation; by default 20 % of each class.
        class_weight
            "balanced", by which each class counts alike, whatever its number of images; None: each image does.

        Raises
        ------
        GolmuError
            If the data or the settings cannot be used.
        """
        return cls.from_split(
            SplitDataset.of(dataset, argument, read_options, split, class_weight), recipe, recipe_name=recipe_name,
            engine=engine, threads=threads, seed=seed,
        )  # fmt: skip

    @classmethod
    def from_split(
        cls, split: SplitDataset, recipe: Recipe, *, recipe_name: str | None = None, engine: str = "auto",
        threads: int | None = None, seed: int = DEFAULT_SEED,
    ) -> TrainingJob:  # fmt: skip
        """Make ready a training on data that are split already; the other arguments are those of `from_dataset`.

        Raises
        ------
        GolmuError
            If the settings cannot be used with these data.
        """
        data = split.data
        _, height, width, channels = data.images.shape
        architecture = Architecture(height, width, channels, recipe.n_kernels, recipe.units, len(data.classes))
        refuse_hiding(data.images.shape[1:], recipe)
        warn_of_small_data(data.n_images, recipe)
        images = cast("Images", data.images)  # shards are indexed as an array is
        preprocessing = Preprocessing.of(images, standardize=recipe.standardize, test_flip=recipe.uses_test_flip)
        made, rng = begin(architecture, engine, threads, seed, preprocessing)
        record = RunRecord.begin(
            split.record, recipe, engine=engine, threads=threads, seed=seed, recipe_name=recipe_name,
            fit=FitRecord(class_weight=split.class_weight),
        )  # fmt: skip
        name = run_name(split.name, recipe_name, recipe)
        return cls(Training(made, recipe, rng), data, record, split.images, name)

    @classmethod
    def from_arrays(
        cls, data: TrainingData, training: Training, *, seed: int | None, fit: FitRecord | None = None
    ) -> TrainingJob:
        """Make ready a training on arrays, with an engine that has its initial weights.

        `seed` is what these came from, if that is known, and `fit` what the record says of the estimator.
        """
        engine, n_validation = training.engine, 0 if data.validation is None else len(data.validation[1])
        record = RunRecord.begin(
            DataRecord(len(data.labels), n_validation), training.recipe, engine=engine.name,
            threads=engine.n_threads, seed=seed, fit=fit,
        )  # fmt: skip
        validation = None if data.validation is None else LabelledImages("validation", *data.validation)
        return cls(training, data, record, JudgedImages(validation=validation))

    @cached_property
    def prepared(self) -> tuple[Prepared | Stream, Prepared | Stream | None]:
        """The training and the validation images where the engine wants them."""
        return self.data.prepare(self.training.engine)

    @property
    def is_done(self) -> bool:
        """Whether no epoch is left to train."""
        return self.training.epoch >= self.record.recipe.epochs or self.training.has_stalled

    def run(self, callbacks: Sequence[Callback] = ()) -> None:
        """Train without a run folder; Ctrl-C ends the training between two batches, and is raised."""
        with Interruption(and_termination=False) as interruption:
            self.training.run(*self.prepared, self.record.recipe.epochs, [*callbacks, interruption])

    def start(
        self, folder: Path | None = None, callbacks: Sequence[Callback] = (),
        on_begin: Callable[[Path], None] | None = None, *, runs: Path = RUNS,
    ) -> Outcome:  # fmt: skip
        """Train in a new run folder, by default one under `runs`.

        Parameters
        ----------
        folder
            An empty or new folder.
        callbacks
            Called with a `golmu.training.Progress` several times an epoch.
        on_begin
            Called with the folder before the first batch.
        runs
            The folder for runs whose own folder is not given.

        Raises
        ------
        RunError, SaveError
            If the folder cannot be made, is not empty or cannot be written.
        TrainingError
            If the loss becomes NaN or infinite.
        """
        with new_run(folder, self.stem, runs) as made:
            recorder = RunRecorder(made, self.training, self._identity, self._counted_record, self._held_out)
            recorder.begin()
            return self._record(recorder, callbacks, on_begin)

    def keep(self, state: State, stem: str = "", *, runs: Path = RUNS) -> Run:
        """Write a new run folder for a training with these data and settings that ran in memory.

        It can continue there if epochs are left.

        Parameters
        ----------
        state
            Where the training stands.
        stem
            How the name of the folder begins; by default as for `start`.
        runs
            The folder that the new one lies in.

        Raises
        ------
        RunError, SaveError
            If the folder cannot be made or written.
        """
        self.training.restore(state)
        seconds = sum(state.history.seconds) + state.seconds
        with new_run(None, stem or self.stem, runs) as made:
            record = replace(self._counted_record, seconds=seconds)
            recorder = RunRecorder(made, self.training, self._identity, record, self._held_out)
            recorder.begin()
            recorder.finish("finished" if self.is_done else "interrupted")
            return Run(made, recorder.record)

    def start_in(
        self, run: Run, callbacks: Sequence[Callback] = (), on_begin: Callable[[Path], None] | None = None
    ) -> Outcome:
        """Train in the folder of a run that has a record but no training yet, and that this process has locked.

        Its record is kept; for the rest see `start`.
        """
        recorder = RunRecorder(run.folder, self.training, self._identity, run.record, self._held_out)
        recorder.begin()
        return self._record(recorder, callbacks, on_begin)

    def resume(
        self, run: Run, callbacks: Sequence[Callback] = (), on_begin: Callable[[Path], None] | None = None, *,
        allow_inexact: bool = False,
    ) -> Outcome:  # fmt: skip
        """Continue the training of a run from its last checkpoint; the run was opened by `open_to_resume`.

        Parameters
        ----------
        run, allow_inexact
            The run, and whether another engine may be used, so that the bits differ.
        callbacks, on_begin
            As for `start`.

        Raises
        ------
        RunError, CheckpointError, SaveError
            If the run cannot continue with these data and settings, or a file is damaged or cannot be written.
        TrainingError
            If the loss becomes NaN or infinite.
        """
        seed, begun = self.record.seed, run.record.seed
        if seed is not None and begun is not None and seed != begun:
            refuse_differences(run.folder, [f"random_state is {begun}, not {seed}"])
        # The data may have moved; that they are the same is checked before the record is written.
        place = self.record.data.argument or run.record.data.argument
        record = replace(run.record, data=replace(run.record.data, argument=place))
        recorder = RunRecorder(run.folder, self.training, self._identity, record, self._held_out)
        recorder.resume(allow_inexact=allow_inexact)
        return self._record(recorder, callbacks, on_begin)

    def _record(
        self, recorder: RunRecorder, callbacks: Sequence[Callback], on_begin: Callable[[Path], None] | None
    ) -> Outcome:
        if on_begin is not None:
            on_begin(recorder.folder)
        interruption: KeyboardInterrupt | SystemExit | None = None
        try:
            record_run(recorder, self.training, *self.prepared, self.record.recipe.epochs, callbacks)
        except (KeyboardInterrupt, SystemExit) as error:
            interruption = error
        return Outcome(Run(recorder.folder, recorder.record), interruption)

    @property
    def _counted_record(self) -> RunRecord:
        """The record, with the number of validation images that are trained on too."""
        return replace(self.record, data=replace(self.record.data, copies=self.data.n_copies))

    @property
    def _held_out(self) -> HeldOut | None:
        images = self.images.validation
        if images is None or isinstance(self.data, ShardedData):  # those of shards follow from the split
            return None
        names = self.data.class_names
        return HeldOut.of(images.images, (names[label] for label in images.labels.tolist()), images.files)

    @property
    def _identity(self) -> RunIdentity:
        engine, data = self.training.engine, self.data
        return RunIdentity(
            self.training.recipe, engine.architecture, data.classes, data.class_names, data.fingerprint, engine.name,
            engine.n_threads, engine.preprocessing,
        )  # fmt: skip


@contextmanager
def open_to_resume(folder: Path) -> Iterator[Run]:
    """Open a run that is to continue, and lock its folder until the block ends.

    Raises
    ------
    RunError
        If there is no such run, or another process trains in it.
    """
    if not (folder / RUN).is_file():  # a folder that is no run is not locked either
        Run.open(folder)
    with lock_run(folder):
        yield Run.open(folder)
