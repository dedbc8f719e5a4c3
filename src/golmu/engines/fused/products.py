"""The matrix products, cut into tiles (`golmu.engines.fused.tile`)."""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused.compiling import kernel
from golmu.engines.fused.narrow_tile import NARROW_COLUMNS, narrow_tile
from golmu.engines.fused.target import LANES
from golmu.engines.fused.tile import make_tile
from golmu.engines.fused.vectors import NUMBER_BYTES

COLUMNS_PER_PANEL = 2 * LANES
"""Columns of a full tile."""

ONE = np.float32(1)

UNIT_STRIDE, NO_STRIDE = np.int64(1), np.int64(0)
"""The stride of neighbours, and of what does not move. A plain 1 would be a type of its own to numba, which would
compile the kernel once more."""

TILE_ROWS = 8 if LANES == 16 else 6
"""Rows of a full tile: with two vectors of columns they fill the registers."""

_tile_4x2, _tile_1x2 = (make_tile(rows, 2) for rows in (4, 1))
_tile_most_x2 = make_tile(TILE_ROWS, 2)
_tile_most_x1, _tile_1x1 = (make_tile(rows, 1) for rows in (TILE_ROWS, 1))


@kernel
def next_rows(left: int) -> Any:
    """Return how many of the rows that are left a product takes next: whole tiles, then fours, then ones."""
    if left >= TILE_ROWS and left != TILE_ROWS + 2:
        return TILE_ROWS
    return 4 if left >= 4 else 1


@kernel
def multiply_rows(
    n_rows: int, a: int, a_row: int, a_k: int, a_part: int, b: int, b_k: int, b_part: int, c: int, c_row: int,
    width: int, n_k: int, n_parts: int, beta: Any,
) -> None:  # fmt: skip
    """Compute C = beta · C + Σ A · B over two sums, with as many rows as `next_rows` says; see `make_tile`."""
    for column in range(0, width, COLUMNS_PER_PANEL):
        at = NUMBER_BYTES * column
        if n_rows == TILE_ROWS:
            _tile_most_x2(a, a_row, a_k, a_part, b + at, b_k, b_part, c + at, c_row, n_k, n_parts, ONE, beta)
        elif n_rows == 4:
            _tile_4x2(a, a_row, a_k, a_part, b + at, b_k, b_part, c + at, c_row, n_k, n_parts, ONE, beta)
        else:
            _tile_1x2(a, a_row, a_k, a_part, b + at, b_k, b_part, c + at, c_row, n_k, n_parts, ONE, beta)


@kernel
def multiply_all_rows(
    n_rows: int, a: int, a_row: int, a_k: int, a_part: int, b: int, b_k: int, b_part: int, c: int, c_row: int,
    width: int, n_k: int, n_parts: int, beta: Any,
) -> None:  # fmt: skip
    """Compute C = beta · C + Σ A · B over two sums, with any number of rows; see `make_tile`."""
    row = 0
    while row < n_rows:
        rows = next_rows(n_rows - row)
        at_a, at_c = a + NUMBER_BYTES * row * a_row, c + NUMBER_BYTES * row * c_row
        multiply_rows(rows, at_a, a_row, a_k, a_part, b, b_k, b_part, at_c, c_row, width, n_k, n_parts, beta)
        row += rows


@kernel
def multiply(n_rows: int, a: int, a_row: int, a_k: int, b: int, c: int, samples: int, n_k: int, beta: Any) -> None:
    """Compute C = A · B + beta · C; B (n_k, S) and C (n_rows, S) are contiguous.

    a, b, c are addresses; a_row and a_k the strides of A in numbers; samples is S.
    """
    multiply_all_rows(
        n_rows, a, a_row, a_k, NO_STRIDE, b, samples, NO_STRIDE, np.int64(c), samples, samples, n_k, UNIT_STRIDE, beta
    )


@kernel
def outer(
    left: Any, right: Any, first: int, last: int, factor: Any, beta: Any, to: int, n_columns: int, width: int
) -> None:
    """Compute C = beta · C + factor · left[:, first:last] · right, summed over the samples of all parts.

    left (parts, n, S) is act or hidden; right (parts·S · width) is right1 or right2, whose columns from n_columns on
    are zeros; `to` is the address of C (last − first, width). With C in the weights, beta = 1 and
    factor = −learning_rate, this is the step of SGD, and the gradient itself is never in memory. A panel of `right`
    meets all rows before the next one does, and so stays in the first-level cache.
    """
    n_parts, n_rows, samples = left.shape
    part = n_rows * samples
    for column in range(0, width, COLUMNS_PER_PANEL):
        columns = min(COLUMNS_PER_PANEL, width - column)
        b, step = right.ctypes.data + NUMBER_BYTES * column * n_parts * samples, samples * columns
        row = first
        while row < last:
            a = left.ctypes.data + NUMBER_BYTES * row * samples
            c = to + NUMBER_BYTES * ((row - first) * width + column)
            rows = TILE_ROWS if last - row >= TILE_ROWS else 1
            if columns > LANES and rows > 1:
                _tile_most_x2(a, samples, 1, part, b, columns, step, c, width, samples, n_parts, factor, beta)
            elif columns > LANES:
                _tile_1x2(a, samples, 1, part, b, columns, step, c, width, samples, n_parts, factor, beta)
            elif n_columns - column <= NARROW_COLUMNS and last - row >= LANES:
                narrow_tile(a, samples, part, b, columns, step, c, width, samples, n_parts, factor, beta)
                rows = LANES
            elif rows > 1:
                _tile_most_x1(a, samples, 1, part, b, columns, step, c, width, samples, n_parts, factor, beta)
            else:
                _tile_1x1(a, samples, 1, part, b, columns, step, c, width, samples, n_parts, factor, beta)
            row += rows
