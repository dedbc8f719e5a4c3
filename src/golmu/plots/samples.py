"""The contact sheet of a data set: some images of each class."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from golmu.plots.lettering import UNKNOWN, fonts_for, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELL, GAP, MARGIN = 0.5, 0.05, 0.15
"""Inches of the contact sheet: the height of an image, between two, and around all."""

HEADING, NAME = 11, 9
"""Points of the contact sheet's letters."""

PAPER = "0.93"
"""Colour of the contact sheet: neither white nor black images vanish on it."""

MOST_CLASSES, MOST_ROWS, LONGEST_NAME = 100, 25, 30
"""Classes that a contact sheet shows, rows of them above one another, and letters of a name."""

FINEST = 160
"""Pixels of an image's height or width that a contact sheet can show."""


def samples(
    images: NDArray[np.uint8], labels: NDArray[np.int64], class_names: Sequence[str], *, title: str = "",
    axes: Axes | None = None,
) -> Axes:  # fmt: skip
    """A contact sheet: a row of images of each class, taken evenly from all of them, beside the class's name.

    Many classes stand in two columns or more. The axis has inches as its units.

    Parameters
    ----------
    images, labels
        uint8 (n, h, w, c), and the class of each, (n,).
    class_names
        A name for each label.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    classes = np.unique(labels)
    n_left_out, classes = max(0, len(classes) - MOST_CLASSES), classes[:MOST_CLASSES]
    heading = shortened(title, 2 * LONGEST_NAME) + (f" (and {n_left_out} classes more)" if n_left_out else "")
    names = [shortened(class_names[label], LONGEST_NAME) for label in classes]
    families, unknown = fonts_for([*names, heading])
    heading, *names = (_drawable(text, unknown) for text in (heading, *names))
    style: dict[str, Any] = {"family": families, "parse_math": False, "va": "center"}
    n_columns = ceil(len(classes) / MOST_ROWS)
    n_rows, n_samples = ceil(len(classes) / n_columns), 10 if n_columns == 1 else 6
    cell_width = CELL * min(4.0, max(0.25, images.shape[2] / images.shape[1]))
    top = 2.5 * MARGIN if heading else MARGIN
    lefts, starts = [], []  # of the names and of the images of each column
    right = 0.0
    for column in range(n_columns):
        lefts.append(right + MARGIN)
        starts.append(lefts[-1] + _widest(names[column * n_rows :][:n_rows], style, NAME) + MARGIN)
        right = starts[-1] + n_samples * (cell_width + GAP)
    right = max(right, MARGIN + _widest([heading], style, HEADING))
    extent = right + MARGIN, top + n_rows * (CELL + GAP) + MARGIN
    if axes is None:
        axes = Figure(figsize=extent, facecolor=PAPER).add_axes((0, 0, 1, 1))
    axes.text(MARGIN, top / 2, heading, fontsize=HEADING, **style)
    for number, (label, name) in enumerate(zip(classes, names, strict=True)):
        column, row = divmod(number, n_rows)
        upper = top + row * (CELL + GAP)
        axes.text(lefts[column], upper + CELL / 2, name, fontsize=NAME, **style)
        members = np.flatnonzero(labels == label)
        chosen = np.linspace(0, len(members) - 1, min(n_samples, len(members))).astype(int)
        for place, member in enumerate(members[chosen]):
            left = starts[column] + place * (cell_width + GAP)
            axes.imshow(
                _shown(images[member]), cmap="gray", vmin=0, vmax=255, aspect="auto",
                extent=(left, left + cell_width, upper + CELL, upper),
            )  # fmt: skip
    axes.set(xlim=(0, extent[0]), ylim=(extent[1], 0))
    axes.set_axis_off()
    return axes


def _widest(texts: Sequence[str], style: dict[str, Any], size: float) -> float:
    """Inches of the longest text."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure()
    boxes = [figure.text(0, 0, text, fontsize=size, **style).get_window_extent() for text in texts]
    return max(box.width for box in boxes) / figure.dpi


def _drawable(text: str, unknown: frozenset[str]) -> str:
    return "".join(UNKNOWN if letter in unknown else letter for letter in text)


def _shown(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(h, w) or (h, w, 3): as many pixels as can be seen; what is neither grey nor RGB, as the mean of its channels."""
    from PIL import Image  # noqa: PLC0415

    if image.shape[2] not in (1, 3):
        image = image.mean(axis=2, keepdims=True).astype(np.uint8)
    picture = Image.fromarray(image if image.shape[2] == 3 else image[..., 0])
    factor = ceil(max(picture.size) / FINEST)
    return np.asarray(picture.reduce(factor) if factor > 1 else picture)
