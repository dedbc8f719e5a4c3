"""Chance without a state: every draw is a hash of the epoch's seed, the batch, the sample's place in it, and a number.

So all engines draw the same, whatever the threads and slices, and a training that goes on from a checkpoint draws as
if it had never stopped. The hash is a finaliser of 32 bits, two multiplications between three shifts, with constants
that Wellons found by search ("Prospecting for Hash Functions", 2018); each bit of its input flips each of its output
with a probability that is within 0.2 % of a half.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused.compiling import kernel

GOLDEN = np.uint32(0x9E3779B9)
"""2³² divided by the golden ratio: multiples of it lie far apart."""

FLIP, SHIFT_DOWN, SHIFT_RIGHT, ERASE_ROW, ERASE_COLUMN, DROPOUT = range(6)
"""The numbers of an image's draws. From `DROPOUT` on there is one for each pooled activation, by row, column and
kernel, and then one for each hidden unit."""


@kernel
def mix(x: Any) -> Any:
    """The hash of a uint32."""
    x = np.uint32(x ^ (x >> np.uint32(16)))
    x = np.uint32(x * np.uint32(0x7FEB352D))
    x = np.uint32(x ^ (x >> np.uint32(15)))
    x = np.uint32(x * np.uint32(0x846CA68B))
    return np.uint32(x ^ (x >> np.uint32(16)))


@kernel
def sample_key(seed: Any, batch: int, sample: int) -> Any:
    """The key of the sample at a place in a batch."""
    return mix(np.uint32(mix(np.uint32(seed + np.uint32(batch) * GOLDEN)) + np.uint32(sample)))


@kernel
def salt(number: int) -> Any:
    """What a draw's number adds to a key."""
    return np.uint32(np.uint32(number) * GOLDEN)


@kernel
def draw(key: Any, number: int) -> Any:
    """A draw of a sample, a uint32."""
    return mix(np.uint32(key ^ salt(number)))


@kernel
def draw_below(key: Any, number: int, n: int) -> Any:
    """A draw of a sample from 0 to n − 1."""
    return np.int64((np.uint64(draw(key, number)) * np.uint64(n)) >> np.uint64(32))
