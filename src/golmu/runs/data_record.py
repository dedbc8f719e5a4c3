"""What a run was trained on: the data, with what is needed to load the same again, and how they were split."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import blake2b

import numpy as np

from golmu.data import Dataset, ImageSet
from golmu.data.dataset import MAX_FOLDS
from golmu.data.reading import ReadOptions
from golmu.data.shards.index import ShardIndex
from golmu.errors import InputError
from golmu.json_values import COUNT, FLAG, OBJECT, TEXT, Json, Kind, integer, number, take

SIZE = Kind("height and width", lambda v: COUNT.list.includes(v) and len(v) == 2)

VALIDATION_SHARE = 0.2
"""Share of the training images held out for validation, stratified by class, unless the user gives another."""

SPLIT_SEED = 42
"""Fixes the split, whatever the seed of the training, so that runs compare on the same images."""


@dataclass(frozen=True)
class Split:
    """How the validation images were held out: by the arguments of `Dataset.split`, or as a fold of several."""

    validation: float
    """The share of the images that is held out."""
    random_state: int
    at_least_one: bool = True
    """False in records from before each class was in both parts."""
    folds: int | None = None
    """Number of folds; None: there are none."""
    fold: int | None = None
    """The fold that is held out, counted from 1; None: of folds, none is."""

    @classmethod
    def of_folds(cls, folds: int, fold: int | None = None) -> Split:
        """The split that holds out one of several folds; or, without `fold`, that of the training on all images."""
        return cls(0.0 if fold is None else 1 / folds, SPLIT_SEED, folds=folds, fold=fold)

    @property
    def is_over_folds(self) -> bool:
        """Whether it is that of a training on all images, after one for each fold."""
        return self.folds is not None and self.fold is None

    def of(self, dataset: Dataset) -> tuple[ImageSet, ImageSet | None]:
        """Return the images to train on, and those to validate on, if there are any.

        Raises
        ------
        InputError
            If the data set cannot be split in this way.
        """
        if self.folds is None:
            return dataset.split(self.validation, self.random_state, at_least_one=self.at_least_one)
        if self.fold is None:
            return dataset.train, None
        return dataset.fold(self.fold, self.folds, self.random_state)

    @classmethod
    def of_share(cls, validation_share: float | None) -> Split:
        """The split with this share of the training images held out; None: the usual one.

        Raises
        ------
        InputError
            If the share is none.
        """
        if validation_share is not None and not 0 < validation_share < 1:
            raise InputError(
                f"validation_share must be a number between 0 and 1, both excluded, got {validation_share:g}"
            )
        return cls(VALIDATION_SHARE if validation_share is None else validation_share, SPLIT_SEED)

    @classmethod
    def from_json(cls, said: Json) -> Split:
        """The split that `to_json` wrote; see `RunRecord.from_json` for errors."""
        folds = take(said, "folds", integer(2, MAX_FOLDS), None)
        fold = None if folds is None else take(said, "fold", integer(1, folds), None)
        return cls(
            float(take(said, "validation", number(0, 1))), take(said, "random_state", integer(0, 2**32 - 1)),
            take(said, "at_least_one", FLAG, False), folds, fold,
        )  # fmt: skip

    def to_json(self) -> Json:
        """The split as run.json holds it."""
        return {name: value for name, value in asdict(self).items() if value is not None}


DEFAULT_SPLIT = Split(VALIDATION_SHARE, SPLIT_SEED)


@dataclass(frozen=True)
class DataRecord:
    """The data of a run, with what is needed to load the same again."""

    train: int
    """Number of training images."""
    validation: int
    """Number of validation images."""
    name: str | None = None
    argument: str | None = None
    """What `load_dataset` takes: a name, or an absolute path; None: the run was trained on arrays."""
    source: str | None = None
    size: tuple[int, int] | None = None
    """Height and width of the images in pixels."""
    channels: int | None = None
    skip_bad: bool = False
    label: str | None = None
    """Column of a table that holds the labels."""
    left_out: tuple[str, ...] = ()
    """What is wrong with each file that was skipped."""
    split: Split | None = None
    class_names: tuple[str, ...] = ()
    test_digest: str | None = None
    """What tells the test images from others (`test_digest`); None in records from before it was kept."""
    copies: int = 0
    """Number of validation images that have a copy among the training images; 0 in records from before it was kept.
    Over folds, the number of all images that have a copy in another fold."""

    @classmethod
    def of(
        cls, argument: str, dataset: Dataset, read_options: ReadOptions, split: Split, n_train: int, n_validation: int
    ) -> DataRecord:
        """The record of a data set that was loaded by `argument`, a name or an absolute path."""
        height, width, channels = dataset.train.images.shape[1:]
        return cls(
            n_train, n_validation, dataset.name, argument, dataset.source, (height, width), channels,
            read_options.skip_bad, read_options.label, tuple(read_options.left_out), split, dataset.class_names,
            test_digest(dataset),
        )  # fmt: skip

    @classmethod
    def of_shards(cls, index: ShardIndex, split: Split, n_train: int, n_validation: int) -> DataRecord:
        """The record of a packed folder; what tells its test images from others is the digest of all shards."""
        height, width, channels = index.image_shape
        return cls(
            n_train, n_validation, index.name, str(index.folder), index.source, (height, width), channels,
            split=split, class_names=index.class_names, test_digest=index.digest,
        )  # fmt: skip

    @property
    def is_of_arrays(self) -> bool:
        """Whether the run was trained on arrays, which it does not keep."""
        return self.argument is None

    @property
    def copies_note(self) -> str:
        """What to say about validation images that have a copy among the training images; "" if there are none."""
        if not self.copies:
            return ""
        have, where = "has" if self.copies == 1 else "have", "among the training images"
        images = f"{self.validation:,} validation images"
        if not self.validation:
            images, where = f"{self.train:,} images", "in another fold"
        return f"{self.copies:,} of the {images} {have} a copy {where}, so the accuracy is too high: remove the copies"

    @property
    def read_options(self) -> ReadOptions:
        """How the image files are to be read again, so that they are the same."""
        if self.size is None:
            return ReadOptions(skip_bad=self.skip_bad, label=self.label, is_binding=False)
        return ReadOptions.like((*self.size, self.channels or 0), skip_bad=self.skip_bad, label=self.label)

    @classmethod
    def from_json(cls, said: Json) -> DataRecord:
        """The record that `to_json` wrote; see `RunRecord.from_json` for errors."""
        size = take(said, "size", SIZE, None)
        split = take(said, "split", OBJECT, None)
        return cls(
            train=take(said, "train", integer(1)),
            validation=take(said, "validation", COUNT),
            name=take(said, "name", TEXT, None),
            argument=take(said, "argument", TEXT, None),
            source=take(said, "source", TEXT, None),
            size=None if size is None else (size[0], size[1]),
            channels=take(said, "channels", integer(1), None),
            skip_bad=take(said, "skip_bad", FLAG, False),
            label=take(said, "label", TEXT, None),
            left_out=tuple(take(said, "left_out", TEXT.list, ())),
            split=None if split is None else Split.from_json(split),
            class_names=tuple(take(said, "class_names", TEXT.list, ())),
            test_digest=take(said, "test_digest", TEXT, None),
            copies=take(said, "copies", COUNT, 0),
        )

    def to_json(self) -> Json:
        """The record as run.json holds it."""
        copies = {"copies": self.copies} if self.copies else {}
        if self.is_of_arrays:
            return {"name": None, "train": self.train, "validation": self.validation, **copies}
        return {
            "name": self.name,
            "argument": self.argument,
            "source": self.source,
            "size": None if self.size is None else list(self.size),
            "channels": self.channels,
            "skip_bad": self.skip_bad,
            "label": self.label,
            "left_out": list(self.left_out),
            "train": self.train,
            "validation": self.validation,
            "split": None if self.split is None else self.split.to_json(),
            "class_names": list(self.class_names),
            **({} if self.test_digest is None else {"test_digest": self.test_digest}),
            **copies,
        }


def test_digest(dataset: Dataset) -> str:
    """Return what tells the test images of a data set, in their order, from others; "" if it has none."""
    if dataset.test is None:
        return ""
    digest = blake2b(np.ascontiguousarray(dataset.test.images).data, digest_size=16)
    digest.update(np.ascontiguousarray(dataset.test.labels).data)
    return digest.hexdigest()
