"""Predictions for image files, PIL images and arrays of any size: `Predictor.predict`."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from golmu.checks import one_of
from golmu.data.arrays import as_bytes
from golmu.data.inputs import as_images
from golmu.data.readers.decoding import bad_files, decode_all, in_parts
from golmu.data.readers.image_files import Opened, Source, find_images
from golmu.data.readers.inversion import Inversion
from golmu.data.reading import Progress
from golmu.engines.contract import Engine
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError
from golmu.metrics import softmax
from golmu.model.model import ImageFileOptions, Model
from golmu.preprocessing import INVERSIONS

IMAGES_AT_A_TIME = 64
"""Images that one thread decodes, and that are predicted together."""


@dataclass(frozen=True)
class Prediction:
    """What a network answers to one image."""

    label: str
    """Name of the most probable class."""
    probability: float
    """Probability of that class."""
    probabilities: dict[str, float]
    """Probability of each class by its name; together 1."""
    image: str | None = None
    """The image file; None for an image that came without a name."""
    inverted: bool = False
    """Whether the image was inverted first."""

    def __repr__(self) -> str:
        image = "" if self.image is None else f" for {self.image}"
        return f"<Prediction{image}: {self.label!r}, {self.probability:.4f}>"


@dataclass(frozen=True)
class _Network:
    """A network that predicts: its model, its engine, and what errors call it."""

    model: Model
    engine: Engine
    name: str

    def probabilities(self, images: Any) -> NDArray[np.float32]:
        return softmax(self.engine.logits(as_images(images, self.model.architecture.image_shape, argument="images")))


def predict_images(
    model: Model, engine: Engine, name: str, images: Any, *, invert: str, skip_bad: bool, progress: Progress | None
) -> Any:
    """Say what images show: see `golmu.Predictor.predict`; `name` is what errors call the network."""
    network = _Network(model, engine, name)
    one_of(invert, INVERSIONS, "invert")
    if isinstance(images, str | Path | Image.Image):
        predictions = _predict_sources(network, _sources(images), invert, skip_bad, progress)
        is_folder = isinstance(images, str | Path) and Path(images).is_dir()
        return predictions if is_folder else predictions[0]
    if isinstance(images, list | tuple) and not _is_nested_numbers(images):
        sources = [source for number, one in enumerate(images) for source in _sources(one, number)]
        return _predict_sources(network, sources, invert, skip_bad, progress)
    return _predict_array(network, images, invert, progress)


def _predict_array(network: _Network, images: Any, invert: str, progress: Progress | None) -> Any:
    """Say what an array of one image, or of several, shows."""
    array = np.asarray(images)
    height, width, channels = shape = network.model.architecture.image_shape
    shapes = [shape, (prod(shape),), *([(height, width)] if channels == 1 else [])]
    if array.shape in shapes[::2]:  # one image; a row of pixels alone could be anything
        return _name_classes(network, network.probabilities(array[None]))[0]
    if array.ndim > 1 and array.shape[1:] in shapes:
        return _name_classes(network, network.probabilities(array))
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4)):
        return _predict_sources(network, _sources(array), invert, skip_bad=False, progress=progress)[0]
    if array.ndim in (3, 4):
        sources = [source for number, one in enumerate(array) for source in _sources(one, number)]
        return _predict_sources(network, sources, invert, skip_bad=False, progress=progress)
    raise InputTypeError(
        "images must be a path, a PIL image, an array of one image or of several, or a list of these, got "
        f"{_description(images)}"
    )


def _predict_sources(
    network: _Network, sources: Sequence[Source], invert: str, skip_bad: bool, progress: Progress | None
) -> list[Prediction]:
    model, shape = network.model, network.model.architecture.image_shape
    options = model.image_files or ImageFileOptions.of(model.architecture, model.preprocessing)
    if not sources:
        raise InputError("images is empty: give at least one image")
    if shape[2] not in (1, 3):
        raise DataError(f"image files have 1 or 3 channels, but {network.name} takes {shape[2]}")
    if model.image_files is None:
        warnings.warn(
            f"{network.name} was written by an earlier version and does not say how its image files were read: they "
            f"are fitted to {shape[0]}x{shape[1]} with Golmu's defaults",
            GolmuWarning,
            stacklevel=3,
        )
    predictions: list[Prediction] = []
    bad: list[DataError] = []
    inversion = Inversion(options.ground, invert)
    # A part is predicted while threads decode the next ones, so that few images are in memory at a time.
    parts = decode_all(in_parts(sources, IMAGES_AT_A_TIME), shape, inversion)
    for names, images in zip(in_parts(sources, IMAGES_AT_A_TIME), parts, strict=True):
        bad += [image for image in images if isinstance(image, DataError)]
        good = [(name, image) for name, image in zip(names, images, strict=True) if not isinstance(image, DataError)]
        if good and (skip_bad or not bad):
            named = _name_classes(network, softmax(network.engine.logits(np.stack([image for _, image in good]))))
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


def _name_classes(network: _Network, probabilities: NDArray[np.float32]) -> list[Prediction]:
    return [
        Prediction(
            network.model.class_names[int(row.argmax())],
            float(row.max()),
            {name: float(p) for name, p in zip(network.model.class_names, row, strict=True)},
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
