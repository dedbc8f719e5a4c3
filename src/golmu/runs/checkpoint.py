"""The checkpoint of a run: all that a training needs to continue, bit for bit, from where it stood.

It is a sealed safetensors file (`golmu.model.sealed_file`) with the weights under their names; what the optimizer and
the averaging keep for each under `first.NAME`, `second.NAME` and `average.NAME`; the best epoch's weights under
`best.NAME` where the recipe has patience; and `batch_losses`, those of the running epoch so far. It is described by

    format          1, or 2 for a network of several blocks, as in the model file
    recipe, architecture, labels, class_names, preprocessing
    fingerprint     of the data (`fingerprint`)
    engine          name of the engine, and `threads` that it may use
    slots           which of `first`, `second` and `average` there are
    generator       state of the generator that orders the samples, from before the running epoch's order was drawn
    history         losses, val_losses, val_accuracies, seconds: one number per epoch
    epoch, batch    the position: epochs finished, and batches of the running one
    seconds         spent in the running epoch
    best            with patience: epoch and loss of the best one
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture
from golmu.engines.contract import AVERAGE, FIRST, SECOND
from golmu.errors import CheckpointError, RunError
from golmu.json_values import COUNT, OBJECT, TEXT, Kind, integer, number, take
from golmu.model import sealed_file
from golmu.model.file_format import N_KERNELS, format_of, read_architecture, read_format
from golmu.model.model import (
    Model,
    describe_classes,
    describe_preprocessing,
    read_classes,
    read_preprocessing,
)
from golmu.preprocessing import Preprocessing
from golmu.recipe import Recipe
from golmu.training.history import History
from golmu.training.loop import Best, State
from golmu.types import Images, Importance, Labels

PARTS = ("training", "validation")
"""The parts of the data that a fingerprint holds."""

GIVE_THE_SAME = "Start a new run, or give what the run began with"
PUT_IMAGES_BACK = "Put the images back as they were, or start a new run"
"""What to do about a run that cannot continue: with other settings, or with other images."""

BEST_PREFIX = "best."


def _is_fingerprint(value: Any) -> bool:
    """Whether a value may be what `fingerprint` returned."""
    if not isinstance(value, dict) or "training" not in value:
        return False
    parts = [value[name] for name in PARTS if name in value]
    return all(
        isinstance(part, dict) and COUNT.list.includes(part.get("shape"))
        and TEXT.list.includes([part.get("dtype"), part.get("sha256")])
        for part in parts
    )  # fmt: skip


FINGERPRINT = Kind("a fingerprint of the training images", _is_fingerprint)


@dataclass(frozen=True)
class RunIdentity:
    """What a training is, apart from how far it has come: what must be the same when it continues."""

    recipe: Recipe
    architecture: Architecture
    classes: NDArray[Any]
    class_names: tuple[str, ...]
    fingerprint: dict[str, Any]
    engine: str
    threads: int
    preprocessing: Preprocessing | None = None
    """None in checkpoints from before it was kept: it is that of the training images."""

    def __post_init__(self) -> None:
        # A file says what took effect, which readers of any version understand.
        object.__setattr__(self, "recipe", self.recipe.settled())


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file holds."""

    identity: RunIdentity
    state: State

    @property
    def is_trained(self) -> bool:
        """Whether the training had made a step."""
        return bool(self.state.history.losses) or len(self.state.batch_losses) > 0

    @property
    def model(self) -> Model:
        """The network as it stands, with averaged weights where the recipe averages.

        Raises
        ------
        CheckpointError
            If an older checkpoint does not say how it standardizes pixels.
        """
        identity, state = self.identity, self.state
        preprocessing = identity.preprocessing
        if preprocessing is None:
            if identity.recipe.standardize:
                raise CheckpointError("this checkpoint of an earlier version cannot be used before its training ends")
            preprocessing = Preprocessing(test_flip=identity.recipe.uses_test_flip)
        weights = state.slots.get(AVERAGE, state.weights)
        epoch = len(state.history.losses)
        return Model(identity.architecture, weights, identity.classes, identity.class_names, preprocessing, epoch)


