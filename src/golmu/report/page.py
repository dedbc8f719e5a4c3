"""Figures and images inside a page."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from golmu.plots.canvas import import_matplotlib, svg

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

MAX_IMAGE_SIDE = 64
"""Pixels along a side of an image in a page; larger images are scaled down."""


FIGURE_SIZE = 4.6, 3.1
"""Inches of a figure."""


def render_drawing(draw: Callable[[Axes], object], size: tuple[float, float] = FIGURE_SIZE) -> Markup:
    """Draw a figure as SVG for a page (`golmu.plots.svg`); what a user has named is text in it, which is escaped.

    The style sheet inside, of one rule, is left out: the page has that rule, and allows no other style sheet.
    """
    from markupsafe import Markup  # noqa: PLC0415

    return Markup(re.sub(r"<style[^>]*>.*?</style>", "", svg(draw, size), flags=re.DOTALL))


def image_uri(pixels: NDArray[np.uint8], largest: int | None = MAX_IMAGE_SIDE) -> str:
    """Return pixels (h, w) or (h, w, 3) as the data URI of a PNG file of at most `largest` pixels along a side."""
    from PIL import Image  # noqa: PLC0415

    image = Image.fromarray(pixels)
    if largest is not None and max(image.size) > largest:
        image.thumbnail((largest, largest))
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode()


def apply_colours(values: NDArray[np.floating[Any]], colours: str, low: float, high: float) -> NDArray[np.uint8]:
    """Return values from `low` to `high` in a colour map of Matplotlib's, as pixels (h, w, 3)."""
    scaled = (values - low) / ((high - low) or 1.0)
    bytes_: NDArray[np.uint8] = import_matplotlib().colormaps[colours](scaled, bytes=True)[..., :3]
    return bytes_
