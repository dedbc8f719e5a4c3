"""Threads: how kernels run on several of them, and what compiled code needs there to share its work.

Kernels share it in one of two ways. Pieces are claimed one by one, with a barrier where all must have ended; so a core
that is slower than the next does less. Or each thread has its own share, tells how far it has come, and waits only for
what it needs of the others; so what a thread works on stays in its core's cache.
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

NUMBERS_PER_THREAD = 16
"""Numbers of the shared state, int64, that are a thread's: two cache lines, so that none is written by two threads."""

ABORTED, WAITING, ROUND = 0, 1, 2
"""Places in the shared state: whether all threads are to end, since one is missing and the others would wait in vain;
how many wait at the barrier; and how often all have met there."""

CLAIMED, FORWARD, SCORED, BACKWARD, STEPPED = map(np.int64, range(5))
"""Places among a thread's numbers: how many pieces of its share have been claimed this round; and what it has told of
its progress (`tell`), since the call began: the parts of batches that it has taken forward, before and after steps; the
parts whose hidden layer has a gradient; the batches that it has taken backward; and those for which it has moved the
convolution's weights. To numba each plain integer would be a type of its own."""

SPINS_BEFORE_YIELD = 4000
"""How often a waiting thread looks again, some microseconds long, before it offers its core to others."""


def shared_state(n_threads: int) -> NDArray[np.int64]:
    """Make the state that `n_threads` threads share: numbers of all of them, then each one's."""
    return np.zeros((1 + n_threads) * NUMBERS_PER_THREAD, np.int64)


def run_in_threads(kernel: Any, n_threads: int, *arguments: Any) -> None:
    """Run kernel(thread, state, *arguments) in `n_threads` threads, which end with it.

    No thread outlives the call, so a process may fork between calls. The threads wait for each other inside: if one
    cannot start, or Ctrl-C comes before all have, those that have started end where they wait next. None has changed a
    weight then, since each step needs all. What one of them raises is raised when the others have ended too; a kernel
    raises nothing in the middle of a step.
    """
    state = shared_state(n_threads)
    state[ABORTED] = n_threads > 1  # before threads start, the kernel is compiled: by a call that ends at once
    kernel(0, state, *arguments)
    if n_threads == 1:
        return
    state[ABORTED] = 0
    errors: list[BaseException] = []
    running: list[int] = []
    starting = threading.Lock()

    def run(thread: int) -> None:
        try:
            with starting:
                if state[ABORTED] != 0:
                    return
                running.append(thread)
            kernel(thread, state, *arguments)
        except BaseException as error:  # carried to the caller
            errors.append(error)
            state[ABORTED] = 1

    threads = [threading.Thread(target=partial(run, thread), daemon=True) for thread in range(n_threads)]
    interruption: BaseException | None = None
    try:
        # None waits for the others to start: threads that are woken together begin on one core.
        for thread in threads:
            thread.start()
    except BaseException as error:
        interruption = error
        with starting:
            if len(running) < n_threads:
                state[ABORTED] = 1
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
def read(typing_context: Any, array: Any, index: Any) -> Any:
    """Read array[index] atomically: all that its writer wrote before is visible afterwards."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        place = _element(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load_atomic(place, "seq_cst", 8)

    return types.int64(array, types.intp), generate


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _place(thread: int, what: int) -> Any:
    """Return where a number of a thread is in the shared state."""
    return (1 + thread) * NUMBERS_PER_THREAD + what


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _wait_until(state: Any, place: int, count: int) -> Any:
    """Wait until state[place], which only grows, is `count`, and return True; or False if all are to end before."""
    spins = 0
    while read(state, place) < count:
        spins += 1
        if spins > SPINS_BEFORE_YIELD:
            if read(state, ABORTED) != 0:
                return False
            _yield_core()
    return True


@njit(nogil=True)  # type: ignore[untyped-decorator]
def tell(state: Any, thread: int, what: int) -> None:
    """Count one more of `what` (`FORWARD` to `STEPPED`) that this thread has done."""
    _add(state, _place(thread, what), 1)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def wait_for(state: Any, thread: int, what: int, count: int) -> Any:
    """Wait until a thread has told so many of `what`, and return True; or False if all are to end before."""
    return _wait_until(state, _place(thread, what), count)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def wait_for_all(state: Any) -> Any:
    """Wait until all threads have arrived here, and return True; a new round of claims then begins.

    If all are to end, return False.
    """
    if read(state, ABORTED) != 0:
        return False
    n_threads = len(state) // NUMBERS_PER_THREAD - 1
    this_round = read(state, ROUND)
    if _add(state, WAITING, 1) == n_threads - 1:
        state[WAITING] = 0
        for thread in range(n_threads):
            state[_place(thread, CLAIMED)] = 0
        _add(state, ROUND, 1)
        return True
    return _wait_until(state, ROUND, this_round + 1)


@njit(nogil=True)  # type: ignore[untyped-decorator]
def claim(state: Any, thread: int, n_pieces: int) -> Any:
    """Return the number of a piece of work that no thread has claimed this round, or n_pieces if none is left.

    A thread first takes the same pieces in every round, which are in its core's cache, and then helps others with
    theirs. If all are to end, nothing is left.
    """
    if read(state, ABORTED) != 0:
        return n_pieces
    n_threads = len(state) // NUMBERS_PER_THREAD - 1
    for i in range(n_threads):
        owner = (thread + i) % n_threads
        first, last = owner * n_pieces // n_threads, (owner + 1) * n_pieces // n_threads
        place = _place(owner, CLAIMED)
        if read(state, place) < last - first:
            piece = first + _add(state, place, 1)
            if piece < last:
                return piece
    return n_pieces
