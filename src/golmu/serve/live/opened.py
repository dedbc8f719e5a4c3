"""A run folder that the page is opened on: its curves, its network, and the images that it held out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.about import DATASET_NAMES
from golmu.analysis.labelled_images import LabelledImages
from golmu.data.reading import Progress
from golmu.errors import DataError, GolmuError, RunError
from golmu.metrics import confusion_matrix
from golmu.recipe import RECIPES
from golmu.runs.data_record import DEFAULT_SPLIT
from golmu.runs.folder import fold_folder
from golmu.runs.held_out import digests
from golmu.runs.images import load_fitted
from golmu.runs.job import DEFAULT_SEED, SplitDataset
from golmu.runs.run import Run
from golmu.schedule import Schedule
from golmu.serve.live.data_sets import OWN
from golmu.serve.live.frames import MAX_CONFUSION_CLASSES, Frame, first_kernels, first_maps
from golmu.serve.live.gallery import Snapshot
from golmu.serve.live.live_run import LiveRun


@dataclass(frozen=True, eq=False)
class OpenedRun:
    """A run folder as the page shows it."""

    entry: LiveRun
    snapshot: Snapshot
    own: SplitDataset | None
    """The run's data, if they have no name of their own and can be had."""

    def frame(self, pinned: int) -> Frame | None:
        """Return what a training shows, of the run's network; None without images.

        Parameters
        ----------
        pinned
            The number of the validation image whose feature maps are shown; the first one if there is none of it.
        """
        images, engine = self.snapshot.images, self.snapshot.predictor.engine
        if images is None:
            return None
        pinned = pinned if pinned < len(images) else 0
        maps, high = first_maps(engine, images.images[pinned])
        arrays: dict[str, NDArray[Any]] = {
            "losses": self.entry.losses, "steps": self.entry.steps, "kernels": first_kernels(engine), "maps": maps,
        }  # fmt: skip
        if self._confusion is not None:
            arrays["confusion"] = self._confusion
        values = {
            **self.entry.progress, "rate": 0.0, "first_point": 0, "pinned": pinned, "maps_low": 0.0, "maps_high": high,
            "judging_pass": 1, "n_judged": len(images), "is_judged": True,
        }  # fmt: skip
        return values, arrays

    @cached_property
    def _confusion(self) -> NDArray[np.int32] | None:
        """The confusion matrix of the validation images; None for very many classes."""
        n = self.snapshot.model.architecture.n_classes
        if n > MAX_CONFUSION_CLASSES:
            return None
        labels, said = self.snapshot.judged.labels, self.snapshot.probabilities.argmax(axis=1)
        return confusion_matrix(labels, said, n).astype(np.int32)


def open_run(
    folder: Path, data: str | None = None, data_folder: Path | None = None, progress: Progress | None = None
) -> OpenedRun:  # fmt: skip
    """Open a run folder.

    Where its data cannot be had, its images are missing, and the page says why.

    Parameters
    ----------
    folder
        The run folder.
    data
        The run's data where they are now; by default where they were.
    data_folder
        Folder to look in first for a named data set's files.
    progress
        Called with the number of image files that are decoded, and of all.

    Raises
    ------
    GolmuError
        If the run cannot be read or holds no network, or `data` is given and cannot be used.
    """
    run = Run.open(folder)
    predictor, argument = run.predictor, data or run.record.data.argument
    split: SplitDataset | None = None
    images: LabelledImages | None = None
    missing = ""
    try:
        split = _load(run, data, data_folder, progress)
        images = split.images.validation
    except (DataError, RunError) as error:
        if data is not None:
            raise
        missing = str(error)
    snapshot = Snapshot(predictor.model, predictor.model.epoch, 0, images, missing)
    is_named = argument in DATASET_NAMES
    entry = _entry(run, str(argument) if is_named else OWN)
    return OpenedRun(entry, snapshot, None if is_named else split)


def _load(run: Run, data: str | None, folder: Path | None, progress: Progress | None) -> SplitDataset:
    """Load the data of a run, and hold out the images that it held out.

    Raises
    ------
    DataError, RunError
        If they are gone or have changed.
    """
    if run.record.n_folds:
        raise RunError(
            f"{run.folder} holds no images out, since its folds have done so: open one of them, such as "
            f"golmu app {fold_folder(run.folder, 1)}"
        )
    command = f"golmu app {run.folder} --data NEW-PLACE"
    options, predictor = run.read_options, run.predictor
    argument = run.find_data(command) if data is None else data
    dataset = load_fitted(
        predictor, argument, folder if argument in DATASET_NAMES else None, skip_bad=options.skip_bad,
        label=options.label, progress=progress, is_own=True,
    )  # fmt: skip
    try:
        split = SplitDataset.of(dataset, argument, options, run.record.data.split or DEFAULT_SPLIT)
    except GolmuError as error:
        raise DataError(f"{dataset.name} is not what {run.folder} was trained on: {error}") from error
    assert split.images.validation is not None
    kept = run.held_out
    if split.data.class_names != predictor.class_names or (
        kept is not None and kept.digests != tuple(digests(split.images.validation.images))
    ):
        raise DataError(
            f"{dataset.name} has changed since the training of {run.folder}: give the data as they were with --data"
        )
    return split


def _entry(run: Run, data_set: str) -> LiveRun:
    history, recipe = run.history, run.recipe
    schedule = Schedule(recipe, max(1, run.record.data.train))
    epochs = len(history.losses)
    steps = [schedule.first_step(epoch + 1) for epoch in range(epochs)]
    progress = {
        "epoch": epochs,
        "epochs": recipe.epochs,
        "batch": 0,
        "batches": schedule.first_step(1),
        "loss": history.losses[-1] if history.losses else None,
        "epoch_steps": steps,
        "train_losses": history.losses,
        "val_losses": history.val_losses,
        "val_accuracies": history.val_accuracies,
    }
    name = run.record.recipe_name
    return LiveRun(
        0, data_set, run.folder.name, name if name in RECIPES else "chapter", recipe,
        DEFAULT_SEED if run.record.seed is None else run.record.seed, run.record.status, progress,
        np.array(steps, np.int32), np.array(history.losses, np.float32),
    )  # fmt: skip
