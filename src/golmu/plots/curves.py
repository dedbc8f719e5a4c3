"""Figures of a training: losses, accuracies and learning rates."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.plots.canvas import BLUE, DASHES, GREY, ORANGE, TRAINING, VALIDATION, figure_function, new_axes, tidy
from golmu.recipe import Recipe
from golmu.schedule import Schedule
from golmu.training.history import History

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MAX_MARKERS = 25
"""Epochs, at most, that have a marker."""

NOTE_WIDTH = 80
"""Characters of a line of the note below a figure."""

MAX_STEPS_DRAWN = 500
"""Steps, at most, whose learning rate is drawn."""


ROUND_STEPS = [1, 2, 5, 10]
"""Epochs between two labels of an axis, times a power of ten."""


class HasHistory(Protocol):
    """A network that knows the history of its training, such as `golmu.ConvolutionNetwork`."""

    @property
    def history_(self) -> History:
        """The history of the training."""

    def check_fitted(self) -> None:
        """Raise `NotFittedError` if the network has no weights yet."""


@figure_function
def curves(source: HasHistory | History, axes: Axes | None = None, *, best: int | None = None, note: str = "") -> Axes:
    """Draw training and validation loss against the epoch, counted from 1, from a network or its history.

    As in every figure, the solid line is training and the dashed one validation.
    `best` is an epoch to mark, and `note` a sentence that is written below, such as `Recipe.loss_note`.

    Examples
    --------
    >>> from golmu import plots
    >>> from golmu.training import History
    >>> axes = plots.curves(History(losses=[1.2, 0.8, 0.6], val_losses=[1.0, 0.8, 0.7]))
    >>> axes.get_xlabel()
    'epoch'
    """
    history = history_of(source)
    axes = new_axes() if axes is None else axes
    draw_epochs(axes, history.losses, TRAINING, BLUE, "o")
    draw_epochs(axes, history.val_losses, VALIDATION, ORANGE, "s")
    axes.set_ylabel("loss (cross-entropy)")
    finish_epochs(axes, len(history.losses), best)
    if note:
        axes.annotate(
            fill(note, NOTE_WIDTH), (0.5, 0), (0, -34), xycoords="axes fraction", textcoords="offset points",
            ha="center", va="top", fontsize="small", color=GREY,
        )  # fmt: skip
    return axes


@figure_function
def accuracies(source: HasHistory | History, axes: Axes | None = None, *, best: int | None = None) -> Axes:
    """Draw the validation accuracy against the epoch, counted from 1, from a network or its history.

    `best` is an epoch to mark.
    """
    history = history_of(source)
    axes = new_axes() if axes is None else axes
    draw_epochs(axes, history.val_accuracies, VALIDATION, ORANGE, "s")
    axes.set_ylabel("accuracy")
    return finish_epochs(axes, len(history.losses), best)


def history_of(source: HasHistory | History) -> History:
    """Return the history of a network, or the history that is given.

    Raises
    ------
    NotFittedError
        If the network has no weights yet.
    """
    if isinstance(source, History):
        return source
    source.check_fitted()
    return source.history_


def draw_epochs(axes: Axes, values: list[float], kind: str, colour: str, marker: str, filling: str = "full") -> None:
    """Draw a value of each epoch; `kind` is `TRAINING` or `VALIDATION`, `filling` a fill style of Matplotlib's."""
    if values:
        epochs, every = range(1, len(values) + 1), -(-len(values) // MAX_MARKERS)
        axes.plot(
            epochs, values, color=colour, linestyle=DASHES[kind], marker=marker, markersize=4, markevery=every,
            fillstyle=filling, label=kind,
        )  # fmt: skip


def _label_whole_epochs(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415  a second to import

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=ROUND_STEPS))


def finish_epochs(axes: Axes, epochs: int, best: int | None = None) -> Axes:
    """Draw the axis of the epochs, the mark of the best one, and a legend of what has a label."""
    if best is not None:
        axes.axvline(best, color=GREY, linestyle=":", label=f"best epoch: {best}")
    if epochs == 1:
        axes.set_xlim(0, 2)  # a single point: Matplotlib's own limits would show fractions of an epoch
    axes.set_xlabel("epoch")
    _label_whole_epochs(axes)
    tidy(axes)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False)
    return axes


@figure_function
def learning_rates(recipe: Recipe, n: int, epochs: int | None = None, axes: Axes | None = None) -> Axes:
    """Draw the learning rate against the completed epochs of a training on `n` images.

    `epochs` is how many were done; by default as many as the recipe has.
    """
    axes = new_axes() if axes is None else axes
    schedule, done = Schedule(recipe, n), recipe.epochs if epochs is None else epochs
    starts = [schedule.first_step(epoch) for epoch in range(done + 1)]
    steps = np.unique(np.linspace(0, max(0, starts[-1] - 1), MAX_STEPS_DRAWN).round().astype(np.int64))
    axes.plot(np.interp(steps, starts, np.arange(done + 1)), schedule.learning_rates(steps), color=BLUE)
    axes.set_xlim(0, max(done, 1))
    axes.set_ylim(bottom=0)
    _label_whole_epochs(axes)
    axes.set_xlabel("completed epochs")
    axes.set_ylabel("learning rate")
    tidy(axes)
    return axes


@figure_function
def range_test(rates: NDArray[np.float64], losses: NDArray[np.float64], suggestion: float) -> Axes:
    """Draw the smoothed loss against the learning rate, with the suggested rate marked."""
    axes = new_axes()
    axes.plot(rates, losses, label="smoothed training loss")
    axes.axvline(suggestion, color=GREY, linestyle=":", label=f"suggested: {suggestion:.2g}")
    axes.set_xscale("log")
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss (cross-entropy)")
    fall = max(losses[0] - losses.min(), 0.1)
    axes.set_ylim(losses.min() - 0.1 * fall, losses[0] + 0.5 * fall)  # its height at the end tells nothing
    tidy(axes)
    axes.legend(frameon=False)
    return axes
