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
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from golmu.data import Dataset
from golmu.data.reading import ReadOptions
from golmu.errors import InputError, RunError
from golmu.recipe import FIELDS, Recipe
from golmu.runs.folder import RUN
from golmu.system import write_file
from golmu.training.history import History

FORMAT = 1

PACKAGES = ("golmu", "numpy", "numba", "tensorflow", "keras", "scikit-learn")
"""Packages whose versions a run records, where they are installed."""

Json = dict[str, Any]


@dataclass(frozen=True)
class Split:
    """How the validation images were held out: the arguments of `Dataset.split`."""

    validation: float
    random_state: int


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

    @classmethod
    def of(
        cls, argument: str, dataset: Dataset, read_options: ReadOptions, split: Split, n_train: int, n_validation: int
    ) -> DataRecord:
        """The record of a data set that was loaded by `argument`, a name or an absolute path."""
        height, width, channels = dataset.train.images.shape[1:]
        return cls(
            n_train, n_validation, dataset.name, argument, dataset.source, (height, width), channels,
            read_options.skip_bad, read_options.label, tuple(read_options.left_out), split, dataset.class_names,
        )  # fmt: skip

    @property
    def is_of_arrays(self) -> bool:
        """Whether the run was trained on arrays, which it does not keep."""
        return self.argument is None

    @property
    def read_options(self) -> ReadOptions:
        """How the image files are to be read again, so that they are the same."""
        if self.size is None:
            return ReadOptions(skip_bad=self.skip_bad, label=self.label, is_binding=False)
        return ReadOptions.like((*self.size, self.channels or 0), skip_bad=self.skip_bad, label=self.label)

    @classmethod
    def from_json(cls, said: Json) -> DataRecord:
        """The record that `to_json` wrote; see `RunRecord.from_json` for errors."""
        size, split = said.get("size"), said.get("split")
        record = cls(
            train=_number(said, "train"),
            validation=_number(said, "validation"),
            name=_text(said, "name"),
            argument=_text(said, "argument"),
            source=_text(said, "source"),
            size=None if size is None else _size(size),
            channels=None if said.get("channels") is None else _number(said, "channels"),
            skip_bad=_flag(said, "skip_bad"),
            label=_text(said, "label"),
            left_out=tuple(map(str, said.get("left_out") or ())),
            split=None if split is None else Split(float(split["validation"]), int(split["random_state"])),
            class_names=tuple(map(str, said.get("class_names") or ())),
        )
        if record.train < 1:
            raise ValueError(f"'train' must be an integer of at least 1, got {record.train}")
        _ = record.read_options  # raises if the size is none
        return record

    def to_json(self) -> Json:
        """The record as run.json holds it."""
        if self.is_of_arrays:
            return {"name": None, "train": self.train, "validation": self.validation}
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
        }


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
        shape, weight = said.get("image_shape"), said.get("class_weight")
        if weight is not None and not isinstance(weight, str):
            weight = tuple((label, float(number)) for label, number in weight)
        return cls(
            None if shape is None else tuple(int(size) for size in shape),
            weight,
            None if said.get("sample_weight") is None else bool(said["sample_weight"]),
            None if said.get("warm_start") is None else bool(said["warm_start"]),
        )

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
            _number(said, "epochs"), _number(said, "model_epoch"), _number(said, "n_parameters"),
            _figure(said, "train_loss"), _figure(said, "val_loss"), _figure(said, "val_accuracy"),
            _figure(said, "seconds_per_epoch"),
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
        KeyError, TypeError, ValueError, AttributeError, IndexError
            If something is missing, or is not what it should be.
        """
        if said.get("format", FORMAT) != FORMAT:
            raise ValueError(f"its format is {said['format']!r}, and this version of golmu reads format {FORMAT}")
        settings, results = _object(said, "settings"), said.get("results")
        required = [name for name, one in FIELDS.items() if one.default is MISSING]
        known = {
            "format", "status", "started", "data", "recipe", "settings", "versions", "machine", "resumed", "engine",
            "seconds", "results", "error",
        }  # fmt: skip
        return cls(
            status=str(said["status"]),
            data=DataRecord.from_json(_object(said, "data")),
            recipe=Recipe(**{name: settings[name] for name in FIELDS if name in settings or name in required}),
            engine=str(settings["engine"]),
            threads=None if settings.get("threads") is None else _number(settings, "threads"),
            seed=None if settings.get("seed") is None else _number(settings, "seed"),
            recipe_name=_text(said, "recipe"),
            fit=FitRecord.from_json(settings),
            started=str(said.get("started", "")),
            versions={str(name): str(value) for name, value in said.get("versions", {}).items()},
            machine=dict(said.get("machine", {})),
            resumed=tuple(map(str, said.get("resumed", ()))),
            engine_used=_text(said, "engine"),
            seconds=None if said.get("seconds") is None else float(said["seconds"]),
            results=None if results is None else Results.from_json(_object(said, "results")),
            error=_text(said, "error"),
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
            "format": FORMAT,
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
        if path.exists() and not path.is_file():  # to open a pipe could wait for ever
            raise RunError(f"{path} is a device, a pipe or a folder, where a file is expected")
        said = json.loads(path.read_bytes())
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
    except (InputError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
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


def _object(said: Json, name: str) -> Json:
    value = said[name]
    if not isinstance(value, dict):
        raise ValueError(f"'{name}' must be an object, got {value!r}")
    return value


def _number(said: Json, name: str) -> int:
    value = said[name]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        raise ValueError(f"'{name}' must be an integer of at least 0, got {str(value)[:40]}")
    return value


def _flag(said: Json, name: str) -> bool:
    value = said.get(name, False)
    if not isinstance(value, bool):
        raise ValueError(f"'{name}' must be true or false, got {value!r}")
    return value


def _size(value: Any) -> tuple[int, int]:
    if not (isinstance(value, list) and len(value) == 2 and all(type(side) is int for side in value)):
        raise ValueError(f"'size' must be height and width, got {value!r}")
    return value[0], value[1]


def _figure(said: Json, name: str) -> float | None:
    value = None if said[name] is None else float(said[name])
    if name == "val_accuracy" and value is not None and not 0 <= value <= 1:
        raise ValueError(f"'val_accuracy' must be from 0 to 1, got {value}")
    return value


def _text(said: Json, name: str) -> str | None:
    value = said.get(name)
    if not isinstance(value, str | None):
        raise ValueError(f"'{name}' must be text, got {value!r}")
    return value


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
