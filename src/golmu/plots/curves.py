"""Figures of a training: losses, accuracies and learning rates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from golmu.plots import fonts
from golmu.plots.canvas import BLUE, DASHES, GREY, LINES, MARKERS, ORANGE, new_axes, tidy
from golmu.recipe import Recipe
from golmu.schedule import Schedule
from golmu.training.loop import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from golmu.estimator.network import ConvolutionNetwork

MARKED = 25
"""Epochs that have a marker, at most."""

POINTS = 500
"""Steps whose learning rate is drawn, at most."""


def curves(source: ConvolutionNetwork | History, axes: Axes | None = None, *, best: int | None = None) -> Axes:
    """Training and validation loss against the epoch, counted from 1, of a network or of its history.

    `best` is an epoch to mark.
    """
    history = history_of(source)
    axes = new_axes() if axes is None else axes
    _epoch_line(axes, "train_loss", history.losses, BLUE, "o-")
    _epoch_line(axes, "val_loss", history.val_losses, ORANGE, "s--")
    axes.set_ylabel("loss (cross-entropy)")
    return _finish_epochs(axes, len(history.losses), best)


def accuracies(source: ConvolutionNetwork | History, axes: Axes | None = None, *, best: int | None = None) -> Axes:
    """Validation accuracy against the epoch, counted from 1, of a network or of its history.

    `best` is an epoch to mark.
    """
    history = history_of(source)
    axes = new_axes() if axes is None else axes
    _epoch_line(axes, "val_accuracy", history.val_accuracies, ORANGE, "s--")
    axes.set_ylabel("accuracy")
    return _finish_epochs(axes, len(history.losses), best)


def history_of(source: ConvolutionNetwork | History) -> History:
    """The history of a network, or itself.

    Raises
    ------
    NotFittedError
        If the network has no weights yet.
    """
    if isinstance(source, History):
        return source
    _ = source.losses  # refuses a network that has none
    return source.history_


def _epoch_line(axes: Axes, label: str, values: list[float], colour: str, style: str) -> None:
    if values:
        every = -(-len(values) // MARKED)
        epochs = range(1, len(values) + 1)
        axes.plot(epochs, values, style, color=colour, label=label, markersize=4, markevery=every)


def _finish_epochs(axes: Axes, epochs: int, best: int | None) -> Axes:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    if best is not None:
        axes.axvline(best, color=GREY, linestyle=":", label=f"best epoch: {best}")
    if epochs == 1:
        axes.set_xlim(0, 2)  # a point and no line: elsewhere there would be fractions of an epoch
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    tidy(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    return axes


def learning_rates(recipe: Recipe, n: int, epochs: int | None = None, axes: Axes | None = None) -> Axes:
    """The learning rate against the epochs passed, of a training on `n` images; `epochs`: as many as were done."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    axes = new_axes() if axes is None else axes
    schedule, done = Schedule(recipe, n), recipe.epochs if epochs is None else epochs
    starts = [schedule.first_step(epoch) for epoch in range(done + 1)]
    steps = np.unique(np.linspace(0, max(0, starts[-1] - 1), POINTS).round().astype(np.int64))
    axes.plot(np.interp(steps, starts, np.arange(done + 1)), schedule.learning_rates(steps), color=BLUE)
    axes.set_xlim(0, max(done, 1))
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epochs passed")
    axes.set_ylabel("learning rate")
    tidy(axes)
    return axes


def compared(
    histories: Sequence[History], names: Sequence[str], axes: Axes | None = None, *, accuracy: bool = False
) -> Axes:
    """Losses of several trainings against the epoch: with markers of validation, thin of training; or accuracies.

    Where there is no validation, the training losses have the markers.
    """
    axes = new_axes() if axes is None else axes
    lines = []
    for number, history in enumerate(histories):
        colour, dash, marker = styles(number)
        main = history.val_accuracies if accuracy else history.val_losses or history.losses
        every = max(1, -(-len(main) // MARKED))
        if not accuracy and history.val_losses:
            _thin(axes, history.losses, colour, dash)
        epochs = range(1, len(main) + 1)
        lines += axes.plot(epochs, main, color=colour, linestyle=dash, marker=marker, markersize=4, markevery=every)
    axes.set_ylabel("accuracy" if accuracy else "loss (cross-entropy)")
    _finish_epochs(axes, max((len(history.losses) for history in histories), default=0), None)
    legend = axes.legend(lines, [str(number) for number in range(1, len(lines) + 1)], frameon=False)
    for number, (text, name) in enumerate(zip(legend.get_texts(), names, strict=True), start=1):
        fonts.write(text, f"{number} {name}".rstrip(), str(number))
    return axes


def _thin(axes: Axes, values: list[float], colour: str, dash: str) -> None:
    axes.plot(range(1, len(values) + 1), values, color=colour, linestyle=dash, linewidth=0.8, alpha=0.7)


def styles(number: int) -> tuple[str, str, str]:
    """Colour, dash and marker of the line counted `number` from 0; sixteen differ."""
    shift = number // len(LINES)
    return LINES[number % len(LINES)], DASHES[shift % len(DASHES)], MARKERS[(number + shift) % len(MARKERS)]


def range_test(rates: NDArray[np.float64], losses: NDArray[np.float64], suggestion: float) -> Axes:
    """The smoothed loss against the learning rate, with the suggested rate marked."""
    axes = new_axes()
    axes.plot(rates, losses, label="training loss, smoothed")
    axes.axvline(suggestion, color="C1", linestyle="--", label=f"suggested: {suggestion:.2g}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss (cross-entropy)")
    fall = max(losses[0] - losses.min(), 0.1)
    axes.set_ylim(losses.min() - 0.1 * fall, losses[0] + 0.5 * fall)  # how far up it goes at the end tells nothing
    tidy(axes)
    axes.legend(frameon=False)
    return axes
