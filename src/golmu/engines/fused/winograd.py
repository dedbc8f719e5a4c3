"""The transformations of a 3×3 convolution that needs 16 products for a pooling window's four outputs, not 36.

Blocks behind the first have many channels, and their time goes into products of pixels and weights. By Lavin and Gray,
"Fast Algorithms for Convolutional Neural Networks", CVPR 2016, section 4.1, the four outputs of a 2×2 window are

    Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A        F(2×2, 3×3)

for the 4×4 pixels d that the window sees and the 3×3 weights g. The element-wise products are summed over the channels,
so that for each of the 16 places the weights and the pixels meet in a matrix product (`golmu.engines.fused.tile`), and
the transformations are only additions. Their transposes lead the gradients back:

    ∂Y → A ∂Y Aᵀ,   then  ∂d = B [·] Bᵀ  summed over the windows that see a pixel,  and  ∂g = Gᵀ [·] G

The additions round a little more than a sum of 9 products: results agree with that to about 10⁻⁶ of the largest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from golmu.engines.fused.convolution import emit_pool, emit_store_pooled
from golmu.engines.fused.vectors import FLOAT, INTEGER_VECTOR, Vectors

PLACES = 16
"""Products for a window: 4×4 places, row by row."""

PLACE_ROW = 4
"""Places in a row."""

GAP = 16
"""Numbers between the places of a window, a cache line: places whole pages apart would compete for the same eight lines
of the first-level cache."""

Transformation = Callable[[Vectors, list[Any]], list[Any]]
"""Emits a small matrix times a vector, whose numbers are vectors of the processor."""


def _apply_a(v: Vectors, y: list[Any]) -> list[Any]:
    """Emit A y."""
    b = v.builder
    return [y[0], b.fadd(y[0], y[1]), b.fsub(y[0], y[1]), b.fneg(y[1])]


def _apply_a_transposed(v: Vectors, m: list[Any]) -> list[Any]:
    """Emit Aᵀ m."""
    b = v.builder
    return [b.fadd(b.fadd(m[0], m[1]), m[2]), b.fsub(b.fsub(m[1], m[2]), m[3])]


def _apply_b(v: Vectors, m: list[Any]) -> list[Any]:
    """Emit B m."""
    b = v.builder
    return [m[0], b.fadd(b.fsub(m[1], m[2]), m[3]), b.fsub(b.fadd(m[1], m[2]), m[0]), b.fneg(m[3])]


def _apply_b_transposed(v: Vectors, d: list[Any]) -> list[Any]:
    """Emit Bᵀ d."""
    b = v.builder
    return [b.fsub(d[0], d[2]), b.fadd(d[1], d[2]), b.fsub(d[2], d[1]), b.fsub(d[1], d[3])]


def _apply_g(v: Vectors, g: list[Any]) -> list[Any]:
    """Emit G g."""
    b, half = v.builder, v.spread(ir.Constant(FLOAT, 0.5))
    outer = b.fadd(g[0], g[2])
    return [g[0], b.fmul(half, b.fadd(outer, g[1])), b.fmul(half, b.fsub(outer, g[1])), g[2]]


def _apply_g_transposed(v: Vectors, u: list[Any]) -> list[Any]:
    """Emit Gᵀ u."""
    b, half = v.builder, v.spread(ir.Constant(FLOAT, 0.5))
    inner = b.fmul(half, b.fadd(u[1], u[2]))
    return [b.fadd(u[0], inner), b.fmul(half, b.fsub(u[1], u[2])), b.fadd(inner, u[3])]


def _both_ways(v: Vectors, transformation: Transformation, square: list[list[Any]]) -> list[list[Any]]:
    """Emit M · square · Mᵀ for the matrix M of a transformation."""
    columns = [transformation(v, list(column)) for column in zip(*square, strict=True)]
    return [transformation(v, list(row)) for row in zip(*columns, strict=True)]


def _make_transform(transformation: Transformation, side: int, adds: bool = False) -> Callable[..., None]:
    """Make a function for compiled code that transforms n squares of `side` numbers, both ways.

    Its arguments are the address of the squares, the strides of their rows and columns, the address of the results,
    their strides, and n, a multiple of a vector; the squares themselves lie side by side. With `adds` the results are
    added to what is there.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def transform(
        typing_context: Any,
        of: Any, of_row: Any, of_column: Any, to: Any, to_row: Any, to_column: Any, n: Any,
    ) -> Any:  # fmt: skip
        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            v = Vectors(builder)
            of, of_row, of_column, to, to_row, to_column, n = arguments
            with v.steps(n) as p:
                square = _load_square(v, of, of_row, of_column, side, p)
                for r, row in enumerate(_both_ways(v, transformation, square)):
                    for c, value in enumerate(row):
                        at = v.offset((to_row, r), (to_column, c), (1, p))
                        v.store(builder.fadd(v.load(to, at), value) if adds else value, to, at)
            return context.get_dummy_value()

        return types.void(*[types.intp] * 7), generate

    return transform  # type: ignore[no-any-return]


