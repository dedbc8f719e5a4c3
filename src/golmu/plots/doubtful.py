"""The contact sheet of doubtful labels: each image with the label that it was given, and the one that is suggested."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from golmu.plots.canvas import figure_function
from golmu.plots.fonts import UNKNOWN_LETTER, find_fonts, shorten, warn_of_missing_font
from golmu.plots.samples import HEADING_POINTS, MARGIN, PAPER_COLOUR, reduce_image, replace_letters

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = 8
"""Images beside each other."""

SIDE, LINE, GAP = 0.9, 0.15, 0.12
"""Inches: the longer side of an image, the height of a line of text, and the gap between two images."""

TEXT_POINTS = 7.5
"""Size of the letters under an image."""

MAX_TEXT_WIDTH = 15
"""The largest width of a name under an image, as `golmu.plots.fonts.text_width` counts it."""


@figure_function
def doubtful_labels(
    images: NDArray[np.uint8], given: Sequence[str], suggested: Sequence[str], names: Sequence[str], *,
    title: str = "", axes: Axes | None = None,
) -> Axes:  # fmt: skip
    """Draw images in rows, under each its given label, an arrow and the suggested label, and what it is called.

    The units of the axis are inches.

    Parameters
    ----------
    images
        uint8 (n, h, w, c), n at least 1.
    given, suggested
        (n,) names of classes.
    names
        (n,) what the images are called.
    title
        The heading of the sheet.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    lines = [
        [shorten(text, MAX_TEXT_WIDTH) for text in (first, f"→ {second}", name)]
        for first, second, name in zip(given, suggested, names, strict=True)
    ]
    heading = shorten(title, 4 * MAX_TEXT_WIDTH)
    families, unknown = find_fonts([heading, *(text for texts in lines for text in texts)])
    if not unknown.isdisjoint("".join([*given, *suggested])):
        warn_of_missing_font(f"boxes ({UNKNOWN_LETTER})")
    style: dict[str, Any] = {"family": families, "parse_math": False, "va": "center"}
    n_columns, height, width = min(COLUMNS, len(images)), *images.shape[1:3]
    cell, pitch = SIDE + 3 * LINE + GAP, SIDE + GAP
    top = 2.5 * MARGIN
    extent = 2 * MARGIN + max(n_columns, 4) * pitch, top + ceil(len(images) / n_columns) * cell + MARGIN
    if axes is None:
        axes = Figure(figsize=extent, facecolor=PAPER_COLOUR).add_axes((0, 0, 1, 1))
    axes.text(MARGIN, top / 2, replace_letters(heading, unknown), fontsize=HEADING_POINTS, **style)
    high, wide = (SIDE * max(0.05, side / max(height, width)) for side in (height, width))
    for number, (image, texts) in enumerate(zip(images, lines, strict=True)):
        row, column = divmod(number, n_columns)
        left, upper = MARGIN + column * pitch, top + row * cell
        across, down = left + (SIDE - wide) / 2, upper + (SIDE - high) / 2
        axes.imshow(
            reduce_image(image), cmap="gray", vmin=0, vmax=255, aspect="auto",
            extent=(across, across + wide, down + high, down),
        )  # fmt: skip
        for line, (text, colour) in enumerate(zip(texts, ("black", "#a04000", "0.4"), strict=True)):
            axes.text(
                left + SIDE / 2, upper + SIDE + (line + 0.6) * LINE, replace_letters(text, unknown),
                fontsize=TEXT_POINTS, color=colour, ha="center", **style,
            )  # fmt: skip
    axes.set(xlim=(0, extent[0]), ylim=(extent[1], 0))
    axes.set_axis_off()
    return axes
