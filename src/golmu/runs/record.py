"""The content of run.json as typed records.

Everything that reads run.json does so here, once, and what it says is checked here; an older file may lack what was
added later.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, replace
from datetime import datetime, timezone
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from golmu.data import Dataset
from golmu.data.reading import ReadOptions
from golmu.errors import InputError, RunError
from golmu.model.file_format import FORMATS, N_KERNELS, format_of
from golmu.model.json_values import COUNT, FLAG, OBJECT, TEXT, Kind, integer, number, take
from golmu.recipe import FIELDS, Recipe
from golmu.runs.folder import RUN
from golmu.system import MAX_THREADS, read_file, write_file
from golmu.training.history import History

PACKAGES = ("golmu", "numpy", "numba", "tensorflow", "keras", "scikit-learn")
"""Packages whose versions a run records, where they are installed."""

Json = dict[str, Any]

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


@dataclass(frozen=True)
class Split:
    """How the validation images were held out: the arguments of `Dataset.split`."""

    validation: float
    random_state: int
    at_least_one: bool = True
    """False in records from before each class was in both parts."""

    @classmethod
    def of(cls, validation_share: float | None) -> Split:
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
        """The split that `asdict` wrote; see `RunRecord.from_json` for errors."""
        return cls(
            float(take(said, "validation", number(0, 1))), take(said, "random_state", integer(0, 2**32 - 1)),
            take(said, "at_least_one", FLAG, False),
        )  # fmt: skip


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
    """Number of validation images that have a copy among the training images; 0 in records from before it was kept."""

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

    @property
    def is_of_arrays(self) -> bool:
        """Whether the run was trained on arrays, which it does not keep."""
        return self.argument is None

    @property
    def copies_note(self) -> str:
        """What to say about validation images that have a copy among the training images; "" if there are none."""
        if not self.copies:
            return ""
        have = "has" if self.copies == 1 else "have"
        return (
            f"{self.copies:,} of the {self.validation:,} validation images {have} a copy among the training images, so "
            "the accuracy is too high: remove the copies"
        )

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
            "split": None if self.split is None else asdict(self.split),
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
    error: str | None = None
    """Why the training failed."""
    other: Mapping[str, Any] = field(default_factory=dict)
    """What else run.json holds, such as a user's notes: it is kept."""

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
        take(settings, "n_kernels", N_KERNELS[form])
        required = [name for name, one in FIELDS.items() if one.default is MISSING]
        known = {
            "format", "status", "started", "data", "recipe", "settings", "versions", "machine", "resumed", "engine",
            "seconds", "results", "error",
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
        said = json.loads(read_file(path))
    except FileNotFoundError as error:
        raise RunError(f"{folder} is not a run folder: it holds no {RUN}") from error
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged: {error}") from error
    if not isinstance(said, dict):
        raise RunError(f"{path} must hold a JSON object, got {type(said).__name__}")
    try:
        return RunRecord.from_json(said)
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
