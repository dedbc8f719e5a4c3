"""A figure of several trainings: their losses, or their accuracies, against the epoch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from golmu.plots import fonts
from golmu.plots.canvas import (
    DASHES,
    GREY,
    LINE_COLOURS,
    LINE_MARKERS,
    TRAINING,
    VALIDATION,
    figure_function,
    new_axes,
)
from golmu.plots.curves import draw_epochs, finish_epochs
from golmu.training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FILLINGS = ("full", "none")
"""Markers are filled, and then hollow."""

MAX_INSIDE = 4
"""Runs whose names find room beside the curves, at most; those of more stand below the figure."""

COLUMNS, ROW_HEIGHT, BELOW_AXIS = 2, 0.22, -0.2
"""Columns of a legend below the figure, inches of its rows, and where it begins, as a share of the axis."""

FEWEST_EPOCHS = 6
"""Epochs from which on a training's first epoch may lie outside the figure."""

STRETCH = 0.25
"""Share of the axis that first epochs must take up to lie outside."""

MARGIN = 0.05
"""Share of the axis that is left free above and below the curves, as Matplotlib does it."""


@figure_function
def compared(
    histories: Sequence[History], names: Sequence[str], axes: Axes | None = None, *, accuracy: bool = False
) -> Axes:
    """Draw the losses of several trainings against the epoch; or, with `accuracy`, their validation accuracies.

    Each training has a colour and a marker, which the legend names by `names`. Solid lines are training and dashed ones
    validation, as in every figure. A first epoch that is far from all later ones lies outside, so that those can be
    told apart.
    """
    axes = new_axes() if axes is None else axes
    kinds: list[str] = []
    for number, history in enumerate(histories):
        for kind, values in _curves(history, accuracy):
            draw_epochs(axes, values, kind, *style(number))
            kinds += [kind] if values and kind not in kinds else []
    axes.set_ylabel("accuracy" if accuracy else "loss (cross-entropy)")
    finish_epochs(axes, max((len(history.losses) for history in histories), default=0))
    _leave_out_first_epochs(axes, [values for history in histories for _, values in _curves(history, accuracy)])
    _write_legend(axes, names, kinds)
    return axes


def style(number: int) -> tuple[str, str, str]:
    """Return colour, marker and filling of a training by its number from 0; 16 differ without colours, 64 with them."""
    filling = FILLINGS[number // len(LINE_MARKERS) % len(FILLINGS)]
    different = len(LINE_MARKERS) * len(FILLINGS)
    return (
        LINE_COLOURS[(number + number // different) % len(LINE_COLOURS)],
        LINE_MARKERS[number % len(LINE_MARKERS)],
        filling,
    )


def _curves(history: History, accuracy: bool) -> list[tuple[str, list[float]]]:
    if accuracy:
        return [(VALIDATION, history.val_accuracies)]
    return [(TRAINING, history.losses), (VALIDATION, history.val_losses)]


def _leave_out_first_epochs(axes: Axes, curves: Sequence[Sequence[float]]) -> None:
    """End the axis where the later epochs end, if the first ones take up much of it.

    Only a first epoch is ever left out, and only of a training that has several more, so a loss that rises later, or an
    accuracy that falls, is drawn whole: that is a training that goes wrong.
    """
    whole = np.array([value for values in curves for value in values])
    later = np.array([value for values in curves for value in values[1 if len(values) >= FEWEST_EPOCHS else 0 :]])
    whole, later = whole[np.isfinite(whole)], later[np.isfinite(later)]
    if not len(later) or not 0 < np.ptp(later) < (1 - STRETCH) * np.ptp(whole):
        return
    room = MARGIN * float(np.ptp(later))
    axes.set_ylim(float(later.min()) - room, float(later.max()) + room)


def legend_height(n_runs: int) -> float:
    """Return how many inches a figure of so many trainings wants for its legend, beyond the usual size."""
    return ROW_HEIGHT * -(-(n_runs + len(DASHES)) // COLUMNS) if n_runs > MAX_INSIDE else 0.0


def _write_legend(axes: Axes, names: Sequence[str], kinds: Sequence[str]) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415  a second to import

    styles = map(style, range(len(names)))
    runs = [
        Line2D([], [], color=colour, linestyle="", marker=marker, fillstyle=filling)  # type: ignore[arg-type]
        for colour, marker, filling in styles
    ]
    lines = [Line2D([], [], color=GREY, linestyle=DASHES[kind]) for kind in kinds]
    numbers = [str(number) for number in range(1, len(names) + 1)]
    handles, words = [*runs, *lines], [*numbers, *kinds]
    if len(names) > MAX_INSIDE:
        at = (0.5, BELOW_AXIS)
        legend = axes.legend(handles, words, frameon=False, loc="upper center", bbox_to_anchor=at, ncols=COLUMNS)
    else:
        legend = axes.legend(handles, words, frameon=False)
    for text, name, number in zip(legend.get_texts(), names, numbers, strict=False):  # the last are the kinds of lines
        fonts.write_name(text, name or number, number)
