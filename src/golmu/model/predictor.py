"""A model that is ready to answer: for arrays of images, and for image files as people have them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golmu.checks import as_path
from golmu.data.inputs import as_images
from golmu.data.reading import Progress
from golmu.engines import create_engine
from golmu.engines.contract import Engine
from golmu.metrics import softmax
from golmu.model.model import ImageFileOptions, Model, load_model
from golmu.types import ImageShape


@dataclass(frozen=True, eq=False)
class Predictor:
    """A model, and the engine that computes it. Any number of threads may use one.

    Examples
    --------
    >>> import golmu
    >>> digits = golmu.load_dataset("digits").train
    >>> network = golmu.ConvolutionNetwork.from_recipe("quick", epochs=5, random_state=0)
    >>> predictor = network.fit(digits.images, digits.labels).predictor_
    >>> predictor.predict(digits.images[0]).label
    '5'
    >>> [answer.label for answer in predictor.predict(digits.images[:3])]
    ['5', '0', '5']
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
        return cls.of(load_model(as_path(path, "path")), engine=engine, name=str(path))

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
        return self.model.image_file_options

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

        Image files, PIL images and arrays of any size are fitted to the network as `golmu predict` does it: turned
        upright, made grey or RGB, scaled with their aspect ratio kept, and centred on their ground.

        Parameters
        ----------
        images
            The path of an image file; a PIL image; an array of one image, (h, w) or (h, w, c); or several of these: a
            folder of image files, a list, or an array of images (n, h, w) or (n, h, w, c). Arrays hold uint8, or
            floats in [0, 1].
        invert
            Whether to invert images: "auto", those that are dark on light where nearly all training
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
        from golmu.model.prediction import predict_images  # noqa: PLC0415  Pillow, which training does not need

        invert = self.image_files.inversion if invert is None else invert
        return predict_images(
            self.model, self.engine, self.name, images, invert=invert, skip_bad=skip_bad, progress=progress
        )
