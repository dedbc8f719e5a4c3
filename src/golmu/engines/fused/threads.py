"""Threads: how kernels run on several of them, and what compiled code needs there: a barrier, and work to claim.

Work is claimed piece by piece rather than dealt out, since on a shared computer one core may be much slower than the
next.
"""

from __future__ import annotations

import ctypes
import os
import threading
from functools import partial
from typing import Any

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

WAITING, ROUND, ABORTED, CLAIMED = 0, 1, 2, 3
"""Places in the state that threads share, int64 (3 + threads,): how many threads wait at the barrier; how often all
have met there; whether all are to end, since one is missing and the others would wait in vain; and from `CLAIMED` on,
for each thread, how many pieces of its share have been claimed this round."""

NOTHING_LEFT = 2**62
"""More pieces than any share has, so that none is left to claim."""

SPINS_BEFORE_YIELD = 4000
"""How often a waiting thread looks at the barrier, some microseconds long, before it offers its core to others."""


def shared_state(n_threads: int) -> NDArray[np.int64]:
    """Make the state that `n_threads` threads share for `wait_for_all` and `claim`."""
    return np.zeros(CLAIMED + n_threads, np.int64)


def _abort(state: NDArray[np.int64]) -> None:
    """Leave nothing to claim and nothing to wait for, so that all threads end."""
    state[CLAIMED:] = NOTHING_LEFT  # first, since whoever no longer waits goes on to claim
    state[ABORTED] = 1


def run_in_threads(kernel: Any, n_threads: int, *arguments: Any) -> None:
    """Run kernel(thread, state, *arguments) in `n_threads` threads, which end with it.

    No thread outlives the call, so a process may fork between calls. The threads wait for each other inside: if one
    cannot start, or Ctrl-C comes before all have, those that have started finish what they have claimed, end where they
    wait next, and so leave no step half done. What one of them raises is raised when the others have ended too.
    """
    state = shared_state(n_threads)
    if n_threads > 1:
        _abort(state)  # before threads start, the kernel is compiled: by a call that ends at once
    kernel(0, state, *arguments)
    if n_threads == 1:
        return
    state[:] = 0
    errors: list[BaseException] = []

    def run(thread: int) -> None:
        try:
            if state[ABORTED] == 0:
                kernel(thread, state, *arguments)
        except BaseException as error:  # carried to the caller
            errors.append(error)
            _abort(state)

    threads = [threading.Thread(target=partial(run, thread), daemon=True) for thread in range(n_threads)]
    interruption: BaseException | None = None
    try:
        # None waits for the others to start: threads that are woken together begin on one core.
        for thread in threads:
            thread.start()
    except BaseException as error:
        interruption = error
        state[ABORTED] = 1  # all that is left to claim stays: if all have started, the step under way is completed
    while any(thread.is_alive() for thread in threads):
        try:
            for thread in threads:
                if thread.is_alive():
                    thread.join()
        except KeyboardInterrupt as error:
            interruption = error
    if interruption is not None:
        raise interruption
    if errors:
        raise errors[0]


def _register_yield() -> None:
    """Make the system call that lets other threads run known to compiled code, as `golmu_yield`."""
    library = ctypes.CDLL(None) if os.name != "nt" else ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    function = library.sched_yield if os.name != "nt" else library.SwitchToThread
    llvmlite.binding.add_symbol("golmu_yield", ctypes.cast(function, ctypes.c_void_p).value)


_register_yield()
_yield_core = types.ExternalFunction("golmu_yield", types.int32())


def _element(context: Any, builder: ir.IRBuilder, array_type: Any, array: Any, index: Any) -> Any:
    """Emit the address of array[index]."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [index])


@intrinsic  # type: ignore[untyped-decorator]
def _add(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Add `value` to array[index] atomically, and return the old number."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        place = _element(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.atomic_rmw("add", place, arguments[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _read(typing_context: Any, array: Any, index: Any) -> Any:
    """Read array[index] atomically: all that its writer wrote before is visible afterwards."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        place = _element(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(array, types.intp), generate


@njit(nogil=True)  # type: ignore[untyped-decorator]
def wait_for_all(state: Any) -> Any:
    """Wait until all threads have arrived here, and return True; a new round of claims then begins.

    If all are to end, return False.
    """
    if _read(state, ABORTED) != 0:
        return False
    n_threads = len(state) - CLAIMED
    this_round = _read(state, ROUND)
    if _add(state, WAITING, 1) == n_threads - 1:
        state[WAITING] = 0
        for thread in range(n_threads):
            state[CLAIMED + thread] = 0
        _add(state, ROUND, 1)
        return True
    spins = 0
    while _read(state, ROUND) == this_round:
        spins += 1
        if spins > SPINS_BEFORE_YIELD:
            if _read(state, ABORTED) != 0:
                return False
            _yield_core()
    return True


@njit(nogil=True)  # type: ignore[untyped-decorator]
def claim(state: Any, thread: int, n_pieces: int) -> Any:
    """Return the number of a piece of work that no thread has claimed this round, or n_pieces if none is left.

    A thread first takes the same pieces in every round, which are in its core's cache, and then helps others with
    theirs.
    """
    n_threads = len(state) - CLAIMED
    for i in range(n_threads):
        owner = (thread + i) % n_threads
        first, last = owner * n_pieces // n_threads, (owner + 1) * n_pieces // n_threads
        if _read(state, CLAIMED + owner) < last - first:
            piece = first + _add(state, CLAIMED + owner, 1)
            if piece < last:
                return piece
    return n_pieces
