"""Images with the wrong contrast: dark on light where the network knows light on dark, such as ink on paper."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from golmu.preprocessing import DARK, LIGHT, are_opposite
from golmu.types import Images

_CONTRAST_NAMES = {DARK: "light on dark", LIGHT: "dark on light"}


class Inversion:
    """Inverts images where that is asked for, and remembers which; threads may share one.

    Parameters
    ----------
    ground
        The ground of the training images (`DARK` or `LIGHT`), or "" if they have none in common.
    wanted
        One of `golmu.preprocessing.INVERSIONS`.
    """

    def __init__(self, ground: str, wanted: str) -> None:
        self._ground, self._wanted = ground, wanted
        self._inverted: dict[int, str] = {}

    @property
    def done(self) -> set[str]:
        """Names of the images that were inverted."""
        return set(self._inverted.values())

    def has_inverted(self, source: object) -> bool:
        """Whether the image of this very source was inverted; two sources may have one name."""
        return id(source) in self._inverted

    def __call__(self, image: Image.Image, fitted: NDArray[np.uint8], source: object) -> Image.Image:
        """Return the image of a source, grey or RGB, as it is or inverted.

        Whether it is inverted depends on `fitted` (h, w, c), what the network would see of it, as it did in training.
        """
        if self._wanted == "no" or (self._wanted == "auto" and not are_opposite(fitted[None], self._ground)):
            return image
        self._inverted[id(source)] = str(source)
        return ImageOps.invert(image)

    @property
    def notice(self) -> str:
        """What to tell about images that were inverted although nobody asked for it; "" if there are none."""
        return inversion_notice(list(self._inverted.values()), self._ground) if self._wanted == "auto" else ""


def inversion_notice(names: Sequence[str], ground: str) -> str:
    """Return what to tell about images that were inverted since the training images have the ground `ground`."""
    if not names:
        return ""
    first, n = min(names), len(names)
    subject = f"{first} is" if n == 1 else f"{n:,} images (such as {first}) are"
    return (
        f"{subject} {_contrast_to(ground)}, so {'it was' if n == 1 else 'they were'} inverted: --invert no "
        "(in Python: invert='no') leaves such images as they are, and --invert yes inverts all images"
    )


def opposite_notice(images: Images, ground: str) -> str:
    """Return what to tell if most test images (n, h, w, c), scored as they are, have the other ground, else ""."""
    if not are_opposite(images, ground):
        return ""
    return (
        f"most of the test images are {_contrast_to(ground)}; they are scored without being inverted: to score them as "
        "golmu predict sees them, invert the files"
    )


def _contrast_to(ground: str) -> str:
    other = LIGHT if ground == DARK else DARK
    return f"{_CONTRAST_NAMES[other]}, but the training images are {_CONTRAST_NAMES[ground]}"
