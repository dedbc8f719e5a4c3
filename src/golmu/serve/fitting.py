"""Images as they came, fitted to the network exactly as `golmu predict` does it."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.readers.image_files import Encoded, Opened, read_image, read_image_header
from golmu.data.readers.inversion import Inversion
from golmu.errors import DataError
from golmu.model.predictor import Predictor
from golmu.serve.limits import Limits, RefusalError

PNG_BEGINNING = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
"""The signature of PNG, and the head of its first chunk: width and height follow."""

MAX_QUICK_PIXELS, MAX_QUICK_BYTES = 2**14, 2**14
"""A PNG of up to so many pixels and bytes is decoded in less time than it takes to hand it to another thread."""


class Fitted(NamedTuple):
    """The images of a request as the network sees them."""

    images: NDArray[np.uint8]
    """(n, h, w, c)."""
    are_inverted: list[bool]


class Fitter:
    """Fits images to a network; any number of threads may use one."""

    def __init__(self, predictor: Predictor, limits: Limits, invert: str) -> None:
        self._shape, self._ground = predictor.image_shape, predictor.image_files.ground
        self._invert, self._max_pixels = invert, limits.pixels

    def fit(self, sources: Sequence[Encoded | Opened]) -> Fitted:
        """Fit images.

        Raises
        ------
        RefusalError
            If one of them is no image, or too large.
        """
        inversion = Inversion(self._ground, self._invert)
        images = np.empty((len(sources), *self._shape), np.uint8)
        for i, source in enumerate(sources):
            try:
                if not self.is_quick(source):
                    self._check_size(source)
                images[i] = read_image(source, self._shape, inversion)
            except DataError as error:
                raise RefusalError(422, str(error)) from error
        return Fitted(images, [inversion.has_inverted(source) for source in sources])

    def is_quick(self, source: Encoded | Opened) -> bool:
        """Whether an image is a small PNG: that is known without opening it, and it is fitted in no time."""
        if isinstance(source, Opened) or len(source.content) > MAX_QUICK_BYTES:
            return False
        head = source.content[:24]
        if not head.startswith(PNG_BEGINNING) or len(head) < 24:
            return False
        width, height = struct.unpack(">II", head[16:])
        # A second chunk of this kind would replace the size.
        is_only = source.content.count(b"IHDR") == 1
        return is_only and bool(width * height <= min(MAX_QUICK_PIXELS, self._max_pixels))

    def _check_size(self, source: Encoded | Opened) -> None:
        header = read_image_header(source)
        if header.height * header.width > self._max_pixels:
            raise RefusalError(
                413,
                f"{source} is {header.height}x{header.width} pixels (height x width), but at most "
                f"{self._max_pixels:,} are decoded: scale it down",
            )
