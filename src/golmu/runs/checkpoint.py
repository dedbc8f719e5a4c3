"""The checkpoint of a run: all that a training needs to go on, bit for bit, from where it stood.

It is a sealed safetensors file (`golmu.model.sealed_file`) with the weights under their names, what the optimizer and the
averaging keep for each under `first.NAME`, `second.NAME` and `average.NAME`, the best epoch's under `best.NAME` where
the recipe has patience, and `batch_losses`, those of the running epoch so far. It is described by

    format          1
    recipe, architecture, labels, class_names, preprocessing
    fingerprint     of the data (`fingerprint`)
    engine          name of the engine, and `threads` that it may use
    slots           which of `first`, `second` and `average` there are
    generator       state of the generator that orders the samples, from before the running epoch's order was drawn
    history         losses, val_losses, val_accuracies, seconds: a number an epoch
    epoch, batch    the position: epochs finished, and batches of the running one
    seconds         spent in the running epoch
    best            with patience: epoch and loss of the best one
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture
from golmu.engines.contract import AVERAGE, FIRST, SECOND, Importance, Labels
from golmu.errors import CheckpointError, RunError
from golmu.model import sealed_file as tensorfile
from golmu.model.model import check_format, describe_classes, describe_preprocessing, read_classes, read_preprocessing
from golmu.preprocessing import Images, Preprocessing
from golmu.recipe import Recipe
from golmu.training.loop import Best, History, State

FORMAT = 1
BEST = "best."


@dataclass(frozen=True)
class Setup:
    """What a training is, apart from how far it has come: what must be the same when it goes on."""

    recipe: Recipe
    architecture: Architecture
    classes: NDArray[Any]
    class_names: tuple[str, ...]
    fingerprint: dict[str, Any]
    engine: str
    threads: int
    preprocessing: Preprocessing | None = None
    """None in checkpoints from before it was kept: it is that of the training images."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds."""

    setup: Setup
    state: State


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes `checkpoint` to `path` atomically: until it is whole, the previous one stays.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    setup, state = checkpoint.setup, checkpoint.state
    tensors = {**state.weights, "batch_losses": state.batch_losses}
    for slot, weights in state.slots.items():
        tensors |= {f"{slot}.{name}": weight for name, weight in weights.items()}
    if state.best is not None:
        tensors |= {BEST + name: weight for name, weight in state.best.weights.items()}
    description = {
        "format": FORMAT,
        "recipe": asdict(setup.recipe),
        "architecture": asdict(setup.architecture),
        **describe_classes(setup.classes, setup.class_names),
        **({} if setup.preprocessing is None else {"preprocessing": describe_preprocessing(setup.preprocessing)}),
        "fingerprint": setup.fingerprint,
        "engine": setup.engine,
        "threads": setup.threads,
        "slots": list(state.slots),
        "generator": state.generator,
        "history": asdict(state.history),
        "epoch": len(state.history.losses),
        "batch": len(state.batch_losses),
        "seconds": state.seconds,
        "best": None if state.best is None else {"epoch": state.best.epoch, "loss": state.best.loss},
    }
    tensorfile.write(path, tensors, description, what="checkpoint")


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads the checkpoint at `path`.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or not a checkpoint of Golmu.
    """

    def expected(description: Any) -> tensorfile.Shapes:
        check_format(description, FORMAT)
        setup = _setup(description)
        _generator(description["generator"])
        history = History(**description["history"])
        if len(history.losses) != description["epoch"]:
            raise CheckpointError(
                f"has a history of {len(history.losses)} epochs, but stands at epoch {description['epoch']}"
            )
        float(description["seconds"])
        shapes = {**setup.architecture.shapes, "batch_losses": (int(description["batch"]),)}
        for slot in _slots(description):
            shapes |= {f"{slot}.{name}": shape for name, shape in setup.architecture.shapes.items()}
        if description["best"] is not None:
            int(description["best"]["epoch"]), float(description["best"]["loss"])
            shapes |= {BEST + name: shape for name, shape in setup.architecture.shapes.items()}
        return shapes

    tensors, description = tensorfile.read(path, expected, what="checkpoint")
    setup, best = _setup(description), description["best"]
    state = State(
        weights={name: tensors[name] for name in setup.architecture.shapes},
        slots={
            slot: {name: tensors[f"{slot}.{name}"] for name in setup.architecture.shapes}
            for slot in _slots(description)
        },
        history=History(**description["history"]),
        generator=description["generator"],
        batch_losses=tensors["batch_losses"],
        seconds=description["seconds"],
        best=best and Best(
            best["epoch"], best["loss"], {name: tensors[BEST + name] for name in setup.architecture.shapes}
        ),
    )  # fmt: skip
    return Checkpoint(setup, state)


def fingerprint(
    images: Images, labels: Labels, validation: tuple[Images, Labels] | None, importance: Importance | None = None
) -> dict[str, Any]:
    """What tells one set of training and validation images from another: shape, type and SHA-256 of each."""
    parts = {"training": (images, labels)} | ({} if validation is None else {"validation": validation})
    printed: dict[str, Any] = {
        part: {
            "shape": list(x.shape),
            "dtype": str(x.dtype),
            "sha256": hashlib.sha256(hashlib.sha256(x.data).digest() + hashlib.sha256(y.data).digest()).hexdigest(),
        }
        for part, (x, y) in parts.items()
    }
    if importance is not None:
        printed["importance"] = hashlib.sha256(importance.data).hexdigest()
    return printed


def check_resumable(folder: Path, kept: Setup, wanted: Setup, allow_inexact: bool) -> None:
    """Compares what a run was with what it is to go on with; `epochs` may differ, unless a schedule fixes them.

    Raises
    ------
    RunError
        If the run cannot go on with it, naming the difference.
    """
    differences = [
        *_different_data(kept.fingerprint, wanted.fingerprint),
        *kept.architecture.differences(wanted.architecture),
        *kept.recipe.differences(wanted.recipe),
    ]
    if kept.class_names != wanted.class_names:
        differences.append(f"the classes are called {', '.join(kept.class_names)}, not {', '.join(wanted.class_names)}")
    elif kept.classes.tolist() != wanted.classes.tolist():
        differences.append(f"the classes are {kept.classes.tolist()}, not {wanted.classes.tolist()}")
    refuse_differences(folder, differences)
    inexact = []
    if kept.engine != wanted.engine:
        inexact.append(f"engine {wanted.engine}, not {kept.engine}")
    elif kept.engine != "fused" and kept.threads != wanted.threads:
        inexact.append(f"{wanted.threads} threads, not {kept.threads}")
    if inexact and not allow_inexact:
        raise RunError(
            f"{folder} would go on with {' and '.join(inexact)}, and not give the bits of an uninterrupted run: "
            "allow it with --allow-inexact (allow_inexact=True), or use what the run began with"
        )


def refuse_differences(folder: Path, differences: list[str]) -> None:
    """Raises `RunError` that names the differences, if there are any."""
    if differences:
        raise RunError(
            f"{folder} cannot go on with this: {'; '.join(dict.fromkeys(differences))}. "
            "Start a new run, or give what the run began with"
        )


def _different_data(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    for part in ("training", "validation"):
        before, now = kept.get(part), wanted.get(part)
        if before == now:
            continue
        if before is None or now is None:
            return [f"the run {'had' if now is None else 'had no'} validation images"]
        if before["shape"] != now["shape"]:
            return [f"the {part} images have shape {tuple(before['shape'])}, not {tuple(now['shape'])}"]
        if before["dtype"] != now["dtype"]:
            return [f"the {part} images are {before['dtype']}, not {now['dtype']}"]
        return [f"the {part} data are others: images, labels or their order differ"]
    if kept.get("importance") != wanted.get("importance"):
        return ["the images count otherwise: sample_weight or class_weight differs"]
    return []


def _setup(description: Any) -> Setup:
    architecture = Architecture(**description["architecture"])
    engine, threads, printed = description["engine"], description["threads"], description["fingerprint"]
    if not (isinstance(engine, str) and isinstance(threads, int) and isinstance(printed, dict)):
        raise CheckpointError("has no engine, threads or fingerprint that can be read")
    described = description.get("preprocessing")
    return Setup(
        Recipe(**description["recipe"]), architecture, *read_classes(description, architecture), printed, engine,
        threads, None if described is None else read_preprocessing(described, architecture),
    )  # fmt: skip


def _slots(description: Any) -> list[str]:
    slots = description["slots"]
    if not isinstance(slots, list) or not set(slots) <= {FIRST, SECOND, AVERAGE}:
        raise CheckpointError(f"has slots {slots!r}, where some of {FIRST}, {SECOND} and {AVERAGE} are expected")
    return slots


def _generator(state: Any) -> None:
    """Raises `ValueError`, `TypeError` or `KeyError` unless `state` is one of the generator that we use."""
    np.random.PCG64().state = state
