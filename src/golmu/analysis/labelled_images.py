"""Images with the class that each shows, numbered as a network's outputs are: what a network is judged on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data import Dataset, ImageSet
from golmu.data.inputs import encode
from golmu.data.shards.index import ShardIndex
from golmu.data.shards.sharded_images import ShardedImages
from golmu.errors import DataError, InputError, warn
from golmu.model.model import Model
from golmu.model.predictor import Predictor
from golmu.names import clean_name, list_names
from golmu.types import Images, Labels

MAX_CLASSES_NAMED = 5
"""Classes that a warning names, at most."""


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images with the class that each shows."""

    name: str
    """`"validation"`, `"test"`, or `"out-of-fold"`: each image was held out from the network that is to judge it."""
    images: Images
    labels: Labels
    """(n,): the output of the network that stands for the class of each image."""
    files: tuple[str, ...] | None = None
    """(n,) names of the image files, as `ImageSet` has them; None if the images come from no files of their own."""
    numbers: NDArray[np.int64] | None = None
    """(n,) numbers by which the user knows the images, ascending; None: they are counted from 0."""
    judges: tuple[tuple[Predictor, int], ...] = ()
    """Networks that answer in place of a run's own, and to how many images each, in their order; or none."""

    def parts(self, predictor: Predictor) -> Iterator[tuple[Predictor, slice]]:
        """Yield each network that answers, `predictor` where there are no judges, and the images that it answers to."""
        start = 0
        for judge, n in self.judges or ((predictor, len(self)),):
            yield judge, slice(start, start + n)
            start += n

    def judge(self, index: int, predictor: Predictor) -> Predictor:
        """The network that answers to the image at `index`, `predictor` where there are no judges."""
        return next(judge for judge, rows in self.parts(predictor) if index < rows.stop)

    @classmethod
    def out_of_fold(cls, folds: Sequence[tuple[Predictor, LabelledImages, int]]) -> LabelledImages:
        """Join the images of all folds.

        Parameters
        ----------
        folds
            For each fold its network, those of its images that are there, and how many there were.
        """
        parts = [images for _, images, _ in folds]
        starts = np.cumsum([0, *(n for *_, n in folds)])
        numbers = [
            start + (np.arange(len(part)) if part.numbers is None else part.numbers)
            for start, part in zip(starts.tolist(), parts, strict=False)
        ]
        names = [part.files for part in parts]
        return cls(
            "out-of-fold", np.concatenate([part.images for part in parts]),
            np.concatenate([part.labels for part in parts]),
            None if None in names else tuple(chain(*(one or () for one in names))), np.concatenate(numbers),
            tuple((predictor, len(images)) for predictor, images, _ in folds),
        )  # fmt: skip

    @property
    def on_disk(self) -> ShardedImages | None:
        """The images, if they are those of shards, of which only parts should be in memory."""
        images: Any = self.images
        return images if isinstance(images, ShardedImages) else None

    def number(self, index: int) -> int:
        """The number by which the user knows the image at `index`."""
        return index if self.numbers is None else int(self.numbers[index])

    def file(self, index: int) -> str | None:
        """The name of the file of the image at `index`, if it has one."""
        return None if self.files is None else self.files[index]

    def index_of(self, number: int) -> int | None:
        """Where the image is that the user knows by `number`; None if there is none."""
        if self.numbers is None:
            return number if number < len(self) else None
        index = int(np.searchsorted(self.numbers, number))
        return index if index < len(self) and self.numbers[index] == number else None

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def of(cls, name: str, image_set: ImageSet | None, classes: Any) -> LabelledImages | None:
        """The images of a set, labelled by their indices in `classes`; None if there are none, or of other classes."""
        if image_set is None:
            return None
        try:
            return cls(name, image_set.images, encode(image_set.labels, classes), image_set.files)
        except InputError:
            return None


