"""The model file: canonical weights, with all that is needed to use them.

It is a sealed safetensors file (`golmu.model.sealed_file`), described by

    format          1, or 2 for a network of several blocks, whose n_kernels is a list (`golmu.model.file_format`)
    architecture    height, width, channels, n_kernels, units, n_classes
    labels          what `predict` answers, in the order of the output; integers or strings
    class_names     what people call the classes, in the same order
    preprocessing   scale, 1/255: the factor of a uint8 pixel; mean and std of each channel after that, or none;
                    test_flip: whether logits are the mean of those of an image and of its mirror image; ground: dark
                    or light, what surrounds the object in the training images, or none
    image_files     how an image file becomes the network's input: size (height, width), channels, ground, and
                    inversion (auto, yes or no); older files lack it
    epoch           the epoch after which the weights were taken, counted from 1; 0 for initial ones
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture
from golmu.errors import CheckpointError
from golmu.json_values import COUNT, FLAG, OBJECT, TEXT, number, take
from golmu.model import sealed_file
from golmu.model.file_format import format_of, read_architecture, read_format
from golmu.preprocessing import DARK, INVERSIONS, LIGHT, Preprocessing
from golmu.types import Weights


@dataclass(frozen=True)
class ImageFileOptions:
    """How an image file becomes the input of a network."""

    size: tuple[int, int]
    """Height and width in pixels that it is fitted to."""
    channels: int
    """1, grey, or 3, RGB; a network of another number reads no image files."""
    ground: str = ""
    """`DARK` or `LIGHT`, what surrounds the object in the training images; "" where it is not known."""
    inversion: str = "auto"
    """One of `INVERSIONS`: whether an image is inverted that has the other ground."""

    @classmethod
    def of(cls, architecture: Architecture, preprocessing: Preprocessing) -> ImageFileOptions:
        """The options that follow from a network."""
        return cls((architecture.height, architecture.width), architecture.channels, preprocessing.ground)


@dataclass(frozen=True)
class Model:
    """What a model file holds."""

    architecture: Architecture
    weights: Weights
    classes: NDArray[Any]
    """The labels that `predict` answers, in the order of the output."""
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    epoch: int = 0
    """The epoch after which the weights were taken, counted from 1; 0: initial weights."""
    image_files: ImageFileOptions | None = None
    """None in a file that was written before this was kept."""

    @property
    def image_file_options(self) -> ImageFileOptions:
        """How image files become the network's input: as the file says, or as follows from the network."""
        return self.image_files or ImageFileOptions.of(self.architecture, self.preprocessing)


def save_model(path: Path, model: Model) -> None:
    """Write `model` to `path` atomically.

    Raises
    ------
    SaveError
        If the file cannot be written.
    """
    options = model.image_file_options
    description = {
        "format": format_of(model.architecture.n_kernels),
        "architecture": asdict(model.architecture),
        **describe_classes(model.classes, model.class_names),
        "preprocessing": describe_preprocessing(model.preprocessing),
        "image_files": {**asdict(options), "size": list(options.size)},
        "epoch": model.epoch,
    }
    sealed_file.write(path, model.weights, description, what="model")


def load_model(path: Path) -> Model:
    """Read the model at `path`.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or not a model of Golmu.
    """
    weights, model = sealed_file.read(path, _parse, lambda model: model.architecture.shapes, what="model")
    model.weights.update(weights)
    return model


def _parse(description: Any) -> Model:
    """The model that a description speaks of, still without weights."""
    read_format(description)
    if "generator" in description:
        raise CheckpointError("is the checkpoint of a run, not a model: beside it is the run's model.safetensors")
    architecture = read_architecture(description)
    return Model(
        architecture, {}, *read_classes(description, architecture),
        read_preprocessing(description["preprocessing"], architecture), take(description, "epoch", COUNT),
        _read_image_files(description.get("image_files"), architecture),
    )  # fmt: skip


def _read_image_files(described: Any, architecture: Architecture) -> ImageFileOptions | None:
    """The options from their description; None where a file has none.

    Raises
    ------
    CheckpointError
        If they do not fit the architecture.
    """
    if described is None:
        return None
    height, width = take(OBJECT.check(described, "image_files"), "size", COUNT.list)
    options = ImageFileOptions(
        (height, width), take(described, "channels", COUNT), take(described, "ground", TEXT),
        take(described, "inversion", TEXT),
    )  # fmt: skip
    if (height, width, options.channels) != architecture.image_shape:
        raise CheckpointError(
            f"fits image files to ({height}, {width}, {options.channels}), where the network takes "
            f"{architecture.image_shape}"
        )
    if options.ground not in (DARK, LIGHT, "") or options.inversion not in INVERSIONS:
        raise CheckpointError(
            f"has the ground {options.ground!r} and the inversion {options.inversion!r} of image files, where "
            f"{DARK} or {LIGHT}, and {', '.join(INVERSIONS)} were expected"
        )
    return options


def describe_preprocessing(preprocessing: Preprocessing) -> dict[str, Any]:
    """The preprocessing as JSON."""
    return {"scale": 1 / 255, **asdict(preprocessing)}


def read_preprocessing(described: Any, architecture: Architecture) -> Preprocessing:
    """Read a preprocessing from its description.

    Raises
    ------
    CheckpointError
        If it does not fit images of this architecture.
    """
    OBJECT.check(described, "preprocessing")
    mean, std = (tuple(map(float, take(described, name, number().list, ()))) for name in ("mean", "std"))
    if not (len(mean) == len(std) and len(mean) in (0, architecture.channels)):
        raise CheckpointError(f"has means and deviations of {len(mean)} and {len(std)} channels")
    with np.errstate(all="ignore"):  # what divides by zero, or exceeds float32, is reported below
        factors = Preprocessing(mean, std).factors(np.float32, architecture.channels)
    if not all(value > 0 for value in std) or not np.isfinite(factors).all():
        raise CheckpointError("has means or deviations that cannot be used")
    ground = described.get("ground", "")
    if ground not in (DARK, LIGHT, ""):
        raise CheckpointError(f"has the ground {ground!r}, where {DARK} or {LIGHT} was expected")
    return Preprocessing(mean, std, take(described, "test_flip", FLAG, False), ground)


def describe_classes(classes: NDArray[Any], class_names: tuple[str, ...]) -> dict[str, Any]:
    """The labels and names of the classes as JSON."""
    return {"labels": classes.tolist(), "class_names": list(class_names)}


def read_classes(description: Mapping[str, Any], architecture: Architecture) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Read the labels and names of the classes, one of each for each output of the network.

    Raises
    ------
    CheckpointError
        If their numbers differ from that of the outputs, or a label is neither a number nor a string.
    """
    classes = np.array(description["labels"])
    if classes.dtype.kind not in "biufU":
        raise CheckpointError("has labels that are neither numbers nor strings")
    names = tuple(take(description, "class_names", TEXT.list))
    if not (classes.ndim == 1 and len(classes) == len(names) == architecture.n_classes):
        raise CheckpointError(f"names {len(names)} classes for {architecture.n_classes} outputs")
    return classes, names
