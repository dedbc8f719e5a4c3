"""How the kernels are compiled: the flags, named once."""

from __future__ import annotations

from typing import Any

from numba import njit

from golmu.engines.threads import kept

MATHS = {"contract", "reassoc", "nsz"}
"""What LLVM may assume of floats: a·b + c may be fused into one rounding, sums may be taken lane by lane, and the
sign of zero does not matter. Not that numbers are finite: NaN and infinity must surface."""


def entry(function: Any) -> Any:
    """Compiles a kernel that Python calls: it runs without the GIL, and is kept on disk for the next process."""
    return kept(nogil=True, error_model="numpy", fastmath=MATHS, no_cfunc_wrapper=True)(function)


def kernel(function: Any) -> Any:
    """Compiles a kernel that only kernels call: the way in from Python is left out, a fifth of the compilation."""
    return njit(
        nogil=True, error_model="numpy", fastmath=MATHS, no_cpython_wrapper=True, no_cfunc_wrapper=True
    )(function)  # fmt: skip
