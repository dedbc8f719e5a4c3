"""The logits of a few images, which would leave most of a part empty: here vectors run over kernels and units instead.

An image passes through the blocks alone, and the images then share each row of dense1 that is loaded. The additions
have the order that they have in a part (`golmu.engines.fused.passes`, `golmu.engines.fused.further_blocks`): in the
first block by channel and tap, behind it by channel at each of a window's 16 places, and in dense1 over the same runs
of rows. So the bits are those of a part.

A call has memory of its own, so any number of threads may call at once: `scratch`, one flat array, zero at first. For
n images, rounded up to whole tiles, it holds one after the other

    act       (n, D + 1)           what the last block has pooled, in the order of dense1; then a one
    hidden    (n, U' + 1)          activations of the hidden layer; behind the last a one
    outputs   (n, C')              logits
    packed    (9 · c + 1, K')      the first block's weights, by channel and tap, and its bias, as `deeper` has others'
    maps      (2, 2W, K')          two rows of the first block's outputs, and of a further block the sums at the places
              (16, W, K')          of a row of windows, where the block that needs most has room
    spread    (c, 2H + 2, 3, 2W)   the zero-padded image, each row three times: from its first column on, its second
                                   and its third, so that the nine pixels under an output lie 2W numbers apart
    windows   (16, W, c')          the pixels of a row of a further block's windows at their places
    inputs    (h + 2, w + 2, c')   the zero-padded input of each block behind the first

U', C' and c' are U, C and c rounded up to whole vectors, and K' is K rounded up to whole panels.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from golmu.architecture import KERNEL_SIZE, Architecture
from golmu.engines.fused.compiling import entry, kernel
from golmu.engines.fused.convolution import OUTPUTS, emit_pool
from golmu.engines.fused.deep_layout import (
    CHANNELS,
    KERNEL_ROW,
    KERNELS,
    STRIDE,
    TAPS,
    TRANSFORMED,
    WEIGHTS,
    WIDTH,
    round_up_to_panels,
)
from golmu.engines.fused.further_blocks import transform_deeper
from golmu.engines.fused.layout import Parameters, round_up_to_vectors
from golmu.engines.fused.passes import rows_of_product
from golmu.engines.fused.products import NO_STRIDE, UNIT_STRIDE, multiply_all_rows
from golmu.engines.fused.target import LANES
from golmu.engines.fused.tile import make_tile
from golmu.engines.fused.vectors import NUMBER_BYTES, Vectors
from golmu.engines.fused.winograd import PLACE_ROW, PLACES, emit_outputs, transform_pixels

MAX_FEW_IMAGES = 8
"""Images, at most, that take this path. One costs from a fortieth to a quarter of a part of 32, the more the smaller
the network; eight cost from a fifth to two thirds; sixteen may cost as much."""

IMAGES_PER_TILE = 4
"""Images that share a tile of the first dense layer, unless there is only one."""

ZERO, ONE, HALF = np.float32(0), np.float32(1), np.float32(0.5)

TAPS_PER_CHANNEL = np.int64(TAPS)

whole_vectors = kernel(round_up_to_vectors)

_tile_1x8, _tile_1x4, _tile_1x2, _tile_1x1 = (make_tile(1, vectors) for vectors in (8, 4, 2, 1))
_tile_4x2, _tile_4x1 = (make_tile(IMAGES_PER_TILE, vectors) for vectors in (2, 1))


class Places(NamedTuple):
    """Where each array of `scratch` begins; see the table above."""

    hidden: int
    outputs: int
    packed: int
    maps: int
    spread: int
    windows: int
    inputs: int
    end: int


def make_places(a: Architecture, n: int) -> Places:
    """Place the arrays of n images."""
    rows = 1 if n == 1 else -(-n // IMAGES_PER_TILE) * IMAGES_PER_TILE
    height, width, n_kernels = a.blocks[0].pooled_shape
    further = [
        (*block.input_shape[:2], round_up_to_vectors(block.input_shape[2]), round_up_to_panels(block.n_kernels))
        for block in a.blocks[1:]
    ]
    sizes = [
        rows * (a.n_features + 1),
        rows * (round_up_to_vectors(a.units) + 1),
        rows * round_up_to_vectors(a.n_classes),
        (TAPS * a.channels + 1) * round_up_to_panels(a.kernels[0]),
        max(4 * width * round_up_to_panels(n_kernels), *(PLACES * (w // 2) * k for _, w, _, k in further), 0),
        a.channels * (2 * height + 2) * KERNEL_SIZE * 2 * width,
        max((PLACES * (w // 2) * c for _, w, c, _ in further), default=0),
        sum((h + 2) * (w + 2) * c for h, w, c, _ in further),
    ]
    return Places(*accumulate(sizes))


@kernel
def pack_first_block(net: Parameters, stride: int, scratch: Any, packed: int) -> None:
    """Write `packed`."""
    n_kernels, n_channels, n_taps = net.conv_w.shape
    for k in range(n_kernels):
        for channel in range(n_channels):
            for tap in range(n_taps):
                scratch[packed + (channel * n_taps + tap) * stride + k] = net.conv_w[k, channel, tap]
        scratch[packed + n_channels * n_taps * stride + k] = net.conv_b[k]


@kernel
def spread_image(images: Any, i: int, scale: Any, offset: Any, is_mirrored: bool, scratch: Any, spread: int) -> None:
    """Write pixel · scale + offset of image i of (n, h, w, c) to `spread`, whose border stays zero."""
    _, height, width, n_channels = images.shape
    rows, columns = height // 2 * 2, width // 2 * 2
    for channel in range(n_channels):
        a, b = scale[channel], offset[channel]
        for row in range(height if height == rows else rows + 1):
            line = spread + (channel * (rows + 2) + row + 1) * KERNEL_ROW * columns
            middle = line + columns
            for column in range(width):
                source = width - 1 - column if is_mirrored else column
                # Of an odd width the last column lies under the last window, and nothing but the third run reaches it.
                at = middle + column if column < columns else middle + 2 * columns - 1
                scratch[at] = a * np.float32(images[i, row, source, channel]) + b
            for column in range(columns - 1):
                scratch[line + column + 1] = scratch[middle + column]
                scratch[middle + columns + column] = scratch[middle + column + 1]


@kernel
def convolve_pixels(
    n_pixels: int, a: int, a_row: int, a_k: int, a_part: int, b: int, stride: int, n_k: int, n_parts: int, c: int
) -> None:
    """Compute a row of sums (n_pixels, stride): each over the pixels of two axes times their weights."""
    multiply_all_rows(n_pixels, a, a_row, a_k, a_part, b, stride, n_k * stride, c, stride, stride, n_k, n_parts, ZERO)


@intrinsic  # type: ignore[untyped-decorator]
def pool_window(typing_context: Any, outputs: Any, right: Any, below: Any, bias: Any) -> Any:
    """Replace a vector of outputs, at an address, by what one window pools: their largest, with bias and ReLU."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v, (outputs, right, below, bias) = Vectors(builder), arguments
        window = [v.load(outputs, v.offset((below, t), (right, u))) for t, u in OUTPUTS]
        act, _ = emit_pool(v, window, v.load(bias, 0))
        v.store(act, outputs, 0)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 4), generate


