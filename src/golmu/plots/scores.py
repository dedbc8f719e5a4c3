"""Figures of the scores of a network: how good it is, for which classes, and how well it knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golmu.errors import InputError
from golmu.metrics import ClassScores, Reliability, hundredths
from golmu.plots import fonts
from golmu.plots.canvas import BLUE, GREY, ORANGE, SEQUENTIAL, figure_function, new_axes, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

MAX_NAMES_ON_AXIS = 40
"""Names, at most, along an axis."""

MAX_CLASSES_SCORED = 60
"""Classes, at most, whose scores are drawn: one in a row."""

MAX_CLASSES_WITH_NUMBERS = 15
"""Rows or columns, at most, of a heat map whose cells have their values written in them."""


@figure_function
def confusion(matrix: ArrayLike, class_names: Sequence[str] | None = None, axes: Axes | None = None) -> Axes:
    """Draw a confusion matrix (C, C) of counts, each row divided by its sum: how the images of a class were predicted.

    Rows are true classes, columns are predicted classes. A class without images is a row of zeros.

    Examples
    --------
    >>> from golmu import plots
    >>> axes = plots.confusion([[8, 2], [1, 9]], ["cat", "dog"])
    >>> axes.get_ylabel()
    'true class'
    """
    counts = np.asarray(matrix)
    if counts.ndim != 2 or len(counts) != counts.shape[1]:
        raise InputError(f"matrix must have shape (C, C), got {counts.shape}")
    names = _check_names(class_names, len(counts))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(12.0, 2.5 + 0.45 * len(counts))
    axes = _heat_map(shares, 1.0, names, names, new_axes((side + 0.8, side)) if axes is None else axes, percent=True)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    return axes


@figure_function
def class_scores(scores: ClassScores, class_names: Sequence[str] | None = None, axes: Axes | None = None) -> Axes:
    """Draw precision, recall and F1 of each class in a row; F1 lies between the other two, nearer to the lower one.

    If there are more than `MAX_CLASSES_SCORED` classes, those with the lowest F1 are drawn. The axis begins at the
    tenth below the lowest score.
    """
    n = len(scores.f1)
    names = _check_names(class_names, n)
    drawn = np.sort(np.argsort(scores.f1, kind="stable")[:MAX_CLASSES_SCORED])
    precision, recall, f1 = (score[drawn] for score in scores[:3])
    rows = np.arange(len(drawn))
    axes = new_axes((6, 1.2 + 0.24 * len(drawn))) if axes is None else axes
    low, high = np.minimum(precision, recall), np.maximum(precision, recall)
    axes.hlines(rows, low, high, color=GREY, linewidth=1.2, alpha=0.7, zorder=1)
    axes.plot(precision, rows, "o", color=BLUE, markersize=6, label="precision")
    axes.plot(recall, rows, "s", color=ORANGE, markersize=5, label="recall")
    axes.plot(f1, rows, "|", color=GREY, markersize=11, markeredgewidth=2, label="F1")
    fonts.write_ticks(axes.yaxis, rows.tolist(), [names[i] for i in drawn], drawn.tolist())
    begin = np.floor(10 * low.min(initial=0.9)) / 10
    margin = 0.02 * (1 - begin)
    axes.set(xlim=(begin - margin, 1 + margin), ylim=(len(drawn) - 0.4, -0.6))
    axes.set_xlabel(f"score: the {len(drawn)} of {n} classes with the lowest F1" if len(drawn) < n else "score")
    tidy(axes)
    axes.tick_params(axis="y", length=0)
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, columnspacing=1.5)
    return axes


@figure_function
def class_activations(means: ArrayLike, class_names: Sequence[str] | None = None, axes: Axes | None = None) -> Axes:
    """Draw the mean activations (K, C) of each kernel on the images of each class."""
    values = np.asarray(means)
    if values.ndim != 2:
        raise InputError(f"means must have shape (K, C), got {values.shape}")
    names, numbers = _check_names(class_names, values.shape[1]), [str(k + 1) for k in range(len(values))]
    size = min(12.0, 2.5 + 0.5 * values.shape[1]), min(12.0, 1.6 + 0.35 * len(values))
    top = float(values.max()) if values.size else 0.0
    axes = _heat_map(values, top or 1.0, numbers, names, new_axes(size) if axes is None else axes, percent=False)
    axes.set_xlabel("class")
    axes.set_ylabel("kernel")
    return axes


@figure_function
def reliability(bins: Reliability, axes: Axes | None = None) -> Axes:
    """Draw the accuracy of the images whose confidence lies in each bin, and its gap to their mean confidence."""
    axes = new_axes((4.6, 4.2)) if axes is None else axes
    filled = bins.support > 0
    left, width = bins.edges[:-1][filled], np.diff(bins.edges)[filled]
    accuracy, gap = bins.accuracy[filled], (bins.confidence - bins.accuracy)[filled]
    axes.bar(left, accuracy, width, align="edge", color=BLUE, alpha=0.75, label="accuracy", edgecolor=BLUE)
    axes.bar(
        left, gap, width, bottom=accuracy, align="edge", facecolor="none", edgecolor=ORANGE, hatch="///",
        label=f"gap to confidence (ECE {bins.calibration_error:.3f})",
    )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", zorder=3, label="perfectly calibrated")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="accuracy")
    tidy(axes)
    axes.set_axisbelow(True)
    axes.legend(
        frameon=False, loc="lower left", bbox_to_anchor=(-0.02, 1), ncols=2, fontsize="small", borderaxespad=0.2,
        columnspacing=1.2,
    )  # fmt: skip
    return axes


def _check_names(class_names: Sequence[str] | None, n: int) -> list[str]:
    names = [str(i) for i in range(n)] if class_names is None else [str(name) for name in class_names]
    if len(names) != n:
        raise InputError(f"class_names must have {n} names, one for each class, got {len(names)}")
    return names


def _heat_map(
    values: NDArray[Any], top: float, rows: list[str], columns: list[str], axes: Axes, *, percent: bool
) -> Axes:
    """Draw cells from 0 to `top` with the names of rows and columns, and write their values if the table is small."""
    axes.imshow(values, cmap=SEQUENTIAL, vmin=0, vmax=top, aspect="auto" if not percent else "equal")
    for axis, names in ((axes.yaxis, rows), (axes.xaxis, columns)):
        write_classes(axis, names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if max(values.shape) <= MAX_CLASSES_WITH_NUMBERS:
        texts = [[str(n or "") for n in hundredths(row)] if percent else [f"{v:.2f}" for v in row] for row in values]
        for (i, j), value in np.ndenumerate(values):
            if text := texts[i][j]:
                colour = "white" if value > 0.6 * top else "black"
                axes.text(j, i, text, ha="center", va="center", color=colour, fontsize="small")
    return axes


def write_classes(axis: Axis, names: Sequence[str], max_names: int = MAX_NAMES_ON_AXIS) -> None:
    """Write names beside the cells along an axis, at most `max_names` of them, evenly chosen."""
    step = -(-len(names) // max_names)
    numbers = range(0, len(names), step)
    fonts.write_ticks(axis, numbers, [names[number] for number in numbers], numbers)
    if axis.axis_name == "x" and max(map(len, names), default=0) > 2:  # type: ignore[attr-defined]
        for label in axis.get_ticklabels():
            label.set(rotation=45, ha="right", rotation_mode="anchor")
