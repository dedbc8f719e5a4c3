"""A trained network applied to image files: what `golmu predict` does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from golmu import runs
from golmu.data.images import find_images, read_image
from golmu.engines import create_engine
from golmu.engines.contract import Engine
from golmu.errors import RunError
from golmu.metrics import softmax
from golmu.model import Model, load_model


@dataclass(frozen=True)
class Predictor:
    """A model and the engine that computes it."""

    model: Model
    engine: Engine


def load_predictor(run: Path) -> Predictor:
    """The trained network of a run.

    Raises
    ------
    RunError, CheckpointError
        If there is no such run, it holds no model yet, or its model is damaged.
    """
    status = runs.read_run(run).get("status")
    path = run / runs.MODEL
    if not path.exists():
        if status == "failed":
            raise RunError(f"the run {run} holds no model, since its training failed: train anew with other settings")
        raise RunError(
            f"the run {run} holds no model: its training is {status}; let it end, or go on by "
            f"golmu train --resume {run}"
        )
    model = load_model(path)
    engine = create_engine("auto", model.architecture, preprocessing=model.preprocessing)
    engine.set_weights(model.weights)
    return Predictor(model, engine)


def predict_files(run: Path, paths: Sequence[Path]) -> list[dict[str, Any]]:
    """For each image file among `paths`, and in the folders among them: label, probability, and all probabilities.

    Raises
    ------
    GolmuError
        If the run or an image cannot be read.
    """
    predictor = load_predictor(run)
    files = find_images(paths)
    shape, class_names = predictor.model.architecture.image_shape, predictor.model.class_names
    probabilities = softmax(predictor.engine.logits(np.stack([read_image(file, shape) for file in files])))
    return [
        {
            "image": str(file),
            "label": class_names[row.argmax()],
            "probability": float(row.max()),
            "probabilities": {name: float(p) for name, p in zip(class_names, row, strict=True)},
        }
        for file, row in zip(files, probabilities, strict=True)
    ]
