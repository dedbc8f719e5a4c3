"""A trained network applied to image files: what `golmu predict` does."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.checks import one_of
from golmu.cli.progress import ReadingDisplay
from golmu.data.readers.decoding import bad_files, decoded, in_parts
from golmu.data.readers.image_files import find_images
from golmu.data.readers.inversion import INVERSIONS, Inversion
from golmu.engines import create_engine
from golmu.engines.contract import Engine
from golmu.errors import DataError, GolmuWarning
from golmu.metrics import softmax
from golmu.model.model import Model, load_model
from golmu.runs import folder as runs

AT_A_TIME = 64
"""Images that are decoded by one thread, and predicted together."""


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
        raise runs.lacking(run, status, "model")
    model = load_model(path)
    engine = create_engine("auto", model.architecture, preprocessing=model.preprocessing)
    engine.set_weights(model.weights)
    return Predictor(model, engine)


def predict_files(
    run: Path, paths: Sequence[Path], *, skip_bad: bool = False, invert: str = "auto"
) -> list[dict[str, Any]]:
    """For each image file among `paths`, and in the folders among them: label, probability, and all probabilities.

    Parameters
    ----------
    run, paths
        The run folder, and files or folders of them.
    skip_bad
        Whether files that cannot be read are left out, with a warning for each.
    invert
        `"auto"`: pictures that are dark on light are inverted, with a warning, where nearly all training images are
        light on dark, and the other way round; `"yes"`: every picture is, `"no"`: none.

    Raises
    ------
    GolmuError
        If the run or an image cannot be read, or with `skip_bad` none can.
    """
    one_of(invert, INVERSIONS, "invert")
    predictor = load_predictor(run)
    files = find_images(paths)
    shape, class_names = predictor.model.architecture.image_shape, predictor.model.class_names
    if shape[2] not in (1, 3):
        raise DataError(f"image files have 1 or 3 channels, but the network of {run} takes {shape[2]}")
    predictions: list[dict[str, Any]] = []
    bad: list[DataError] = []
    inversion = Inversion(predictor.model.preprocessing.ground, invert)
    with ReadingDisplay() as progress:
        # A part is predicted while threads decode the next ones, so that few images are in memory at a time.
        pictures = decoded(in_parts(files, AT_A_TIME), shape, inversion)
        for part, images in zip(in_parts(files, AT_A_TIME), pictures, strict=True):
            good = [(file, image) for file, image in zip(part, images, strict=True) if not isinstance(image, DataError)]
            bad += [image for image in images if isinstance(image, DataError)]
            if good and (skip_bad or not bad):
                probabilities = softmax(predictor.engine.logits(np.stack([image for _, image in good])))
                predictions += [
                    _record(file, row, class_names, is_inverted=str(file) in inversion.done)
                    for (file, _), row in zip(good, probabilities, strict=True)
                ]
            progress(len(predictions) + len(bad), len(files))
    if bad and not skip_bad:
        hint = "" if len(files) == 1 else "; mend or remove them, or leave them out by --skip-bad (skip_bad=True)"
        raise DataError(bad_files(bad, len(files)) + hint)
    if len(bad) == len(files):
        raise DataError(f"{bad_files(bad, len(files))}; no image is left")
    for error in bad:
        warnings.warn(f"{error}; it is left out", GolmuWarning, stacklevel=2)
    if inversion.notice:
        warnings.warn(inversion.notice, GolmuWarning, stacklevel=2)
    return predictions


def _record(
    file: Path, probabilities: NDArray[np.float32], class_names: Sequence[str], *, is_inverted: bool
) -> dict[str, Any]:
    return {
        "image": str(file),
        "label": class_names[int(probabilities.argmax())],
        "probability": float(probabilities.max()),
        "inverted": is_inverted,
        "probabilities": {name: float(p) for name, p in zip(class_names, probabilities, strict=True)},
    }
