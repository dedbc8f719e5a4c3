"""Figures of what a network makes of an image. Each draws a field of `golmu.analysis.explanation.Explanation`, or the like."""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golmu.analysis.explanation import Explanation
from golmu.errors import InputError
from golmu.plots import fonts
from golmu.plots.canvas import BLUE, DIVERGING, GREY, new_axes, tidy
from golmu.plots.scores import write_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from golmu.estimator.network import ConvolutionNetwork

SHOWN = 10
"""Classes whose probability is drawn, at most: the most probable."""


def image(pixels: ArrayLike, axes: Axes | None = None) -> Axes:
    """An image (h, w, c) or (h, w); see `as_picture`."""
    return _show(as_picture(np.asarray(pixels)), new_axes((3, 3)) if axes is None else axes, vmin=0, vmax=255)


def kernels(source: ConvolutionNetwork | ArrayLike, axes: Axes | None = None, *, columns: int | None = None) -> Axes:
    """The kernels (3, 3, c, K) of a network, or an array of them, in a grid: orange adds, purple takes away.

    Of several channels, the sum of a kernel's weights over them.

    Raises
    ------
    NotFittedError
        If the network has no weights yet.
    """
    weights = np.asarray(source.conv_w if hasattr(type(source), "conv_w") else source)  # type: ignore[union-attr]
    if weights.ndim != 4:
        raise InputError(f"kernels must have shape (3, 3, c, K), got {weights.shape}")
    return _signed(tiles(weights.sum(axis=2), columns), axes)


def feature_maps(maps: ArrayLike, axes: Axes | None = None, *, columns: int | None = None) -> Axes:
    """Maps (h, w, K) in a grid: orange is above zero, purple below, as before ReLU."""
    values = np.asarray(maps)
    if values.ndim != 3:
        raise InputError(f"maps must have shape (h, w, K), got {values.shape}")
    return _signed(tiles(values, columns), axes)


def heat(values: ArrayLike, axes: Axes | None = None) -> Axes:
    """A map (h, w) of magnitudes, such as a saliency: from black, which is 0, to yellow."""
    shown = _map(values)
    top = float(np.nanmax(shown)) or 1.0
    return _show(shown, new_axes((3, 3)) if axes is None else axes, cmap="inferno", vmin=0, vmax=top)


def occlusion(values: ArrayLike, axes: Axes | None = None) -> Axes:
    """A map (h, w) of falls of a probability: orange where what is hidden spoke for the class, purple against it."""
    return _signed(_map(values), axes)


def probabilities(found: Explanation, axes: Axes | None = None) -> Axes:
    """The most probable classes of an explained image, as bars, the first at the top."""
    axes = new_axes((4, 3)) if axes is None else axes
    order = np.argsort(-found.probabilities, kind="stable")[:SHOWN]
    values = found.probabilities[order]
    axes.barh(range(len(order)), values, color=[BLUE if index == found.target else GREY for index in order])
    fonts.write_ticks(axes.yaxis, range(len(order)), [found.class_names[index] for index in order], order.tolist())
    for row, value in enumerate(values.tolist()):
        is_long = value > 0.75  # the figure stands inside the bar
        axes.text(
            value - 0.02 if is_long else value + 0.02, row, f"{value:.3f}", va="center",
            ha="right" if is_long else "left", color="white" if is_long else None, fontsize="small",
        )  # fmt: skip
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="probability")
    tidy(axes)
    axes.set_axisbelow(True)
    return axes


def units(found: Explanation, axes: Axes | None = None) -> Axes:
    """What each of the strongest hidden units adds to each class's logit: orange speaks for it, purple against."""
    axes = new_axes((5, 3)) if axes is None else axes
    if not len(found.units):
        axes.set_axis_off()
        axes.text(0.5, 0.5, "no hidden unit is above zero", ha="center", transform=axes.transAxes)
        return axes
    _signed(found.unit_outputs, axes, aspect="auto")
    axes.set_axis_on()
    axes.set_yticks(range(len(found.units)), labels=[f"unit {unit + 1}" for unit in found.units])
    write_classes(axes.xaxis, found.class_names, 20)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(found.class_names) <= SHOWN:
        top = np.abs(found.unit_outputs).max(initial=0) or 1.0
        decimals = min(max(1, 1 - floor(log10(top))), 4)
        for (i, j), value in np.ndenumerate(found.unit_outputs):
            colour = "white" if abs(value) > 0.6 * top else "black"
            axes.text(
                j,
                i,
                f"{round(value, decimals) + 0.0:.{decimals}f}",  # + 0.0 makes of -0.0 a zero without a sign
                ha="center",
                va="center",
                color=colour,
                fontsize="x-small",
            )
    return axes


def as_picture(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """(h, w) grey or (h, w, 3): uint8 as it is, floats from [0, 1], or from their own range where they leave that.

    Of channels that are neither 1 nor 3, the mean.
    """
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    if pixels.ndim != 3:
        raise InputError(f"an image must have shape (h, w, c) or (h, w), got {pixels.shape}")
    if pixels.dtype != np.uint8:
        low, high = min(0.0, float(pixels.min())), max(1.0, float(pixels.max()))
        pixels = ((pixels - low) * (255 / (high - low))).round()
    if pixels.shape[2] != 3:
        pixels = pixels.mean(axis=2)
    return pixels.astype(np.uint8)


def tiles(maps: NDArray[Any], columns: int | None = None, gap: int | None = None) -> NDArray[np.float64]:
    """Maps (h, w, K) beside and below each other in one array, with NaN between them."""
    height, width, n = maps.shape
    columns = min(n, columns or int(np.ceil(np.sqrt(n))))
    rows = -(-n // columns)
    gap = max(1, width // 10) if gap is None else gap
    out = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for k in range(n):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        out[top : top + height, left : left + width] = maps[..., k]
    return out


def _map(values: ArrayLike) -> NDArray[Any]:
    array = np.asarray(values)
    if array.ndim != 2:
        raise InputError(f"a map must have shape (h, w), got {array.shape}")
    return array


def _signed(values: NDArray[Any], axes: Axes | None, aspect: str = "equal") -> Axes:
    reach = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    axes = new_axes((3, 3)) if axes is None else axes
    return _show(values, axes, cmap=DIVERGING, vmin=-reach, vmax=reach, aspect=aspect)


def _show(values: NDArray[Any], axes: Axes, **options: Any) -> Axes:
    """The values as pixels, without ticks."""
    axes.imshow(values, interpolation="nearest", **({"cmap": "gray"} | options))
    axes.set_axis_off()
    return axes
