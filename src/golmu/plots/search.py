"""A figure of a search: each setting's values against the validation loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golmu.errors import InputError
from golmu.plots.canvas import BLUE, ORANGE, own_settings, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3

MAX_SETTINGS = 12
"""Settings, at most, that are drawn: those that mattered most."""

TICKS = 4
"""Numbers along a logarithmic axis."""

SPAN = 4
"""The axis ends this many times as far above the lowest loss as the median is, so that good trials can be told."""


@dataclass(frozen=True)
class SearchedSetting:
    """One setting of a search."""

    name: str
    values: Sequence[float | str]
    """Its value in each trial."""
    share: float | None = None
    """Its share of what moved the loss, in [0, 1]; None: unknown."""
    is_log: bool = False
    choices: Sequence[float | str] | None = None
    """All values that it may have, which are drawn side by side in this order; None: they are numbers of a range."""


def search(settings: Sequence[SearchedSetting], losses: Sequence[float], best: int) -> Figure:
    """Draw the validation loss of each trial against each of its settings, in the order given; the best in orange.

    Trials far above the others are triangles at the upper edge.

    Parameters
    ----------
    settings
        The settings, each with a value for each trial.
    losses
        The validation loss of each trial.
    best
        The place of the best trial in `losses`.
    """
    if not settings or any(len(one.values) != len(losses) for one in settings):
        raise InputError(f"settings must each have {len(losses)} values, one for each loss")
    drawn, heights = settings[:MAX_SETTINGS], np.asarray(losses, np.float64)
    top = min(heights.max(), heights.min() + SPAN * (float(np.median(heights)) - heights.min()))
    columns = min(COLUMNS, len(drawn))
    rows = -(-len(drawn) // columns)
    with own_settings():
        from matplotlib.figure import Figure  # noqa: PLC0415  a second to import

        figure = Figure(figsize=(max(3.2 * columns, 4), 2.7 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes, one in zip(grid.flat, drawn, strict=False):
            _draw_setting(axes, one, heights, top, best)
        for axes in grid.flat[len(drawn) :]:
            axes.set_visible(False)
        for axes in grid[:, 0]:
            axes.set_ylabel("validation loss")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        side_by_side = len(labels) if columns > 1 else 1
        figure.legend(handles, labels, loc="outside lower center", ncols=side_by_side, frameon=False, fontsize="small")
    return figure


def _draw_setting(axes: Axes, one: SearchedSetting, heights: NDArray[np.float64], top: float, best: int) -> None:
    places = [float(value) if one.choices is None else one.choices.index(value) for value in one.values]
    if one.choices is not None:
        names = [f"{value:g}" if isinstance(value, float) else str(value) for value in one.choices]
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.5, len(names) - 0.5)
    elif one.is_log:
        axes.set_xscale("log")
        _write_plain_ticks(axes, min(places), max(places))
    for is_high, marker, label in ((False, "o", "a trial"), (True, "^", "a trial with a loss above the axis")):
        shown = (heights > top) == is_high
        axes.plot(
            np.asarray(places)[shown], np.minimum(heights[shown], top), marker, color=BLUE, markersize=5, alpha=0.6,
            markeredgewidth=0, label=label if shown.any() else None,
        )  # fmt: skip
    axes.plot(places[best], heights[best], "D", color=ORANGE, markersize=8, zorder=3, label="the best trial")
    share = "" if one.share is None else f": {100 * one.share:.0f} %"
    axes.set_title(f"{one.name}{share}", fontsize="medium")
    tidy(axes)


def _write_plain_ticks(axes: Axes, low: float, high: float) -> None:
    """Write a few numbers along a logarithmic axis as people write them, whatever factor it spans."""
    from matplotlib.ticker import NullLocator  # noqa: PLC0415  a second to import

    exact = np.geomspace(low, high, TICKS) if low < high else np.array([low])
    rounded = {float(f"{tick:.1g}") for tick in exact}
    if len(rounded) < len(exact):  # one digit is too few for a narrow range
        rounded = {float(f"{tick:.2g}") for tick in exact}
    ticks = sorted(rounded)
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
