"""A tile of few columns: `LANES` rows of a product at a time, where the columns would leave most of a vector empty.

100 hidden units are six vectors of 16 and 4 units more. The tile of `golmu.engines.fused.tile` holds columns in its
vectors, and would need as many instructions for the 4 as for 16. Here a vector holds rows: of A a square of numbers is
turned in registers, so that the rows that one number of B meets lie side by side.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from golmu.engines.fused.target import LANES
from golmu.engines.fused.tile import emit_update
from golmu.engines.fused.transposition import emit_turned
from golmu.engines.fused.vectors import FLOAT, INDEX, Vectors

NARROW_COLUMNS = 4
"""Columns of the tile."""


@intrinsic  # type: ignore[untyped-decorator]
def narrow_tile(
    typing_context: Any,
    a: Any, a_row: Any, a_part: Any, b: Any, b_k: Any, b_part: Any, c: Any, c_row: Any,
    n_k: Any, n_parts: Any, alpha: Any, beta: Any,
) -> Any:  # fmt: skip
    """Compute `LANES` rows and `LANES` columns of C; from `NARROW_COLUMNS` on, the columns of B count as zeros.

    The arguments are those of `golmu.engines.fused.tile.make_tile`, with an a_k of 1. n_k is a multiple of `LANES`.
    The order of additions is the same.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _emit(Vectors(builder), *arguments)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 10, types.float32, types.float32), generate


def _emit(
    v: Vectors, a: Any, a_row: Any, a_part: Any, b: Any, b_k: Any, b_part: Any, c: Any, c_row: Any,
    n_k: Any, n_parts: Any, alpha: Any, beta: Any,
) -> None:  # fmt: skip
    """Emit the instructions of the tile: both sums, then the update of C."""
    builder = v.builder
    sums = v.variables(NARROW_COLUMNS)
    with cgutils.for_range(builder, n_parts, intp=INDEX) as part, v.steps(n_k) as k:
        rows = [v.load(a, v.offset((a_part, part.index), (a_row, r), (1, k))) for r in range(LANES)]
        for i, left in enumerate(emit_turned(builder, rows)):
            start = builder.add(k, ir.Constant(INDEX, i))
            for column, place in enumerate(sums):
                right = v.load(b, v.offset((b_part, part.index), (b_k, start), (1, column)), FLOAT)
                v.add_product(place, left, v.spread(right))
    columns = [builder.load(place) for place in sums] + [v.zero] * (LANES - NARROW_COLUMNS)
    emit_update(v, [[row] for row in emit_turned(builder, columns)], c, c_row, alpha, beta)
