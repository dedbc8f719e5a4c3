"""The content of run.json as typed records.

Everything that reads run.json does so here, once, and what it says is checked here; an older file may lack what was
added later.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, field, replace
from datetime import datetime, timezone
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from golmu.data import Dataset, ImageSet
from golmu.data.dataset import MAX_FOLDS
from golmu.data.reading import ReadOptions
from golmu.data.shards.index import ShardIndex
from golmu.errors import InputError, RunError
from golmu.json_values import COUNT, FLAG, OBJECT, TEXT, Kind, integer, number, take
from golmu.metrics import Spread, spread
from golmu.model.file_format import FORMATS, N_KERNELS, format_of
from golmu.recipe import FIELDS, Recipe
from golmu.runs.folder import RUN
from golmu.system import MAX_THREADS, read_file, write_file
from golmu.training.history import History

PACKAGES = ("golmu", "numpy", "numba", "tensorflow", "keras", "scikit-learn")
"""Packages whose versions a run records, where they are installed."""

Json = dict[str, Any]

T = TypeVar("T")

STATUS = Kind("running, finished, interrupted or failed", ("running", "finished", "interrupted", "failed").__contains__)
SIZE = Kind("height and width", lambda v: COUNT.list.includes(v) and len(v) == 2)
CLASS_WEIGHT = Kind(
    "\"balanced\" or a list of pairs of a label and a weight",
    lambda v: v == "balanced" or (
        isinstance(v, list)
        and all(
            isinstance(pair, list) and len(pair) == 2
            and isinstance(pair[0], str | int | float) and number(0).includes(pair[1])
            for pair in v
        )
    ),
)  # fmt: skip

ACCURACIES_OF_FOLDS = Kind(
    f"a list of 2 to {MAX_FOLDS} numbers from 0 to 1",
    lambda v: number(0, 1).list.includes(v) and 2 <= len(v) <= MAX_FOLDS,
)


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


VALIDATION_SHARE = 0.2
"""Share of the training images held out for validation, stratified by class, unless the user gives another."""

SPLIT_SEED = 42
"""Fixes the split, whatever the seed of the training, so that runs compare on the same images."""

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


@dataclass(frozen=True)
class FitRecord:
    """How an estimator was fitted beyond its recipe: what must be known to repeat it; None is the usual way."""

    image_shape: tuple[int, ...] | None = None
    class_weight: str | tuple[tuple[Any, float], ...] | None = None
    """"balanced", or labels, each with its weight."""
    sample_weight: bool | None = None
    warm_start: bool | None = None

    @classmethod
    def of(cls, image_shape: Any, class_weight: Any, *, is_weighted: bool, is_continued: bool) -> FitRecord:
        """The record of these parameters of an estimator and of its `fit`."""
        if isinstance(class_weight, Mapping):
            class_weight = tuple((np.asarray(label).item(), float(weight)) for label, weight in class_weight.items())
        shape = None if image_shape is None else tuple(int(size) for size in image_shape)
        return cls(shape, class_weight, is_weighted or None, is_continued or None)

    @property
    def balance(self) -> str | None:
        """The class weight that `golmu train` takes: "balanced", or None."""
        return self.class_weight if isinstance(self.class_weight, str) else None

    @property
    def weights_in_words(self) -> str | None:
        """The weights of the classes: "balanced", or "label: weight, label: weight"; None without any."""
        if isinstance(self.class_weight, tuple):
            return ", ".join(f"{label}: {weight:g}" for label, weight in self.class_weight)
        return self.class_weight

    @classmethod
    def from_json(cls, said: Json) -> FitRecord:
        """The record that `to_json` wrote; see `RunRecord.from_json` for errors."""
        shape, weight = take(said, "image_shape", COUNT.list, None), take(said, "class_weight", CLASS_WEIGHT, None)
        if isinstance(weight, list):
            weight = tuple((label, float(number)) for label, number in weight)
        return cls(
            None if shape is None else tuple(shape), weight, take(said, "sample_weight", FLAG, None),
            take(said, "warm_start", FLAG, None),
        )  # fmt: skip

    def to_json(self) -> Json:
        """The record as run.json holds it: only what is unusual."""
        shape, weight = self.image_shape, self.class_weight
        said = {
            "image_shape": None if shape is None else list(shape),
            "class_weight": weight if weight is None or isinstance(weight, str) else [list(pair) for pair in weight],
            "sample_weight": self.sample_weight,
            "warm_start": self.warm_start,
        }
        return {name: value for name, value in said.items() if value is not None}


@dataclass(frozen=True)
class Results:
    """What a training came to."""

    epochs: int
    """Epochs trained."""
    model_epoch: int
    """The epoch whose weights the model holds, counted from 1."""
    n_parameters: int
    train_loss: float | None
    val_loss: float | None
    val_accuracy: float | None
    """Accuracy after the model's epoch; None without validation images."""
    seconds_per_epoch: float | None

    @classmethod
    def of(cls, history: History, model_epoch: int, n_parameters: int) -> Results:
        """The results of a training with this history, whose model is of epoch `model_epoch`."""
        at = model_epoch - 1
        losses, val_losses, accuracies = history.losses, history.val_losses, history.val_accuracies
        return cls(
            epochs=len(losses),
            model_epoch=model_epoch,
            n_parameters=n_parameters,
            train_loss=losses[at] if losses else None,
            val_loss=val_losses[at] if val_losses else None,
            val_accuracy=accuracies[at] if accuracies else None,
            seconds_per_epoch=sum(history.seconds) / len(history.seconds) if history.seconds else None,
        )

    @classmethod
    def from_json(cls, said: Json) -> Results:
        """The results that `asdict` wrote; see `RunRecord.from_json` for errors."""
        return cls(
            take(said, "epochs", COUNT), take(said, "model_epoch", COUNT), take(said, "n_parameters", COUNT),
            _figure(said, "train_loss", number()), _figure(said, "val_loss", number()),
            _figure(said, "val_accuracy", number(0, 1)), _figure(said, "seconds_per_epoch", number(0)),
        )  # fmt: skip


