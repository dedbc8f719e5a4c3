"""Figures of an image and of maps like it, as they are in a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from golmu.errors import InputError
from golmu.plots.canvas import DIVERGING, figure_function, import_matplotlib, new_axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from golmu.model.model import Model


IMAGE_SHARE = 0.4
"""How much of the image is seen under the colours of a map."""


class HasKernels(Protocol):
    """A network whose kernels are an attribute, such as `golmu.ConvolutionNetwork`."""

    @property
    def conv_w(self) -> NDArray[np.float32]:
        """The first block's kernels, (3, 3, c, K)."""


class HasModel(Protocol):
    """A predictor, whose model has the kernels, such as `golmu.model.predictor.Predictor`."""

    @property
    def model(self) -> Model:
        """The trained network."""


@runtime_checkable
class MayLackWeights(Protocol):
    """A network that may have no weights yet."""

    def check_fitted(self) -> None:
        """Raise `NotFittedError` if the network has no weights yet."""


@figure_function
def image(pixels: ArrayLike, axes: Axes | None = None) -> Axes:
    """Draw an image (h, w, c) or (h, w); see `to_displayable`."""
    return _show(to_displayable(np.asarray(pixels)), new_axes((3, 3)) if axes is None else axes, vmin=0, vmax=255)


@figure_function
def kernels(source: HasKernels | HasModel | ArrayLike, axes: Axes | None = None, *, columns: int | None = None) -> Axes:
    """Draw the kernels (3, 3, c, K) of a network, a predictor or an array in a grid: orange adds, purple subtracts.

    If there are several channels, the weights of a kernel are summed over them. Of a network of several blocks these
    are the first block's kernels; another block's are an array, such as `network.get_weights()["conv2_w"]`.

    Raises
    ------
    NotFittedError
        If the network has no weights yet.
    InputError
        If an array has another number of axes.
    """
    weights = _kernels_of(source)
    if weights.ndim != 4:
        raise InputError(f"kernels must have shape (3, 3, c, K), got {weights.shape}")
    return show_signed(tile(weights.sum(axis=2), columns), axes)


def _kernels_of(source: Any) -> NDArray[Any]:
    if isinstance(source, MayLackWeights):
        source.check_fitted()
    if hasattr(source, "conv_w"):
        return np.asarray(source.conv_w)
    if hasattr(source, "model"):
        return np.asarray(source.model.weights["conv_w"])
    return np.asarray(source)


@figure_function
def feature_maps(maps: ArrayLike, axes: Axes | None = None, *, columns: int | None = None) -> Axes:
    """Draw maps (h, w, K) in a grid: orange is above zero, purple below, as before ReLU."""
    values = np.asarray(maps)
    if values.ndim != 3:
        raise InputError(f"maps must have shape (h, w, K), got {values.shape}")
    return show_signed(tile(values, columns), axes)


@figure_function
def heat(values: ArrayLike, axes: Axes | None = None) -> Axes:
    """Draw a map (h, w) of magnitudes, such as a saliency: from black, which is 0, to yellow."""
    magnitudes = as_map(values)
    top = float(np.nanmax(magnitudes)) or 1.0
    return _show(magnitudes, new_axes((3, 3)) if axes is None else axes, cmap="inferno", vmin=0, vmax=top)


def overlay(pixels: NDArray[Any], values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return an image (h, w, c), in grey, under the colours of a map (h, w) of magnitudes, as pixels (h, w, 3)."""
    grey = to_displayable(pixels)
    grey = grey if grey.ndim == 2 else grey.mean(axis=2)
    colours = import_matplotlib().colormaps["inferno"](values / (values.max() or 1.0))[..., :3]
    mixed: NDArray[np.float64] = IMAGE_SHARE * grey[..., None] + (1 - IMAGE_SHARE) * 255 * colours
    return mixed.round().astype(np.uint8)


def to_displayable(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Convert an image to uint8, (h, w) grey or (h, w, 3).

    Floats are scaled from [0, 1], or from their own range if they exceed that. Channels that are neither 1 nor 3 are
    replaced by their mean.
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


def tile(maps: NDArray[Any], columns: int | None = None, gap: int | None = None) -> NDArray[np.float64]:
    """Put maps (h, w, K) beside and below each other in one array, with NaN between them."""
    height, width, n = maps.shape
    columns = min(n, columns or int(np.ceil(np.sqrt(n))))
    rows = -(-n // columns)
    gap = max(1, width // 10) if gap is None else gap
    grid = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for k in range(n):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        grid[top : top + height, left : left + width] = maps[..., k]
    return grid


def as_map(values: ArrayLike) -> NDArray[Any]:
    """Return a map (h, w) as an array, or raise `InputError` if it has another number of axes."""
    array = np.asarray(values)
    if array.ndim != 2:
        raise InputError(f"a map must have shape (h, w), got {array.shape}")
    return array


@figure_function
def show_signed(values: NDArray[Any], axes: Axes | None, aspect: str = "equal") -> Axes:
    """Draw values of both signs as pixels: orange above zero, purple below, and white at zero."""
    reach = float(np.nanmax(np.abs(values), initial=0)) or 1.0
    axes = new_axes((3, 3)) if axes is None else axes
    return _show(values, axes, cmap=DIVERGING, vmin=-reach, vmax=reach, aspect=aspect)


def _show(values: NDArray[Any], axes: Axes, **options: Any) -> Axes:
    """Draw the values as pixels, without ticks."""
    axes.imshow(values, interpolation="nearest", **({"cmap": "gray"} | options))
    axes.set_axis_off()
    return axes
