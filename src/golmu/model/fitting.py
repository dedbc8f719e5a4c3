"""An image file as the network sees it: `golmu.fit_image`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golmu.checks import as_path, one_of
from golmu.data.readers.image_files import read_image
from golmu.data.readers.inversion import Inversion
from golmu.errors import InputTypeError, warn
from golmu.model.prediction import warn_of_defaults
from golmu.model.predictor import Predictor
from golmu.preprocessing import INVERSIONS


def fit_image(path: str | Path, predictor: Predictor, *, invert: str | None = None) -> NDArray[np.uint8]:
    """Fit an image file to a network, as `golmu predict` does it before the network answers.

    The image is turned upright, made grey or RGB, scaled with its aspect ratio kept, centred on its ground, and
    inverted if need be. An exported network takes the result.

    Parameters
    ----------
    path
        The image file.
    predictor
        The network.
    invert
        As for `Predictor.predict`.

    Returns
    -------
    uint8 (h, w, c), the network's `image_shape`.

    Raises
    ------
    DataError
        If the file cannot be read, or the network takes images of which there are no files.
    InputError, InputTypeError
        If an argument cannot be used.

    Examples
    --------
    >>> import golmu
    >>> from PIL import Image
    >>> digits = golmu.load_dataset("digits").train
    >>> network = golmu.ConvolutionNetwork(n_kernels=4, random_state=0).fit(digits.images, digits.labels, epochs=1)
    >>> Image.new("RGB", (640, 480)).save("photo.png")
    >>> golmu.fit_image("photo.png", network.predictor_).shape
    (8, 8, 1)
    """
    if not isinstance(predictor, Predictor):
        raise InputTypeError(f"predictor must be a golmu.Predictor, such as golmu.load returns, got {predictor!r}")
    options = predictor.image_files
    inversion = Inversion(options.ground, one_of(options.inversion if invert is None else invert, INVERSIONS, "invert"))
    pixels = read_image(as_path(path, "path"), predictor.image_shape, inversion)
    warn_of_defaults(predictor.model, predictor.name)
    if inversion.notice:
        warn(inversion.notice)
    return pixels