@dataclass(frozen=True)
class _Description:
    """What the description of a checkpoint says, beside the tensors."""

    identity: RunIdentity
    generator: dict[str, Any]
    history: History
    batch: int
    seconds: float
    slots: tuple[str, ...]
    best: tuple[int, float] | None
    """Epoch and loss of the best epoch."""

    @property
    def shapes(self) -> sealed_file.Shapes:
        """Names and shapes of the tensors."""
        weights = self.identity.architecture.shapes
        shapes: dict[str, tuple[int, ...]] = {**weights, "batch_losses": (self.batch,)}
        for slot in self.slots:
            shapes |= {f"{slot}.{name}": shape for name, shape in weights.items()}
        if self.best is not None:
            shapes |= {BEST_PREFIX + name: shape for name, shape in weights.items()}
        return shapes


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to `path` atomically: until it is whole, the previous one stays.

    Raises
    ------
    SaveError
        If it cannot be written.
    """
    identity, state = checkpoint.identity, checkpoint.state
    tensors = {**state.weights, "batch_losses": state.batch_losses}
    for slot, weights in state.slots.items():
        tensors |= {f"{slot}.{name}": weight for name, weight in weights.items()}
    if state.best is not None:
        tensors |= {BEST_PREFIX + name: weight for name, weight in state.best.weights.items()}
    preprocessing = identity.preprocessing
    description = {
        "format": format_of(identity.architecture.n_kernels),
        "recipe": asdict(identity.recipe),
        "architecture": asdict(identity.architecture),
        **describe_classes(identity.classes, identity.class_names),
        **({} if preprocessing is None else {"preprocessing": describe_preprocessing(preprocessing)}),
        "fingerprint": identity.fingerprint,
        "engine": identity.engine,
        "threads": identity.threads,
        "slots": list(state.slots),
        "generator": state.generator,
        "history": asdict(state.history),
        "epoch": len(state.history.losses),
        "batch": len(state.batch_losses),
        "seconds": state.seconds,
        "best": None if state.best is None else {"epoch": state.best.epoch, "loss": state.best.loss},
    }
    sealed_file.write(path, tensors, description, what="checkpoint")


def load_checkpoint(path: Path) -> Checkpoint:
    """Read the checkpoint at `path`.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or not a checkpoint of Golmu.
    """
    tensors, said = sealed_file.read(path, _parse, lambda said: said.shapes, what="checkpoint")
    names = said.identity.architecture.shapes
    best = None
    if said.best is not None:
        best = Best(*said.best, {name: tensors[BEST_PREFIX + name] for name in names})
    state = State(
        weights={name: tensors[name] for name in names},
        slots={slot: {name: tensors[f"{slot}.{name}"] for name in names} for slot in said.slots},
        history=said.history,
        generator=said.generator,
        batch_losses=tensors["batch_losses"],
        seconds=said.seconds,
        best=best,
    )
    return Checkpoint(said.identity, state)


def fingerprint(
    images: Images, labels: Labels, validation: tuple[Images, Labels] | None, importance: Importance | None = None
) -> dict[str, Any]:
    """Return what tells one set of training and validation images from another: shape, type and SHA-256 of each."""
    parts = {"training": (images, labels)} | ({} if validation is None else {"validation": validation})
    printed: dict[str, Any] = {part: fingerprint_part(*arrays) for part, arrays in parts.items()}
    if importance is not None:
        printed["importance"] = hashlib.sha256(importance.data).hexdigest()
    return printed


def fingerprint_part(images: Images, labels: Labels) -> dict[str, Any]:
    """Return shape, type and SHA-256 of images and their labels, which are contiguous."""
    digest = hashlib.sha256(hashlib.sha256(images.data).digest() + hashlib.sha256(labels.data).digest()).hexdigest()
    return {"shape": list(images.shape), "dtype": str(images.dtype), "sha256": digest}


def check_resumable(folder: Path, kept: RunIdentity, wanted: RunIdentity, allow_inexact: bool) -> None:
    """Compare what a run was with what it is to continue with; `epochs` may differ, unless a schedule fixes them.

    Raises
    ------
    RunError
        If the run cannot continue with it, naming the difference.
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
    are_other = any(kept.fingerprint.get(part) != wanted.fingerprint.get(part) for part in PARTS)
    refuse_differences(folder, differences, PUT_IMAGES_BACK if are_other else GIVE_THE_SAME)
    inexact = []
    if kept.engine != wanted.engine:
        inexact.append(f"engine {wanted.engine}, not {kept.engine}")
    elif kept.engine != "fused" and kept.threads != wanted.threads:
        inexact.append(f"{wanted.threads} threads, not {kept.threads}")
    if inexact and not allow_inexact:
        raise RunError(
            f"{folder} would continue with {' and '.join(inexact)}, and not give the bits of an uninterrupted run: "
            "allow it with --allow-inexact (allow_inexact=True), or use what the run began with"
        )


