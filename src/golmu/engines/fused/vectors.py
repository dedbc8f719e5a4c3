"""Vectors of floats for compiled code, written in LLVM's instructions.

Numba's own vectoriser does not keep an array of sums in registers, and gives up on loops that read from many places.
The two innermost loops of the fused engine (`fused.tile` and `fused.convolution`) are therefore written with the few
operations below. LLVM picks the processor's instructions, and splits a vector where the processor's are narrower.

An address is an integer; offsets and strides count numbers, not bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from golmu.engines.fused.target import LANES

FLOAT, INDEX, INTEGER = ir.FloatType(), ir.IntType(64), ir.IntType(32)
INTEGER_VECTOR = ir.VectorType(INTEGER, LANES)
NUMBER_BYTES = 4
"""Bytes of a number, float32 or int32."""

CACHE_LINE_BYTES = 64
"""Bytes that the processor fetches from memory at a time."""


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing_context: Any, address: Any) -> Any:
    """Ask for the cache line at `address`, without waiting for it."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        pointer, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        # To read, into the second-level cache, as data.
        flags = [ir.Constant(flag, number) for number in (0, 2, 1)]
        builder.call(function, [builder.inttoptr(arguments[0], pointer), *flags])
        return context.get_dummy_value()

    return types.void(types.intp), generate


@intrinsic  # type: ignore[untyped-decorator]
def clear(typing_context: Any, array: Any) -> Any:
    """Set all numbers of a contiguous array to zero."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        whole = context.make_array(signature.args[0])(context, builder, arguments[0])
        n_bytes = builder.mul(whole.nitems, whole.itemsize)
        cgutils.memset(builder, builder.bitcast(whole.data, cgutils.voidptr_t), n_bytes, 0)
        return context.get_dummy_value()

    return types.void(array), generate


class Vectors:
    """Emits instructions on vectors of `LANES` numbers into a function that numba compiles."""

    def __init__(self, builder: ir.IRBuilder) -> None:
        self.builder = builder
        self.type = ir.VectorType(FLOAT, LANES)
        self.zero, self.nan = (
            ir.Constant(self.type, [ir.Constant(FLOAT, number)] * LANES) for number in (0.0, math.nan)
        )
        self._multiply_add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(self.type, [self.type] * 3), f"llvm.fmuladd.v{LANES}f32"
        )

    def offset(self, *terms: tuple[Any, Any]) -> Any:
        """Emit Σ stride · count, each a value or a Python integer."""
        total = ir.Constant(INDEX, 0)
        for stride, count in terms:
            total = self.builder.add(total, self.builder.mul(self._index(stride), self._index(count)))
        return total

    @contextmanager
    def steps(self, n: Any, vectors: int = 1) -> Iterator[Any]:
        """Emit a loop over n numbers, so many vectors at a time, and yield the number where each step begins."""
        size = ir.Constant(INDEX, vectors * LANES)
        with cgutils.for_range(self.builder, self.builder.udiv(n, size), intp=INDEX) as step:
            yield self.builder.mul(step.index, size)

    def load(self, address: Any, offset: Any, of: ir.Type | None = None) -> Any:
        """Emit the load of a vector, or of another type."""
        value = self.builder.load(self._pointer(address, offset, of or self.type))
        value.align = NUMBER_BYTES  # rows may start at any number
        return value

    def store(self, value: Any, address: Any, offset: Any) -> None:
        """Emit the store of a vector, or of a number."""
        stored = self.builder.store(value, self._pointer(address, offset, value.type))
        stored.align = NUMBER_BYTES

    def spread(self, number: Any) -> Any:
        """Emit a vector with `number` in every lane."""
        vector = ir.VectorType(number.type, LANES)
        nothing = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(nothing, number, ir.Constant(INTEGER, 0))
        return self.builder.shuffle_vector(first, nothing, self.integers(0))

    def integers(self, number: int) -> Any:
        """Return a constant int32 vector with `number` in every lane."""
        return ir.Constant(INTEGER_VECTOR, [number] * LANES)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        """Emit a · b + c: rounded once where the processor does that in one instruction, else twice.

        `llvm.fma` would always round once, and calls a function of the C library for each lane where it must.
        """
        return self.builder.call(self._multiply_add, [a, b, c])

    def variables(self, count: int) -> list[Any]:
        """Emit `count` places for sums, set to zero: stack memory in name, which LLVM moves into registers."""
        places = [cgutils.alloca_once(self.builder, self.type) for _ in range(count)]
        for place in places:
            self.builder.store(self.zero, place)
        return places

    def add_product(self, place: Any, a: Any, b: Any) -> None:
        """Emit place += a · b."""
        self.builder.store(self.multiply_add(a, b, self.builder.load(place)), place)

    def total(self, vector: Any) -> Any:
        """Emit the sum of the lanes, pairs first."""
        numbers: Sequence[Any] = [
            self.builder.extract_element(vector, ir.Constant(INTEGER, lane)) for lane in range(LANES)
        ]
        while len(numbers) > 1:
            half = len(numbers) // 2
            numbers = [self.builder.fadd(a, b) for a, b in zip(numbers[:half], numbers[half:], strict=True)]
        return numbers[0]

    def _index(self, value: Any) -> Any:
        return ir.Constant(INDEX, value) if isinstance(value, int) else value

    def _pointer(self, address: Any, offset: Any, of: ir.Type) -> Any:
        place = self.builder.add(address, self.builder.mul(self._index(offset), ir.Constant(INDEX, NUMBER_BYTES)))
        return self.builder.inttoptr(place, of.as_pointer())