@dataclass(frozen=True, eq=False)
class JudgedImages:
    """The images on which the network of a run is judged."""

    validation: LabelledImages | None = None
    test: LabelledImages | None = None
    missing: str = ""
    """Why there are none, if so."""
    notes: tuple[str, ...] = ()
    """In which way they are not those of the training, a sentence for each."""

    @property
    def primary(self) -> LabelledImages | None:
        """The validation images, on which training reports, or those of all folds; or else the test images."""
        return self.validation or self.test

    @classmethod
    def of(cls, dataset: Dataset, held_out: ImageSet | None, classes: Any) -> JudgedImages:
        """The validation and test images of a data set that is in memory."""
        return cls(LabelledImages.of("validation", held_out, classes), LabelledImages.of("test", dataset.test, classes))


def test_images(dataset: Dataset, predictor: Predictor, *, is_own: bool) -> LabelledImages:
    """Return the test images of a data set; if it has none and is not the run's own, all of its images.

    Parameters
    ----------
    dataset
        The data.
    predictor
        The network that is to be judged.
    is_own
        Whether these are the data that the network was trained on.

    Raises
    ------
    DataError
        If the network's own data have no test images, or images or classes are not the network's.
    """
    check_shape(dataset, predictor)
    if dataset.test is None and is_own:
        raise DataError(f"{dataset.name} has no test images to evaluate on: give other data (DATA)")
    images = dataset.test or dataset.train
    return LabelledImages("test", images.images, outputs_of(dataset, images.labels, predictor), images.files)


def outputs_of(dataset: Dataset | ShardIndex, labels: NDArray[np.int64], predictor: Predictor) -> Labels:
    """Return the output of the network for each label of the data: that of the class's name, or of its number.

    Raises
    ------
    DataError
        If a class is not the network's.
    """
    model, trained = predictor.model, predictor.name
    # An earlier version kept the names of classes as they were written.
    number, known = {clean_name(name): i for i, name in enumerate(model.class_names)}, model.classes.tolist()
    names = list(map(clean_name, dataset.class_names))
    present = {label: names[label] for label in np.unique(labels).tolist()}
    if len(number) == len(model.class_names) and set(present.values()) <= set(number):
        return np.array([number.get(name, -1) for name in names], np.int64)[labels]
    check_names(dataset, predictor)
    if unknown := [name for label, name in present.items() if label not in known and name not in number]:
        raise DataError(
            f"{dataset.name} has the class '{unknown[0]}', which {trained} was not trained with: evaluate it on data "
            f"with the classes {', '.join(model.class_names)}"
        )
    outputs = encode(labels, model.classes, argument=dataset.name)
    if _has_no_names(model):
        named = list_names([f"{label} is '{name}'" for label, name in present.items()], MAX_CLASSES_NAMED)
        warn(
            f"{trained} was trained on class numbers without names; they are taken for the class numbers of "
            f"{dataset.name}: {named}"
        )
    return outputs


def check_shape(dataset: Dataset | ShardIndex, predictor: Predictor) -> None:
    """Raise `DataError` if the images have another shape than the network's."""
    shape = dataset.image_shape if isinstance(dataset, ShardIndex) else dataset.train.images.shape[1:]
    expected = predictor.image_shape
    if shape != expected:
        raise DataError(f"{dataset.name} holds images of shape {shape}, but {predictor.name} was trained on {expected}")


def check_names(dataset: Dataset | ShardIndex, predictor: Predictor) -> None:
    """Raise `DataError` if the number of a class means another class to the network.

    Nothing is checked where the network's labels are text, or numbers without names: those mean the same everywhere.
    """
    model = predictor.model
    if model.classes.dtype.kind not in "iu" or _has_no_names(model):
        return
    for label, name in zip(model.classes, model.class_names, strict=True):
        if label < len(dataset.class_names) and clean_name(dataset.class_names[label]) != clean_name(name):
            raise DataError(
                f"{dataset.name} calls class {label} '{dataset.class_names[label]}', but {predictor.name} was trained "
                f"with '{name}': evaluate it on data with the classes {', '.join(model.class_names)}"
            )


def _has_no_names(model: Model) -> bool:
    """Whether the classes are numbers that have no names but themselves."""
    return model.classes.dtype.kind in "iu" and model.class_names == tuple(map(str, model.classes.tolist()))
