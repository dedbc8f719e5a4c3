"""What each format says of a network that it has written: the file, its input and output, and how to ask it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from golmu.export.check import Answer
from golmu.types import ImageShape

MAX_BYTES = 2**31 - 2**24
"""Bytes of weights that an ONNX or a LiteRT file can hold, with room for the rest: offsets in them are of 32 bits."""


@dataclass(frozen=True)
class Tensor:
    """An input or an output of an exported network."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]
    """None: the number of images is free."""
    meaning: str
    quantization: tuple[float, int] | None = None
    """Scale and zero point: the value is scale · (number − zero point). None: the value is the number."""


@dataclass(frozen=True)
class Written:
    """A network in one format, in a folder."""

    network: str
    """What to load: the name of a file or a folder in the folder of the export."""
    input: Tensor
    output: Tensor
    packages: Sequence[str]
    """The packages that wrote it and that the check runs it in; the last one is its runtime."""
    answer: Answer | None
    """Asks the written file; None: it cannot be asked from Python."""
    notes: Sequence[str] = ()
    """What this format does differently from others, a sentence for each."""


def versions_of(packages: Sequence[str]) -> dict[str, str]:
    """Return the versions of packages, those that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def pixels_tensor(dtype: str, shape: tuple[int | None, ...]) -> Tensor:
    """The input that every format has: images as they are stored."""
    return Tensor(
        "pixels", dtype, shape, "pixels from 0 to 255: rows from the top, columns from the left, channels last"
    )


def probabilities_tensor(n: int | None, n_classes: int) -> Tensor:
    """The output that every format has."""
    return Tensor(
        "probabilities", "float32", (n, n_classes), "the probability of each class, in the order of labels.txt"
    )


def page_written(network: str, image_shape: ImageShape, n_classes: int) -> Written:
    """What a web page is, which takes files and drawings, and shows probabilities."""
    return Written(
        network, pixels_tensor("uint8", (1, *image_shape)), probabilities_tensor(1, n_classes), (), None,
        ("the page fits image files itself; it needs a browser and no connection",),
    )  # fmt: skip
