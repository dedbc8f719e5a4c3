"""The step of the weights: their gradients are summed over the parts of a batch, and they move, a block at a time.

The shapes of all arrays are in the table of `golmu.engines.fused.layout`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused.compiling import inlined_kernel, kernel
from golmu.engines.fused.layout import NUMBERS_PER_BLOCK, ROWS_PER_BLOCK, Buffers, Parameters
from golmu.engines.fused.optimizers import RATE, TOWARDS, advance
from golmu.engines.fused.products import outer
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.vectors import NUMBER_BYTES

FURTHER_BLOCKS, CONVOLUTION_BLOCKS = 3, 2
"""Blocks behind those of dense1: dense2, conv_w and conv_b; and how many of these are the convolution's, the last."""

ZERO, ONE = np.float32(0), np.float32(1)


@kernel
def add_parts(sums: Any, first: int, scale: Any, gradient: Any) -> None:
    """Write a flat gradient (n,): scale · the sum over parts, each of them the sum of its rows.

    sums (parts, ·, ·) has the n numbers in each row, from `first` on; a part's first row receives its sum.
    """
    gradient[:] = ZERO
    for part in range(len(sums)):
        total = sums[part, 0]
        for row in range(1, sums.shape[1]):
            for i in range(len(gradient)):
                total[first + i] += sums[part, row, first + i]
        for i in range(len(gradient)):
            gradient[i] += total[first + i]
    for i in range(len(gradient)):
        gradient[i] *= scale


@kernel
def count_blocks(n_rows: int) -> Any:
    """Return how many blocks rows of dense1 make."""
    return (n_rows + ROWS_PER_BLOCK - 1) // ROWS_PER_BLOCK


@kernel
def block_range(net: Parameters, first_row: int, last_row: int, block: int) -> Any:
    """Return where a block begins and ends in the flat parameters.

    A block is some of the rows first_row to last_row − 1 of dense1; behind these, all of dense2, of conv_w, or of
    conv_b; or a piece of deeper.
    """
    width, behind = net.dense1.shape[1], block - count_blocks(last_row - first_row)
    if behind < 0:
        row = first_row + block * ROWS_PER_BLOCK
        return row * width, min(last_row, row + ROWS_PER_BLOCK) * width
    # Numba's addresses are unsigned, and where some are and others are not, it takes floats.
    address, size = np.int64(net.conv_b.ctypes.data), net.conv_b.size
    if behind == 0:
        address, size = np.int64(net.dense2.ctypes.data), net.dense2.size
    elif behind == 1:
        address, size = np.int64(net.conv_w.ctypes.data), net.conv_w.size
    elif behind >= FURTHER_BLOCKS:
        first = (behind - FURTHER_BLOCKS) * NUMBERS_PER_BLOCK
        address = np.int64(net.deeper.ctypes.data) + NUMBER_BYTES * first
        size = min(NUMBERS_PER_BLOCK, net.deeper.size - first)
    start = (address - np.int64(net.dense1.ctypes.data)) // NUMBER_BYTES
    return start, start + size


@inlined_kernel
def update(
    block: int, first_row: int, last_row: int, net: Parameters, step: Any, first: Any, second: Any, average: Any,
    n_parts: int, step_options: StepOptions, step_sizes: Any, gradient: Any, work: Buffers,
) -> None:  # fmt: skip
    """Move a block (`block_range`) of `step` by its gradient, see `golmu.engines.fused.kernels.train_deep`.

    step_sizes (3,); `gradient` is scratch space.
    """
    width, n_blocks = net.dense1.shape[1], count_blocks(last_row - first_row)
    start, end = block_range(net, first_row, last_row, block)
    weights = step[start:end]
    if block <= n_blocks:
        is_plain = step_options.is_plain and step_sizes[TOWARDS] == ZERO
        row = first_row + block * ROWS_PER_BLOCK
        last = min(last_row, row + ROWS_PER_BLOCK)
        left, right, n_columns = work.act, work.right1, work.d_hidden.shape[1]
        if block == n_blocks:
            row, last, left, right = 0, len(net.dense2), work.hidden, work.right2
            n_columns, width = work.logits.shape[1], net.dense2.shape[1]
        # `outer` is called in one place only, since the compiler copies it to each call.
        to = np.int64(weights.ctypes.data) if is_plain else np.int64(gradient.ctypes.data)
        factor = -step_sizes[RATE] if is_plain else ONE
        beta = ONE if is_plain else ZERO
        outer(left[:n_parts], right, row, last, factor, beta, to, n_columns, width)
        if is_plain:
            return
    else:
        scale = step_options.feature_scale if len(net.deeper) == 0 else ONE
        sums, first_number = work.d_deeper, (block - n_blocks - FURTHER_BLOCKS) * NUMBERS_PER_BLOCK
        if block < n_blocks + FURTHER_BLOCKS:
            sums, first_number = work.d_conv_w if block == n_blocks + 1 else work.d_conv_b, 0
        add_parts(sums[:n_parts], first_number, scale, gradient[: len(weights)])
    advance(weights, gradient, first[start:end], second[start:end], average[start:end], step_options, step_sizes)