def refuse_differences(folder: Path | str, differences: list[str], remedy: str = GIVE_THE_SAME) -> None:
    """Raise `RunError` that names the differences, if there are any, and says what to do."""
    if differences:
        raise RunError(f"{folder} cannot continue with this: {'; '.join(dict.fromkeys(differences))}. {remedy}")


def _different_data(kept: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    for part in PARTS:
        before, now = kept.get(part), wanted.get(part)
        if before == now:
            continue
        if before is None or now is None:
            return [f"the run {'had' if now is None else 'had no'} validation images"]
        if before["shape"][1:] != now["shape"][1:]:
            return [f"the {part} images have shape {tuple(before['shape'])}, not {tuple(now['shape'])}"]
        if before["dtype"] != now["dtype"]:
            return [f"the {part} images are {before['dtype']}, not {now['dtype']}"]
        return [f"the {part} images or their labels differ ({_counts(kept, wanted, part)})"]
    if kept.get("importance") != wanted.get("importance"):
        return ["the weights of the images differ: sample_weight or class_weight is another"]
    return []


def _counts(kept: Mapping[str, Any], wanted: Mapping[str, Any], part: str) -> str:
    """Say how many images there were and are: in all where that differs, else in the part."""
    (before, total), (now, total_now) = (
        (printed[part]["shape"][0], sum(printed[name]["shape"][0] for name in PARTS if name in printed))
        for printed in (kept, wanted)
    )
    if total != total_now:
        return f"{total:,} before, {total_now:,} now, validation images included"
    if before != now:
        return f"{before:,} before, {now:,} now"
    return f"the same number, {total:,}; renaming counts too, since the order follows the names"


def _parse(description: Any) -> _Description:
    read_format(description)
    history, epoch = take(description, "history", OBJECT), take(description, "epoch", COUNT)
    identity = _parse_identity(description)
    generator, best = description["generator"], description["best"]
    np.random.PCG64().state = generator  # raises unless it is a state of the generator that we use
    if best is not None:
        OBJECT.check(best, "best")
        best = take(best, "epoch", integer(1, epoch)), float(take(best, "loss", number()))
    return _Description(
        identity=identity,
        generator=generator,
        history=_parse_history(history, epoch, "validation" in identity.fingerprint),
        batch=take(description, "batch", COUNT),
        seconds=float(take(description, "seconds", number(0))),
        slots=_parse_slots(description["slots"]),
        best=best,
    )


def _parse_history(said: dict[str, Any], epoch: int, validates: bool) -> History:
    history = History(**{one.name: take(said, one.name, number().list) for one in fields(History)})
    for name, values in vars(history).items():
        n = epoch if validates or not name.startswith("val_") else 0
        if len(values) != n:
            raise CheckpointError(f"has {name} of {len(values)} epochs, but stands at epoch {epoch}")
    return history


def _parse_identity(description: Any) -> RunIdentity:
    architecture, settings = read_architecture(description), take(description, "recipe", OBJECT)
    take(settings, "n_kernels", N_KERNELS[read_format(description)])
    recipe = Recipe(**settings)
    if (recipe.n_kernels, recipe.units) != (architecture.n_kernels, architecture.units):
        raise CheckpointError(
            f"is of a network with n_kernels={architecture.n_kernels} and units={architecture.units}, but its recipe "
            f"has {recipe.n_kernels} and {recipe.units}"
        )
    described = description.get("preprocessing")
    return RunIdentity(
        recipe, architecture, *read_classes(description, architecture),
        take(description, "fingerprint", FINGERPRINT), take(description, "engine", TEXT),
        take(description, "threads", integer(1)),
        None if described is None else read_preprocessing(described, architecture),
    )  # fmt: skip


def _parse_slots(slots: Any) -> tuple[str, ...]:
    if not (TEXT.list.includes(slots) and set(slots) <= {FIRST, SECOND, AVERAGE}):
        raise CheckpointError(f"has slots {slots!r}, where some of {FIRST}, {SECOND} and {AVERAGE} are expected")
    return tuple(slots)
