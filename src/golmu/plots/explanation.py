"""Figures of how a network decides about an image, from the fields of `golmu.analysis.explanation.Explanation`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil, floor, log10, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from golmu.analysis.explanation import ExplainedBlock, Explanation
from golmu.analysis.grad_cam import enlarge_map
from golmu.names import list_names
from golmu.plots import fonts, images
from golmu.plots.canvas import BLUE, GREY, figure_function, new_axes, tidy
from golmu.plots.scores import write_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

MAX_CLASSES_SHOWN = 10
"""Classes, at most, whose probability is drawn, or whose cells have their values written in them."""

MAX_NAMES_ON_AXIS = 20
"""Names of classes, at most, below the table of hidden units."""

MAX_KERNELS_SHOWN = 10
"""Kernels of the first block, at most, that the whole figure shows: those with the largest mean activation."""

ROWS_PER_BLOCK = 2
"""Each further block takes the place of so many of these kernels."""

MAX_MAPS_SHOWN = 16
"""Maps of each further block, at most, that the whole figure shows: those with the largest mean activation."""

GRID_WIDTH, GRID_HEIGHT, NUMBER_HEIGHT = 4.3, 1.1, 0.12
"""The space for the maps of a further block, and what the number of a kernel takes of it, in inches."""


@figure_function
def occlusion(values: ArrayLike, axes: Axes | None = None) -> Axes:
    """Draw a map (h, w) of how much a probability falls when a place of the image is hidden.

    Orange: hiding the place lowers the probability, so it supports the class. Purple: hiding it raises the probability.
    """
    return images.show_signed(images.as_map(values), axes)


@figure_function
def grad_cam(explained: Explanation, axes: Axes | None = None) -> Axes:
    """Draw the Grad-CAM map over the image: where it is yellow, the last block's kernels see what speaks for the class.

    The map is brought to the size of the image by bilinear interpolation.
    """
    height, width, _ = explained.image.shape
    cam = enlarge_map(explained.grad_cam, len(explained.blocks), (height, width))
    return images.image(images.overlay(explained.image, cam), axes)


@figure_function
def probabilities(explained: Explanation, axes: Axes | None = None) -> Axes:
    """Draw the most probable classes of an explained image as bars, the first at the top."""
    axes = new_axes((4, 3)) if axes is None else axes
    order = np.argsort(-explained.probabilities, kind="stable")[:MAX_CLASSES_SHOWN]
    values, names = explained.probabilities[order], [explained.class_names[index] for index in order]
    axes.barh(range(len(order)), values, color=[BLUE if index == explained.target else GREY for index in order])
    fonts.write_ticks(axes.yaxis, range(len(order)), names, order.tolist())
    for row, value in enumerate(values.tolist()):
        is_long = value > 0.75  # then the number is written inside the bar
        axes.text(
            value - 0.02 if is_long else value + 0.02, row, f"{value:.3f}", va="center",
            ha="right" if is_long else "left", color="white" if is_long else None, fontsize="small",
        )  # fmt: skip
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="probability")
    tidy(axes)
    axes.set_axisbelow(True)
    return axes


@figure_function
def units(explained: Explanation, axes: Axes | None = None) -> Axes:
    """Draw what the strongest hidden units add to the logit of each class: orange raises it, purple lowers it."""
    axes = new_axes((5, 3)) if axes is None else axes
    if not len(explained.units):
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no hidden unit is active", ha="center", transform=axes.transAxes)
        return axes
    images.show_signed(explained.unit_outputs, axes, aspect="auto")
    axes.set_axis_on()
    axes.set_yticks(range(len(explained.units)), labels=[f"unit {unit + 1}" for unit in explained.units])
    write_classes(axes.xaxis, explained.class_names, MAX_NAMES_ON_AXIS)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(explained.class_names) <= MAX_CLASSES_SHOWN:
        top = np.abs(explained.unit_outputs).max(initial=0) or 1.0
        decimals = min(max(1, 1 - floor(log10(top))), 4)
        for (i, j), value in np.ndenumerate(explained.unit_outputs):
            number = round(value, decimals) + 0.0  # the sum turns -0.0 into a zero without a sign
            colour = "white" if abs(value) > 0.6 * top else "black"
            axes.text(j, i, f"{number:.{decimals}f}", ha="center", va="center", color=colour, fontsize="x-small")
    return axes


@figure_function
def explanation(explained: Explanation, title: str = "", truth: int | None = None, file: str = "") -> Figure:
    """Draw one figure that follows an image through a network.

    The figure shows the input and where the decision comes from, kernels with their maps, the most active maps of
    further blocks, hidden units, and probabilities. `title` tells which image it is, `truth` is the index of the class
    that the image shows, if that is known, and `file` is the name of its file, which is written under it.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(13, 8), layout="constrained")
    parts: Any = figure.subfigures(1, 3, width_ratios=(2, 4, 6))
    _draw_input(explained, parts[0], file)
    _draw_layers(explained, parts[1])
    _draw_decision(explained, parts[2])
    _write_heading(explained, figure, title, truth)
    unreadable = [
        f"#{number} {name}" for number, name in enumerate(explained.class_names) if not fonts.has_letters(name)
    ]
    if unreadable:
        fonts.warn_of_missing_font(f"numbers ({list_names(unreadable, MAX_CLASSES_SHOWN)})")
    return figure


