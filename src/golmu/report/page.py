"""Web pages in one file: Jinja templates in `templates/`, with figures and images inside."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from golmu.about import VERSION
from golmu.errors import InputError
from golmu.names import printable
from golmu.plots.canvas import import_matplotlib, svg
from golmu.system import check_writable

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes

PAGE_SUFFIXES = (".html", ".htm")
"""Endings of the names of pages, so that no page replaces a file of another kind."""

MAX_IMAGE_SIDE = 64
"""Pixels along a side of an image in a page; larger images are scaled down."""


def check_page(path: Path, what: str) -> None:
    """Raise `InputError` if a page may not be called so, or `SaveError` if there is no such folder."""
    if path.suffix.lower() not in PAGE_SUFFIXES:
        raise InputError(f"output must name a .html file, got {path}")
    check_writable(path, what)


def render(template: str, **content: Any) -> str:
    """Fill in a template. Everything but `Markup` is escaped, and printable; a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    pages = Environment(
        loader=PackageLoader("golmu.report"), autoescape=True, undefined=StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )  # fmt: skip
    pages.filters["duration"] = format_duration
    return pages.get_template(template).render(golmu=VERSION, **content)


def render_drawing(draw: Callable[[Axes], object], size: tuple[float, float] = (4.6, 3.1)) -> Markup:
    """Draw a figure as SVG for a page (`golmu.plots.svg`); nothing that a user has named may stand in it."""
    from markupsafe import Markup  # noqa: PLC0415

    return Markup(svg(draw, size))


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


def format_duration(seconds: float) -> str:
    """Format seconds for people: in seconds, minutes or hours."""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
