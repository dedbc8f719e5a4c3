"""How the blocks behind the first lie in memory: a table that the kernels read, so that any depth is one kernel.

The first block works as in a network of one block (`golmu.engines.fused.layout`). What it pools, and what each block
behind it pools but the last, is the input of the next: zero-padded, (h + 2, w + 2, c + 1, S), of which c are used. So
each of the 4×4 pixels that a pooling window sees is one run of c rows of S samples, and all channels are transformed
at once (`golmu.engines.fused.winograd`).

    deeper    (·,)           for each block behind the first its weights (9 · c, K'), rows by tap and channel, and its
                             bias (K',); K' is K rounded up to whole panels
    inputs    (threads, ·, S)   the padded inputs of the blocks behind the first
    where     (threads, ·, S)   which output of each window was pooled (as in a network of one block), block by block:
                             the first by row, kernel, column, the others by row, column, kernel
    d_inputs  (threads, ·, S)   gradients with respect to `inputs`; those of the second block go by row, channel, column
    slopes    (threads, D, S)   gradients with respect to what the last block has pooled
    act       (parts, D + 1, S)  what the last block has pooled, by row, column, kernel; then a row of ones
    transformed, d_transformed   (threads, ·)   a block's weights at the 16 places, (16, c, K'), and their gradient:
                                of all blocks, and of the largest
    pixels    (threads, ·)      a window's pixels at the 16 places, (c, S) each, with a gap behind each place
    places    (threads, ·)      the gradient of its outputs there, likewise: (K, S) each, or by sample (S, K')
    products  (threads, 16, rows of a tile, S)   sums of products of some kernels or channels
    turned    (threads, ·)      a window's gradients and their positions by sample: (2, S, K')
    d_deeper  (parts, 1, ·)     gradient of `deeper`
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import KERNEL_SIZE, Architecture, Block
from golmu.engines.fused.products import COLUMNS_PER_PANEL
from golmu.engines.fused.winograd import PLACES
from golmu.types import Weights

HEIGHT, WIDTH, CHANNELS, KERNELS, STRIDE, WEIGHTS, TRANSFORMED, INPUT, POOLED = range(9)
"""Columns of the table, which has a row for each block: the shape of its input; K; K'; and where the block begins in
`deeper`, in `transformed`, in `inputs`, and in `where`, the last two counted in rows of S numbers."""

SPARE = 1
"""Rows of S numbers that stand unused behind each pixel of `inputs`: pixels whole pages apart would compete for the
same lines of the first-level cache."""

TAPS = KERNEL_SIZE**2
KERNEL_ROW = np.int64(KERNEL_SIZE)
"""Pixels in a row of a kernel, in the type that the kernels' sums take."""


def make_table(a: Architecture) -> NDArray[np.int64]:
    """Make the table (n, 9) of a network of n blocks; it is empty if there is only one."""
    table = np.zeros((a.n_blocks if a.n_blocks > 1 else 0, 9), np.int64)
    weights = transformed = inputs = pooled = 0
    for number in range(len(table)):
        block = a.blocks[number]
        stride = round_up_to_panels(block.n_kernels)
        table[number] = *block.input_shape, block.n_kernels, stride, weights, transformed, inputs, pooled
        pooled += prod(block.pooled_shape)
        if number > 0:
            weights += prod(_matrix_shape(block))
            transformed += _transformed_size(block)
            inputs += _padded_size(block)
    return table


def n_deeper(a: Architecture) -> int:
    """Count the numbers of `deeper`."""
    return sum(prod(_matrix_shape(block)) for block in a.blocks[1:])


def write_deeper(a: Architecture, weights: Weights, deeper: NDArray[np.float32]) -> None:
    """Write the canonical weights of the blocks behind the first into `deeper`."""
    for block, matrix in zip(a.blocks[1:], _matrices(a, deeper), strict=True):
        kernel, bias = (weights[name] for name in block.names)
        matrix[:-1, : block.n_kernels] = kernel.reshape(-1, block.n_kernels)
        matrix[-1, : block.n_kernels] = bias


def read_deeper(a: Architecture, deeper: NDArray[np.float32]) -> Weights:
    """Return copies of the canonical weights of the blocks behind the first."""
    weights: Weights = {}
    for block, matrix in zip(a.blocks[1:], _matrices(a, deeper), strict=True):
        shape = (KERNEL_SIZE, KERNEL_SIZE, block.input_shape[2], block.n_kernels)
        weights[block.names[0]] = matrix[:-1, : block.n_kernels].reshape(shape).copy()
        weights[block.names[1]] = matrix[-1, : block.n_kernels].copy()
    return weights


def deep_sizes(a: Architecture) -> dict[str, int]:
    """Return a thread's rows of S numbers in `inputs` and `where`, its numbers of weights, and the largest c and K'."""
    further = a.blocks[1:]
    return {
        "inputs": sum(_padded_size(block) for block in further),
        "where": sum(prod(block.pooled_shape) for block in a.blocks),
        "transformed": n_transformed(a),
        "d_transformed": max((_transformed_size(block) for block in further), default=0),
        "channels": max((block.input_shape[2] for block in further), default=0),
        "kernels": max((round_up_to_panels(block.n_kernels) for block in further), default=0),
    }


def n_transformed(a: Architecture) -> int:
    """Count the numbers of `transformed`."""
    return sum(_transformed_size(block) for block in a.blocks[1:])


def _padded_size(block: Block) -> int:
    """Count the rows of S numbers of a block's part of `inputs`."""
    height, width, channels = block.input_shape
    return (height + 2) * (width + 2) * (channels + SPARE)


def _transformed_size(block: Block) -> int:
    """Count the numbers (16, c, K') of a block's transformed weights."""
    return PLACES * block.input_shape[2] * round_up_to_panels(block.n_kernels)


def _matrix_shape(block: Block) -> tuple[int, int]:
    """Return (9 · c + 1, K'), the shape of a block's part of `deeper`."""
    return TAPS * block.input_shape[2] + 1, round_up_to_panels(block.n_kernels)


def _matrices(a: Architecture, deeper: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
    """Yield the part of `deeper` that is a block's, as (9 · c + 1, K')."""
    start = 0
    for block in a.blocks[1:]:
        shape = _matrix_shape(block)
        yield deeper[start : start + prod(shape)].reshape(shape)
        start += prod(shape)


def round_up_to_panels(n: int) -> int:
    return -(-n // COLUMNS_PER_PANEL) * COLUMNS_PER_PANEL
