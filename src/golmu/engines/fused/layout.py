"""How the weights and the work of a batch lie in memory, and the way from the canonical weights and back.

A batch is cut into parts of S samples, and within a part *the sample is the last axis* of everything. So each loop
runs over contiguous samples with no edge to mind, whatever the size of an image, and the matrix products find their
operands in the order in which they read them. Shapes, for images (h, w, c), H = ⌊h/2⌋ and W = ⌊w/2⌋:

    x        (threads, c, 2H + 2, 2, W + 1, S) the zero-padded image, its columns split into even and odd ones
    bands    (B, parts, c, 2R + 2, 2, W + 1, S) the same for training one block: B bands of up to R rows of windows
    act      (parts, H·K·W + 1, S)             pooled activations by row, kernel, column; then a row of ones
    where    (parts, H·K·W, S)                 int32: which output of its window was pooled, 0 to 3; 4: none, it is 0
    hidden   (parts, U + 1, S)                 activations of the hidden layer; then a row of ones
    sums     (B, parts, U + 1, S)              what the rows of a band, and those above, give to the hidden layer
    logits   (parts, C, S)
    d_*                                        gradients of the loss with respect to *
    right1   (parts·S · U')                    d_hidden by sample: panels of two vectors, the last maybe of one
    right2   (parts·S · C')                    d_logits likewise
    conv_w   (K, c, 9)
    conv_b   (K,)
    dense1   (H·K·W + 1, U')                   w1 with its rows in the order of act; then b1, which meets act's ones
    dense2   (U + 1, C')                       w2; then b2
    keys     (threads, S)                      the key of each sample's draws in this batch (`golmu.engines.draws`)
    views    (threads, S, 8)                   how each image is seen (`golmu.engines.fused.views`)

Weights lie behind each other in one flat array, from dense1 on, and so does each slot of an optimizer.

A network of several blocks has further arrays and no bands, and its act, where and x are arranged otherwise: see
`golmu.engines.fused.deep_layout`.

U' and C' are U and C rounded up to whole vectors. Only the first samples of a part may be real; the others have zero
gradients.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import KERNEL_SIZE, Architecture
from golmu.engines.fused import deep_layout
from golmu.engines.fused.products import TILE_ROWS
from golmu.engines.fused.target import LANES
from golmu.engines.fused.vectors import CACHE_LINE_BYTES, NUMBER_BYTES
from golmu.engines.fused.views import VALUES_PER_VIEW
from golmu.engines.fused.winograd import GAP, PLACES
from golmu.types import Weights

SAMPLES_PER_PART, SAMPLES_PER_LARGE_PART = 32, 64
"""S: enough for a row of weights to serve many samples once it is loaded, few enough for a row of activations to stay
in the first-level cache; and more where the weights exceed the second-level cache and every part fetches them again."""

NUMBERS_PER_BLOCK = 4096
"""Numbers of deeper that a thread updates at a time."""

ROWS_PER_BLOCK = 72
"""Rows of dense1 that a thread updates at a time: whole tiles, and small beside all of them."""

NUMBERS_PER_LINE = CACHE_LINE_BYTES // NUMBER_BYTES


class Parameters(NamedTuple):
    """The weights, or their gradients, as the kernels read them: views of one flat array, in this order."""

    dense1: NDArray[np.float32]
    dense2: NDArray[np.float32]
    conv_w: NDArray[np.float32]
    conv_b: NDArray[np.float32]
    deeper: NDArray[np.float32]
    """The blocks behind the first, one after the other; empty if there are none."""


class Buffers(NamedTuple):
    """Memory for what the parts of a batch leave on their way; see the table above."""

    x: NDArray[np.float32]
    bands: NDArray[np.float32]
    act: NDArray[np.float32]
    where: NDArray[np.int32]
    hidden: NDArray[np.float32]
    sums: NDArray[np.float32]
    logits: NDArray[np.float32]
    d_hidden: NDArray[np.float32]
    """(parts, U, S)"""
    d_row: NDArray[np.float32]
    """(threads, K, W, S)"""
    d_conv_w: NDArray[np.float32]
    """(parts, H, K·c·9): through each row of windows; in a network of several blocks (parts, 1, K·c·9)"""
    d_conv_b: NDArray[np.float32]
    """(parts, H, c·K): the bias's gradient, once for each channel; in a network of several blocks (parts, 1, c·K)"""
    right1: NDArray[np.float32]
    right2: NDArray[np.float32]
    losses: NDArray[np.float64]
    """(2, parts): sums of the losses before the step, and after it. They are apart since some threads have begun the
    next batch while one thread still adds up this one's."""
    gradient: NDArray[np.float32]
    """(threads, ·): the gradient of one block of the weights"""
    mirrored: NDArray[np.float32]
    """(parts, C, S): logits of the mirror images"""
    softmax: NDArray[np.float32]
    """(threads, 5, S): what `golmu.engines.fused.passes.cross_entropy` notes of each sample"""
    keys: NDArray[np.uint32]
    views: NDArray[np.int64]
    row_pixels: NDArray[np.float32]
    """(threads, w·c, S): a row of the images of a part"""
    table: NDArray[np.int64]
    """The blocks of a network of several; the arrays from here on are empty in a network of one."""
    inputs: NDArray[np.float32]
    d_inputs: NDArray[np.float32]
    slopes: NDArray[np.float32]
    transformed: NDArray[np.float32]
    d_transformed: NDArray[np.float32]
    pixels: NDArray[np.float32]
    places: NDArray[np.float32]
    products: NDArray[np.float32]
    turned: NDArray[np.float32]
    d_deeper: NDArray[np.float32]


