"""The images on which a run is judged, loaded again and split as they were for its training."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from golmu.analysis.labelled_images import (
    JudgedImages,
    LabelledImages,
    check_names,
    check_shape,
    outputs_of,
    test_images,
)
from golmu.data import Dataset
from golmu.data.loading import read_and_warn
from golmu.data.reading import Progress, ReadOptions
from golmu.errors import DataError, InputError, RunError
from golmu.model.predictor import Predictor
from golmu.runs.run import Run


def judged_images(
    run: Run, data: str | None = None, folder: Path | None = None, *,
    hint: str = "give data (DATA)", progress: Progress | None = None,
) -> JudgedImages:  # fmt: skip
    """Load the images on which a run is judged.

    Parameters
    ----------
    run
        The run, with its network.
    data
        The run's data where they are now; by default where they were. For a run that was trained on arrays, data
        whose test images are used (`golmu.analysis.labelled_images.test_images`).
    folder
        Folder to look in first for a named data set's files.
    hint
        What helps where a run was trained on arrays, and `data` is not given, as the error says it.
    progress
        Called with the number of image files that are decoded, and of all.

    Raises
    ------
    RunError
        If the run does not say what it was trained on, or was trained on arrays, and `data` is not given.
    DataError
        If the data cannot be read, are not those of the run, or cannot be judged by its network.
    """
    record, predictor = run.record.data, run.predictor
    if data is None and record.is_of_arrays:
        raise RunError(f"{run.folder} was trained on arrays, and does not keep them: {hint}")
    options = run.read_options
    dataset = load_fitted(
        predictor, run.data if data is None else data, folder, skip_bad=options.skip_bad, label=options.label,
        progress=progress,
    )  # fmt: skip
    if record.split is None:
        return JudgedImages(test=test_images(dataset, predictor, is_own=is_own_data(run, data)))
    check_shape(dataset, predictor)
    check_names(dataset, predictor)
    try:
        _, held_out = dataset.split(**asdict(record.split))
    except InputError as error:
        raise RunError(f"{run.folder} does not say how the data were split: {error}") from error
    if len(held_out) != record.validation:
        raise DataError(
            f"{dataset.name} gives {len(held_out):,} validation images, where {run.folder} had {record.validation}: "
            "give the data that it was trained on"
        )
    labels = outputs_of(dataset, held_out.labels, predictor)
    return JudgedImages(
        LabelledImages("validation", held_out.images, labels),
        LabelledImages.of("test", dataset.test, predictor.model.classes),
    )


def load_fitted(
    predictor: Predictor, data: str, folder: Path | None, *, skip_bad: bool = False, label: str | None = None,
    progress: Progress | None = None,
) -> Dataset:  # fmt: skip
    """Load a data set for a network: image files are fitted to its images.

    Parameters
    ----------
    predictor
        The network.
    data, folder, skip_bad, label, progress
        As for `golmu.load_dataset`.

    Raises
    ------
    GolmuError
        If the data cannot be read.
    """
    options = ReadOptions.like(predictor.image_shape, skip_bad=skip_bad, label=label)
    options.progress = progress
    return read_and_warn(data, folder, options)


def is_own_data(run: Run, data: str | None) -> bool:
    """Whether `data` is what the run was trained on."""
    return data is None or run.record.data.argument in (data, str(Path(data).resolve()))
