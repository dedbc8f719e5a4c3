"""What the peers have in common: arguments, data, initial weights and the order of samples.

All peers start from the same weights and, where a library lets the caller choose, see the samples in the same order.
So their losses agree to a few digits, and a peer that computes something else shows at once.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

Weights = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Data:
    """A training and a validation set: uint8 images (n, h, w, c) and int64 labels (n,)."""

    x_train: npt.NDArray[np.uint8]
    y_train: npt.NDArray[np.int64]
    x_val: npt.NDArray[np.uint8]
    y_val: npt.NDArray[np.int64]

    @classmethod
    def load(cls, path: Path) -> "Data":
        """Read the four arrays from an .npz file."""
        with np.load(path) as arrays:
            return cls(*(arrays[name] for name in ("x_train", "y_train", "x_val", "y_val")))

    @property
    def classes(self) -> int:
        """The number of classes C; labels run from 0 to C - 1."""
        return int(self.y_train.max()) + 1


def parser(description: str | None, variants: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the arguments that every training peer takes; the first variant is the default."""
    result = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--data", type=Path, required=True, help=".npz with x_train, y_train, x_val, y_val")
    if variants:
        result.add_argument("--variant", choices=variants, default=variants[0])
    result.add_argument("--kernels", type=numbers, default=(10,), help="numbers of kernels, one a block: 16,32,64")
    result.add_argument("--units", type=int, default=100)
    result.add_argument("--batch-size", type=int, default=128)
    result.add_argument("--learning-rate", type=float, default=0.01)
    result.add_argument("--threads", type=int, default=2)
    result.add_argument("--seed", type=int, default=42)
    return result


def numbers(text: str) -> tuple[int, ...]:
    """Read numbers with commas between them."""
    return tuple(int(number) for number in text.split(","))


def scaled(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Scale images from 0..255 to float32 in 0..1."""
    return images.astype(np.float32) / 255


def initial_weights(
    image_shape: tuple[int, ...], kernels: int | Sequence[int], units: int, classes: int, seed: int
) -> Weights:
    """Return Glorot uniform weights and zero biases in golmu's canonical names, shapes and order."""
    rng = np.random.default_rng(seed)
    height, width, channels = image_shape

    def glorot(*shape: int) -> npt.NDArray[np.float32]:
        receptive_field = int(np.prod(shape[:-2]))
        limit = np.sqrt(6 / (receptive_field * (shape[-2] + shape[-1])))
        return rng.uniform(-limit, limit, shape).astype(np.float32)

    weights: Weights = {}
    for number, count in enumerate([kernels] if isinstance(kernels, int) else kernels, start=1):
        name = "conv" if number == 1 else f"conv{number}"
        weights[f"{name}_w"] = glorot(3, 3, channels, count)
        weights[f"{name}_b"] = np.zeros(count, np.float32)
        height, width, channels = height // 2, width // 2, count
    weights["w1"], weights["b1"] = glorot(height * width * channels, units), np.zeros(units, np.float32)
    weights["w2"], weights["b2"] = glorot(units, classes), np.zeros(classes, np.float32)
    return weights


def convolutions(weights: Weights) -> list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]]:
    """Return the weights and the bias of every convolution, the first one's first."""
    names = [name.removesuffix("_w") for name in weights if name.endswith("_w")]
    return [(weights[f"{name}_w"], weights[f"{name}_b"]) for name in names]


def channels_first_w1(weights: Weights, image_shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Return w1 (D, U) with its rows in the order (kernel, row, column), for libraries that flatten NCHW maps."""
    height, width, _ = image_shape
    n_blocks, units = len(convolutions(weights)), weights["w1"].shape[1]
    maps = weights["w1"].reshape(height >> n_blocks, width >> n_blocks, -1, units)
    return np.ascontiguousarray(maps.transpose(2, 0, 1, 3)).reshape(-1, units)


def shuffled_batches(rng: np.random.Generator, samples: int, batch_size: int) -> npt.NDArray[np.int64]:
    """Return one epoch's order as indices (batches, batch_size); samples that fill no batch are left out."""
    full = samples // batch_size * batch_size
    return rng.permutation(samples)[:full].reshape(-1, batch_size)
