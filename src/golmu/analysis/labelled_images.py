"""The images on which a run is judged: its validation images, and the test images of its data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.cli.progress import load_shown
from golmu.data import Dataset, ImageSet, inputs
from golmu.data.reading import Reading
from golmu.engines.contract import Labels
from golmu.errors import DataError, GolmuWarning, InputError, RunError
from golmu.model.model import Model
from golmu.preprocessing import Images
from golmu.runs import folder as runs

SHOWN = 5
"""Classes that a warning names."""


@dataclass(frozen=True, eq=False)
class Part:
    """Images with the class that each shows."""

    name: str
    """`"validation"` or `"test"`."""
    images: Images
    labels: Labels
    """(n,): indices in the network's classes."""

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What a run is judged on."""

    validation: Part | None = None
    test: Part | None = None
    missing: str = ""
    """Why there is neither, if so."""

    @property
    def main(self) -> Part | None:
        """The validation images, on which training reports; or the test images where there are none."""
        return self.validation or self.test


def load_evidence(
    run: Path, model: Model, data: str | None = None, folder: Path | None = None, *, remedy: str = "name data (DATA)"
) -> Evidence:
    """The images on which a run is judged, loaded again and split as they were for its training.

    Parameters
    ----------
    run, model
        The run folder, and the model in it.
    data
        The run's data where they are now; by default where they were. For a run that was trained on arrays, data
        whose test images are used, as `test_part` says.
    folder
        Folder to look in first for a named data set's files.
    remedy
        What helps where a run was trained on arrays, and `data` is not given.

    Raises
    ------
    RunError
        If the run does not say what it was trained on, or was trained on arrays, and `data` is not given.
    DataError
        If the data cannot be read, are not those of the run, or cannot be judged by its network.
    """
    described: Any = runs.read_run(run).get("data")
    described = described if isinstance(described, dict) else {}
    if data is None and "argument" not in described and "train" in described:
        raise RunError(f"{run} was trained on arrays, and does not keep them: {remedy}")
    begun = runs.run_reading(run)
    reading = Reading.like(model.architecture.image_shape, skip_bad=begun.skip_bad, label=begun.label)
    data = runs.run_data(run) if data is None else data
    dataset = load_shown(data, folder, reading)
    split = described.get("split")
    if not isinstance(split, dict):
        return Evidence(test=test_part(dataset, data, model, run))
    check_shape(dataset, model, run)
    check_names(dataset, model, run)
    try:
        _, held_out = dataset.split(**split)
    except (TypeError, InputError) as error:
        raise RunError(f"{run / runs.RUN} does not say how the data were split: {error}") from error
    if len(held_out) != described.get("validation"):
        raise DataError(
            f"{dataset.name} gives {len(held_out):,} validation images, where {run} had {described.get('validation')}: "
            "name the data that it was trained on"
        )
    labels = _outputs(dataset, held_out.labels, model, run)
    return Evidence(Part("validation", held_out.images, labels), as_part("test", dataset.test, model.classes))


def evidence_of(dataset: Dataset, held_out: ImageSet, classes: Any) -> Evidence:
    """Validation and test images of a data set that is at hand."""
    return Evidence(as_part("validation", held_out, classes), as_part("test", dataset.test, classes))


def as_part(name: str, images: ImageSet | None, classes: Any) -> Part | None:
    """Images with the indices of their labels in `classes`; None where there are none, or some are of other classes."""
    if images is None:
        return None
    try:
        return Part(name, images.images, inputs.encode(images.labels, classes))
    except InputError:
        return None


def test_part(dataset: Dataset, data: str, model: Model, run: Path) -> Part:
    """The test images of `data`, whose content `dataset` is; data other than the run's, that have none, are all test.

    Raises
    ------
    DataError
        If the run's own data have no test images, or images or classes are not the network's.
    """
    check_shape(dataset, model, run)
    own = runs.read_run(run).get("data")
    is_own = isinstance(own, dict) and own.get("argument") in (data, str(Path(data).resolve()))
    if dataset.test is None and is_own:
        raise DataError(f"{dataset.name} has no test images to evaluate on: name other data")
    images = dataset.test or dataset.train
    return Part("test", images.images, _outputs(dataset, images.labels, model, run))


def _outputs(dataset: Dataset, labels: NDArray[np.int64], model: Model, run: Path) -> Labels:
    """The output of the network for each label of the data: that of the class's name, or of its number."""
    number, known = {name: i for i, name in enumerate(model.class_names)}, model.classes.tolist()
    present = {label: dataset.class_names[label] for label in np.unique(labels).tolist()}
    if len(number) == len(model.class_names) and set(present.values()) <= set(number):
        return np.array([number.get(name, -1) for name in dataset.class_names], np.int64)[labels]
    check_names(dataset, model, run)
    if unknown := [name for label, name in present.items() if label not in known and name not in number]:
        raise DataError(
            f"{dataset.name} has the class '{unknown[0]}', which {run} was not trained with: evaluate it on data with "
            f"the classes {', '.join(model.class_names)}"
        )
    outputs = inputs.encode(labels, model.classes, argument=dataset.name)
    if _has_no_names(model):
        shown = ", ".join(f"{label} is '{name}'" for label, name in [*present.items()][:SHOWN])
        warnings.warn(
            f"{run} was trained on numbers without names; they are taken for those of the classes of {dataset.name}: "
            f"{shown}{', ...' if len(present) > SHOWN else ''}",
            GolmuWarning,
            stacklevel=2,
        )
    return outputs


def _has_no_names(model: Model) -> bool:
    """Whether its classes are numbers that are called by nothing but themselves."""
    return model.classes.dtype.kind in "iu" and model.class_names == tuple(map(str, model.classes.tolist()))


def check_shape(dataset: Dataset, model: Model, run: Path) -> None:
    """Raises `DataError` where the images have another shape than the network's."""
    shape, expected = dataset.train.images.shape[1:], model.architecture.image_shape
    if shape != expected:
        raise DataError(f"{dataset.name} holds images of shape {shape}, but {run} was trained on {expected}")


def check_names(dataset: Dataset, model: Model, run: Path) -> None:
    """Raises `DataError` where the number of a class means another one to the network.

    Labels may be text to it; or numbers that have no names, as where it was trained on arrays, and those mean the same.
    """
    if model.classes.dtype.kind not in "iu" or _has_no_names(model):
        return
    for label, name in zip(model.classes, model.class_names, strict=True):
        if label < len(dataset.class_names) and dataset.class_names[label] != name:
            raise DataError(
                f"{dataset.name} calls class {label} '{dataset.class_names[label]}', but {run} was trained with "
                f"'{name}': evaluate it on data with the classes {', '.join(model.class_names)}"
            )
