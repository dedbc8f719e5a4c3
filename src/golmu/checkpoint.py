"""The model file: canonical weights as safetensors, with all that is needed to use them as JSON metadata.

The format holds arrays and text, so that loading runs nothing. The metadata has one key, `golmu`, a JSON object:

    format          1
    architecture    height, width, channels, n_kernels, units, n_classes
    labels          what `predict` answers, in the order of the output; integers or strings
    class_names     what people call the classes, in the same order
    preprocessing   {"scale": 1/255}: what a uint8 pixel is multiplied by
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from golmu.architecture import Architecture, Weights
from golmu.errors import CheckpointError, GolmuError
from golmu.files import write_atomically

FORMAT = 1


@dataclass(frozen=True)
class Model:
    """What a model file holds."""

    architecture: Architecture
    weights: Weights
    classes: NDArray[Any]
    """The labels that `predict` answers, in the order of the output."""
    class_names: tuple[str, ...]


def save_model(path: Path, model: Model) -> None:
    """Writes `model` to `path` atomically.

    Raises
    ------
    CheckpointError
        If the file cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "architecture": asdict(model.architecture),
        "labels": model.classes.tolist(),
        "class_names": list(model.class_names),
        "preprocessing": {"scale": 1 / 255},
    }
    content = safetensors.numpy.save(model.weights, {"golmu": json.dumps(metadata, ensure_ascii=False)})
    try:
        write_atomically(path, content)
    except OSError as error:
        raise CheckpointError(f"the model cannot be written to {path}: {error.strerror or error}") from error


def load_model(path: Path) -> Model:
    """Reads the model at `path`.

    Raises
    ------
    CheckpointError
        If the file is missing, damaged, or not a model of Golmu.
    """
    try:
        if not path.is_file():
            raise CheckpointError(f"there is no model file {path}")
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except (safetensors.SafetensorError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} is not a whole safetensors file: {error}") from error
    if not (isinstance(metadata, dict) and "golmu" in metadata):
        raise CheckpointError(f"{path} is not a model of golmu: its metadata does not describe one")
    try:
        described = json.loads(metadata["golmu"])
        if described["format"] != FORMAT:
            raise CheckpointError(
                f"{path} has format {described['format']!r}, but this version of golmu reads format {FORMAT}"
            )
        architecture = Architecture(**described["architecture"])
        classes = np.array(described["labels"])
        if classes.dtype.kind not in "biufU":
            raise CheckpointError(f"{path} has labels that are neither numbers nor strings")
        names = tuple(str(name) for name in described["class_names"])
        if not (classes.ndim == 1 and len(classes) == len(names) == architecture.n_classes):
            raise CheckpointError(f"{path} names {len(names)} classes for {architecture.n_classes} outputs")
        return Model(architecture, architecture.checked(tensors), classes, names)
    except CheckpointError:
        raise
    except KeyError as error:
        raise CheckpointError(f"{path} is not a model of golmu: its metadata lacks {error}") from error
    except (GolmuError, ValueError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a model of golmu: {error}") from error
