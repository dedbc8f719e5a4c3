"""Predictions for image files, PIL images and arrays of any size: `Predictor.predict`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from golmu.checks import one_of
from golmu.data.arrays import as_bytes
from golmu.data.inputs import as_images
from golmu.data.pixel_arrays import as_numbers, is_data_frame
from golmu.data.readers.image_files import Opened, Source, check_size, refusing_bad_images
from golmu.data.readers.image_pixels import correct_transparent_colour
from golmu.data.readers.image_tree import find_images
from golmu.data.readers.inversion import Inversion, inversion_notice
from golmu.data.readers.threaded_reading import advice_on_bad_files, bad_files, decode_all, in_parts
from golmu.data.reading import Progress
from golmu.engines.contract import Engine
from golmu.errors import DataError, InputError, InputTypeError, warn
from golmu.metrics import softmax
from golmu.model.model import Model
from golmu.preprocessing import INVERSIONS, are_opposite

MIN_SIDE = 5
"""Pixels along the last axis from which (n, h, w) cannot be taken for one image with channels."""

IMAGES_AT_A_TIME = 64
"""Images that one thread decodes, and that are predicted together."""


@dataclass(frozen=True)
class Prediction:
    """What a network answers to one image."""

    label: str
    """Name of the most probable class."""
    probability: float
    """Probability of that class."""
    probabilities: dict[str, float] = field(hash=False)
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
    if progress is not None and not callable(progress):
        raise InputTypeError(f"progress must be a function of two numbers, got {progress!r}")
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
    try:
        array = np.ma.asanyarray(images) if np.ma.is_masked(images) else np.asarray(images)
    except ValueError as error:
        raise InputTypeError(f"images must be an array, but its rows differ in length: {error}") from error
    height, width, channels = shape = network.model.architecture.image_shape
    if is_data_frame(images):  # a row for each image
        return _predict_own(network, as_images(images, shape, argument="images"), invert)
    if array.dtype == object and array.ndim > 1:
        array = as_numbers(array, "images")
    own = [shape, (height, width)] if channels == 1 else [shape]
    if array.shape in own:
        return _predict_own(network, array[None], invert)[0]
    if array.shape[1:] in own:
        return _predict_own(network, array, invert)
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4)):
        return _predict_sources(network, _sources(array), invert, skip_bad=False, progress=progress)[0]
    if array.ndim == 3 and (array.shape[0] in (1, 3) or array.shape[2] < MIN_SIDE):
        raise InputError(
            f"images has shape {array.shape}, which is neither (h, w), (h, w, 3) nor surely (n, h, w): pass one image "
            "as (h, w, c), and several as a list"
        )
    if array.ndim in (3, 4):
        sources = [source for number, one in enumerate(array) for source in _sources(one, number)]
        return _predict_sources(network, sources, invert, skip_bad=False, progress=progress)
    raise InputTypeError(
        "images must be a path, a PIL image, an array of one image or of several, or a list of these, got "
        f"{_description(images)}"
    )


def _predict_own(network: _Network, array: Any, invert: str) -> list[Prediction]:
    """Say what images of the network's own shape show: they need no fitting, but are inverted as others are."""
    if array.dtype.kind == "f" and array.size and array.min() >= 0 and array.max() > 1:
        array = as_bytes(array, "images")  # whole numbers up to 255, or refused
    images = as_images(array, network.model.architecture.image_shape, argument="images")
    ground = network.model.image_file_options.ground
    is_inverted = [
        invert == "yes" or (invert == "auto" and are_opposite(images[i : i + 1], ground)) for i in range(len(images))
    ]
    if any(is_inverted):
        images = images.copy()
        images[is_inverted] = (255 if images.dtype == np.uint8 else 1) - images[is_inverted]
    if invert == "auto":
        names = [f"image {i}" for i, inverted in enumerate(is_inverted) if inverted]
        if notice := inversion_notice(names, ground):
            warn(notice)
    named = _name_classes(network, network.probabilities(images))
    return [replace(one, inverted=inverted) for one, inverted in zip(named, is_inverted, strict=True)]


def _predict_sources(
    network: _Network, sources: Sequence[Source], invert: str, skip_bad: bool, progress: Progress | None
) -> list[Prediction]:
    model, shape = network.model, network.model.architecture.image_shape
    if not sources:
        raise InputError("images is empty: give at least one image")
    if shape[2] not in (1, 3):
        raise DataError(f"image files have 1 or 3 channels, but {network.name} takes {shape[2]}")
    warn_of_defaults(model, network.name)
    predictions: list[Prediction] = []
    bad: list[DataError] = []
    inversion = Inversion(network.model.image_file_options.ground, invert)
    # A part is predicted while threads decode the next ones, so that few images are in memory at a time.
    parts = decode_all(in_parts(sources, IMAGES_AT_A_TIME), shape, inversion)
    for names, images in zip(in_parts(sources, IMAGES_AT_A_TIME), parts, strict=True):
        bad += [image for image in images if isinstance(image, DataError)]
        good = [(name, image) for name, image in zip(names, images, strict=True) if not isinstance(image, DataError)]
        if good and (skip_bad or not bad):
            named = _name_classes(network, softmax(network.engine.logits(np.stack([image for _, image in good]))))
            predictions += [
                replace(one, image=_name(source), inverted=inversion.has_inverted(source))
                for one, (source, _) in zip(named, good, strict=True)
            ]
        if progress is not None:
            progress(len(predictions) + len(bad), len(sources))
    _report_bad(bad, len(sources), skip_bad)
    if inversion.notice:
        warn(inversion.notice)
    return predictions


def warn_of_defaults(model: Model, name: str) -> None:
    """Warn if a model does not say how image files become its input; `name` is what the warning calls the network."""
    if model.image_files is None:
        height, width, _ = model.architecture.image_shape
        warn(
            f"{name} was written by an earlier version and does not say how its image files were read: they are fitted "
            f"to {height}x{width} with Golmu's defaults"
        )


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
        if not str(image):
            raise InputError("images holds an empty path: give that of an image file or of a folder")
        return list(find_images([Path(image)]))
    if isinstance(image, Image.Image):
        name = str(getattr(image, "filename", ""))
        if 0 in image.size:
            raise InputError(f"images holds an image of {image.width}x{image.height} pixels: give one with pixels")
        with refusing_bad_images(name or f"image {number}"):
            check_size(image, name or f"image {number}")
            correct_transparent_colour(image)
            loaded = image.copy()  # threads that decode must not share an image that is still to be read
        loaded.format = image.format
        return [Opened(loaded, name or f"image {number}", bool(name))]
    if np.ma.is_masked(image):
        raise InputError("images must be arrays without a mask: fill them first")
    try:
        array = np.asarray(image)
    except ValueError as error:
        raise InputTypeError(f"images must hold images, got {_description(image)}: {error}") from error
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
        raise DataError(bad_files(errors, total) + ("" if total == 1 else advice_on_bad_files(errors)))
    if errors and len(errors) == total:
        raise DataError(f"{bad_files(errors, total)}; no image is left")
    for error in errors:
        warn(f"{error}; it is skipped")
