"""Turning a square of numbers: 16 images by 16 of their pixels become 16 pixels by 16 images.

Pixels of one image lie side by side, and the engine wants the same pixel of many images side by side. To gather numbers
from their places, a processor takes them one by one. Here 16 numbers of each image are read at once, and the vectors
are interleaved in pairs until the square is turned.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from golmu.engines.fused.vectors import INDEX, INTEGER

SIDE = 16
"""Numbers of a side of the square."""


@intrinsic  # type: ignore[untyped-decorator]
def transpose(typing_context: Any, images: Any, sources: Any, start: Any, to: Any, to_row: Any) -> Any:
    """Write number j of source i to place i of row j, for i and j below `SIDE`.

    Source i begins sources[i] numbers behind the address `start`; `sources` is the address of int64. `to` is an
    address, too, and its rows are `to_row` numbers apart. Of the array `images`, only the type of its numbers counts.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _emit(builder, images.dtype.bitwidth // 8, *arguments[1:])
        return context.get_dummy_value()

    return types.void(images, *[types.intp] * 4), generate


def _emit(builder: ir.IRBuilder, n_bytes: int, sources: Any, start: Any, to: Any, to_row: Any) -> None:
    """Emit the instructions of `transpose`, for numbers of so many bytes."""

    vector = ir.VectorType(ir.IntType(8 * n_bytes), SIDE).as_pointer()

    def place(address: Any, numbers: Any) -> Any:
        return builder.inttoptr(builder.add(address, builder.mul(numbers, ir.Constant(INDEX, n_bytes))), vector)

    rows = []
    for i in range(SIDE):
        source = builder.load(builder.gep(builder.inttoptr(sources, INDEX.as_pointer()), [ir.Constant(INTEGER, i)]))
        rows.append(builder.load(place(start, source), align=1))
    for j, row in enumerate(emit_turned(builder, rows)):
        builder.store(row, place(to, builder.mul(to_row, ir.Constant(INDEX, j))), align=1)


def emit_turned(builder: ir.IRBuilder, rows: list[Any]) -> list[Any]:
    """Emit the turning of a square in registers: 2ⁿ vectors of as many numbers."""
    side = len(rows)
    # Which numbers of two vectors an interleaving takes: of their lower halves, or of their higher ones.
    halves = [
        ir.Constant(ir.VectorType(INTEGER, side), [i // 2 + start + side * (i % 2) for i in range(side)])
        for start in (0, side // 2)
    ]
    # The perfect shuffle of all numbers moves the highest bit of their places to the lowest place. The first half of
    # the bits says which row, the second which column: after half as many shuffles as bits, they have changed roles.
    for _ in range(side.bit_length() - 1):
        rows = [
            builder.shuffle_vector(low, high, half)
            for low, high in zip(rows[: side // 2], rows[side // 2 :], strict=True)
            for half in halves
        ]
    return rows
