"""The basics of every figure: a new axis, colours, and the content of a file."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO, StringIO
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from golmu.errors import warn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, PINK = "#0072b2", "#d55e00", "#009e73", "#cc79a7"
"""Colours that colour-blind readers can tell apart too: Okabe and Ito, "Color Universal Design", 2008."""

LINE_COLOURS = (BLUE, ORANGE, GREEN, PINK)
LINE_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "p")
"""Runs differ by markers too, so that no figure needs its colours."""

TRAINING, VALIDATION = "training", "validation"
DASHES: dict[str, Literal["-", "--"]] = {TRAINING: "-", VALIDATION: "--"}
"""What curves of training and of validation are called, and how their lines are drawn, in every figure.

The live page draws them alike (`golmu/serve/live/static/chart.js`).
"""

GREY = "#808080"
"""A grey that is visible on white and on black."""

SEQUENTIAL, DIVERGING = "Blues", "PuOr_r"
"""Colour maps for magnitudes, and for values of both signs (orange: positive); both keep their order without hue."""

INK = "#010203"
"""Stands for the colour of the page's text while a figure is drawn for a page."""

INKED_SETTINGS = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
"""Matplotlib's settings that get this colour."""

_SETTINGS = threading.RLock()
"""Held by the thread that has its own settings in place of Matplotlib's."""

FigureFunction = TypeVar("FigureFunction", bound=Callable[..., Any])


@contextmanager
def own_settings(**settings: Any) -> Iterator[None]:
    """Draw with Matplotlib's defaults, and `settings`, inside the `with` block.

    A user's `matplotlibrc` may ask for LaTeX, or for white text on black, and is meant for figures of the user.
    Matplotlib has one set of settings for all threads, so that one draws after the other.
    """
    matplotlib = import_matplotlib()
    with _SETTINGS, matplotlib.rc_context():
        defaults = {name: value for name, value in matplotlib.rcParamsDefault.items() if name != "backend"}
        matplotlib.rcParams.update(defaults | settings)
        yield


def figure_function(draw: FigureFunction) -> FigureFunction:
    """Make a function draw with our own settings, unless the user gives it `axes` of a figure with other ones."""
    signature = inspect.signature(draw)

    @functools.wraps(draw)
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if signature.bind(*arguments, **options).arguments.get("axes") is not None:
            return draw(*arguments, **options)
        with own_settings():
            return draw(*arguments, **options)

    return wrapped  # type: ignore[return-value]


def import_matplotlib() -> Any:
    """Import Matplotlib, whatever `MPLBACKEND` says.

    A notebook hands down its own backend to the commands that it runs, and where golmu is installed there may be no
    such module. Our figures need no backend, so it is set only where it can be.
    """
    with _SETTINGS:  # another thread may be importing it
        if "matplotlib" not in sys.modules:
            backend = os.environ.pop("MPLBACKEND", None)
            try:
                matplotlib = _import_with_any_settings()
            finally:
                if backend is not None:
                    os.environ["MPLBACKEND"] = backend
            if backend:
                with suppress(ValueError):
                    matplotlib.rcParams["backend"] = backend
        return sys.modules["matplotlib"]


def _import_with_any_settings() -> Any:
    """Import Matplotlib; without the user's `matplotlibrc` if that cannot be read, as one that is not UTF-8."""
    try:
        return importlib.import_module("matplotlib")  # a second
    except (OSError, UnicodeError) as error:
        warn(f"Matplotlib's settings are not used, since its file matplotlibrc cannot be read: {error}")
        for name in [name for name in sys.modules if name.startswith("matplotlib.")]:
            del sys.modules[name]  # half imported
    chosen = os.environ.get("MATPLOTLIBRC")
    os.environ["MATPLOTLIBRC"] = os.devnull
    try:
        return importlib.import_module("matplotlib")
    finally:
        if chosen is None:
            del os.environ["MATPLOTLIBRC"]
        else:
            os.environ["MATPLOTLIBRC"] = chosen


def new_axes(size: tuple[float, float] = (7, 4.2)) -> Axes:
    """Make an axis in a figure of its own, outside pyplot; the size is in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415  a second to import

    return Figure(figsize=size, layout="constrained").subplots()


def tidy(axes: Axes) -> None:
    """Draw a grid and leave two spines, as in every figure with lines."""
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def figure_of(axes: Axes) -> Figure:
    """Return the figure of an axis."""
    figure = axes.get_figure(root=True)
    assert figure is not None  # an axis that was drawn on belongs to one
    return figure


def png(drawn: Axes | Figure, dpi: float = 144) -> bytes:
    """Return a figure, or the figure of an axis, as the content of a PNG file, at `dpi` dots per inch."""
    return render(drawn, "png", dpi)


def render(drawn: Axes | Figure, file_format: str, dpi: float = 144) -> bytes:
    """Return a figure, or the figure of an axis, as the content of a file; `file_format` is png, svg or pdf."""
    buffer = BytesIO()
    with own_settings(**{"pdf.fonttype": 42}):  # text stays text
        from matplotlib.axes import Axes  # noqa: PLC0415

        (figure_of(drawn) if isinstance(drawn, Axes) else drawn).savefig(buffer, format=file_format, dpi=dpi)
    return buffer.getvalue()


def svg(draw: Callable[[Axes], object], size: tuple[float, float] = (4.6, 3.1)) -> str:
    """Return an `<svg>` element of `size` inches for an HTML page; `draw` is called with its axis.

    Text stays text, in the font of the page. Text, axes and ticks take the colour of the page's text, and the four
    colours of lines are CSS variables, --blue, --orange, --green and --pink, so that a dark page may have lighter ones.
    """
    settings: dict[Any, Any] = {
        **dict.fromkeys(INKED_SETTINGS, INK), "grid.color": GREY, "svg.fonttype": "none", "svg.hashsalt": "golmu",
    }  # fmt: skip
    with own_settings(**settings):
        axes = new_axes(size)
        draw(axes)
        buffer = StringIO()
        no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure_of(axes).savefig(buffer, format="svg", transparent=True, metadata=no_metadata)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r' id="[A-Za-z][\w.]*_\d+"', "", text)  # two figures on a page would share these
    for name, colour in (("blue", BLUE), ("orange", ORANGE), ("green", GREEN), ("pink", PINK)):
        text = text.replace(colour, f"var(--{name})")
    return text
