"""Predictions for image files, PIL images and arrays of any size: `Predictor.predict`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from golmu.checks import one_of
from golmu.data.arrays import as_bytes
from golmu.data.readers.decoding import bad_files, decode_all, in_parts
from golmu.data.readers.image_files import Opened, Source, find_images
from golmu.data.readers.inversion import Inversion
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError
from golmu.metrics import softmax
from golmu.model.predictor import Prediction, Predictor, Progress
from golmu.preprocessing import INVERSIONS

IMAGES_AT_A_TIME = 64
"""Images that one thread decodes, and that are predicted together."""


def predict_images(
    predictor: Predictor, images: Any, *, invert: str | None, skip_bad: bool, progress: Progress | None
) -> Any:
    """Say what images show: see `golmu.Predictor.predict`."""
    invert = one_of(predictor.image_files.inversion if invert is None else invert, INVERSIONS, "invert")
    if isinstance(images, str | Path | Image.Image):
        predictions = _predict_sources(predictor, _sources(images), invert, skip_bad, progress)
        is_folder = isinstance(images, str | Path) and Path(images).is_dir()
        return predictions if is_folder else predictions[0]
    if isinstance(images, list | tuple) and not _is_nested_numbers(images):
        sources = [source for number, one in enumerate(images) for source in _sources(one, number)]
        return _predict_sources(predictor, sources, invert, skip_bad, progress)
    return _predict_array(predictor, images, invert, progress)


def _predict_array(predictor: Predictor, images: Any, invert: str, progress: Progress | None) -> Any:
    """Say what an array of one image, or of several, shows."""
    array = np.asarray(images)
    height, width, channels = predictor.image_shape
    shapes = [(height, width, channels), (prod(predictor.image_shape),)] + ([(height, width)] if channels == 1 else [])
    if array.shape in shapes[::2]:  # one image; a row of pixels alone could be anything
        return _name_classes(predictor, predictor.probabilities(array[None]))[0]
    if array.ndim > 1 and array.shape[1:] in shapes:
        return _name_classes(predictor, predictor.probabilities(array))
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4)):
        return _predict_sources(predictor, _sources(array), invert, skip_bad=False, progress=progress)[0]
    if array.ndim in (3, 4):
        sources = [source for number, one in enumerate(array) for source in _sources(one, number)]
        return _predict_sources(predictor, sources, invert, skip_bad=False, progress=progress)
    raise InputTypeError(
        "images must be a path, a PIL image, an array of one image or of several, or a list of these, got "
        f"{_description(images)}"
    )


def _predict_sources(
    predictor: Predictor, sources: Sequence[Source], invert: str, skip_bad: bool, progress: Progress | None
) -> list[Prediction]:
    shape = predictor.image_shape
    if not sources:
        raise InputError("images is empty: give at least one image")
    if shape[2] not in (1, 3):
        raise DataError(f"image files have 1 or 3 channels, but {predictor.name} takes {shape[2]}")
    if predictor.model.image_files is None:
        warnings.warn(
            f"{predictor.name} was written by an earlier version and does not say how its image files were read: they "
            f"are fitted to {shape[0]}x{shape[1]} with Golmu's defaults",
            GolmuWarning,
            stacklevel=3,
        )
    predictions: list[Prediction] = []
    bad: list[DataError] = []
    inversion = Inversion(predictor.image_files.ground, invert)
    # A part is predicted while threads decode the next ones, so that few images are in memory at a time.
    parts = decode_all(in_parts(sources, IMAGES_AT_A_TIME), shape, inversion)
    for names, images in zip(in_parts(sources, IMAGES_AT_A_TIME), parts, strict=True):
        bad += [image for image in images if isinstance(image, DataError)]
        good = [(name, image) for name, image in zip(names, images, strict=True) if not isinstance(image, DataError)]
        if good and (skip_bad or not bad):
            named = _name_classes(predictor, softmax(predictor.engine.logits(np.stack([image for _, image in good]))))
            predictions += [
                replace(one, image=_name(source), inverted=str(source) in inversion.done)
                for one, (source, _) in zip(named, good, strict=True)
            ]
        if progress is not None:
            progress(len(predictions) + len(bad), len(sources))
    _report_bad(bad, len(sources), skip_bad)
    if inversion.notice:
        warnings.warn(inversion.notice, GolmuWarning, stacklevel=3)
    return predictions


def _name_classes(predictor: Predictor, probabilities: NDArray[np.float32]) -> list[Prediction]:
    return [
        Prediction(
            predictor.class_names[int(row.argmax())],
            float(row.max()),
            {name: float(p) for name, p in zip(predictor.class_names, row, strict=True)},
        )
        for row in probabilities
    ]


def _sources(image: Any, number: int = 0) -> list[Source]:
    """List what to decode for one of the images given, counted from 0: a file, the files of a folder, or the image."""
    if isinstance(image, str | Path):
        return list(find_images([Path(image)]))
    if isinstance(image, Image.Image):
        name = str(getattr(image, "filename", ""))
        return [Opened(image, name or f"image {number}", bool(name))]
    array = np.asarray(image)
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if array.dtype.kind not in "buif" or not is_image or array.size == 0:
        raise InputTypeError(
            "images must hold paths, PIL images or arrays (h, w), (h, w, 1), (h, w, 3) or (h, w, 4), got "
            f"{_description(image)}"
        )
    pixels = as_bytes(array, "images")
    return [Opened(Image.fromarray(pixels[..., 0] if array.shape[2:] == (1,) else pixels), f"image {number}", False)]


def _is_nested_numbers(images: Sequence[Any]) -> bool:
    """Whether a list is an array written out, rather than a list of images."""
    return len(images) > 0 and all(isinstance(one, int | float | list | tuple) for one in images)


def _name(source: Source) -> str | None:
    return None if isinstance(source, Opened) and not source.is_named else str(source)


def _description(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"an array of shape {tuple(shape)}" if shape is not None else repr(value)[:100]


def _report_bad(errors: Sequence[DataError], total: int, skip_bad: bool) -> None:
    """Raise, or with `skip_bad` warn of, what is wrong with files that cannot be read."""
    if errors and not skip_bad:
        hint = "" if total == 1 else "; fix or remove them, or skip them with --skip-bad (skip_bad=True)"
        raise DataError(bad_files(errors, total) + hint)
    if errors and len(errors) == total:
        raise DataError(f"{bad_files(errors, total)}; no image is left")
    for error in errors:
        warnings.warn(f"{error}; it is skipped", GolmuWarning, stacklevel=4)
