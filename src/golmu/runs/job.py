"""From the name of a data set and a recipe to a training that is ready to run, as the command line makes one."""

from __future__ import annotations

from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from golmu.analysis.labelled_images import evidence_of
from golmu.architecture import Architecture
from golmu.cli.progress import load_shown
from golmu.data import Dataset
from golmu.data.loading import DATASET_NAMES
from golmu.data.reading import Reading
from golmu.engines import load_ahead
from golmu.errors import DataError
from golmu.preprocessing import Preprocessing
from golmu.recipe import Recipe
from golmu.runs.checkpoint import Setup, fingerprint
from golmu.training.loop import Training, begin, refuse_hiding, warn_of_small_data

VALIDATION_SHARE = 0.2
"""Share of the training images held out for validation, stratified by class."""

SPLIT_SEED = 42
"""Fixes the split, whatever the seed of the training, so that runs compare on the same images."""

DEFAULT_SEED = 42


class Assembly:
    """The data and the settings of a training, made ready.

    Parameters
    ----------
    data
        What `golmu.load_dataset` takes.
    recipe
        How to train.
    engine, threads, seed
        `engine`, `n_threads` and `random_state` of `ConvolutionNetwork`.
    folder
        Folder to look in first for a named data set's files.
    reading
        How image files are read.

    Raises
    ------
    GolmuError
        If the data or the settings cannot be used.
    """

    def __init__(
        self, data: str, recipe: Recipe, engine: str, threads: int | None, seed: int, folder: Path | None,
        reading: Reading,
    ) -> None:  # fmt: skip
        loading = load_ahead(engine)
        dataset = load_shown(data, folder, reading)
        fit, held_out = dataset.split(VALIDATION_SHARE, SPLIT_SEED)
        classes = np.unique(fit.labels)
        if len(classes) < 2:
            raise DataError(
                f"{dataset.name} holds one class only, '{dataset.class_names[classes[0]]}', where at least 2 are "
                "needed to tell apart"
            )
        labels, validation_labels = (np.searchsorted(classes, part.labels) for part in (fit, held_out))
        _, height, width, channels = fit.images.shape
        architecture = Architecture(height, width, channels, recipe.n_kernels, recipe.units, len(classes))
        self.dataset_name = dataset.name
        self.recipe = recipe
        self.record_data = _describe_data(data, dataset, reading, len(fit), len(held_out))
        self.settings = {**asdict(recipe), "engine": engine, "threads": threads, "seed": seed}
        refuse_hiding(fit.images.shape[1:], recipe)
        warn_of_small_data(len(labels), recipe)
        preprocessing = Preprocessing.of(fit.images, standardize=recipe.standardize, test_flip=recipe.test_flip)
        engine_, rng = begin(architecture, engine, threads, seed, preprocessing)
        self.training = Training(engine_, recipe, rng)
        self.data = engine_.prepare(fit.images, labels)
        self.validation = engine_.prepare(held_out.images, validation_labels)
        self.evidence = evidence_of(dataset, held_out, classes)
        self._arrays = fit.images, labels, (held_out.images, validation_labels)
        self._classes = classes, tuple(dataset.class_names[label] for label in classes)
        loading.join()  # else the first epoch would take the blame for a compilation

    @cached_property
    def setup(self) -> Setup:
        """What the training is, with the fingerprint of its data, which takes a moment to make."""
        engine = self.training.engine
        return Setup(
            self.recipe, engine.architecture, *self._classes, fingerprint(*self._arrays), engine.name, engine.n_threads,
            engine.preprocessing,
        )  # fmt: skip


def _describe_data(data: str, dataset: Dataset, reading: Reading, n_train: int, n_validation: int) -> dict[str, Any]:
    """What run.json says of the data: also, what is needed to load the same again."""
    *size, channels = dataset.train.images.shape[1:]
    return {
        "name": dataset.name,
        "argument": data if data in DATASET_NAMES else str(Path(data).resolve()),
        "source": dataset.source,
        "size": size,
        "channels": channels,
        "skip_bad": reading.skip_bad,
        "label": reading.label,
        "left_out": reading.left_out,
        "train": n_train,
        "validation": n_validation,
        "split": {"validation": VALIDATION_SHARE, "random_state": SPLIT_SEED},
        "class_names": list(dataset.class_names),
    }