transform_pixels = _make_transform(_apply_b_transposed, 4)
"""Pixels of windows: 4×4 to 4×4 places."""
add_pixels_gradient = _make_transform(_apply_b, 4, adds=True)
"""Gradients with respect to transformed pixels: 4×4 places, added to those of 4×4 pixels."""
transform_weights = _make_transform(_apply_g, 3)
"""Weights: 3×3 to 4×4 places."""
weights_gradient = _make_transform(_apply_g_transposed, 4)
"""Gradients with respect to transformed weights: 4×4 places to 3×3."""


@intrinsic  # type: ignore[untyped-decorator]
def pool_products(
    typing_context: Any, products: Any, place_stride: Any, bias: Any, act: Any, where: Any, n: Any
) -> Any:
    """Set act[p] = max(0, bias + largest output of window p) and where[p] as `convolve_windows` does, p < n.

    products, act, where are addresses; the sum of products at place i of window p is products[i · place_stride + p].
    n is a multiple of a vector.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder)
        of, stride, b, to, at, n = arguments
        biases = v.spread(b)
        with v.steps(n) as p:
            emit_store_pooled(v, emit_pool(v, emit_outputs(v, of, stride, p), biases), to, at, p)
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.float32, *[types.intp] * 3), generate


def emit_outputs(v: Vectors, products: Any, place_stride: Any, p: Any) -> list[Any]:
    """Emit the four outputs of windows from the sums of products at their places."""
    square = _load_square(v, products, v.offset((place_stride, PLACE_ROW)), place_stride, 4, p)
    above, below = _both_ways(v, _apply_a_transposed, square)
    return [*above, *below]


@intrinsic  # type: ignore[untyped-decorator]
def transform_slopes(
    typing_context: Any, slopes: Any, where: Any, scale: Any, to: Any, place_stride: Any, n: Any
) -> Any:
    """Transform the gradients of windows' outputs: scale · slopes[p] at the position where[p], and zero elsewhere.

    slopes, where, to are addresses; place i of window p is written to to[i · place_stride + p], p < n, a multiple of a
    vector.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v = Vectors(builder)
        of, at, factor, to, stride, n = arguments
        factors = v.spread(factor)
        with v.steps(n) as p:
            slope, position = builder.fmul(factors, v.load(of, p)), v.load(at, p, INTEGER_VECTOR)
            outputs = [
                builder.select(builder.icmp_signed("==", position, v.integers(output)), slope, v.zero)
                for output in range(4)
            ]
            rows = _both_ways(v, _apply_a, [outputs[:2], outputs[2:]])
            for place, value in enumerate(value for row in rows for value in row):
                v.store(value, to, v.offset((stride, place), (1, p)))
        return context.get_dummy_value()

    return types.void(types.intp, types.intp, types.float32, *[types.intp] * 3), generate


def _load_square(v: Vectors, of: Any, row_stride: Any, column_stride: Any, side: int, p: Any) -> list[list[Any]]:
    """Emit the loads of a square's rows."""
    return [
        [v.load(of, v.offset((row_stride, r), (column_stride, c), (1, p))) for c in range(side)] for r in range(side)
    ]
