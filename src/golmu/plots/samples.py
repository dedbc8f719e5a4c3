"""The contact sheet of a data set: some images of each class."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from golmu.plots.canvas import figure_function
from golmu.plots.fonts import UNKNOWN_LETTER, find_fonts, shorten, warn_of_missing_font

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL, GAP, MARGIN = 0.5, 0.05, 0.15
"""Inches of the contact sheet: the height of an image, the gap between two, and the margin around all."""

HEADING_POINTS, NAME_POINTS = 11, 9
"""Sizes of the letters of the heading and of the names."""

PAPER_COLOUR = "0.93"
"""Colour of the contact sheet, on which neither white nor black images vanish."""

MAX_CLASSES_SHOWN, MAX_ROWS = 100, 25
"""Classes that a contact sheet shows at most, and rows of them below each other."""

MAX_NAME_WIDTH = 30
"""The largest width of a name, as `golmu.plots.fonts.text_width` counts it."""

MAX_IMAGE_SIDE = 160
"""Pixels of the height or width of an image, at most, that a contact sheet can show."""


@figure_function
def samples(
    images: NDArray[np.uint8], labels: NDArray[np.int64], class_names: Sequence[str], *, title: str = "",
    axes: Axes | None = None,
) -> Axes:  # fmt: skip
    """Draw a contact sheet: beside the name of each class a row of its images, taken evenly from all of them.

    Many classes are set in two columns or more. The units of the axis are inches.

    Parameters
    ----------
    images, labels
        uint8 (n, h, w, c), and the class of each image, (n,).
    class_names
        A name for each label.
    title
        The heading of the sheet.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    classes = np.unique(labels)
    n_left_out, classes = max(0, len(classes) - MAX_CLASSES_SHOWN), classes[:MAX_CLASSES_SHOWN]
    heading = shorten(title, 2 * MAX_NAME_WIDTH) + (f" (and {n_left_out} more classes)" if n_left_out else "")
    names = [shorten(class_names[label], MAX_NAME_WIDTH) for label in classes]
    families, unknown = find_fonts([*names, heading])
    if not unknown.isdisjoint("".join(names)):
        warn_of_missing_font(f"boxes ({UNKNOWN_LETTER})")
    heading, *names = (replace_letters(text, unknown) for text in (heading, *names))
    style: dict[str, Any] = {"family": families, "parse_math": False, "va": "center"}
    n_columns = ceil(len(classes) / MAX_ROWS)
    n_rows, n_samples = ceil(len(classes) / n_columns), 10 if n_columns == 1 else 6
    cell_width = CELL * min(4.0, max(0.25, images.shape[2] / images.shape[1]))
    top = 2.5 * MARGIN if heading else MARGIN
    lefts, starts = [], []  # where the names and the images of each column begin
    right = 0.0
    for column in range(n_columns):
        lefts.append(right + MARGIN)
        starts.append(lefts[-1] + _widest(names[column * n_rows :][:n_rows], style, NAME_POINTS) + MARGIN)
        right = starts[-1] + n_samples * (cell_width + GAP)
    right = max(right, MARGIN + _widest([heading], style, HEADING_POINTS))
    extent = right + MARGIN, top + n_rows * (CELL + GAP) + MARGIN
    if axes is None:
        axes = Figure(figsize=extent, facecolor=PAPER_COLOUR).add_axes((0, 0, 1, 1))
    axes.text(MARGIN, top / 2, heading, fontsize=HEADING_POINTS, **style)
    for number, (label, name) in enumerate(zip(classes, names, strict=True)):
        column, row = divmod(number, n_rows)
        upper = top + row * (CELL + GAP)
        axes.text(lefts[column], upper + CELL / 2, name, fontsize=NAME_POINTS, **style)
        members = np.flatnonzero(labels == label)
        chosen = np.linspace(0, len(members) - 1, min(n_samples, len(members))).astype(int)
        for place, member in enumerate(members[chosen]):
            left = starts[column] + place * (cell_width + GAP)
            axes.imshow(
                reduce_image(images[member]), cmap="gray", vmin=0, vmax=255, aspect="auto",
                extent=(left, left + cell_width, upper + CELL, upper),
            )  # fmt: skip
    axes.set(xlim=(0, extent[0]), ylim=(extent[1], 0))
    axes.set_axis_off()
    return axes


def _widest(texts: Sequence[str], style: dict[str, Any], size: float) -> float:
    """Return the width of the widest text, in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure()
    boxes = [figure.text(0, 0, text, fontsize=size, **style).get_window_extent() for text in texts]
    return max(box.width for box in boxes) / figure.dpi


def replace_letters(text: str, unknown: frozenset[str]) -> str:
    """Replace the letters that no font has."""
    return "".join(UNKNOWN_LETTER if letter in unknown else letter for letter in text)


def reduce_image(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Reduce an image to as many pixels as can be seen, as (h, w) or (h, w, 3).

    An image that is neither grey nor RGB becomes the mean of its channels.
    """
    from PIL import Image  # noqa: PLC0415

    if image.shape[2] not in (1, 3):
        image = image.mean(axis=2, keepdims=True).astype(np.uint8)
    full = Image.fromarray(image if image.shape[2] == 3 else image[..., 0])
    factor = ceil(max(full.size) / MAX_IMAGE_SIDE)
    return np.asarray(full.reduce(factor) if factor > 1 else full)
