"""A model that is ready to answer: for arrays of images, and for image files as people have them."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from golmu.checks import one_of
from golmu.data.arrays import as_bytes
from golmu.data.inputs import as_images
from golmu.data.readers.decoding import bad_files, decode_all, in_parts
from golmu.data.readers.image_files import Opened, Source, find_images
from golmu.data.readers.inversion import Inversion
from golmu.engines import create_engine
from golmu.engines.contract import Engine
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError
from golmu.metrics import softmax
from golmu.model.model import ImageFileOptions, Model, load_model
from golmu.preprocessing import INVERSIONS
from golmu.types import ImageShape

IMAGES_AT_A_TIME = 64
"""Images that one thread decodes, and that are predicted together."""

Progress = Callable[[int, int], None]
"""Called with the number of images that are done, and of all."""


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


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model, and the engine that computes it. Any number of threads may use one.

    Examples
    --------
    >>> import golmu
    >>> predictor = golmu.load("runs/fashion-mnist-chapter")  # doctest: +SKIP
    >>> predictor.predict("shirt.jpg").label  # doctest: +SKIP
    'shirt'
    """

    model: Model
    engine: Engine
    name: str = "the network"
    """Where it comes from, as errors say it: a run folder or a model file."""

    @classmethod
    def of(cls, model: Model, *, engine: str = "auto", name: str = "the network") -> Predictor:
        """Make a model ready; `engine` is a name as for `ConvolutionNetwork`.

        Raises
        ------
        InputError, EngineError
            If there is no such engine, or it cannot run here.
        """
        made = create_engine(engine, model.architecture, preprocessing=model.preprocessing)
        made.set_weights(model.weights)
        return cls(model, made, name)

    @classmethod
    def load(cls, path: str | Path, *, engine: str = "auto") -> Predictor:
        """Load a model file. `golmu.load` takes a run folder too.

        Raises
        ------
        CheckpointError
            If the file is missing, damaged, or not a model of Golmu.
        """
        return cls.of(load_model(Path(path)), engine=engine, name=str(path))

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.image_shape))
        return f"<Predictor: {self.name}, images of {shape}, {len(self.class_names)} classes>"

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the network's output."""
        return self.model.class_names

    @property
    def image_shape(self) -> ImageShape:
        """(h, w, c) of the images that the network takes."""
        return self.model.architecture.image_shape

    @property
    def image_files(self) -> ImageFileOptions:
        """How image files become the network's input."""
        return self.model.image_files or ImageFileOptions.of(self.model.architecture, self.model.preprocessing)

    def logits(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return the logits (n, C) of images (n, h, w, c), (n, h, w) or flattened, uint8 or floats in [0, 1].

        Raises
        ------
        InputError, InputTypeError
            If they are not images of the network's shape.
        """
        return self.engine.logits(as_images(images, self.image_shape, argument="images"))

    def probabilities(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return the probabilities (n, C) of images as `logits` takes them; each row sums to 1."""
        return softmax(self.logits(images))

    def predict(
        self, images: Any, *, invert: str | None = None, skip_bad: bool = False, progress: Progress | None = None
    ) -> Any:
        """Say what images show.

        Image files, PIL images and arrays of another size than the network's are fitted to it as `golmu predict` does:
        turned upright, made grey or RGB, scaled with their aspect ratio kept, and centred on their ground.

        Parameters
        ----------
        images
            The path of an image file; a PIL image; an array of one image, (h, w) or (h, w, c); or several of these: a
            folder of image files, a list, or an array of images (n, h, w) or (n, h, w, c). Arrays hold uint8, or
            floats in [0, 1].
        invert
            Whether to invert images that are fitted: "auto", those that are dark on light where nearly all training
            images are light on dark, and the other way round, with a warning; "yes", all; "no", none. By default as
            the model file says, which is "auto".
        skip_bad
            Whether to skip files that cannot be read, with a warning for each.
        progress
            Called with the number of images that are done, and of all.

        Returns
        -------
        A `Prediction` for one image; for several, a list of them in the order given, folders sorted by name.

        Raises
        ------
        DataError
            If a file cannot be read, or with `skip_bad` none can.
        InputError, InputTypeError
            If an argument cannot be used.
        """
        invert = one_of(self.image_files.inversion if invert is None else invert, INVERSIONS, "invert")
        if isinstance(images, str | Path | Image.Image):
            sources = _sources(images)
            predictions = self._predict_sources(sources, invert, skip_bad, progress)
            is_folder = isinstance(images, str | Path) and Path(images).is_dir()
            return predictions if is_folder else predictions[0]
        if isinstance(images, list | tuple) and not _is_nested_numbers(images):
            sources = [source for number, one in enumerate(images) for source in _sources(one, number)]
            return self._predict_sources(sources, invert, skip_bad, progress)
        return self._predict_array(images, invert, progress)

    def _predict_array(self, images: Any, invert: str, progress: Progress | None) -> Any:
        """Say what an array of one image, or of several, shows."""
        array = np.asarray(images)
        height, width, channels = self.image_shape
        shapes = [(height, width, channels), (prod(self.image_shape),)] + ([(height, width)] if channels == 1 else [])
        if array.shape in shapes[::2]:  # one image; a row of pixels alone could be anything
            return self._named(self.probabilities(array[None]))[0]
        if array.ndim > 1 and array.shape[1:] in shapes:
            return self._named(self.probabilities(array))
        if array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4)):
            return self._predict_sources(_sources(array), invert, skip_bad=False, progress=progress)[0]
        if array.ndim in (3, 4):
            sources = [source for number, one in enumerate(array) for source in _sources(one, number)]
            return self._predict_sources(sources, invert, skip_bad=False, progress=progress)
        raise InputTypeError(
            "images must be a path, a PIL image, an array of one image or of several, or a list of these, got "
            f"{_description(images)}"
        )

    def _predict_sources(
        self, sources: Sequence[Source], invert: str, skip_bad: bool, progress: Progress | None
    ) -> list[Prediction]:
        shape = self.image_shape
        if not sources:
            raise InputError("images is empty: give at least one image")
        if shape[2] not in (1, 3):
            raise DataError(f"image files have 1 or 3 channels, but {self.name} takes {shape[2]}")
        if self.model.image_files is None:
            warnings.warn(
                f"{self.name} was written by an earlier version and does not say how its image files were read: they "
                f"are fitted to {shape[0]}x{shape[1]} with Golmu's defaults",
                GolmuWarning,
                stacklevel=3,
            )
        predictions: list[Prediction] = []
        bad: list[DataError] = []
        inversion = Inversion(self.image_files.ground, invert)
        # A part is predicted while threads decode the next ones, so that few images are in memory at a time.
        parts = decode_all(in_parts(sources, IMAGES_AT_A_TIME), shape, inversion)
        for names, images in zip(in_parts(sources, IMAGES_AT_A_TIME), parts, strict=True):
            bad += [image for image in images if isinstance(image, DataError)]
            good = [
                (name, image) for name, image in zip(names, images, strict=True) if not isinstance(image, DataError)
            ]
            if good and (skip_bad or not bad):
                named = self._named(softmax(self.engine.logits(np.stack([image for _, image in good]))))
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

    def _named(self, probabilities: NDArray[np.float32]) -> list[Prediction]:
        return [
            Prediction(
                self.class_names[int(row.argmax())],
                float(row.max()),
                {name: float(p) for name, p in zip(self.class_names, row, strict=True)},
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
