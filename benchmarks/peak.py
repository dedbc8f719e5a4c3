"""The peak rate of multiply-adds of this processor: what no program can exceed.

`python benchmarks/peak.py` prints it. It is measured by a loop of independent multiply-adds of whole vectors in
registers, on each of the threads at once, since a library's matrix product is slower than the processor.
"""

import platform
import threading
import time

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from golmu.engines.fused.target import LANES as VECTOR_FLOATS
from golmu.engines.fused.vectors import INDEX, Vectors

SUMS = 24 if VECTOR_FLOATS == 16 else 12
"""Sums that grow at a time: more than a multiply-add takes cycles, twice over, and fewer than there are registers."""


@intrinsic
def _multiply_adds(typing_context, address, n):
    """Add the product of the first two vectors at `address` to each sum, n times, and store all sums behind them."""

    def generate(context, builder: ir.IRBuilder, signature, arguments):
        v = Vectors(builder)
        sums = v.variables(SUMS)
        a, b = (v.load(arguments[0], VECTOR_FLOATS * i) for i in range(2))
        with cgutils.for_range(builder, arguments[1], intp=INDEX):
            for place in sums:
                v.add_product(place, a, b)
        for i, place in enumerate(sums):
            v.store(builder.load(place), arguments[0], VECTOR_FLOATS * (2 + i))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp), generate


@njit(nogil=True)
def _run(numbers, n):
    _multiply_adds(numbers.ctypes.data, n)


def peak_rate(threads: int, rounds: int = 5, n: int = 5_000_000) -> float:
    """Return the best of some rounds, in floating-point operations a second: two for each number of a multiply-add.

    A round takes tens of milliseconds, since the system may start all threads on one core and part them a little later.
    """
    memory = [np.full(VECTOR_FLOATS * (2 + SUMS), 1e-3, np.float32) for _ in range(threads)]
    _run(memory[0], 1)
    best = 0.0
    for _ in range(rounds):
        running = [threading.Thread(target=_run, args=(numbers, n)) for numbers in memory]
        started = time.perf_counter()
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()
        best = max(best, 2 * VECTOR_FLOATS * SUMS * n * threads / (time.perf_counter() - started))
    return best


if __name__ == "__main__":
    for threads in (1, 2):
        print(f"{peak_rate(threads) / 1e9:.0f} GFLOP/s, {threads} threads, vectors of {VECTOR_FLOATS}, "
              f"{platform.processor() or platform.machine()}")  # fmt: skip