@intrinsic  # type: ignore[untyped-decorator]
def pool_places(typing_context: Any, sums: Any, place_stride: Any, bias: Any) -> Any:
    """Replace a vector of sums at a window's first place, at an address, by what the window pools."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        v, (sums, stride, bias) = Vectors(builder), arguments
        act, _ = emit_pool(v, emit_outputs(v, sums, stride, v.offset()), v.load(bias, 0))
        v.store(act, sums, 0)
        return context.get_dummy_value()

    return types.void(*[types.intp] * 3), generate


@kernel
def first_block_row(
    row: int, rows: int, columns: int, n_channels: int, stride: int, scratch: Any, places: Places
) -> None:
    """Compute the outputs of a row of the first block's windows: two rows of `maps`."""
    base, line = scratch.ctypes.data, KERNEL_ROW * 2 * columns
    for half in range(2):
        a = base + NUMBER_BYTES * (places.spread + (2 * row + half) * line)
        b = base + NUMBER_BYTES * places.packed
        c = base + NUMBER_BYTES * (places.maps + half * 2 * columns * stride)
        convolve_pixels(
            2 * columns, a, UNIT_STRIDE, 2 * columns, (2 * rows + 2) * line, b, stride, TAPS_PER_CHANNEL, n_channels, c
        )


