"""The network as plain data: its shapes, its table of parameters and its initial weights. No engine, no training.

These names, shapes and this order are the canonical form of the weights, which every engine takes and gives, and every
file holds:

    conv_w (3, 3, c, K)   conv_b (K,)   w1 (D, U)   b1 (U,)   w2 (U, C)   b2 (C,)

for images (h, w, c), K kernels, U units and C classes, where D = ⌊h/2⌋·⌊w/2⌋·K counts the pooled features, flattened
by row, column, kernel with the kernel running fastest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from golmu.errors import InputError, InputTypeError
from golmu.types import Weights

KERNEL_SIZE = 3
"""Height and width of a convolution kernel, in pixels."""

POOL_SIZE = 2
"""Height, width and stride of a pooling window, in pixels."""

MAX_PARAMETERS = 2**30
"""More (4 GiB of float32) are refused before memory is asked for: most likely a number was mistyped."""

SUGGESTED_SIDE = 32
"""Height and width that errors suggest for images that make a network too large."""

WEIGHT_NAMES = ("conv_w", "conv_b", "w1", "b1", "w2", "b2")


class Layer(NamedTuple):
    """A row of the table of layers."""

    name: str
    shape: tuple[int, ...]
    """Shape of the layer's output for one image."""
    n_parameters: int


@dataclass(frozen=True)
class Architecture:
    """The sizes that determine the network.

    Parameters
    ----------
    height, width, channels
        Shape of an image, in pixels; height and width at least 2, so that one pooling window fits.
    n_kernels
        Number of 3×3 convolution kernels.
    units
        Number of units of the hidden dense layer.
    n_classes
        Number of classes, at least 2.

    Raises
    ------
    InputTypeError, InputError
        If a size is not an integer or is too small, or all of them make more than `MAX_PARAMETERS` parameters.
    """

    height: int
    width: int
    channels: int
    n_kernels: int
    units: int
    n_classes: int

    def __post_init__(self) -> None:
        least = {"height": POOL_SIZE, "width": POOL_SIZE, "n_classes": 2}
        for name, value in asdict(self).items():
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise InputTypeError(f"{name} must be an integer, got {value!r}")
            if value < least.get(name, 1):
                raise InputError(f"{name} must be at least {least.get(name, 1)}, got {value}")
            object.__setattr__(self, name, int(value))
        if self.n_parameters > MAX_PARAMETERS:
            side = SUGGESTED_SIDE
            smaller = f", or fit the images to a smaller size (--size {side}, in load_dataset size={side})"
            raise InputError(
                f"n_kernels={self.n_kernels} and units={self.units} on images of shape {self.image_shape} make "
                f"{self.n_parameters:,} parameters, and at most {MAX_PARAMETERS:,} are supported: lower them"
                f"{smaller if max(self.height, self.width) > side else ''}"
            )

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(h, w, c)."""
        return self.height, self.width, self.channels

    @property
    def pooled_shape(self) -> tuple[int, int, int]:
        """(⌊h/2⌋, ⌊w/2⌋, K): an odd last row or column is dropped."""
        return self.height // POOL_SIZE, self.width // POOL_SIZE, self.n_kernels

    @property
    def n_features(self) -> int:
        """D, the length of the flattened pooled maps."""
        return prod(self.pooled_shape)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The canonical shape of every weight, in the canonical order."""
        return {
            "conv_w": (KERNEL_SIZE, KERNEL_SIZE, self.channels, self.n_kernels),
            "conv_b": (self.n_kernels,),
            "w1": (self.n_features, self.units),
            "b1": (self.units,),
            "w2": (self.units, self.n_classes),
            "b2": (self.n_classes,),
        }

    @property
    def layers(self) -> list[Layer]:
        """The layers from the first to the last."""
        sizes = {name: prod(shape) for name, shape in self.shapes.items()}
        maps = (self.height, self.width, self.n_kernels)
        return [
            Layer("image", self.image_shape, 0),
            Layer("convolution 3×3, ReLU", maps, sizes["conv_w"] + sizes["conv_b"]),
            Layer("max pooling 2×2", self.pooled_shape, 0),
            Layer("flatten", (self.n_features,), 0),
            Layer("dense, ReLU", (self.units,), sizes["w1"] + sizes["b1"]),
            Layer("dense, softmax", (self.n_classes,), sizes["w2"] + sizes["b2"]),
        ]

    @property
    def n_parameters(self) -> int:
        """Number of trained parameters: 197,210 for 28×28 grey images, 10 kernels, 100 units and 10 classes."""
        return sum(prod(shape) for shape in self.shapes.values())

    def differences(self, other: Architecture) -> list[str]:
        """List the sizes in which the other differs, a line for each."""
        mine, others = asdict(self), asdict(other)
        return [
            f"the architecture's {name} is {mine[name]}, not {others[name]}"
            for name in mine
            if mine[name] != others[name]
        ]

    def initial_weights(self, rng: np.random.Generator) -> Weights:
        """Draw Glorot uniform weights and zero biases.

        A weight is drawn from U(−a, a) with a = √(6 / (fan_in + fan_out)); Glorot and Bengio, "Understanding the
        difficulty of training deep feedforward neural networks", AISTATS 2010, equation 16. The fans of a
        convolution count its 3×3 window.
        """
        weights: Weights = {}
        for name, shape in self.shapes.items():
            if len(shape) == 1:
                weights[name] = np.zeros(shape, np.float32)
                continue
            window = prod(shape[:-2])
            limit = sqrt(6 / (window * (shape[-2] + shape[-1])))
            weights[name] = rng.uniform(-limit, limit, shape).astype(np.float32)
        return weights

    def checked(self, weights: Mapping[str, ArrayLike]) -> Weights:
        """Return float32 copies of `weights`, in the canonical order.

        Raises
        ------
        InputTypeError, InputError
            If a weight is missing, unknown, wrongly shaped, not numeric or not finite.
        """
        if not isinstance(weights, Mapping):
            raise InputTypeError(f"weights must be a dict of {', '.join(WEIGHT_NAMES)}, got {type(weights).__name__}")
        if missing := [name for name in WEIGHT_NAMES if name not in weights]:
            raise InputError(f"weights lack {', '.join(missing)}: all of {', '.join(WEIGHT_NAMES)} are needed")
        if unknown := [str(name) for name in weights if name not in WEIGHT_NAMES]:
            raise InputError(f"weights have unknown names {', '.join(unknown)}: use {', '.join(WEIGHT_NAMES)}")
        result: Weights = {}
        for name, shape in self.shapes.items():
            try:
                with np.errstate(over="ignore"):  # what float32 cannot hold is reported below
                    value = np.array(weights[name], np.float32, order="C")
            except (TypeError, ValueError) as error:
                raise InputTypeError(f"weight {name} must be an array of numbers: {error}") from error
            if value.shape != shape:
                raise InputError(f"weight {name} must have shape {shape} for this network, got {value.shape}")
            if not np.isfinite(value).all():
                raise InputError(f"weight {name} must be finite, but holds NaN or infinity")
            result[name] = value
        return result
