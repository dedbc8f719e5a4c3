"""How the kernels are compiled: the flags, named once."""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.np import linalg

from golmu.engines.fused.threads import kept


def _learn_arrays_without_scipy() -> None:
    """Imports numba's array functions, without the import of scipy.linalg that they want, a tenth of a second.

    That import only shows whether `np.dot` will find a BLAS. SciPy is always there, as scikit-learn needs it; no
    kernel here does; and compiled code that does asks once more.
    """
    ask, linalg.ensure_blas = linalg.ensure_blas, lambda: None
    try:
        import numba.np.arraymath  # noqa: F401, PLC0415
    finally:
        linalg.ensure_blas = ask


_learn_arrays_without_scipy()

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