@dataclass(frozen=True)
class FoldResults:
    """What the trainings of the folds came to, before the one on all images, and what was asked of them."""

    accuracies: tuple[float, ...]
    """Of each fold."""
    epochs: int
    """The epochs of their recipe."""
    patience: int | None = None
    """The patience of their recipe; the training on all images can have none, since it holds no images out."""

    @classmethod
    def of(cls, results: Sequence[Results], recipe: Recipe) -> FoldResults:
        """The results of folds that were trained with this recipe."""
        return cls(tuple(one.val_accuracy or 0.0 for one in results), recipe.epochs, recipe.patience)

    @property
    def spread(self) -> Spread:
        """Mean, standard deviation and interval of the accuracies."""
        return spread(self.accuracies)

    @classmethod
    def from_json(cls, said: Json) -> FoldResults:
        """The results that `to_json` wrote; see `RunRecord.from_json` for errors."""
        accuracies = take(said, "accuracies", ACCURACIES_OF_FOLDS)
        return cls(
            tuple(map(float, accuracies)), take(said, "epochs", integer(1)), take(said, "patience", integer(1), None)
        )

    def to_json(self) -> Json:
        """The results as run.json holds them."""
        found = self.spread
        return {
            "accuracies": list(self.accuracies), "mean": found.mean, "standard_deviation": found.deviation,
            "interval": list(found.interval), "epochs": self.epochs, "patience": self.patience,
        }  # fmt: skip


