"""What compiled code needs to run on several threads: a barrier, on which a thread waits without the GIL."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

SPINS_BEFORE_YIELD = 4000
"""Looks at the barrier, some microseconds, before a waiting thread offers its core to others."""


def _register_yield() -> None:
    """Makes the system's "let others run" known to compiled code under a name of ours."""
    library = ctypes.CDLL(None) if os.name != "nt" else ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    function = library.sched_yield if os.name != "nt" else library.SwitchToThread
    llvmlite.binding.add_symbol("golmu_yield", ctypes.cast(function, ctypes.c_void_p).value)


_register_yield()
_yield_core = types.ExternalFunction("golmu_yield", types.int32())


def _element(context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, index: Any) -> Any:
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


@intrinsic  # type: ignore[untyped-decorator]
def _add(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Atomically adds `value` to array[index]; gives what stood there before."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        place = _element(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.atomic_rmw("add", place, arguments[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _read(typing_context: Any, array: Any, index: Any) -> Any:
    """Atomically reads array[index]: what others wrote before they wrote it is then seen too."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        place = _element(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(array, types.intp), generate


@njit(nogil=True, cache=True, inline="never")  # type: ignore[untyped-decorator]
def wait_for_all(barrier: Any, n_threads: int) -> None:
    """Returns when `n_threads` threads have come here.

    barrier: int64 (2,), zeros at first: how many wait now, and how often all have come.
    """
    if n_threads == 1:
        return
    turn = _read(barrier, 1)
    if _add(barrier, 0, 1) == n_threads - 1:
        barrier[0] = 0
        _add(barrier, 1, 1)
        return
    spins = 0
    while _read(barrier, 1) == turn:
        spins += 1
        if spins > SPINS_BEFORE_YIELD:
            _yield_core()
