"""The images on which a run is judged: loaded again, and those that it held out for validation found among them."""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import (
    JudgedImages,
    LabelledImages,
    check_names,
    check_shape,
    outputs_of,
    test_images,
)
from golmu.data import Dataset, ImageSet
from golmu.data.loading import read_again, read_and_warn
from golmu.data.reading import Progress, ReadOptions
from golmu.data.shards.index import ShardIndex, is_packed, read_index
from golmu.data.shards.loading import PackedDataset
from golmu.errors import CheckpointError, DataError, InputError, RunError, warn
from golmu.model.predictor import Predictor
from golmu.runs.checkpoint import fingerprint_part
from golmu.runs.data_record import Split, test_digest
from golmu.runs.folder import fold_folder
from golmu.runs.held_out import HeldOut, digests
from golmu.runs.run import Run
from golmu.runs.shards import is_own_shards, judged_shards, shards_to_evaluate


def judged_images(
    run: Run, data: str | None = None, folder: Path | None = None, *,
    hint: str = "give data (DATA)", command: str = "", progress: Progress | None = None,
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
    command
        What to type where the data have moved, as the error says it; by default `golmu report`.
    progress
        Called with the number of image files that are decoded, and of all.

    Raises
    ------
    RunError
        If `data` is not given, and the run was trained on arrays, or its data are no longer where they were.
    DataError
        If the data cannot be read, are not those of the run, or cannot be judged by its network.
    """
    record, predictor = run.record.data, run.predictor
    if data is None and record.is_of_arrays:
        raise RunError(f"{run.folder} was trained on arrays, and does not keep them: {hint}")
    options = run.read_options
    place = run.find_data(command or f"golmu report {run.folder} NEW-PLACE") if data is None else data
    if _stays_on_disk(run, place):
        return judged_shards(run, _check_shards(place, progress), is_given=is_own_data(run, data))
    dataset = load_fitted(
        predictor, place, folder, skip_bad=options.skip_bad, label=options.label, progress=progress,
        is_own=not record.is_of_arrays,
    )  # fmt: skip
    check_shape(dataset, predictor)
    is_own = is_own_data(run, data)
    validation, notes = _held_out_images(run, dataset, is_given=not record.is_of_arrays)
    if validation is None:
        return JudgedImages(test=test_images(dataset, predictor, is_own=is_own), notes=notes)
    if dataset.test is None:
        return JudgedImages(validation, notes=notes)
    if not record.is_of_arrays:
        notes += _changed_test_images(run, dataset)
    try:
        return JudgedImages(validation, test_images(dataset, predictor, is_own=is_own), notes=notes)
    except DataError as error:  # such as another class among the test images alone
        return JudgedImages(validation, notes=(*notes, f"the test images are not judged: {error}"))


def load_to_evaluate(
    run: Run, data: str | None, place: str, folder: Path | None, *, skip_bad: bool, label: str | None,
    progress: Progress | None = None,
) -> tuple[str, LabelledImages]:  # fmt: skip
    """Load data, and return what they are called, and the images of them that `images_to_evaluate` names.

    Parameters
    ----------
    run
        The run, with its network.
    data, place
        What the user gave for the data, None: the run's own; and where they are.
    folder, skip_bad, label, progress
        As for `golmu.load_dataset`.

    Raises
    ------
    GolmuError
        If the data cannot be read, or do not fit the network.
    """
    if _stays_on_disk(run, place):
        index = _check_shards(place, progress)
        return index.name, shards_to_evaluate(run, index, data)
    dataset = load_fitted(
        run.predictor, place, folder, skip_bad=skip_bad, label=label, progress=progress, is_own=is_own_data(run, data)
    )
    return dataset.name, images_to_evaluate(run, dataset, data)


def _stays_on_disk(run: Run, place: str) -> bool:
    """Whether data are shards that need not be read as a whole, as those of a run over folds must be."""
    split = run.record.data.split
    return is_packed(place) and not (split is not None and split.is_over_folds)


def _check_shards(folder: str, progress: Progress | None) -> ShardIndex:
    index = read_index(Path(folder))
    index.check(progress)
    return index


def out_of_fold_images(run: Run, dataset: Dataset) -> LabelledImages:
    """Return the images of all folds of a run, which are in memory, each to be judged by the network of its fold.

    Raises
    ------
    GolmuError
        If a fold cannot be read.
    """
    images, _ = _out_of_fold(run, dataset, is_given=True)
    assert images is not None
    return images


def images_to_evaluate(run: Run, dataset: Dataset, data: str | None) -> LabelledImages:
    """Return the test images of a data set; if it has none, what of it the network was not trained on.

    That is all of it, or where it is the run's own data, the validation images.

    Parameters
    ----------
    run
        The run, with its network.
    dataset, data
        The data, and what the user gave for them; None: the run's own.

    Raises
    ------
    DataError
        If the data cannot be judged by the network, or are the run's own without any image that was held out.
    """
    predictor, is_own = run.predictor, is_own_data(run, data)
    check_shape(dataset, predictor)
    if dataset.test is None:
        validation, _ = _held_out_images(run, dataset, is_given=is_own)
        if validation is not None:
            if not is_own:
                warn(f"this is the run's own data: judged on its {len(validation):,} validation images")
            return validation
    elif is_own or _is_copy(run, dataset):
        _changed_test_images(run, dataset)
    return test_images(dataset, predictor, is_own=is_own)


def _is_copy(run: Run, dataset: Dataset) -> bool:
    """Whether a data set with test images holds at least half of the images that the run held out."""
    if run.held_out is None or dataset.test is None:
        return False
    kept = set(run.held_out.digests)
    present = {*digests(dataset.train.images), *digests(dataset.test.images)}
    return len(kept & present) >= len(kept) / 2


def _held_out_images(run: Run, dataset: Dataset, *, is_given: bool) -> tuple[LabelledImages | None, tuple[str, ...]]:
    """Find the images that a run held out for validation, and say in which way they are not those of the training.

    With `is_given` the data are said to be the run's own: that none is found is an error. Else they may be any data,
    and None is returned unless at least half are found.
    """
    if run.record.n_folds:
        return _out_of_fold(run, dataset, is_given=is_given)
    if run.held_out is not None:
        return _find_again(run, run.held_out, dataset, is_given=is_given)
    if run.record.data.split is None:
        return None, ()
    try:
        return _split_again(run, run.record.data.split, dataset), ()
    except DataError:
        if is_given:
            raise
        return None, ()


def _out_of_fold(run: Run, dataset: Dataset, *, is_given: bool) -> tuple[LabelledImages | None, tuple[str, ...]]:
    """Find the images of every fold, each to be judged by the network of its fold."""
    folds, notes = [], list[str]()
    for number in range(1, run.record.n_folds + 1):
        fold = Run.open(fold_folder(run.folder, number))
        images, said = _held_out_images(fold, dataset, is_given=is_given)
        notes += said
        if images is None:
            return None, tuple(notes)
        folds.append((fold.predictor, images, fold.record.data.validation))
    return LabelledImages.out_of_fold(folds), tuple(notes)


def _find_again(
    run: Run, held_out: HeldOut, dataset: Dataset, *, is_given: bool
) -> tuple[LabelledImages | None, tuple[str, ...]]:
    """Find the images of the list in a data set, in its training or its test part, whatever their names are now."""
    parts = [dataset.train] if dataset.test is None else [dataset.train, dataset.test]
    present = [digest for part in parts for digest in digests(part.images)]
    texts = itertools.chain(*(_class_texts(dataset, part, run.predictor) for part in parts))
    numbers, places = held_out.find(present, texts)
    n_missing = len(held_out) - len(numbers)
    if not is_given and n_missing > len(held_out) / 2:
        return None, _overlap(run, dataset, len(set(held_out.digests) & set(present)), len(held_out))
    if not len(numbers):
        raise DataError(
            f"{dataset.name} holds none of the {len(held_out):,} validation images of {run.folder}: give the data that "
            "it was trained on"
        )
    found = _take(parts, places)
    labels = outputs_of(dataset, found.labels, run.predictor)
    if not n_missing:
        return LabelledImages("validation", found.images, labels, found.files), ()
    note = (
        f"{n_missing:,} of the {len(held_out):,} validation images of the training cannot be found in {dataset.name}, "
        f"since they are gone, changed, or in another class: the others are judged, {len(found):,}"
    )
    warn(f"{run.folder}: {note}")
    return LabelledImages("validation", found.images, labels, found.files, numbers), (note,)


def _overlap(run: Run, dataset: Dataset, n_found: int, n: int) -> tuple[str, ...]:
    """Warn if some of a run's validation images are among other data, and return what is said."""
    if not n_found:
        return ()
    note = (
        f"{dataset.name} holds {n_found:,} of the {n:,} validation images of the training, so it may hold training "
        "images too: then the accuracy says nothing of new images"
    )
    warn(f"{run.folder}: {note}")
    return (note,)


def _take(parts: list[ImageSet], places: NDArray[np.int64]) -> ImageSet:
    """Copies of the images at these places, (m,), counted through all the parts."""
    starts = np.cumsum([0, *map(len, parts)])
    taken, order = [], []
    for part, start in zip(parts, starts.tolist(), strict=False):
        (here,) = np.nonzero((start <= places) & (places < start + len(part)))
        if len(here):
            taken.append(part.take(places[here] - start))
            order.append(here)
    back = np.argsort(np.concatenate(order))
    files = [part.files for part in taken]
    names = None if None in files else tuple(itertools.chain(*(one or () for one in files)))
    images, labels = (np.concatenate([getattr(part, name) for part in taken]) for name in ("images", "labels"))
    return ImageSet(images, labels, names).take(back) if len(taken) > 1 else taken[0]


def _class_texts(dataset: Dataset, part: ImageSet, predictor: Predictor) -> list[str]:
    """The class of each image as the network calls it: by its name, or by its number where classes had no names."""
    known = set(predictor.class_names)
    texts = [name if name in known else str(label) for label, name in enumerate(dataset.class_names)]
    return [texts[label] for label in part.labels.tolist()]


def _split_again(run: Run, split: Split, dataset: Dataset) -> LabelledImages:
    """Hold out the images that an earlier version held out, which kept no list of them.

    Raises
    ------
    DataError
        If the data have changed, so that others would be held out now.
    """
    predictor, record = run.predictor, run.record.data
    check_names(dataset, predictor)
    try:
        fit, held_out = split.of(dataset)
    except InputError as error:
        raise DataError(f"{error}, so {dataset.name} is not what {run.folder} was trained on") from error
    assert held_out is not None  # the record says that there are validation images
    if len(held_out) != record.validation:
        raise DataError(
            f"{dataset.name} gives {len(held_out):,} validation images, where {run.folder} had {record.validation}: "
            "give the data that it was trained on"
        )
    kept = None
    with suppress(CheckpointError):  # without one, only the number can be compared
        kept = None if run.checkpoint is None else run.checkpoint.identity.fingerprint.get("validation")
    labels = np.searchsorted(np.unique(fit.labels), held_out.labels)
    if isinstance(dataset, PackedDataset):  # whose fingerprint is that of its files
        has_changed = not is_own_shards(run, dataset.index)
    else:
        has_changed = kept is not None and kept != fingerprint_part(held_out.images, labels)
    if has_changed:
        raise DataError(
            f"{dataset.name} has changed since the training of {run.folder}: with images added, removed, renamed or "
            "changed, others would be held out now, among them images that it was trained on. Give the data as they "
            "were"
        )
    return LabelledImages(
        "validation", held_out.images, outputs_of(dataset, held_out.labels, predictor), held_out.files
    )


def _changed_test_images(run: Run, dataset: Dataset) -> tuple[str, ...]:
    """Warn if the test images are not those that were there when the run was trained, and return what is said."""
    kept = run.record.data.test_digest
    if isinstance(dataset, PackedDataset) and is_own_shards(run, dataset.index):
        return ()
    if kept is None or kept == test_digest(dataset):
        return ()
    note = (
        f"the test images of {dataset.name} are not those that it had at the training: if any of them was a training "
        "image then, the test accuracy is too high"
    )
    warn(f"{run.folder}: {note}")
    return (note,)


def load_fitted(
    predictor: Predictor, data: str, folder: Path | None, *, skip_bad: bool = False, label: str | None = None,
    progress: Progress | None = None, is_own: bool = False,
) -> Dataset:  # fmt: skip
    """Load a data set for a network: image files are fitted to its images.

    Parameters
    ----------
    predictor
        The network.
    data, folder, skip_bad, label, progress
        As for `golmu.load_dataset`.
    is_own
        Whether the network was trained on these data, so that its user has seen the notes about them.

    Raises
    ------
    GolmuError
        If the data cannot be read.
    """
    options = ReadOptions.like(predictor.image_shape, skip_bad=skip_bad, label=label)
    options.progress = progress
    return (read_again if is_own else read_and_warn)(data, folder, options)


def is_own_data(run: Run, data: str | None) -> bool:
    """Whether `data` is what the run was trained on."""
    return data is None or run.record.data.argument in (data, str(Path(data).resolve()))
