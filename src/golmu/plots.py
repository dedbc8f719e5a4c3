"""Figures: each function draws its data on one Matplotlib axis and returns it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golmu.training import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves(history: History, axes: Axes | None = None) -> Axes:
    """Training and validation loss against the epoch, counted from 1."""
    from matplotlib.figure import Figure  # noqa: PLC0415  a second to import
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    if axes is None:
        # A figure of its own, outside pyplot: no window system is touched and nothing stays open.
        axes = Figure(figsize=(7, 4.2), layout="constrained").subplots()
    for label, losses, style in (("train_loss", history.losses, "o-"), ("val_loss", history.val_losses, "s--")):
        if losses:
            axes.plot(range(1, len(losses) + 1), losses, style, label=label, markersize=4)
    if len(history.losses) == 1:
        axes.set_xlim(0, 2)  # a point and no line: elsewhere there would be fractions of an epoch
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss (cross-entropy)")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    if axes.lines:
        axes.legend(frameon=False)
    return axes


def range_test(rates: NDArray[np.float64], losses: NDArray[np.float64], suggestion: float) -> Axes:
    """The smoothed loss against the learning rate, with the suggested rate marked."""
    from matplotlib.figure import Figure  # noqa: PLC0415

    axes = Figure(figsize=(7, 4.2), layout="constrained").subplots()
    axes.plot(rates, losses, label="training loss, smoothed")
    axes.axvline(suggestion, color="C1", linestyle="--", label=f"suggested: {suggestion:.2g}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss (cross-entropy)")
    fall = max(losses[0] - losses.min(), 0.1)
    axes.set_ylim(losses.min() - 0.1 * fall, losses[0] + 0.5 * fall)  # how far up it goes at the end tells nothing
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return axes


def png(axes: Axes, dpi: int = 144) -> bytes:
    """The figure of `axes` as the content of a PNG file, at `dpi` dots an inch."""
    buffer = BytesIO()
    figure = axes.get_figure(root=True)
    assert figure is not None  # an axis that was drawn on belongs to one
    figure.savefig(buffer, format="png", dpi=dpi)
    return buffer.getvalue()
