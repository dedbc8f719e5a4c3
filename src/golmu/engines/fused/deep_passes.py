"""The forward and the backward pass of one part of a batch through several blocks, as compiled kernels.

The shapes of all arrays are in the tables of `golmu.engines.fused.deep_layout` and `golmu.engines.fused.layout`; here
they lack the axis of the threads or parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused.compiling import kernel
from golmu.engines.fused.convolution import NO_OUTPUT, pool_windows
from golmu.engines.fused.deep_layout import (
    BAND_ROWS,
    CHANNELS,
    HEIGHT,
    INPUT,
    KERNEL_ROW,
    KERNELS,
    POOLED,
    STRIDE,
    TAPS,
    WEIGHTS,
    WIDTH,
)
from golmu.engines.fused.layout import Buffers, Parameters
from golmu.engines.fused.passes import (
    add_dense1,
    convolution_gradient_row,
    convolve_windows,
    drop_features,
    hidden_gradient,
    logits_of_hidden,
    pooled_gradient,
)
from golmu.engines.fused.products import COLUMNS_PER_PANEL, TILE_ROWS, UNIT_STRIDE, multiply_rows, next_rows
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.vectors import NUMBER_BYTES

ZERO, ONE = np.float32(0), np.float32(1)

PANEL_STRIDE = np.int64(COLUMNS_PER_PANEL)

DEAD = np.int32(NO_OUTPUT)


@kernel
def first_block(x: Any, net: Parameters, table: Any, inputs: Any, where: Any) -> None:
    """Apply the first block to x (c, 2H + 2, 2, W + 1, S), and leave what it pools in the padded input of the second.

    A column of windows goes through all kernels while its pixels are in the first-level cache.
    """
    n_channels, n_rows, _, pairs, samples = x.shape
    n_kernels, columns, odd_stride = len(net.conv_b), pairs - 1, pairs * samples
    row_stride = 2 * odd_stride
    channel_stride = n_rows * row_stride
    for row in range(n_rows // 2 - 1):
        for column in range(columns):
            pixels = x.ctypes.data + NUMBER_BYTES * (2 * row * row_stride + column * samples)
            to = table[1, INPUT] + ((row + 1) * (columns + 2) + column + 1) * n_kernels
            for k in range(n_kernels):
                act = inputs.ctypes.data + NUMBER_BYTES * samples * (to + k)
                at = where.ctypes.data + NUMBER_BYTES * samples * ((row * n_kernels + k) * columns + column)
                taps = net.conv_w.ctypes.data + NUMBER_BYTES * k * n_channels * TAPS
                convolve_windows(
                    pixels, channel_stride, row_stride, odd_stride, samples, taps, net.conv_b[k], act, at, samples,
                    n_channels,
                )  # fmt: skip


@kernel
def further_block(block: int, net: Parameters, table: Any, inputs: Any, where: Any, scratch: Any, act: Any) -> None:
    """Apply a block behind the first, and leave what it pools in the next one's padded input, or the last's in act."""
    height, width, n_channels, n_kernels = table[block, HEIGHT : KERNELS + 1]
    samples, stride = act.shape[1], table[block, STRIDE]
    rows, columns = height // 2, width // 2
    is_last = block == len(table) - 1
    to, first = (act, 0) if is_last else (inputs, table[block + 1, INPUT] + (columns + 3) * n_kernels)
    row_step = (columns if is_last else columns + 2) * n_kernels
    x_row, run = (width + 2) * n_channels, KERNEL_ROW * n_channels
    bias = table[block, WEIGHTS] + TAPS * n_channels * stride
    for row in range(rows):
        k = 0
        while k < n_kernels:
            n = next_rows(n_kernels - k)
            a = net.deeper.ctypes.data + NUMBER_BYTES * (table[block, WEIGHTS] + k)
            for column in range(columns):
                for output in range(4):
                    x = table[block, INPUT] + (2 * row + output // 2) * x_row + (2 * column + output % 2) * n_channels
                    b = inputs.ctypes.data + NUMBER_BYTES * x * samples
                    c = scratch.ctypes.data + NUMBER_BYTES * output * TILE_ROWS * samples
                    multiply_rows(
                        n, a, UNIT_STRIDE, stride, run * stride, b, samples, x_row * samples, c, samples, samples, run,
                        KERNEL_ROW, ZERO,
                    )  # fmt: skip
                place = table[block, POOLED] + (row * columns + column) * n_kernels + k
                at = first + row * row_step + column * n_kernels + k
                for i in range(n):
                    pool_windows(
                        scratch.ctypes.data + NUMBER_BYTES * i * samples, TILE_ROWS * samples, net.deeper[bias + k + i],
                        to.ctypes.data + NUMBER_BYTES * (at + i) * samples,
                        where.ctypes.data + NUMBER_BYTES * (place + i) * samples, samples,
                    )  # fmt: skip
            k += n


@kernel
def deep_forward(
    thread: int, part: int, net: Parameters, work: Buffers, dropout: bool, step_options: StepOptions
) -> None:
    """Compute the logits of one part from its unpacked images, through all blocks."""
    x, table, inputs, where = work.x[thread], work.table, work.inputs[thread], work.where[thread]
    act, hidden, keys = work.act[part], work.hidden[part], work.keys[part]
    first_block(x, net, table, inputs, where)
    for block in range(1, len(table)):
        further_block(block, net, table, inputs, where, work.scratch[thread], act)
    n_features, place = len(act) - 1, table[len(table) - 1, POOLED]
    if dropout and step_options.feature_threshold > 0:
        # The last block's features go by row, column, kernel: to `drop_features`, one row of one column.
        threshold, scale = step_options.feature_threshold, step_options.feature_scale
        drop_features(0, n_features, 1, keys, threshold, scale, act, where[place : place + n_features])
    add_dense1(net, act, 0, n_features + 1, hidden)
    logits_of_hidden(net, n_features, hidden, work.logits[part], dropout, step_options, keys)


@kernel
def unpool_row(
    row: int, block: Any, where: Any, slopes: Any, scale: Any, band: Any, turned: Any, d_deeper: Any
) -> None:
    """Spread one row of pooled gradients over two rows of outputs, in `band` and in `turned`, and add up the bias's."""
    width, n_kernels, stride = block[WIDTH], block[KERNELS], block[STRIDE]
    columns, samples, panels = width // 2, where.shape[1], stride // COLUMNS_PER_PANEL
    bias = block[WEIGHTS] + TAPS * block[CHANNELS] * stride
    panel_size = 2 * columns * samples * COLUMNS_PER_PANEL
    for column in range(columns):
        for k in range(n_kernels):
            at, total = block[POOLED] + (row * columns + column) * n_kernels + k, ZERO
            for s in range(samples):
                total += ZERO if where[at, s] == DEAD else scale * slopes[at, s]
            d_deeper[bias + k] += total
            for output in range(4):
                to = ((2 * row + output // 2) % BAND_ROWS) * (width + 2) + 2 * column + output % 2 + 1
                to = to * n_kernels + k
                position = np.int32(output)
                for s in range(samples):
                    band[to, s] = scale * slopes[at, s] if where[at, s] == position else ZERO
        for output in range(4):
            pixel = ((2 * row + output // 2) % BAND_ROWS) * (width + 2) + 2 * column + output % 2 + 1
            for panel in range(panels):
                place = (output // 2 * panels + panel) * panel_size
                place += (2 * column + output % 2) * samples * COLUMNS_PER_PANEL
                for i in range(COLUMNS_PER_PANEL):
                    k = panel * COLUMNS_PER_PANEL + i
                    for s in range(samples):
                        turned[place + s * COLUMNS_PER_PANEL + i] = (
                            band[pixel * n_kernels + k, s] if k < n_kernels else ZERO
                        )


@kernel
def add_weights_gradient(row: int, block: Any, inputs: Any, turned: Any, d_deeper: Any) -> None:
    """Add what one row of outputs gives to the gradient of a block's weights."""
    width, n_channels, stride = block[WIDTH], block[CHANNELS], block[STRIDE]
    samples, panels, columns = inputs.shape[1], stride // COLUMNS_PER_PANEL, width // 2 * 2
    x_row, run, panel_size = (width + 2) * n_channels, KERNEL_ROW * n_channels, columns * samples * COLUMNS_PER_PANEL
    for panel in range(panels):
        b = turned.ctypes.data + NUMBER_BYTES * (row % 2 * panels + panel) * panel_size
        for tap_row in range(KERNEL_ROW):
            m = 0
            while m < run:
                n = next_rows(run - m)
                x = block[INPUT] + (row + tap_row) * x_row + m
                a = inputs.ctypes.data + NUMBER_BYTES * x * samples
                to = block[WEIGHTS] + (tap_row * run + m) * stride + panel * COLUMNS_PER_PANEL
                c = d_deeper.ctypes.data + NUMBER_BYTES * to
                multiply_rows(
                    n, a, samples, UNIT_STRIDE, n_channels * samples, b, PANEL_STRIDE, samples * COLUMNS_PER_PANEL, c,
                    stride, PANEL_STRIDE, samples, columns, ONE,
                )  # fmt: skip
                m += n


@kernel
def input_gradient_row(
    row: int, block: Any, net: Parameters, band: Any, slopes: Any, first: int, column_step: int, channel_step: int
) -> None:
    """Compute one row of the gradient with respect to a block's input: slopes[first + column and channel steps]."""
    height, width, n_channels, n_kernels = block[HEIGHT], block[WIDTH], block[CHANNELS], block[KERNELS]
    samples, stride = slopes.shape[1], block[STRIDE]
    channel = 0
    while channel < n_channels:
        n = next_rows(n_channels - channel)
        for column in range(width):
            to = first + column * column_step + channel * channel_step
            c, beta = slopes.ctypes.data + NUMBER_BYTES * to * samples, ZERO
            for tap_row in range(KERNEL_ROW):
                source = row + tap_row - 1
                if 0 <= source < height // 2 * 2:
                    tap = TAPS - 1 - KERNEL_ROW * tap_row
                    a = net.deeper.ctypes.data
                    a += NUMBER_BYTES * (block[WEIGHTS] + (tap * n_channels + channel) * stride)
                    pixel = source % BAND_ROWS * (width + 2) + column
                    b = band.ctypes.data + NUMBER_BYTES * pixel * n_kernels * samples
                    multiply_rows(
                        n, a, stride, UNIT_STRIDE, -n_channels * stride, b, samples, n_kernels * samples, c,
                        channel_step * samples, samples, n_kernels, KERNEL_ROW, beta,
                    )  # fmt: skip
                    beta = ONE
        channel += n


@kernel
def further_block_gradient(
    number: int, net: Parameters, table: Any, inputs: Any, where: Any, slopes: Any, scale: Any, band: Any, turned: Any,
    d_deeper: Any,
) -> None:  # fmt: skip
    """Compute the gradients of a block behind the first, and of its input, from those of what it pooled.

    The gradient of the convolution's output exists for four rows at a time.
    """
    block, before = table[number], table[number - 1, POOLED]
    height, width, n_channels = block[HEIGHT], block[WIDTH], block[CHANNELS]
    rows = height // 2
    column_step, channel_step = (1, width) if number == 1 else (n_channels, 1)  # the first block's order is another
    band[: BAND_ROWS * (width + 2) * block[KERNELS]] = ZERO
    for row in range(rows):
        unpool_row(row, block, where, slopes, scale, band, turned, d_deeper)
        for output_row in range(2 * row, 2 * row + 2):
            add_weights_gradient(output_row, block, inputs, turned, d_deeper)
        for y in range(max(0, 2 * row - 1), height if row == rows - 1 else 2 * row + 1):
            at = before + y * width * n_channels
            input_gradient_row(y, block, net, band, slopes, at, column_step, channel_step)


@kernel
def deep_backward(thread: int, part: int, net: Parameters, work: Buffers, step_options: StepOptions) -> None:
    """Compute a part's d_hidden, and its gradients of all blocks, from the gradient that its logits have become."""
    x, table, inputs, where = work.x[thread], work.table, work.inputs[thread], work.where[thread]
    slopes, d_hidden, d_deeper = work.slopes[thread], work.d_hidden[part], work.d_deeper[part]
    hidden_gradient(net, work.hidden[part], step_options.hidden_scale, work.logits[part], d_hidden)
    last = len(table) - 1
    samples, n_features = slopes.shape[1], len(work.act[part]) - 1
    to = slopes.ctypes.data + NUMBER_BYTES * table[last, POOLED] * samples
    pooled_gradient(net, 0, n_features, d_hidden, to)
    d_deeper[:] = ZERO
    for block in range(last, 0, -1):
        scale = step_options.feature_scale if block == last else ONE
        further_block_gradient(
            block, net, table, inputs, where, slopes, scale, work.band[thread], work.turned[thread], d_deeper
        )
    d_conv_w, d_conv_b = work.d_conv_w[part], work.d_conv_b[part]
    d_conv_w[:] = ZERO
    d_conv_b[:] = ZERO
    per_row = len(net.conv_b) * (x.shape[3] - 1)
    for row in range(x.shape[1] // 2 - 1):
        convolution_gradient_row(x, row, slopes[row * per_row : (row + 1) * per_row], where, d_conv_w, d_conv_b)
