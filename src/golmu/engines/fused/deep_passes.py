"""The forward and the backward pass of one part of a batch through several blocks, as compiled kernels.

The shapes of all arrays are in the tables of `golmu.engines.fused.deep_layout` and `golmu.engines.fused.layout`; here
they lack the axis of the threads or parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused.compiling import inlined_kernel, kernel
from golmu.engines.fused.deep_layout import HEIGHT, POOLED, TAPS, WIDTH
from golmu.engines.fused.further_blocks import further_block, further_block_gradient, pooled_places
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
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.vectors import NUMBER_BYTES, clear

ZERO, ONE = np.float32(0), np.float32(1)

FIRST = np.int64(0)
"""The number of the first block. A plain 0 would be a type of its own to numba."""


@kernel
def first_block(x: Any, net: Parameters, table: Any, inputs: Any, where: Any) -> None:
    """Apply the first block to x (c, 2H + 2, 2, W + 1, S), and leave what it pools in the padded input of the second.

    A column of windows goes through all kernels while its pixels are in the first-level cache.
    """
    n_channels, n_rows, _, pairs, samples = x.shape
    n_kernels, columns, odd_stride = len(net.conv_b), pairs - 1, pairs * samples
    row_stride = 2 * odd_stride
    channel_stride = n_rows * row_stride
    start, row_step, column_step = pooled_places(FIRST, table)
    for row in range(n_rows // 2 - 1):
        for column in range(columns):
            pixels = x.ctypes.data + NUMBER_BYTES * (2 * row * row_stride + column * samples)
            to = start + row * row_step + column * column_step
            for k in range(n_kernels):
                act = inputs.ctypes.data + NUMBER_BYTES * samples * (to + k)
                at = where.ctypes.data + NUMBER_BYTES * samples * ((row * n_kernels + k) * columns + column)
                taps = net.conv_w.ctypes.data + NUMBER_BYTES * k * n_channels * TAPS
                convolve_windows(
                    pixels, channel_stride, row_stride, odd_stride, samples, taps, net.conv_b[k], act, at, samples,
                    n_channels,
                )  # fmt: skip


@inlined_kernel
def deep_forward(
    thread: int, part: int, net: Parameters, work: Buffers, dropout: bool, step_options: StepOptions
) -> None:
    """Compute the logits of one part from its unpacked images, through all blocks."""
    table, where, act = work.table, work.where[thread], work.act[part]
    hidden, keys = work.hidden[part], work.keys[thread]
    first_block(work.x[thread], net, table, work.inputs[thread], where)
    for number in range(1, len(table)):
        further_block(number, net, work, thread, act)
    n_features, place = len(act) - 1, table[len(table) - 1, POOLED]
    if dropout and step_options.feature_threshold > 0:
        # The last block's features go by row, column, kernel: to `drop_features`, one row of one column.
        threshold, scale = step_options.feature_threshold, step_options.feature_scale
        drop_features(0, n_features, 1, keys, threshold, scale, act, where[place : place + n_features])
    add_dense1(net, act, 0, n_features + 1, hidden)
    logits_of_hidden(net, n_features, hidden, work.logits[part], dropout, step_options, keys)


@inlined_kernel
def deep_backward(thread: int, part: int, net: Parameters, work: Buffers, step_options: StepOptions) -> None:
    """Compute a part's d_hidden, and its gradients of all blocks, from the gradient that its logits have become."""
    x, table, where, slopes = work.x[thread], work.table, work.where[thread], work.slopes[thread]
    d_hidden, d_conv_w, d_conv_b = work.d_hidden[part], work.d_conv_w[part, 0], work.d_conv_b[part, 0]
    hidden_gradient(net, work.hidden[part], step_options.hidden_scale, work.logits[part], d_hidden)
    pooled_gradient(net, 0, len(slopes), d_hidden, slopes.ctypes.data)
    last = len(table) - 1
    for number in range(last, 0, -1):
        scale = step_options.feature_scale if number == last else ONE
        further_block_gradient(number, work, thread, scale, work.d_deeper[part, 0])
    clear(d_conv_w)
    clear(d_conv_b)
    rows, columns, n_kernels = table[1, HEIGHT], table[1, WIDTH], len(net.conv_b)
    padded = work.d_inputs[thread][: (rows + 2) * n_kernels * (columns + 2)]
    d_pooled = padded.reshape(rows + 2, n_kernels, columns + 2, x.shape[4])
    for row in range(rows):
        convolution_gradient_row(x, row, row, d_pooled[row + 1, :, 1:], where, d_conv_w, d_conv_b)