@kernel
def further_block_row(row: int, block: Any, transformed: Any, scratch: Any, places: Places, x: int) -> None:
    """Compute the sums of a row of a further block's windows at their places, `maps`, from its padded input at x."""
    n_channels, stride, columns = block[CHANNELS], block[STRIDE], block[WIDTH] // 2
    base, pixel = scratch.ctypes.data, whole_vectors(n_channels)
    line, step = (block[WIDTH] + 2) * pixel, columns * pixel
    for column in range(columns):
        of = base + NUMBER_BYTES * (x + 2 * row * line + 2 * column * pixel)
        to = base + NUMBER_BYTES * (places.windows + column * pixel)
        transform_pixels(of, line, pixel, to, PLACE_ROW * step, step, pixel)
    for place in range(PLACES):
        a = base + NUMBER_BYTES * (places.windows + place * step)
        b = transformed.ctypes.data + NUMBER_BYTES * (block[TRANSFORMED] + place * n_channels * stride)
        c = base + NUMBER_BYTES * (places.maps + place * columns * stride)
        convolve_pixels(columns, a, pixel, UNIT_STRIDE, NO_STRIDE, b, stride, n_channels, UNIT_STRIDE, c)


@kernel
def pool_row(
    is_first: bool, columns: int, n_kernels: int, stride: int, bias: int, scratch: Any, maps: int, to: int,
    column_step: int, kernel_step: int,
) -> None:  # fmt: skip
    """Pool `maps` with ReLU and the bias at an address, to a row of windows from `to` on."""
    for column in range(columns):
        window = maps + (2 if is_first else 1) * column * stride
        for k in range(0, n_kernels, LANES):
            at, bias_at = scratch.ctypes.data + NUMBER_BYTES * (window + k), bias + NUMBER_BYTES * k
            if is_first:
                pool_window(at, stride, 2 * columns * stride, bias_at)
            else:
                pool_places(at, columns * stride, bias_at)
        for k in range(n_kernels):
            scratch[to + column * column_step + k * kernel_step] = scratch[window + k]


@kernel
def pass_blocks(
    height: Any, width: Any, n_channels: Any, n_kernels: Any, stride: Any, net: Parameters, table: Any,
    transformed: Any, scratch: Any, places: Places, act: Any,
) -> None:  # fmt: skip
    """Apply all blocks to the image (height, width, n_channels) in `spread`, and leave what the last pools in `act`."""
    last = max(0, len(table) - 1)
    rows, columns = height // 2, width // 2
    bias = scratch.ctypes.data + NUMBER_BYTES * (places.packed + TAPS * n_channels * stride)
    x = inputs = places.inputs
    for number in range(last + 1):
        to, row_step, column_step, kernel_step = act, n_kernels * columns, n_kernels, UNIT_STRIDE
        if last == 0:
            column_step, kernel_step = UNIT_STRIDE, columns
        elif number < last:
            column_step = whole_vectors(n_kernels)
            row_step = (columns + 2) * column_step
            to = inputs + row_step + column_step
        for row in range(rows):
            if number == 0:
                first_block_row(row, rows, columns, n_channels, stride, scratch, places)
            else:
                further_block_row(row, table[number], transformed, scratch, places, x)
            at = to + row * row_step
            pool_row(number == 0, columns, n_kernels, stride, bias, scratch, places.maps, at, column_step, kernel_step)
        if number < last:
            block, x = table[number + 1], inputs
            inputs += (rows + 2) * row_step
            rows, columns = rows // 2, columns // 2
            n_kernels, stride = block[KERNELS], block[STRIDE]
            bias = net.deeper.ctypes.data + NUMBER_BYTES * (block[WEIGHTS] + TAPS * block[CHANNELS] * stride)