def _places(a: Architecture) -> list[tuple[slice, tuple[int, ...]]]:
    """Return where each array of `Parameters` lies in the flat array, at whole cache lines, and its shape."""
    shapes = [
        (a.n_features + 1, round_up_to_vectors(a.units)),
        (a.units + 1, round_up_to_vectors(a.n_classes)),
        (a.kernels[0], a.channels, KERNEL_SIZE**2),
        (a.kernels[0],),
        (deep_layout.n_deeper(a),),
    ]
    places, start = [], 0
    for shape in shapes:
        places.append((slice(start, start + prod(shape)), shape))
        start += -(-prod(shape) // NUMBERS_PER_LINE) * NUMBERS_PER_LINE
    return places


def make_flat(a: Architecture) -> NDArray[np.float32]:
    """Make a flat array of zeros for all parameters."""
    return _zeros(_places(a)[-1][0].stop)


def copy_flat(flat: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy a flat array to a cache line."""
    copied = _zeros(len(flat))
    copied[:] = flat
    return copied


def parameters_of(a: Architecture, flat: NDArray[np.float32]) -> Parameters:
    """Return the parameters as views of `flat`."""
    return Parameters(*(flat[place].reshape(shape) for place, shape in _places(a)))


def first_row_of(band: int, n_bands: int, n_rows: int) -> int:
    """Return the first row of windows of a band; no band has more than a row more than another."""
    return (n_rows * band + n_bands - 1) // n_bands


def make_buffers(a: Architecture, n_parts: int, samples: int, n_threads: int) -> Buffers:
    """Make buffers for `n_parts` parts of `samples` samples each, and for `n_threads` threads, without bands."""
    rows, columns, n_kernels = a.blocks[0].pooled_shape
    n_deeper, deep = deep_layout.n_deeper(a), deep_layout.deep_sizes(a)
    # A thread's gradient holds the largest block: rows of dense1, all of dense2 or of conv_w, or a piece of deeper.
    sizes = (
        ROWS_PER_BLOCK * round_up_to_vectors(a.units),
        (a.units + 1) * round_up_to_vectors(a.n_classes),
        n_kernels * a.channels * KERNEL_SIZE**2,
        min(n_deeper, NUMBERS_PER_BLOCK),
    )
    slots, n_sums = (n_parts, rows) if a.n_blocks == 1 else (n_threads, 1)
    buffers = Buffers(
        x=_zeros(n_threads, a.channels, 2 * rows + 2, 2, columns + 1, samples),
        bands=_zeros(0, n_parts, a.channels, 0, 2, columns + 1, samples),
        act=_zeros(n_parts, a.n_features + 1, samples),
        where=_zeros(slots, a.n_features if a.n_blocks == 1 else deep["where"], samples, dtype=np.int32),
        hidden=_zeros(n_parts, a.units + 1, samples),
        sums=_zeros(0, n_parts, a.units + 1, samples),
        logits=_zeros(n_parts, a.n_classes, samples),
        d_hidden=_zeros(n_parts, a.units, samples),
        d_row=_zeros(n_threads, n_kernels if a.n_blocks == 1 else 0, columns, samples),
        d_conv_w=_zeros(n_parts, n_sums, n_kernels * a.channels * KERNEL_SIZE**2),
        d_conv_b=_zeros(n_parts, n_sums, a.channels * n_kernels),
        right1=_zeros(n_parts * samples * round_up_to_vectors(a.units)),
        right2=_zeros(n_parts * samples * round_up_to_vectors(a.n_classes)),
        losses=_zeros(2, n_parts, dtype=np.float64),
        gradient=_zeros(n_threads, max(sizes)),
        mirrored=_zeros(n_parts, a.n_classes, samples),
        softmax=_zeros(n_threads, 5, samples),
        keys=_zeros(n_threads, samples, dtype=np.uint32),
        views=_zeros(n_threads, samples, VALUES_PER_VIEW, dtype=np.int64),
        row_pixels=_zeros(n_threads, a.width * a.channels, samples),
        table=deep_layout.make_table(a),
        inputs=_zeros(n_threads, deep["inputs"], samples),
        d_inputs=_zeros(n_threads, deep["inputs"], samples),
        slopes=_zeros(n_threads, a.n_features if a.n_blocks > 1 else 0, samples),
        transformed=_zeros(n_threads, deep["transformed"]),
        d_transformed=_zeros(n_threads, deep["d_transformed"]),
        pixels=_zeros(n_threads, PLACES * (deep["channels"] * samples + GAP)),
        places=_zeros(n_threads, PLACES * (deep["kernels"] * samples + GAP)),
        products=_zeros(n_threads, PLACES, TILE_ROWS, samples),
        turned=_zeros(n_threads, 2 * deep["kernels"] * samples),
        d_deeper=_zeros(n_parts, 1, n_deeper),
    )
    buffers.act[:, -1] = 1
    buffers.hidden[:, -1] = 1
    return buffers


def with_bands(buffers: Buffers, n_bands: int) -> Buffers:
    """Return the buffers with `n_bands` bands in place of those that they have."""
    if len(buffers.bands) == n_bands:
        return buffers
    _, n_parts, channels, _, _, pairs, samples = buffers.bands.shape
    rows = buffers.d_conv_w.shape[1]
    return buffers._replace(
        bands=_zeros(n_bands, n_parts, channels, 2 * -(-rows // n_bands) + 2, 2, pairs, samples),
        sums=_zeros(n_bands, *buffers.sums.shape[1:]),
    )


def write_weights(a: Architecture, weights: Weights, flat: NDArray[np.float32]) -> None:
    """Write canonical weights into the parameters `flat`."""
    parameters = parameters_of(a, flat)
    parameters.conv_w[:] = weights["conv_w"].transpose(3, 2, 0, 1).reshape(parameters.conv_w.shape)
    parameters.conv_b[:] = weights["conv_b"]
    deep_layout.write_deeper(a, weights, parameters.deeper)
    parameters.dense1[:-1, : a.units] = weights["w1"][_order(a)]
    parameters.dense1[-1, : a.units] = weights["b1"]
    parameters.dense2[:-1, : a.n_classes] = weights["w2"]
    parameters.dense2[-1, : a.n_classes] = weights["b2"]


def read_weights(a: Architecture, flat: NDArray[np.float32]) -> Weights:
    """Return copies of the parameters `flat` as canonical weights."""
    parameters = parameters_of(a, flat)
    w1 = np.empty((a.n_features, a.units), np.float32)
    w1[_order(a)] = parameters.dense1[:-1, : a.units]
    conv_w = parameters.conv_w.reshape(a.kernels[0], a.channels, KERNEL_SIZE, KERNEL_SIZE).transpose(2, 3, 1, 0)
    return {
        "conv_w": np.array(conv_w, order="C"),
        "conv_b": parameters.conv_b.copy(),
        **deep_layout.read_deeper(a, parameters.deeper),
        "w1": w1,
        "b1": parameters.dense1[-1, : a.units].copy(),
        "w2": parameters.dense2[:-1, : a.n_classes].copy(),
        "b2": parameters.dense2[-1, : a.n_classes].copy(),
    }


def _order(a: Architecture) -> NDArray[np.int64]:
    """Return which row of w1 each row of dense1 is: with one block, rows go by row, kernel, column."""
    order = np.arange(a.n_features).reshape(a.pooled_shape)
    return (order.transpose(0, 2, 1) if a.n_blocks == 1 else order).reshape(-1)


def _zeros(*shape: int, dtype: Any = np.float32) -> NDArray[Any]:
    """Make zeros that start at a cache line, so that no two threads write to the same line."""
    size = prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + CACHE_LINE_BYTES, np.uint8)
    start = -memory.ctypes.data % CACHE_LINE_BYTES
    array: NDArray[Any] = memory[start : start + size].view(dtype).reshape(shape)
    return array


def round_up_to_vectors(n: int) -> int:
    return -(-n // LANES) * LANES