def _write_heading(explained: Explanation, figure: Figure, title: str, truth: int | None) -> None:
    names = explained.class_names
    words, families = [], []
    for before, name, stand_in in (
        ("", title, "image"),
        ("predicted: ", names[explained.prediction], f"#{explained.prediction}"),
        ("explained: ", names[explained.target] if explained.target != explained.prediction else "",
            f"#{explained.target}"),
        ("true class: ", "" if truth is None else names[truth], f"#{truth}"),
    ):  # fmt: skip
        if name:
            text, needed = fonts.readable_name(name, stand_in)
            words.append(before + text)
            families += [family for family in needed if family not in families]
    fonts.set_fonts(figure.suptitle("     ".join(words), fontsize="large"), families)


def _draw_input(explained: Explanation, figure: SubFigure, file: str) -> None:
    """Draw the image with the name of its file, and the maps of where the decision comes from.

    Grad-CAM is left out for one block: the dense layer behind it weights each place on its own, so that a mean over all
    places says little, and the background of the image may be the brightest.
    """
    drawings: dict[str, Callable[[Axes], object]] = {
        "input": partial(images.image, explained.image),
        "saliency": partial(images.heat, explained.saliency),
        "SmoothGrad": partial(images.heat, explained.smoothgrad),
        **({"Grad-CAM": partial(grad_cam, explained)} if len(explained.blocks) > 1 else {}),
        "occlusion": partial(occlusion, explained.occlusion),
    }
    axes = figure.subplots(len(drawings), 1)
    for one, (name, draw) in zip(axes, drawings.items(), strict=True):
        draw(one)
        one.set_title(name, fontsize="medium")
    if file:
        name_below = axes[0].text(0.5, -0.04, "", ha="center", va="top", fontsize="small", transform=axes[0].transAxes)
        fonts.write_name(name_below, fonts.shorten_path(file, fonts.MAX_NAME_WIDTH), "")


def _draw_layers(explained: Explanation, figure: SubFigure) -> None:
    """Draw the most active kernels with what each makes of the image, and below them the maps of further blocks."""
    if len(explained.blocks) == 1:
        _draw_first_block(explained.blocks[0], figure, MAX_KERNELS_SHOWN)
        if words := _which_kernels(explained.blocks[0], MAX_KERNELS_SHOWN):
            figure.suptitle(words, fontsize="medium")
        return
    n_further = len(explained.blocks) - 1
    n_rows = MAX_KERNELS_SHOWN - ROWS_PER_BLOCK * n_further
    parts: Any = figure.subfigures(2, 1, height_ratios=(n_rows, ROWS_PER_BLOCK * n_further))
    _draw_first_block(explained.blocks[0], parts[0], n_rows)
    parts[0].suptitle(_which_maps(explained.blocks[0], 1, n_rows), fontsize="medium")
    for number, (block, axes) in enumerate(
        zip(explained.blocks[1:], parts[1].subplots(n_further, 1, squeeze=False)[:, 0], strict=True), start=2
    ):
        _draw_further_block(block, number, axes)


