"""What compiled code needs to run on several threads without the GIL: a barrier, and work to be claimed piece by piece.

Pieces are claimed rather than dealt out, since on a shared computer one core may be much slower than the next.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import llvmlite.binding
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

SPINS_BEFORE_YIELD = 4000
"""Looks at the barrier, some microseconds, before a waiting thread offers its core to others."""


def kept(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator that compiles a function and keeps the code on disk, where a folder for it can be written."""

    def compile_and_keep(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, **options)(function)
        except RuntimeError:  # neither beside the source nor in the user's cache: compile in every process
            return njit(**options)(function)

    return compile_and_keep


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


@kept(nogil=True)
def wait_for_all(state: Any) -> None:
    """Returns when all threads have come here.

    state: int64 (2 + threads,), zeros at first: how many wait now; how often all have come; and for each thread how
    many pieces of its share of the work have been claimed since they last came.
    """
    n_threads = len(state) - 2
    turn = _read(state, 1)
    if _add(state, 0, 1) == n_threads - 1:
        state[0] = 0
        for thread in range(n_threads):
            state[2 + thread] = 0
        _add(state, 1, 1)
        return
    spins = 0
    while _read(state, 1) == turn:
        spins += 1
        if spins > SPINS_BEFORE_YIELD:
            _yield_core()


@kept(nogil=True)
def claim(state: Any, thread: int, n_pieces: int) -> Any:
    """The number of a piece of work that nobody has claimed since all last met, or n_pieces if there is none left.

    A thread first takes the same pieces every time, which are in its core's cache, and then helps others with theirs.
    """
    n_threads = len(state) - 2
    for i in range(n_threads):
        owner = (thread + i) % n_threads
        first, last = owner * n_pieces // n_threads, (owner + 1) * n_pieces // n_threads
        if _read(state, 2 + owner) < last - first:
            piece = first + _add(state, 2 + owner, 1)
            if piece < last:
                return piece
    return n_pieces
