"""What every figure needs: an axis, colours, and the way into a file."""

from __future__ import annotations

import re
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
"""Of Okabe and Ito, "Color Universal Design", 2008: told apart by colour-blind readers too."""

LINES = (BLUE, ORANGE, GREEN, PINK)
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D")
"""Lines differ by these too, so that no figure needs its colours."""

GREY = "#808080"
"""Seen on white and on black."""

SEQUENTIAL, DIVERGING = "Blues", "PuOr_r"
"""Colour maps for magnitudes, and for values of both signs (orange: positive); both keep their order without hue."""

INK = "#010203"
"""Stands in a figure that is drawn for a page for the colour of the page's text."""

INKED = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
"""Matplotlib's settings for that."""


def new_axes(size: tuple[float, float] = (7, 4.2)) -> Axes:
    """An axis in a figure of its own, outside pyplot; the size is in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415  a second to import

    return Figure(figsize=size, layout="constrained").subplots()


def tidy(axes: Axes) -> None:
    """A grid and two spines, as every figure with lines has."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def root(axes: Axes) -> Figure:
    """The figure that an axis is in."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # an axis that was drawn on belongs to one
    return figure


def png(drawn: Axes | Figure, dpi: float = 144) -> bytes:
    """A figure, or that of an axis, as the content of a PNG file, at `dpi` dots an inch."""
    return picture(drawn, "png", dpi)


def picture(drawn: Axes | Figure, form: str, dpi: float = 144) -> bytes:
    """A figure, or that of an axis, as the content of a file: `form` is png, svg or pdf."""
    from matplotlib import rc_context  # noqa: PLC0415
    from matplotlib.axes import Axes  # noqa: PLC0415

    buffer = BytesIO()
    with rc_context({"pdf.fonttype": 42}):  # text stays text
        (root(drawn) if isinstance(drawn, Axes) else drawn).savefig(buffer, format=form, dpi=dpi)
    return buffer.getvalue()


def svg(draw: Callable[[Axes], object], size: tuple[float, float] = (4.6, 3.1)) -> str:
    """An `<svg>` element to stand in an HTML page, of `size` inches; `draw` is called with its axis.

    Text is text in the page's font; it, lines and ticks take the colour of the page's text, and the four colours of
    lines are CSS variables, --blue, --orange, --green and --pink, so that a dark page may have lighter ones.
    """
    from matplotlib import rc_context  # noqa: PLC0415

    settings: dict[Any, Any] = {
        **dict.fromkeys(INKED, INK), "grid.color": GREY, "svg.fonttype": "none", "svg.hashsalt": "golmu",
    }  # fmt: skip
    with rc_context(settings):
        axes = new_axes(size)
        draw(axes)
        buffer = StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        root(axes).savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r' id="[A-Za-z][\w.]*_\d+"', "", text)  # of groups: a page with two figures would have them twice
    for name, colour in (("blue", BLUE), ("orange", ORANGE), ("green", GREEN), ("pink", PINK)):
        text = text.replace(colour, f"var(--{name})")
    return text