@dataclass(frozen=True)
class RunRecord:
    """The content of run.json: what the training was, and what it came to."""

    status: str
    """"running", "finished", "interrupted" or "failed"."""
    data: DataRecord
    recipe: Recipe
    engine: str
    """The engine that was asked for."""
    threads: int | None
    seed: int | None
    recipe_name: str | None = None
    fit: FitRecord = FitRecord()
    started: str = ""
    """UTC, ISO 8601."""
    versions: Mapping[str, str] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    resumed: tuple[str, ...] = ()
    """When the training was continued."""
    engine_used: str | None = None
    """The engine that ran."""
    seconds: float | None = None
    """Time of training, all its parts together."""
    results: Results | None = None
    folds: FoldResults | None = None
    """What the folds came to, if the images were trained on fold by fold first and that has ended."""
    error: str | None = None
    """Why the training failed."""
    other: Mapping[str, Any] = field(default_factory=dict)
    """What else run.json holds, such as a user's notes: it is kept."""

    def __post_init__(self) -> None:
        # A file says what took effect, which readers of any version understand.
        object.__setattr__(self, "recipe", self.recipe.settled())

    @classmethod
    def begin(
        cls, data: DataRecord, recipe: Recipe, *, engine: str, threads: int | None, seed: int | None,
        recipe_name: str | None = None, fit: FitRecord | None = None,
    ) -> RunRecord:  # fmt: skip
        """The record of a training that begins now, on this computer."""
        return cls(
            "running", data, recipe, engine, threads, seed, recipe_name, fit or FitRecord(), started=now(),
            versions=_versions(),
            machine={"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count()},
        )  # fmt: skip

    @property
    def n_folds(self) -> int:
        """The number of folds that are trained before the network on all images; 0: there are none."""
        split = self.data.split
        return split.folds or 0 if split is not None and split.is_over_folds else 0

    @property
    def asked_recipe(self) -> Recipe:
        """The recipe that was asked for; of a training over folds, that of the folds."""
        if self.folds is None:
            return self.recipe
        return replace(self.recipe, epochs=self.folds.epochs, patience=self.folds.patience)

    def continued(self, epochs: int) -> RunRecord:
        """The record of the same run that continues now, up to `epochs` epochs in all."""
        return replace(
            self, status="running", resumed=(*self.resumed, now()), error=None,
            recipe=self.recipe.override({"epochs": epochs}),
        )  # fmt: skip

    @classmethod
    def from_json(cls, said: Any) -> RunRecord:
        """The record that `to_json` wrote.

        Raises
        ------
        KeyError, ValueError
            If something is missing, or is not what it should be.
        """
        form = said.get("format", 1)
        if type(form) is not int or form not in N_KERNELS:
            raise ValueError(f"its format is {form!r}, and this version of golmu reads formats {FORMATS}")
        settings, results = take(said, "settings", OBJECT), take(said, "results", OBJECT, None)
        folds = take(said, "folds", OBJECT, None)
        take(settings, "n_kernels", N_KERNELS[form])
        required = [name for name, one in FIELDS.items() if one.default is MISSING]
        known = {
            "format", "status", "started", "data", "recipe", "settings", "versions", "machine", "resumed", "engine",
            "seconds", "results", "folds", "error",
        }  # fmt: skip
        return cls(
            status=take(said, "status", STATUS),
            data=DataRecord.from_json(take(said, "data", OBJECT)),
            recipe=Recipe(**{name: settings[name] for name in FIELDS if name in settings or name in required}),
            engine=take(settings, "engine", TEXT),
            threads=take(settings, "threads", integer(1, MAX_THREADS), None),
            seed=take(settings, "seed", integer(0, None), None),
            recipe_name=take(said, "recipe", TEXT, None),
            fit=FitRecord.from_json(settings),
            started=take(said, "started", TEXT, ""),
            versions={name: str(value) for name, value in take(said, "versions", OBJECT, {}).items()},
            machine=take(said, "machine", OBJECT, {}),
            resumed=tuple(take(said, "resumed", TEXT.list, ())),
            engine_used=take(said, "engine", TEXT, None),
            seconds=take(said, "seconds", number(0), None),
            results=None if results is None else Results.from_json(results),
            folds=None if folds is None else FoldResults.from_json(folds),
            error=take(said, "error", TEXT, None),
            other={name: value for name, value in said.items() if name not in known},
        )

    def to_json(self) -> Json:
        """The record as run.json holds it."""
        optional = {
            "resumed": list(self.resumed) or None,
            "engine": self.engine_used,
            "seconds": self.seconds,
            "results": None if self.results is None else asdict(self.results),
            "folds": None if self.folds is None else self.folds.to_json(),
            "error": self.error,
        }
        return {
            "format": format_of(self.recipe.n_kernels),
            "status": self.status,
            "started": self.started,
            "data": self.data.to_json(),
            "recipe": self.recipe_name,
            "settings": {
                **asdict(self.recipe), "engine": self.engine, "threads": self.threads, "seed": self.seed,
                **self.fit.to_json(),
            },
            "versions": dict(self.versions),
            "machine": dict(self.machine),
            **{name: value for name, value in optional.items() if value is not None},
            **self.other,
        }  # fmt: skip


def now() -> str:
    """The present moment, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def read_record(folder: Path) -> RunRecord:
    """Read run.json.

    Raises
    ------
    RunError
        If `folder` is not a run folder, or the file is damaged or incomplete.
    """
    path = folder / RUN
    try:
        if folder.is_file():
            raise RunError(f"{folder} is a file, and a run folder is needed: give the folder that `golmu train` wrote")
        if not folder.is_dir():
            raise RunError(f"there is no run folder {folder}")
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    return read_described(path, RunRecord.from_json, f"{folder} is not a run folder: it holds no {RUN}")


def read_described(path: Path, from_json: Callable[[Json], T], missing: str) -> T:
    """Read a record from a JSON file that a user may have edited.

    Parameters
    ----------
    path
        The file.
    from_json
        Makes the record; raises KeyError or ValueError where it cannot.
    missing
        What to say if there is no such file.

    Raises
    ------
    RunError
        If the file is missing, damaged or incomplete.
    """
    try:
        said = json.loads(read_file(path))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(missing) from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    if not isinstance(said, dict):
        raise RunError(f"{path} must hold a JSON object, got {type(said).__name__}")
    try:
        return from_json(said)
    except KeyError as error:
        raise RunError(f"{path} is incomplete: {error} is missing") from error
    except ValueError as error:
        raise RunError(f"{path} is damaged: {error}") from error


def write_record(folder: Path, record: RunRecord) -> None:
    """Write run.json.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    text = json.dumps(record.to_json(), indent=2, ensure_ascii=False) + "\n"
    write_file(folder / RUN, text, "the record of the run")


def _figure(said: Json, name: str, kind: Kind) -> float | None:
    """A number that may be null, but not missing."""
    return None if said[name] is None else float(kind.check(said[name], name))


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
