"""The innermost loops of the convolution: one kernel over a row of 2×2 pooling windows.

A window sees 4×4 pixels of the padded image. Each is loaded once and meets up to four of the nine taps, one for each
of the window's four outputs; taps, outputs and pixel fill the 16 registers of AVX2, and half of AVX-512's. The full
convolution is never written to memory: forward only a window's maximum and its position leave the registers, and
backward the gradient goes through that position.

The rows of the padded image are laid out (2, W + 1, S): even columns, then odd ones, the sample running fastest. So
the windows of a row and their samples are one contiguous run of n = W · S numbers, and a window's neighbour to the
right is S numbers on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from golmu.engines.fused.target import LANES
from golmu.engines.fused.vectors import FLOAT, INDEX, INTEGER_VECTOR, Vectors

OUTPUTS = [(t, u) for t in range(2) for u in range(2)]
"""The four outputs of a window as (row, column), row by row."""

NO_OUTPUT = 4
"""The position of a maximum that is not above zero: no gradient passes through it."""


def _pixels(v: Vectors, x: Any, p: Any, row_stride: Any, odd_stride: Any, neighbour: Any) -> Any:
    """Load the 4×4 pixels of the windows from `p` on: yield row, column, and a vector over windows and samples."""
    for row in range(4):
        for column in range(4):
            at = v.offset((1, p), (row_stride, row), (odd_stride, column % 2), (neighbour, column // 2))
            yield row, column, v.load(x, at)


def _taps(row: int, column: int) -> list[tuple[int, int]]:
    """Return the pairs of output and tap that a pixel of a window meets."""
    return [
        (output, 3 * (row - t) + column - u)
        for output, (t, u) in enumerate(OUTPUTS)
        if 0 <= row - t < 3 and 0 <= column - u < 3
    ]


def make_convolve_windows(one_channel: bool) -> Callable[..., None]:
    """Make `convolve_windows`; for images of one channel it loads the taps once, and not for every vector."""

    @intrinsic  # type: ignore[untyped-decorator]
    def convolve_windows(
        typing_context: Any,
        x: Any, channel_stride: Any, row_stride: Any, odd_stride: Any, neighbour: Any,
        taps: Any, bias: Any, act: Any, where: Any, n: Any, n_channels: Any,
    ) -> Any:  # fmt: skip
        """Set act[p] = max(0, bias + largest output of window p) and where[p] = its position or `NO_OUTPUT`, p < n.

        x, taps, act, where are addresses: pixels (float32), 9 taps for each channel, results (float32 and int32). n
        is a multiple of two vectors.
        """

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
            _emit_forward(Vectors(builder), one_channel, *arguments)
            return context.get_dummy_value()

        index = types.intp
        return types.void(*[index] * 6, types.float32, *[index] * 4), generate

    return convolve_windows  # type: ignore[no-any-return]


def _emit_forward(
    v: Vectors, one_channel: bool,
    x: Any, channel_stride: Any, row_stride: Any, odd_stride: Any, neighbour: Any,
    taps: Any, bias: Any, act: Any, where: Any, n: Any, n_channels: Any,
) -> None:  # fmt: skip
    """Emit `convolve_windows`."""
    builder = v.builder
    biases = v.spread(bias)
    # Two vectors at a time: with four sums only, each addition would wait for the one before it.
    outputs = [v.variables(4) for _ in range(2)]

    def load_taps(channel: Any) -> list[Any]:
        return [v.spread(v.load(taps, v.offset((9, channel), (1, i)), FLOAT)) for i in range(9)]

    def add_channel(start: Any, tap: list[Any]) -> None:
        pixels = [
            _pixels(v, x, builder.add(start, v.offset((LANES, half))), row_stride, odd_stride, neighbour)
            for half in range(2)
        ]
        for both in zip(*pixels, strict=True):
            for places, (row, column, pixel) in zip(outputs, both, strict=True):
                for output, i in _taps(row, column):
                    v.add_product(places[output], pixel, tap[i])

    first_taps = load_taps(0) if one_channel else []
    with v.steps(n, 2) as p:
        for place in [*outputs[0], *outputs[1]]:
            builder.store(v.zero, place)
        if one_channel:
            add_channel(p, first_taps)
        else:
            with cgutils.for_range(builder, n_channels, intp=INDEX) as channel:
                add_channel(builder.add(p, v.offset((channel_stride, channel.index))), load_taps(channel.index))

        for half, places in enumerate(outputs):
            pooled = emit_pool(v, [builder.load(place) for place in places], biases)
            emit_store_pooled(v, pooled, act, where, v.offset((1, p), (LANES, half)))


def emit_pool(v: Vectors, outputs: list[Any], bias: Any) -> tuple[Any, Any]:
    """Emit the pooling of the four outputs of windows, with bias and ReLU; return the results and their positions."""
    builder = v.builder
    # The first of equals wins. A maximum commutes with adding the bias and with ReLU.
    best, position = outputs[0], v.integers(0)
    for output, value in enumerate(outputs[1:], start=1):
        is_larger = builder.fcmp_ordered(">", value, best)
        best = builder.select(is_larger, value, best)
        position = builder.select(is_larger, v.integers(output), position)
    # No comparison finds NaN larger, so it would be lost.
    has_nan = builder.or_(*(builder.fcmp_unordered("uno", *pair) for pair in (outputs[:2], outputs[2:])))
    best = builder.fadd(builder.select(has_nan, v.nan, best), bias)
    is_dead = builder.fcmp_ordered("<=", best, v.zero)  # "not >" would turn NaN into 0
    return builder.select(is_dead, v.zero, best), builder.select(is_dead, v.integers(NO_OUTPUT), position)


def emit_store_pooled(v: Vectors, pooled: tuple[Any, Any], act: Any, where: Any, at: Any) -> None:
    """Emit the stores of what `emit_pool` returned, at act[at] and where[at]."""
    for values, address in zip(pooled, (act, where), strict=True):
        v.store(values, address, at)


@intrinsic  # type: ignore[untyped-decorator]
def windows_gradient(
    typing_context: Any,
    x: Any, row_stride: Any, odd_stride: Any, neighbour: Any,
    d_act: Any, where: Any, n: Any, d_taps: Any, d_bias: Any,
) -> Any:  # fmt: skip
    """Add to the gradients of one kernel's 9 taps of one channel, and of its bias, through each window's position.

    The arguments are addresses and strides as in `convolve_windows`, which has filled `where`; d_act is the gradient
    with respect to act.
    """

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _emit_backward(Vectors(builder), *arguments)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 9), generate


def _emit_backward(
    v: Vectors, x: Any, row_stride: Any, odd_stride: Any, neighbour: Any,
    d_act: Any, where: Any, n: Any, d_taps: Any, d_bias: Any,
) -> None:  # fmt: skip
    """Emit `windows_gradient`."""
    builder = v.builder
    sums, bias_sum = v.variables(9), v.variables(1)[0]
    with v.steps(n) as p:
        position = v.load(where, p, INTEGER_VECTOR)
        is_dead = builder.icmp_signed("==", position, v.integers(NO_OUTPUT))
        slope = builder.select(is_dead, v.zero, v.load(d_act, p))
        # Of the 4×4 pixels, a window's one output has seen 3×3. They are picked by the output's row and then by its
        # column: 21 selections and 9 multiply-adds, where four outputs of which three are zero would take 36 of these.
        is_lower, is_right = (
            builder.icmp_signed("!=", builder.and_(position, v.integers(bit)), v.integers(0)) for bit in (2, 1)
        )
        pixels = [pixel for _, _, pixel in _pixels(v, x, p, row_stride, odd_stride, neighbour)]
        rows = [builder.select(is_lower, below, pixel) for pixel, below in zip(pixels, pixels[4:], strict=False)]
        for i, place in enumerate(sums):
            at = 4 * (i // 3) + i % 3
            v.add_product(place, builder.select(is_right, rows[at + 1], rows[at]), slope)
        builder.store(builder.fadd(builder.load(bias_sum), slope), bias_sum)
    for i, place in enumerate([*sums, bias_sum]):
        address, at = (d_taps, i) if i < 9 else (d_bias, 0)
        v.store(builder.fadd(v.load(address, at, FLOAT), v.total(builder.load(place))), address, at)
