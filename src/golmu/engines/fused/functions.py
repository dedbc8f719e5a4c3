"""Exponential and logarithm of single numbers, with the same bits in every process.

NumPy's functions would not do: in the process that compiles a kernel they are the system's, and in a process that
loads the compiled kernel from disk they may be others.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused.compiling import kernel

ZERO = np.float32(0)

SMALLEST_EXPONENT = np.float32(-87)
"""The exponential of anything less counts as 0: below 2⁻¹²⁵ floats lose their precision."""


@kernel
def exponential(x: Any) -> Any:
    """Return e^x for a float32 x ≤ 0, within two units in the last place; NaN stays NaN.

    The result is 2^k times a polynomial, by Cody and Waite, "Software Manual for the Elementary Functions", 1980,
    chapter 6.
    """
    if not (x > SMALLEST_EXPONENT):
        return ZERO if x <= SMALLEST_EXPONENT else x
    k = np.floor(x * np.float32(1.4426950408889634) + np.float32(0.5))
    r = (x - k * np.float32(0.693359375)) + k * np.float32(2.12194440e-4)
    p = np.float32(1 / 5040)
    for factor in (1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1.0, 1.0):
        p = p * r + np.float32(factor)
    return p * np.int32((np.int32(k) + np.int32(127)) << np.int32(23)).view(np.float32)


@kernel
def logarithm(x: Any) -> Any:
    """Return the natural logarithm of a float64 x ≥ 1; NaN and infinity stay.

    With x = m · 2^e it is e · ln 2 + 2 (s + s³/3 + s⁵/5 + ...), s = (m − 1) / (m + 1), which is at most 1/3.
    """
    if not (x < np.inf):
        return x
    e = 0
    while x > 1.4142135623730951:
        x *= 0.5
        e += 1
    s = (x - 1) / (x + 1)
    total, power = 0.0, s
    for n in range(1, 27, 2):
        total += power / n
        power *= s * s
    return e * 0.6931471805599453 + 2 * total
