"""What `fit(run=...)` and `fit(resume=...)` do: a training from arrays, kept in a run folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import Evidence, Part
from golmu.architecture import Architecture
from golmu.engines.contract import Engine, Importance, Labels, Prepared
from golmu.errors import InputTypeError
from golmu.preprocessing import Images, Preprocessing
from golmu.runs import folder as runs
from golmu.runs.checkpoint import Setup, fingerprint, load_checkpoint, refuse_differences
from golmu.runs.recorder import Keeper, Record, new_record, opened, run_kept
from golmu.training.loop import Callback, Training


@dataclass(frozen=True)
class Samples:
    """Images and labels, checked, and what the labels stand for."""

    images: Images
    labels: Labels
    validation: tuple[Images, Labels] | None
    classes: NDArray[Any]
    importance: Importance | None = None

    def prepared(self, engine: Engine) -> tuple[Prepared, Prepared | None]:
        """Where `engine` wants them."""
        training = engine.prepare(self.images, self.labels, self.importance)
        return training, self.validation and engine.prepare(*self.validation)


def fit_in_folder(
    samples: Samples, training: Training, architecture: Architecture, callbacks: Sequence[Callback], *,
    run: Path | None, resume: Path | None, allow_inexact: bool, random_state: Any, beside: Record,
) -> None:  # fmt: skip
    """Trains in a new folder `run`, or goes on in the folder `resume`.

    `beside` is what run.json says of the settings beside the recipe's: see `describe`.
    """
    engine, recipe = training.engine, training.recipe
    setup = Setup(
        recipe, architecture, samples.classes, tuple(str(label) for label in samples.classes),
        fingerprint(samples.images, samples.labels, samples.validation, samples.importance),
        engine.name, engine.n_threads, engine.preprocessing,
    )  # fmt: skip
    data, validation = samples.prepared(engine)
    if resume is not None:
        with opened(resume) as record:
            _check_seed(resume, record, random_state)
            keeper = Keeper(resume, training, setup, record)
            keeper.resume(allow_inexact=allow_inexact)
            run_kept(keeper, training, data, validation, recipe.epochs, callbacks)
            _draw_report(resume, samples)
        return
    assert run is not None
    folder = runs.create_run(run, "")
    with runs.locked(folder):
        seed = random_state if isinstance(random_state, int) else None
        record = new_record(
            {"name": None, "train": len(data), "validation": 0 if validation is None else len(validation)},
            None,
            {**asdict(recipe), "engine": engine.name, "threads": engine.n_threads, "seed": seed, **beside},
        )
        keeper = Keeper(folder, training, setup, record)
        keeper.begin()
        run_kept(keeper, training, data, validation, recipe.epochs, callbacks)
        _draw_report(folder, samples)


def describe(image_shape: Any, class_weight: Any, *, is_weighted: bool, is_continued: bool) -> Record:
    """What of the way that an estimator was fitted must be known to repeat it, as JSON; what is as usual is left out.

    `class_weight` is then "balanced", or a list of labels, each with its number.
    """
    if isinstance(class_weight, Mapping):
        class_weight = [[np.asarray(label).item(), float(weight)] for label, weight in class_weight.items()]
    said = {
        "image_shape": None if image_shape is None else [int(size) for size in image_shape],
        "class_weight": class_weight,
        "sample_weight": is_weighted or None,
        "warm_start": is_continued or None,
    }
    return {name: value for name, value in said.items() if value is not None}


def begun_preprocessing(folder: Path | None) -> Preprocessing | None:
    """What a run that is to go on makes of its images, which need not come from them: see `warm_start`.

    None where there is no run, or its checkpoint does not say.

    Raises
    ------
    CheckpointError
        If the checkpoint is damaged.
    """
    path = folder and folder / runs.CHECKPOINT
    return load_checkpoint(path).setup.preprocessing if path and path.exists() else None


def _draw_report(folder: Path, samples: Samples) -> None:
    """Now, since a run keeps no arrays."""
    from golmu.report.run_report import draw_report  # noqa: PLC0415  Jinja2

    validation = None if samples.validation is None else Part("validation", *samples.validation)
    draw_report(folder, Evidence(validation=validation))


def _check_seed(folder: Path, record: Record, random_state: Any) -> None:
    seed = (record.get("settings") or {}).get("seed")
    if isinstance(random_state, int) and isinstance(seed, int) and random_state != seed:
        refuse_differences(folder, [f"random_state is {seed}, not {random_state}"])


def as_folder(value: Any, argument: str) -> Path | None:
    """`value` as the path of a folder; None stays None."""
    if value is None:
        return None
    if not isinstance(value, str | Path) or not str(value):
        raise InputTypeError(f"{argument} must be a folder's path, got {value!r}")
    return Path(value)
