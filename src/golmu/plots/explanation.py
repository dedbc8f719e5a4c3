"""One figure that follows an image through a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from golmu.analysis.explanation import Explanation
from golmu.plots import fonts
from golmu.plots import images as pictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

ROWS = 10
"""Kernels that are shown, at most: those with the largest mean activation."""


def explanation(found: Explanation, title: str = "", truth: int | None = None) -> Figure:
    """Input and where the decision comes from, kernels with their maps, hidden units, and probabilities.

    `title` says which image it is, and `truth` is the index of the class that it shows, if that is known.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(13, 8), layout="constrained")
    parts: Any = figure.subfigures(1, 3, width_ratios=(2, 4, 6))
    _origins(found, parts[0])
    _layers(found, parts[1])
    _decision(found, parts[2])
    _heading(found, figure, title, truth)
    return figure


def _heading(found: Explanation, figure: Figure, title: str, truth: int | None) -> None:
    words, fonts_needed = [], []
    for before, name, stand_in in (
        ("", title, "image"),
        ("predicted ", found.class_names[found.prediction], f"#{found.prediction}"),
        ("explained ", found.class_names[found.target] if found.target != found.prediction else "", f"#{found.target}"),
        ("true class ", "" if truth is None else found.class_names[truth], f"#{truth}"),
    ):
        if name:
            text, families = fonts.shown(name, stand_in)
            words.append(before + text)
            fonts_needed += [family for family in families if family not in fonts_needed]
    fonts.dress(figure.suptitle("     ".join(words), fontsize="large"), fonts_needed)


def _origins(found: Explanation, figure: SubFigure) -> None:
    axes = figure.subplots(4, 1)
    pictures.image(found.image, axes[0])
    pictures.heat(found.saliency, axes[1])
    pictures.heat(found.smoothgrad, axes[2])
    pictures.occlusion(found.occlusion, axes[3])
    for one, name in zip(axes, ("input", "saliency", "SmoothGrad", "occlusion"), strict=True):
        one.set_title(name, fontsize="medium")


def _layers(found: Explanation, figure: SubFigure) -> None:
    order = np.argsort(-found.activations.mean(axis=(0, 1)), kind="stable")[:ROWS]
    axes = figure.subplots(ROWS, 4, width_ratios=(0.6, 1, 1, 1), squeeze=False)
    for one, name in zip(axes[0], ("kernel", "convolution", "after ReLU", "after pooling"), strict=True):
        one.set_title(name, fontsize="medium")
    for row in axes[len(order) :]:
        for one in row:
            one.set_axis_off()
    for row, k in zip(axes, order.tolist(), strict=False):
        pictures.kernels(found.kernels[..., k : k + 1], row[0])
        reach = np.abs(found.maps[..., k]).max() or 1.0  # one scale for the three, so that ReLU and pooling show
        row[0].text(-0.2, 0.5, str(k + 1), ha="right", va="center", fontsize="small", transform=row[0].transAxes)
        for one, maps in zip(row[1:], (found.maps, found.activations, found.pooled), strict=True):
            pictures.feature_maps(maps[..., k : k + 1], one)
            one.images[0].set_clim(-reach, reach)


def _decision(found: Explanation, figure: SubFigure) -> None:
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    top, bottom = parts
    rows = top.add_gridspec(max(1, len(found.units)), 2, width_ratios=(0.16, 1))
    weighed = top.add_subplot(rows[:, 1])
    reach = np.abs(found.unit_inputs).max(initial=0) or 1.0
    for row, seen_by_it in enumerate(found.unit_inputs):  # beside its row of the table, whatever an image's proportions
        seen = top.add_subplot(rows[row, 0])
        pictures.feature_maps(seen_by_it[..., None], seen)
        seen.images[0].set_clim(-reach, reach)
        if row == 0:
            seen.set_title("what they see", fontsize="medium")
    pictures.units(found, weighed)
    weighed.set_title("the strongest hidden units, and what they add to each logit", fontsize="medium")
    pictures.probabilities(found, bottom.subplots())
