"""The content of run.json as typed records.

Everything that reads run.json does so here, once, with the records of the data (`golmu.runs.data_record`) and of the
results (`golmu.runs.results`). What it says is checked; an older file may lack what was added later.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, field, replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from golmu.errors import RunError
from golmu.json_values import COUNT, FLAG, OBJECT, TEXT, Json, Kind, integer, number, take
from golmu.model.file_format import FORMATS, N_KERNELS, format_of
from golmu.recipe import FIELDS, Recipe
from golmu.runs.data_record import DataRecord
from golmu.runs.folder import RUN
from golmu.runs.results import FoldResults, Results
from golmu.system import MAX_THREADS, read_file, write_file

PACKAGES = ("golmu", "numpy", "numba", "tensorflow", "keras", "scikit-learn")
"""Packages whose versions a run records, where they are installed."""

T = TypeVar("T")

STATUS = Kind("running, finished, interrupted or failed", ("running", "finished", "interrupted", "failed").__contains__)
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


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
