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

from golmu.engines.fused.vectors import FLOAT, INDEX, INTEGER, NUMBER_BYTES

SIDE = 16
"""Numbers of a side of the square."""


@intrinsic  # type: ignore[untyped-decorator]
def transpose(
    typing_context: Any, images: Any, sources: Any, source_step: Any, start: Any, to: Any, to_row: Any
) -> Any:
    """Write number j of source i, as float32, to place i of row j, for i and j below `SIDE`.

    Source i begins sources[i · source_step] numbers behind the address `start`; `sources` is the address of int64.
    `to` is an address, too, and its rows are `to_row` numbers apart. Of the array `images`, only the type of its
    numbers counts.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _, at, step, start, to, to_row = arguments
        pointer = builder.inttoptr(at, INDEX.as_pointer())
        indices = [builder.mul(step, ir.Constant(INDEX, i)) for i in range(SIDE)]
        places = [builder.load(builder.gep(pointer, [index])) for index in indices]
        is_bytes = images.dtype == types.uint8
        columns = emit_turned(builder, _load(builder, ir.IntType(8) if is_bytes else FLOAT, start, places))
        if is_bytes:
            columns = [builder.uitofp(column, ir.VectorType(FLOAT, SIDE)) for column in columns]
        _store(builder, columns, to, to_row)
        return context.get_dummy_value()

    return types.void(images, *[types.intp] * 5), generate


@intrinsic  # type: ignore[untyped-decorator]
def transpose_rows(typing_context: Any, start: Any, stride: Any, n_rows: Any, to: Any, to_row: Any) -> Any:
    """Write number j of row i to place i of row j, for i and j below `SIDE`, as `transpose` does.

    Numbers are any four bytes. Rows are `stride` numbers apart; the last of the n_rows is repeated where they are few.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        start, stride, n_rows, to, to_row = arguments
        last, places = builder.sub(n_rows, ir.Constant(INDEX, 1)), []
        for i in range(SIDE):
            row = ir.Constant(INDEX, i)
            places.append(builder.mul(stride, builder.select(builder.icmp_signed("<", row, last), row, last)))
        _store(builder, emit_turned(builder, _load(builder, INTEGER, start, places)), to, to_row)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 5), generate


def _load(builder: ir.IRBuilder, of: ir.Type, start: Any, places: list[Any]) -> list[Any]:
    """Emit the loads of `SIDE` numbers each, so many numbers behind the address `start`."""
    vector, size = ir.VectorType(of, SIDE).as_pointer(), 1 if of == ir.IntType(8) else NUMBER_BYTES
    addresses = [builder.add(start, builder.mul(place, ir.Constant(INDEX, size))) for place in places]
    return [builder.load(builder.inttoptr(address, vector), align=1) for address in addresses]


def _store(builder: ir.IRBuilder, rows: list[Any], to: Any, to_row: Any) -> None:
    """Emit the stores of vectors of numbers of four bytes, `to_row` numbers apart."""
    step = builder.mul(to_row, ir.Constant(INDEX, NUMBER_BYTES))
    for j, row in enumerate(rows):
        address = builder.add(to, builder.mul(step, ir.Constant(INDEX, j)))
        builder.store(row, builder.inttoptr(address, row.type.as_pointer()), align=1)


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
