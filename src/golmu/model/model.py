"""The model file: canonical weights, with all that is needed to use them.

It is a sealed safetensors file (`golmu.model.sealed_file`), described by

    format          1
    architecture    height, width, channels, n_kernels, units, n_classes
    labels          what `predict` answers, in the order of the output; integers or strings
    class_names     what people call the classes, in the same order
    preprocessing   scale, 1/255: what a uint8 pixel is multiplied by, always; mean and std of each channel after that,
                    or none; test_flip: whether logits are the mean of those of an image and of its mirror image;
                    ground: dark or light, what surrounds what the training images show, or none
    epoch           the epoch after which the weights were taken, counted from 1; 0 for initial ones
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture, Weights
from golmu.errors import CheckpointError
from golmu.model import sealed_file as tensorfile
from golmu.preprocessing import DARK, LIGHT, Preprocessing

FORMAT = 1


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


def save_model(path: Path, model: Model) -> None:
    """Writes `model` to `path` atomically.

    Raises
    ------
    SaveError
        If the file cannot be written.
    """
    description = {
        "format": FORMAT,
        "architecture": asdict(model.architecture),
        **describe_classes(model.classes, model.class_names),
        "preprocessing": describe_preprocessing(model.preprocessing),
        "epoch": model.epoch,
    }
    tensorfile.write(path, model.weights, description, what="model")


def load_model(path: Path) -> Model:
    """Reads the model at `path`.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or not a model of Golmu.
    """

    def expected(description: Any) -> tensorfile.Shapes:
        check_format(description, FORMAT)
        if "generator" in description:
            raise CheckpointError("is the checkpoint of a run, not a model: beside it is the run's model.safetensors")
        architecture = Architecture(**description["architecture"])
        read_classes(description, architecture)
        read_preprocessing(description["preprocessing"], architecture)
        if not isinstance(description["epoch"], int):
            raise CheckpointError("has an epoch that is not an integer")
        return architecture.shapes

    weights, description = tensorfile.read(path, expected, what="model")
    architecture = Architecture(**description["architecture"])
    preprocessing = read_preprocessing(description["preprocessing"], architecture)
    return Model(architecture, weights, *read_classes(description, architecture), preprocessing, description["epoch"])


def describe_preprocessing(preprocessing: Preprocessing) -> dict[str, Any]:
    """It as JSON."""
    return {"scale": 1 / 255, **asdict(preprocessing)}


def read_preprocessing(described: Any, architecture: Architecture) -> Preprocessing:
    """It from its description.

    Raises
    ------
    CheckpointError
        If it is not one for images of this architecture.
    """
    mean, std = (tuple(float(value) for value in described.get(name, ())) for name in ("mean", "std"))
    if not (len(mean) == len(std) and len(mean) in (0, architecture.channels)):
        raise CheckpointError(f"has means and deviations of {len(mean)} and {len(std)} channels")
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and all(value > 0 for value in std)):
        raise CheckpointError("has means or deviations that cannot be used")
    ground = described.get("ground", "")
    if ground not in (DARK, LIGHT, ""):
        raise CheckpointError(f"has the ground {ground!r}, where {DARK} or {LIGHT} was expected")
    return Preprocessing(mean, std, described.get("test_flip", False) is True, ground)


def check_format(description: Any, known: int) -> None:
    """Raises `CheckpointError` unless the description is of format `known`."""
    if description["format"] != known:
        raise CheckpointError(f"has format {description['format']!r}, but this version of golmu reads format {known}")


def describe_classes(classes: NDArray[Any], class_names: tuple[str, ...]) -> dict[str, Any]:
    """Labels and names as JSON."""
    return {"labels": classes.tolist(), "class_names": list(class_names)}


def read_classes(description: Mapping[str, Any], architecture: Architecture) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Labels and names, one of each for an output of the network, from their description.

    Raises
    ------
    CheckpointError
        If they are not.
    """
    classes = np.array(description["labels"])
    if classes.dtype.kind not in "biufU":
        raise CheckpointError("has labels that are neither numbers nor strings")
    names = tuple(str(name) for name in description["class_names"])
    if not (classes.ndim == 1 and len(classes) == len(names) == architecture.n_classes):
        raise CheckpointError(f"names {len(names)} classes for {architecture.n_classes} outputs")
    return classes, names
