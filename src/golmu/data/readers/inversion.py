"""Whether a picture is dark on light where a network knows light on dark: a photo of ink on paper, say."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from golmu.preprocessing import DARK, LIGHT, Images, are_opposite

INVERSIONS = ("auto", "yes", "no")
"""What a user may ask for: invert a picture whose ground is the other one, every picture, or none."""

_SHOWN = {DARK: "light on dark", LIGHT: "dark on light"}


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

        `fitted` (h, w, c) is what the network would see of it, which decides, as it did in training.
        """
        if self._wanted == "no" or (self._wanted == "auto" and not are_opposite(fitted[None], self._ground)):
            return image
        self.done.add(name)
        return ImageOps.invert(image)

    @property
    def notice(self) -> str:
        """What there is to say of those that were inverted, though nobody asked for it; "" if there are none."""
        if not self.done or self._wanted != "auto":
            return ""
        first, n = min(self.done), len(self.done)
        what = f"{first} is" if n == 1 else f"{n:,} images, as {first}, are"
        return (
            f"{what} {_contrast(self._ground)}: inverted; --invert no takes such images as they are, and --invert yes "
            "inverts all"
        )


def opposite_notice(images: Images, ground: str) -> str:
    """What there is to say of images (n, h, w, c) that are scored as they are, if most have the other ground; or ""."""
    if not are_opposite(images, ground):
        return ""
    return (
        f"most of the test images are {_contrast(ground)}; they are scored as they are: invert their files, as golmu "
        "predict does by itself"
    )


def _contrast(ground: str) -> str:
    return f"{_SHOWN[LIGHT if ground == DARK else DARK]}, where the training images are {_SHOWN[ground]}"
