"""A trained network applied to image files: what `golmu predict` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from golmu import runs
from golmu.checkpoint import load_model
from golmu.data.images import find_images, read_image
from golmu.errors import RunError
from golmu.network import ConvolutionNetwork


def load_network(run: Path) -> tuple[ConvolutionNetwork, tuple[str, ...]]:
    """The network of a run, and what its classes are called.

    Raises
    ------
    RunError, CheckpointError
        If there is no such run, it holds no model yet, or its model is damaged.
    """
    status = runs.read_run(run).get("status")
    path = run / runs.MODEL
    if not path.exists():
        raise RunError(f"the run {run} holds no model: its training is {status}")
    return ConvolutionNetwork.load(path), load_model(path).class_names


def predict_files(run: Path, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """For each image file among `paths`, and in the folders among them: label, probability, and all probabilities.

    Raises
    ------
    GolmuError
        If the run or an image cannot be read.
    """
    network, class_names = load_network(run)
    files = find_images(paths)
    shape = network.architecture_.image_shape
    probabilities = network.predict_proba(np.stack([read_image(file, shape) for file in files]))
    return [
        {
            "image": str(file),
            "label": class_names[row.argmax()],
            "probability": float(row.max()),
            "probabilities": {name: float(p) for name, p in zip(class_names, row, strict=True)},
        }
        for file, row in zip(files, probabilities, strict=True)
    ]
