"""Whether a picture is dark on light where a network knows light on dark: a photo of ink on paper, say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from golmu.preprocessing import ground_of

INVERSIONS = ("auto", "yes", "no")
"""What a user may ask for: invert a picture whose ground is the other one, every picture, or none."""


class Inversion:
    """Inverts pictures where that is asked for, and remembers which; threads may share one.

    Parameters
    ----------
    ground
        That of the training images; "" if there is none.
    wanted
        One of `INVERSIONS`.
    """

    def __init__(self, ground: str, wanted: str) -> None:
        self._ground, self._wanted = ground, wanted
        self.done: set[str] = set()
        """Names of the pictures that were inverted."""

    def __call__(self, image: Image.Image, fitted: NDArray[np.uint8], name: str) -> Image.Image:
        """The picture, grey or RGB, or its negative.

        `fitted` is what the network would see of it. Bars beside a picture of other proportions are the ground of that,
        as they were in training: so that no picture is inverted that was learned from as it is, both must be opposite.
        """
        if self._wanted == "no" or (self._wanted == "auto" and not self._is_opposite(image, fitted)):
            return image
        self.done.add(name)
        return ImageOps.invert(image)

    def _is_opposite(self, image: Image.Image, fitted: NDArray[np.uint8]) -> bool:
        if not self._ground or image.mode != "L":
            return False
        return all(
            ground_of(pixels[None, ..., None]) not in ("", self._ground) for pixels in (np.asarray(image), fitted)
        )
