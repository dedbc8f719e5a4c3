"""The blocks behind the first: convolution and pooling of a part of a batch, and their gradients, as compiled kernels.

A pooling window goes through all channels and kernels at once, and takes 16 products for each pair of them where a
plain convolution takes 36 (`golmu.engines.fused.winograd`). The shapes of all arrays are in the table of
`golmu.engines.fused.deep_layout`; here they lack the axis of the threads or parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused.compiling import inlined_kernel, kernel
from golmu.engines.fused.deep_layout import (
    CHANNELS,
    HEIGHT,
    INPUT,
    KERNEL_ROW,
    KERNELS,
    POOLED,
    SPARE,
    STRIDE,
    TAPS,
    TRANSFORMED,
    WEIGHTS,
    WIDTH,
)
from golmu.engines.fused.layout import Buffers, Parameters
from golmu.engines.fused.products import (
    NO_STRIDE,
    TILE_ROWS,
    UNIT_STRIDE,
    multiply_all_rows,
    multiply_rows,
    next_rows,
)
from golmu.engines.fused.transposition import SIDE, transpose_rows
from golmu.engines.fused.vectors import NUMBER_BYTES, clear
from golmu.engines.fused.winograd import (
    GAP,
    PLACE_ROW,
    PLACES,
    add_pixels_gradient,
    pool_products,
    transform_pixels,
    transform_slopes,
    transform_weights,
    weights_gradient,
)

ZERO, ONE = np.float32(0), np.float32(1)


@kernel
def transform_deeper(net: Parameters, table: Any, transformed: Any) -> None:
    """Transform the weights of all blocks behind the first."""
    for number in range(1, len(table)):
        size = table[number, CHANNELS] * table[number, STRIDE]
        of = net.deeper.ctypes.data + NUMBER_BYTES * table[number, WEIGHTS]
        to = transformed.ctypes.data + NUMBER_BYTES * table[number, TRANSFORMED]
        transform_weights(of, KERNEL_ROW * size, size, to, PLACE_ROW * size, size, size)


@kernel
def pooled_places(number: int, table: Any) -> Any:
    """Return where a block's pooled results lie, in rows of S numbers: the first, and the steps by row and column.

    They lie in the padded input of the next block; those of the last block in act, and their gradients in slopes.
    """
    n_kernels, columns = table[number, KERNELS], table[number, WIDTH] // 2
    if number == len(table) - 1:
        return 0, columns * n_kernels, n_kernels
    column_step = n_kernels + SPARE
    row_step = (columns + 2) * column_step
    return table[number + 1, INPUT] + row_step + column_step, row_step, column_step


@kernel
def transform_window(block: Any, x: int, samples: int, pixels: Any) -> None:
    """Transform the pixels of the window whose first is at the address x."""
    column = (block[CHANNELS] + SPARE) * samples
    n = block[CHANNELS] * samples
    transform_pixels(x, (block[WIDTH] + 2) * column, column, pixels.ctypes.data, PLACE_ROW * (n + GAP), n + GAP, n)


@kernel
def multiply_places(
    n_rows: int, a: int, a_row: int, a_k: int, a_place: int, b: Any, n_k: int, samples: int, products: Any
) -> None:
    """Compute A · B at each place: A (n_rows, n_k) with these strides, and B (n_k, S) in `pixels` or `places`."""
    for place in range(PLACES):
        multiply_rows(
            n_rows, a + NUMBER_BYTES * place * a_place, a_row, a_k, NO_STRIDE,
            b.ctypes.data + NUMBER_BYTES * place * (n_k * samples + GAP), samples, NO_STRIDE,
            products.ctypes.data + NUMBER_BYTES * place * TILE_ROWS * samples, samples, samples, n_k, UNIT_STRIDE, ZERO,
        )  # fmt: skip


@kernel
def further_block(number: int, net: Parameters, work: Buffers, thread: int, act: Any) -> None:
    """Apply a block behind the first, and leave what it pools in the next one's padded input, or the last's in act."""
    block, inputs, where = work.table[number], work.inputs[thread], work.where[thread]
    pixels, products, samples = work.pixels[thread], work.products[thread], act.shape[1]
    height, width, n_channels, n_kernels, stride = block[HEIGHT : STRIDE + 1]
    rows, columns = height // 2, width // 2
    to = act if number == len(work.table) - 1 else inputs
    start, row_step, column_step = pooled_places(number, work.table)
    weights = work.transformed[thread].ctypes.data + NUMBER_BYTES * block[TRANSFORMED]
    bias = block[WEIGHTS] + TAPS * n_channels * stride
    for row in range(rows):
        for column in range(columns):
            x = block[INPUT] + 2 * (row * (width + 2) + column) * (n_channels + SPARE)
            transform_window(block, inputs.ctypes.data + NUMBER_BYTES * x * samples, samples, pixels)
            k = 0
            while k < n_kernels:
                n = next_rows(n_kernels - k)
                a = weights + NUMBER_BYTES * k
                multiply_places(n, a, UNIT_STRIDE, stride, n_channels * stride, pixels, n_channels, samples, products)
                at = start + row * row_step + column * column_step + k
                position = block[POOLED] + (row * columns + column) * n_kernels + k
                for i in range(n):
                    pool_products(
                        products.ctypes.data + NUMBER_BYTES * i * samples, TILE_ROWS * samples,
                        net.deeper[bias + k + i], to.ctypes.data + NUMBER_BYTES * (at + i) * samples,
                        where.ctypes.data + NUMBER_BYTES * (position + i) * samples, samples,
                    )  # fmt: skip
                k += n


@kernel
def turn_window(block: Any, slopes: int, where: int, samples: int, turned: Any) -> None:
    """Turn a window's gradients and their positions, (K, S) at these addresses, by sample; see `turned`.

    The gradients of the columns from K on are zeros.
    """
    n_kernels, stride = block[KERNELS : STRIDE + 1]
    for k in range(0, n_kernels, SIDE):
        for s in range(0, samples, SIDE):
            of, to = NUMBER_BYTES * (k * samples + s), turned.ctypes.data + NUMBER_BYTES * (s * stride + k)
            transpose_rows(slopes + of, samples, n_kernels - k, to, stride)
            transpose_rows(where + of, samples, n_kernels - k, to + NUMBER_BYTES * samples * stride, stride)
    for s in range(samples):
        turned[s * stride + n_kernels : (s + 1) * stride] = ZERO


@kernel
def window_weights_gradient(
    block: Any, x: int, slopes: int, where: int, scale: Any, work: Buffers, thread: int, d_bias: Any
) -> None:
    """Add what a window gives to the gradients of a block's transformed weights and of its bias (K',).

    x, slopes, where are addresses: of its first pixel, and of its pooled gradients and their positions, (K, S) each.
    """
    pixels, places, turned = work.pixels[thread], work.places[thread], work.turned[thread]
    n_channels, _, stride = block[CHANNELS : STRIDE + 1]
    samples = work.inputs.shape[2]
    size = samples * stride
    positions = turned.ctypes.data + NUMBER_BYTES * size
    turn_window(block, slopes, where, samples, turned)
    transform_slopes(turned.ctypes.data, positions, scale, places.ctypes.data, size + GAP, size)
    # The place (1, 1) is the sum of a window's four outputs; act's row of ones sums it over the samples.
    ones, outputs = work.act[0, -1].ctypes.data, places.ctypes.data + NUMBER_BYTES * (PLACE_ROW + 1) * (size + GAP)
    multiply_rows(
        1, ones, NO_STRIDE, UNIT_STRIDE, NO_STRIDE, outputs, stride, NO_STRIDE, d_bias.ctypes.data, stride, stride,
        samples, UNIT_STRIDE, ONE,
    )  # fmt: skip
    transform_window(block, x, samples, pixels)
    for place in range(PLACES):
        a = pixels.ctypes.data + NUMBER_BYTES * place * (n_channels * samples + GAP)
        b = places.ctypes.data + NUMBER_BYTES * place * (size + GAP)
        c = work.d_transformed[thread].ctypes.data + NUMBER_BYTES * place * n_channels * stride
        multiply_all_rows(
            n_channels, a, samples, UNIT_STRIDE, NO_STRIDE, b, stride, NO_STRIDE, c, stride, stride, samples,
            UNIT_STRIDE, ONE,
        )  # fmt: skip


@kernel
def window_input_gradient(
    block: Any, slopes: int, where: int, scale: Any, work: Buffers, thread: int, to: int, row_step: int,
    column_step: int, channel_step: int,
) -> None:  # fmt: skip
    """Add what a window gives to the gradients of its pixels, the first at the address `to`; steps in rows of S."""
    places, products, samples = work.places[thread], work.products[thread], work.inputs.shape[2]
    n_channels, n_kernels, stride = block[CHANNELS : STRIDE + 1]
    size = n_kernels * samples
    transform_slopes(slopes, where, scale, places.ctypes.data, size + GAP, size)
    channel = 0
    while channel < n_channels:
        n = next_rows(n_channels - channel)
        a = work.transformed[thread].ctypes.data + NUMBER_BYTES * (block[TRANSFORMED] + channel * stride)
        multiply_places(n, a, stride, UNIT_STRIDE, n_channels * stride, places, n_kernels, samples, products)
        place_step = TILE_ROWS * samples
        for i in range(n):
            add_pixels_gradient(
                products.ctypes.data + NUMBER_BYTES * i * samples, PLACE_ROW * place_step, place_step,
                to + NUMBER_BYTES * (channel + i) * channel_step * samples, row_step * samples, column_step * samples,
                samples,
            )  # fmt: skip
        channel += n


@inlined_kernel
def further_block_gradient(number: int, work: Buffers, thread: int, scale: Any, d_deeper: Any) -> None:
    """Compute the gradients of a block behind the first, and of its input, from those of what it pooled."""
    block, inputs, where = work.table[number], work.inputs[thread], work.where[thread]
    d_inputs, d_transformed, samples = work.d_inputs[thread], work.d_transformed[thread], work.inputs.shape[2]
    height, width, n_channels, n_kernels, stride = block[HEIGHT : STRIDE + 1]
    rows, columns, first, size = height // 2, width // 2, block[INPUT], n_channels * stride
    column_step, channel_step = n_channels + SPARE, 1
    row_step = (width + 2) * column_step
    # The first block takes the gradients of what it pooled in another order.
    d_steps = (n_channels * (width + 2), 1, width + 2) if number == 1 else (row_step, column_step, channel_step)
    pooled = work.slopes[thread] if number == len(work.table) - 1 else d_inputs
    start, pooled_row, pooled_column = pooled_places(number, work.table)
    d_weights = d_deeper[block[WEIGHTS] :]
    d_bias = d_weights[TAPS * size : TAPS * size + stride]
    clear(d_bias)
    clear(d_transformed[: PLACES * size])
    clear(d_inputs[first : first + (height + 2) * row_step])
    for row in range(rows):
        for column in range(columns):
            at = start + row * pooled_row + column * pooled_column
            slopes = pooled.ctypes.data + NUMBER_BYTES * at * samples
            at = block[POOLED] + (row * columns + column) * n_kernels
            positions = where.ctypes.data + NUMBER_BYTES * at * samples
            x = inputs.ctypes.data + NUMBER_BYTES * (first + 2 * (row * row_step + column * column_step)) * samples
            window_weights_gradient(block, x, slopes, positions, scale, work, thread, d_bias)
            at = first + 2 * (row * d_steps[0] + column * d_steps[1])
            to = d_inputs.ctypes.data + NUMBER_BYTES * at * samples
            window_input_gradient(block, slopes, positions, scale, work, thread, to, d_steps[0], d_steps[1], d_steps[2])
    weights_gradient(
        d_transformed.ctypes.data, PLACE_ROW * size, size, d_weights.ctypes.data, KERNEL_ROW * size, size, size
    )