def _draw_first_block(block: ExplainedBlock, figure: SubFigure, n_rows: int) -> None:
    order = _most_active(block, n_rows)
    axes = figure.subplots(n_rows, 4, width_ratios=(0.6, 1, 1, 1), squeeze=False)
    for one, name in zip(axes[0], ("kernel", "convolution", "after ReLU", "after pooling"), strict=True):
        one.set_title(name, fontsize="medium")
    for row in axes[len(order) :]:
        for one in row:
            one.set_axis_off()
    for row, k in zip(axes, order, strict=False):
        images.kernels(block.kernels[..., k : k + 1], row[0])
        reach = np.abs(block.maps[..., k]).max() or 1.0  # one scale for all three, to show ReLU and pooling
        row[0].text(-0.2, 0.5, str(k + 1), ha="right", va="center", fontsize="small", transform=row[0].transAxes)
        for one, maps in zip(row[1:], (block.maps, block.activations, block.pooled), strict=True):
            images.feature_maps(maps[..., k : k + 1], one)
            one.images[0].set_clim(-reach, reach)


def _draw_further_block(block: ExplainedBlock, number: int, axes: Axes) -> None:
    """Draw the most active maps of a block, counted from 1, in a grid, each on its own scale and with its number."""
    order = _most_active(block, MAX_MAPS_SHOWN)
    maps = block.activations[..., order]
    maps = maps / np.maximum(maps.max(axis=(0, 1)), np.finfo(np.float32).tiny)
    height, width, n = maps.shape
    across = min(n, max(1, round(sqrt(GRID_WIDTH / GRID_HEIGHT * n * height / width))))
    pixels_per_inch = max(width * across / GRID_WIDTH, height * -(-n // across) / GRID_HEIGHT)
    above = ceil(NUMBER_HEIGHT * pixels_per_inch)  # empty pixels above each map, for its number
    maps = np.pad(maps, ((above, 0), (0, 0), (0, 0)), constant_values=np.nan)
    n_rows = -(-n // max(1, round(sqrt(GRID_WIDTH / GRID_HEIGHT * n * (height + above) / width))))
    columns, gap = -(-n // n_rows), -(-width // 10)
    images.show_signed(images.tile(maps, columns, gap), axes)
    for place, k in enumerate(order):
        row, column = divmod(place, columns)
        x, y = column * (width + gap) + (width - 1) / 2, row * (height + above + gap) + above - 0.7
        axes.text(x, y, str(k + 1), ha="center", va="bottom", fontsize="x-small")
    axes.set_title(f"{_which_maps(block, number, n)}, after ReLU", fontsize="medium")


def _which_maps(block: ExplainedBlock, number: int, n_shown: int) -> str:
    """Name a block, counted from 1, and the share of its kernels that is shown."""
    return ": ".join(filter(None, (f"block {number}", _which_kernels(block, n_shown))))


def _which_kernels(block: ExplainedBlock, n_shown: int) -> str:
    """Say how many of a block's kernels are shown; "" if that is all of them."""
    n_kernels = block.maps.shape[2]
    return f"the {n_shown} most active of {n_kernels} kernels" if n_shown < n_kernels else ""


def _most_active(block: ExplainedBlock, most: int) -> list[int]:
    """List the numbers of the kernels with the largest mean activation, at most `most`, the largest first."""
    order: list[int] = np.argsort(-block.activations.mean(axis=(0, 1)), kind="stable")[:most].tolist()
    return order


def _draw_decision(explained: Explanation, figure: SubFigure) -> None:
    """Draw the strongest hidden units, each beside the map of what it looks at, and the probabilities."""
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    top, bottom = parts
    rows = top.add_gridspec(max(1, len(explained.units)), 2, width_ratios=(0.16, 1))
    table = top.add_subplot(rows[:, 1])
    reach = np.abs(explained.unit_inputs).max(initial=0) or 1.0
    for row, unit_input in enumerate(explained.unit_inputs):  # beside its row of the table, even for wide images
        axes = top.add_subplot(rows[row, 0])
        images.feature_maps(unit_input[..., None], axes)
        axes.images[0].set_clim(-reach, reach)
        if row == 0:
            axes.set_title("where each\nunit looks", fontsize="medium")
    units(explained, table)
    table.set_title("strongest hidden units: what each adds to the logit of each class", fontsize="medium")
    probabilities(explained, bottom.subplots())
