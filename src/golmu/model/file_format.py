"""The formats of the files that speak of a network: 1 for one block, as ever, and 2 for several.

The number of kernels is an integer in the first and a list in the second; nothing else differs. Versions that know one
block alone refuse format 2 by its number.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from golmu.architecture import Architecture
from golmu.checks import MAX_BLOCKS
from golmu.errors import CheckpointError
from golmu.json_values import OBJECT, Kind, integer, take

N_KERNELS = {
    1: integer(1, None),
    2: Kind(
        f"a list of 2 to {MAX_BLOCKS} integers of at least 1",
        lambda v: integer(1, None).list.includes(v) and 2 <= len(v) <= MAX_BLOCKS,
    ),
}
"""What the number of kernels must be in each format."""

FORMATS = " and ".join(map(str, N_KERNELS))
"""The formats that this version reads, for a sentence."""


def format_of(n_kernels: int | tuple[int, ...]) -> int:
    """Return the format of a file that speaks of a network with these kernels."""
    return 2 if isinstance(n_kernels, tuple) else 1


def read_format(description: Mapping[str, Any]) -> int:
    """Return the format that a description names.

    Raises
    ------
    CheckpointError
        If this version does not read it.
    """
    said = description["format"]
    if type(said) is not int or said not in N_KERNELS:
        raise CheckpointError(f"has format {said!r}, but this version of golmu reads formats {FORMATS}")
    return said


def read_architecture(description: Mapping[str, Any]) -> Architecture:
    """Return the architecture that a description holds; see `sealed_file.read` for errors."""
    said = take(description, "architecture", OBJECT)
    take(said, "n_kernels", N_KERNELS[read_format(description)])
    return Architecture(**said)
