"""Web pages of one file: Jinja's templates in `templates/`, and pictures as part of the page."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from golmu import __version__
from golmu.plots.canvas import svg

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

LARGEST = 64
"""Pixels along a side of a picture in a page: larger ones are scaled down."""


def render(template: str, **content: Any) -> str:
    """A template filled in. What is not `Markup` is escaped, and what is missing is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    pages = Environment(loader=PackageLoader("golmu.report"), autoescape=True, undefined=StrictUndefined)
    pages.filters["duration"] = duration
    return pages.get_template(template).render(golmu=__version__, **content)


def drawing(draw: Callable[[Axes], object], size: tuple[float, float] = (4.6, 3.1)) -> Markup:
    """`golmu.plots.svg` as a part of a page; for figures in which nothing stands that a user has named."""
    from markupsafe import Markup  # noqa: PLC0415

    return Markup(svg(draw, size))


def picture_uri(picture: NDArray[np.uint8], largest: int | None = LARGEST) -> str:
    """A picture, (h, w) or (h, w, 3), as a data URI of a PNG file, at most `largest` pixels along a side."""
    from PIL import Image  # noqa: PLC0415

    image = Image.fromarray(picture)
    if largest is not None and max(image.size) > largest:
        image.thumbnail((largest, largest))
    buffer = BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + b64encode(buffer.getvalue()).decode()


def coloured(values: NDArray[np.floating[Any]], colours: str, low: float, high: float) -> NDArray[np.uint8]:
    """(h, w, 3): values from `low` to `high` in a colour map of Matplotlib's."""
    from matplotlib import colormaps  # noqa: PLC0415

    scaled = (values - low) / ((high - low) or 1.0)
    bytes_: NDArray[np.uint8] = colormaps[colours](scaled, bytes=True)[..., :3]
    return bytes_


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
