"""The innermost loop of the dense layers: one tile of a matrix product, held in vector registers.

    C[r, 0:w] = beta · C[r, 0:w] + alpha · Σ_p Σ_k A[p, r, k] · B[p, k, 0:w]      for r < rows, w = LANES · vectors

A is read one number at a time and spread over a vector, B a vector at a time, and the rows × vectors sums stay in
registers all along. Nothing is packed or transposed on the way, since every stride may be chosen, and the fused engine
keeps its arrays in the order in which its products read them. This is the inner loop of Goto and van de Geijn,
"Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34(3), 2008, section 4, without their copies, which cost
much where a matrix is as narrow as 100 columns.

The order of additions for an element of C depends on neither the tile's shape nor its place, so any thread may compute
any tile, and the bits stay the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from golmu.engines.fused.target import LANES
from golmu.engines.fused.vectors import FLOAT, INDEX, NUMBER_BYTES, Vectors


def make_tile(rows: int, vectors: int) -> Callable[..., None]:
    """Make the tile of `rows` × `vectors` as a function for compiled code.

    6 × 2 takes 12 of the 16 registers of AVX2, and 8 × 2 takes 16 of the 32 of AVX-512, which leaves room for B and the
    spread number. The arguments are addresses, and strides counted in numbers:

    a, a_row, a_k, a_part
        Address of A[0, 0, 0], and the strides of its rows, of k, and of the parts.
    b, b_k, b_part
        Address of B[0, 0, 0], and the strides of k and of the parts; its columns are contiguous.
    c, c_row
        Address of C[0, 0], and the stride of its rows; its columns are contiguous.
    n_k, n_parts
        Lengths of the two sums.
    alpha, beta
        Float32. With beta = 0, C is not read.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(
        typing_context: Any,
        a: Any, a_row: Any, a_k: Any, a_part: Any, b: Any, b_k: Any, b_part: Any, c: Any, c_row: Any,
        n_k: Any, n_parts: Any, alpha: Any, beta: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            _emit(builder, rows, vectors, *arguments)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 11, types.float32, types.float32), generate

    return tile  # type: ignore[no-any-return]


ROWS_PER_ADDRESS = 3
"""Rows of A that are reached from one address: 0, 1 and 2 strides on, which instructions of x86 add by themselves."""


def _opaque(builder: ir.IRBuilder, value: Any) -> Any:
    """Emit nothing, but so that LLVM no longer knows where `value` comes from."""
    identity = ir.InlineAsm(ir.FunctionType(value.type, [value.type]), "", "=r,0")
    return builder.call(identity, [value])


def _emit(
    builder: ir.IRBuilder, rows: int, vectors: int,
    a: Any, a_row: Any, a_k: Any, a_part: Any, b: Any, b_k: Any, b_part: Any, c: Any, c_row: Any,
    n_k: Any, n_parts: Any, alpha: Any, beta: Any,
) -> None:  # fmt: skip
    """Emit the instructions of one tile: both sums, then the update of C."""
    v = Vectors(builder)
    sums = [v.variables(vectors) for _ in range(rows)]
    # From one address LLVM makes a chain of sums, which wants more registers than are free, and spills inside the loop.
    addresses = [
        _opaque(builder, builder.add(a, v.offset((a_row, NUMBER_BYTES * r)))) for r in range(0, rows, ROWS_PER_ADDRESS)
    ]
    with cgutils.for_range(builder, n_parts, intp=INDEX) as part, cgutils.for_range(builder, n_k, intp=INDEX) as k:
        right = [v.load(b, v.offset((b_part, part.index), (b_k, k.index), (LANES, j))) for j in range(vectors)]
        for r in range(rows):
            group, row = divmod(r, ROWS_PER_ADDRESS)
            at = v.offset((a_part, part.index), (a_k, k.index), (a_row, row))
            left = v.spread(v.load(addresses[group], at, FLOAT))
            for place, vector in zip(sums[r], right, strict=True):
                v.add_product(place, left, vector)

    emit_update(v, [[builder.load(place) for place in row] for row in sums], c, c_row, alpha, beta)


def emit_update(v: Vectors, sums: list[list[Any]], c: Any, c_row: Any, alpha: Any, beta: Any) -> None:
    """Emit C = beta · C + alpha · sums, for vectors of sums by row; with beta = 0, C is not read."""
    is_fresh = v.builder.fcmp_ordered("==", beta, ir.Constant(FLOAT, 0.0))
    alphas, betas = v.spread(alpha), v.spread(beta)
    for r, row in enumerate(sums):
        for j, total in enumerate(row):
            at = v.offset((c_row, r), (LANES, j))
            scaled = v.builder.fmul(alphas, total)
            updated = v.multiply_add(betas, v.load(c, at), scaled)
            v.store(v.builder.select(is_fresh, scaled, updated), c, at)