@kernel
def multiply_dense1(n: int, a: int, a_row: int, b: int, width: int, c: int, c_row: int, n_k: int, beta: Any) -> None:
    """Compute C = beta · C + A · B for n rows, one or whole tiles; a, b, c are addresses, B (n_k, width) contiguous."""
    column = 0
    while column < width:
        vectors, at = (width - column) // LANES, NUMBER_BYTES * column
        if n == 1:
            # Many vectors at a time, since each of a tile's sums waits for its last addition.
            taken = 8 if vectors >= 8 else 4 if vectors >= 4 else 2 if vectors >= 2 else 1
            if taken == 8:
                _tile_1x8(a, 0, 1, 0, b + at, width, 0, c + at, 0, n_k, 1, ONE, beta)
            elif taken == 4:
                _tile_1x4(a, 0, 1, 0, b + at, width, 0, c + at, 0, n_k, 1, ONE, beta)
            elif taken == 2:
                _tile_1x2(a, 0, 1, 0, b + at, width, 0, c + at, 0, n_k, 1, ONE, beta)
            else:
                _tile_1x1(a, 0, 1, 0, b + at, width, 0, c + at, 0, n_k, 1, ONE, beta)
        else:
            taken = 2 if vectors >= 2 else 1
            for row in range(0, n, IMAGES_PER_TILE):
                x, y = a + NUMBER_BYTES * row * a_row, c + at + NUMBER_BYTES * row * c_row
                if taken == 2:
                    _tile_4x2(x, a_row, 1, 0, b + at, width, 0, y, c_row, n_k, 1, ONE, beta)
                else:
                    _tile_4x1(x, a_row, 1, 0, b + at, width, 0, y, c_row, n_k, 1, ONE, beta)
        column += taken * LANES


@kernel
def dense_layers(n: int, net: Parameters, per_run: int, scratch: Any, hidden: int, outputs: int) -> None:
    """Compute `outputs` from `act`, whose rows go through products by runs of `per_run`, as in a part."""
    n_features, n_hidden, base = len(net.dense1) - 1, len(net.dense2) - 1, scratch.ctypes.data
    width, n_outputs = net.dense1.shape[1], net.dense2.shape[1]
    first = 0
    while first < n_features:
        last = first + per_run
        last += last == n_features  # the last run takes along the bias
        while first < last:
            n_k = rows_of_product(last - first)
            multiply_dense1(
                n, base + NUMBER_BYTES * first, n_features + 1,
                net.dense1.ctypes.data + NUMBER_BYTES * first * width, width, base + NUMBER_BYTES * hidden, width + 1,
                n_k, ZERO if first == 0 else ONE,
            )  # fmt: skip
            first += n_k
    for row in range(n):
        start = hidden + row * (width + 1)
        for unit in range(n_hidden):
            scratch[start + unit] = ZERO if scratch[start + unit] <= ZERO else scratch[start + unit]
        scratch[start + n_hidden] = ONE
        for column in range(0, n_outputs, LANES):
            a, b = base + NUMBER_BYTES * start, net.dense2.ctypes.data + NUMBER_BYTES * column
            c = base + NUMBER_BYTES * (outputs + row * n_outputs + column)
            _tile_1x1(a, 0, 1, 0, b, n_outputs, 0, c, 0, n_hidden + 1, 1, ONE, ZERO)


@entry
def few_logits(
    images: Any, scale: Any, offset: Any, net: Parameters, table: Any, transformed: Any, is_stale: bool, n_views: int,
    places: Places, scratch: Any, logits: Any,
) -> None:  # fmt: skip
    """Compute the logits (n, C) of images (n, h, w, c), with two views the mean of an image's and its mirror image's.

    scratch (places.end,) is all zeros. `transformed` (·,) are the weights of the blocks behind the first at the 16
    places; if `is_stale`, they are computed first.
    """
    if is_stale:
        transform_deeper(net, table, transformed)
    n, height, width, n_channels = images.shape
    n_kernels, n_features = len(net.conv_b), len(net.dense1) - 1
    n_rows = places.hidden // (n_features + 1)
    stride = (places.maps - places.packed) // (n_channels * TAPS + 1)
    pack_first_block(net, stride, scratch, places.packed)
    for view in range(n_views):
        for i in range(n):
            spread_image(images, i, scale, offset, view < n_views - 1, scratch, places.spread)
            at = i * (n_features + 1)
            pass_blocks(height, width, n_channels, n_kernels, stride, net, table, transformed, scratch, places, at)
            scratch[at + n_features] = ONE
        per_run = n_kernels * (width // 2) if len(table) == 0 else n_features
        dense_layers(n_rows, net, per_run, scratch, places.hidden, places.outputs)
        for i in range(n):
            for k in range(logits.shape[1]):
                value = scratch[places.outputs + i * net.dense2.shape[1] + k]
                logits[i, k] = value if view == 0 else (value + logits[i, k]) * HALF
