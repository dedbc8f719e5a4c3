"""The network as plain data: its shapes, its table of parameters and its initial weights. No engine, no training.

These names, shapes and this order are the canonical form of the weights, which every engine takes and gives, and every
file holds:

    conv_w (3, 3, c, K)   conv_b (K,)   w1 (D, U)   b1 (U,)   w2 (U, C)   b2 (C,)

for images (h, w, c), K kernels, U units and C classes, where D = ⌊h/2⌋·⌊w/2⌋·K counts the pooled features, flattened
by row, column, kernel with the kernel running fastest.

A network may have several blocks of convolution and pooling, each of which reads what the one before it has pooled.
With K₁, K₂, … kernels the second block has conv2_w (3, 3, K₁, K₂) and conv2_b (K₂,), which follow conv_b, and so on;
a block halves height and width, and D counts what the last one has pooled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import prod, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from golmu.checks import kernel_numbers, refuse_long
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


class Block(NamedTuple):
    """A convolution with its pooling: (h, w, c) becomes (⌊h/2⌋, ⌊w/2⌋, K)."""

    input_shape: tuple[int, int, int]
    """(h, w, c)"""
    n_kernels: int
    """K"""
    names: tuple[str, str]
    """The names of its weights (3, 3, c, K) and of its bias (K,)."""

    @property
    def maps_shape(self) -> tuple[int, int, int]:
        """(h, w, K), the shape of what the convolution gives."""
        return *self.input_shape[:2], self.n_kernels

    @property
    def pooled_shape(self) -> tuple[int, int, int]:
        """(⌊h/2⌋, ⌊w/2⌋, K): an odd last row or column is dropped."""
        height, width, _ = self.input_shape
        return height // POOL_SIZE, width // POOL_SIZE, self.n_kernels


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
        Shape of an image, in pixels; height and width at least 2 to the power of the number of blocks, so that one
        pooling window fits into the last.
    n_kernels
        Number of 3×3 convolution kernels; or one number for each of several blocks, the first block's first. One block
        has its number as an integer here, and several have theirs as a tuple.
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
    n_kernels: int | tuple[int, ...]
    units: int
    n_classes: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_kernels", kernel_numbers(self.n_kernels, "n_kernels"))
        least = {"height": POOL_SIZE**self.n_blocks, "width": POOL_SIZE**self.n_blocks, "n_classes": 2}
        for name in ("height", "width", "channels", "units", "n_classes"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | np.integer):
                raise InputTypeError(f"{name} must be an integer, got {value!r}")
            refuse_long(int(value), name)
            if value < least.get(name, 1):
                raise InputError(self._too_small(name, least.get(name, 1)))
            object.__setattr__(self, name, int(value))
        if self.n_parameters > MAX_PARAMETERS:
            side = SUGGESTED_SIDE
            smaller = f", or fit the images to a smaller size (--size {side}, in load_dataset size={side})"
            raise InputError(
                f"n_kernels={self.n_kernels} and units={self.units} on images of shape {self.image_shape} make "
                f"{self.n_parameters:,} parameters, and at most {MAX_PARAMETERS:,} are supported: lower them"
                f"{smaller if max(self.height, self.width) > side else ''}"
            )

    def _too_small(self, name: str, least: int) -> str:
        """What to say about a size below the least."""
        value = getattr(self, name)
        if self.n_blocks == 1 or name not in ("height", "width"):
            return f"{name} must be at least {least}, got {value}"
        return (
            f"{name} must be at least {least} for the {self.n_blocks} blocks of n_kernels={self.n_kernels}, each of "
            f"which halves it, got {value}: use fewer blocks (--n-kernels), or larger images (--size "
            f"{SUGGESTED_SIDE}, in load_dataset size={SUGGESTED_SIDE})"
        )

    @property
    def kernels(self) -> tuple[int, ...]:
        """The number of kernels of each block."""
        return self.n_kernels if isinstance(self.n_kernels, tuple) else (self.n_kernels,)

    @property
    def n_blocks(self) -> int:
        """How many blocks of convolution and pooling there are."""
        return len(self.kernels)

    @property
    def blocks(self) -> list[Block]:
        """The blocks from the first to the last."""
        blocks, shape = [], self.image_shape
        for number, n_kernels in enumerate(self.kernels, start=1):
            prefix = "conv" if number == 1 else f"conv{number}"
            blocks.append(Block(shape, n_kernels, (f"{prefix}_w", f"{prefix}_b")))
            shape = blocks[-1].pooled_shape
        return blocks

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(h, w, c)."""
        return self.height, self.width, self.channels

    @property
    def pooled_shape(self) -> tuple[int, int, int]:
        """The shape of what the last block gives; with one block (⌊h/2⌋, ⌊w/2⌋, K)."""
        return self.blocks[-1].pooled_shape

    @property
    def n_features(self) -> int:
        """D, the length of the flattened pooled maps."""
        return prod(self.pooled_shape)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The canonical shape of every weight, in the canonical order."""
        shapes: dict[str, tuple[int, ...]] = {}
        for block in self.blocks:
            weights, bias = block.names
            shapes[weights] = (KERNEL_SIZE, KERNEL_SIZE, block.input_shape[2], block.n_kernels)
            shapes[bias] = (block.n_kernels,)
        return shapes | {
            "w1": (self.n_features, self.units),
            "b1": (self.units,),
            "w2": (self.units, self.n_classes),
            "b2": (self.n_classes,),
        }

    @property
    def layers(self) -> list[Layer]:
        """The layers from the first to the last."""
        sizes = {name: prod(shape) for name, shape in self.shapes.items()}
        layers = [Layer("image", self.image_shape, 0)]
        for block in self.blocks:
            n_parameters = sum(sizes[name] for name in block.names)
            layers.append(Layer("convolution 3×3, ReLU", block.maps_shape, n_parameters))
            layers.append(Layer("max pooling 2×2", block.pooled_shape, 0))
        return [
            *layers,
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
        shapes = self.shapes
        names = ", ".join(shapes)
        if not isinstance(weights, Mapping):
            raise InputTypeError(f"weights must be a dict of {names}, got {type(weights).__name__}")
        if missing := [name for name in shapes if name not in weights]:
            raise InputError(f"weights lack {', '.join(missing)}: all of {names} are needed")
        if unknown := [str(name) for name in weights if name not in shapes]:
            raise InputError(f"weights have unknown names {', '.join(unknown)}: use {names}")
        result: Weights = {}
        for name, shape in shapes.items():
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
