"""Stateless random draws: a draw is a hash of the epoch's seed, the batch, the sample's place in it, and a number.

So all engines draw the same numbers, for any threads and slices, and a training that continues from a checkpoint draws
as if it had never stopped. The hash is a finaliser of 32 bits, two multiplications between three shifts, with constants
that Wellons found by search ("Prospecting for Hash Functions", 2018); each bit of its input flips each bit of its
output with a probability within 0.2 % of a half.
"""

from __future__ import annotations

import numpy as np

GOLDEN_GAMMA = np.uint32(0x9E3779B9)
"""2³² divided by the golden ratio: its multiples, modulo 2³², lie far apart."""

FLIP, SHIFT_DOWN, SHIFT_RIGHT, ERASE_ROW, ERASE_COLUMN, DROPOUT = range(6)
"""The numbers of a sample's draws. From `DROPOUT` on there is one for each pooled activation, by row, column and
kernel, and then one for each hidden unit."""
