"""The kernels of the fused engine: plain functions, compiled by numba where they are decorated and nowhere else.

A batch is cut into parts of S samples, and within a part *the sample is the last axis* of everything. So each loop
runs over contiguous samples with no edge to mind, whatever the size of an image, and the matrix products find their
operands in the order in which they read them. Shapes, for images (h, w, c), H = ⌊h/2⌋ and W = ⌊w/2⌋:

    x        (parts, c, 2H + 2, 2, W + 1, S)   the zero-padded image, its columns split into even and odd ones
    act      (parts, H·K·W + 1, S)             pooled activations by row, kernel, column; then a row of ones
    where    (parts, H·K·W, S)                 int32: which of its window a pooled value was, 0 to 3; 4: none, it is 0
    hidden   (parts, U + 1, S)                 activations of the hidden layer; then a row of ones
    logits   (parts, C, S)
    d_*                                        gradients of the loss with respect to *
    right1   (parts·S · U')                    d_hidden by sample: panels (parts·S, 16), the last maybe 8 wide
    right2   (parts·S · C')                    d_logits likewise
    conv_w   (K, c, 9)                         conv_b (K,)
    dense1   (H·K·W + 1, U')                   w1 with its rows in the order of act; then b1, which meets act's ones
    dense2   (U + 1, C')                       w2; then b2

U' and C' are U and C rounded up to whole vectors. Only the first samples of a part may be real; those behind them
have zero gradients.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.engines.compiling import entry, kernel
from golmu.engines.functions import exponential, logarithm
from golmu.engines.threads import claim, wait_for_all
from golmu.engines.tile import make_tile
from golmu.engines.vectors import BYTES, LANES, prefetch
from golmu.engines.window import make_convolve_windows, windows_gradient

SAMPLES, MORE_SAMPLES = 32, 64
"""S: enough for a row of weights to serve many samples once it is loaded, few enough for a row of activations to
stay in the first-level cache; and more, where the weights are too many for the second-level cache and each part would
fetch them all anew."""

CACHE_LINE = 64
"""Bytes that the memory gives at a time."""

PANEL = 2 * LANES
"""Columns of a full tile."""

ZERO, ONE = np.float32(0), np.float32(1)

BLOCK = 72
"""Rows of dense1 that a thread updates at a time: whole tiles, and small beside the whole."""

DEPTH = 96
"""Rows of dense1, less than twice as many, that go through a product at a time: so many activations stay in the
first-level cache, and so many rows of a wide layer in the second."""

NEXT = np.int64(1)
"""The stride of neighbours. A plain 1 would be a type of its own to numba, and a kernel compiled once more."""

_tile_6x2, _tile_2x2, _tile_1x2 = (make_tile(rows, 2) for rows in (6, 2, 1))
_tile_6x1, _tile_1x1 = (make_tile(rows, 1) for rows in (6, 1))
_convolve_one_channel, _convolve_channels = make_convolve_windows(True), make_convolve_windows(False)


class Parameters(NamedTuple):
    """The weights, or their gradients, as the kernels hold them."""

    conv_w: NDArray[np.float32]
    conv_b: NDArray[np.float32]
    dense1: NDArray[np.float32]
    dense2: NDArray[np.float32]


class Buffers(NamedTuple):
    """What the parts of a batch leave on the way; see the table above."""

    x: NDArray[np.float32]
    act: NDArray[np.float32]
    where: NDArray[np.int32]
    hidden: NDArray[np.float32]
    logits: NDArray[np.float32]
    d_hidden: NDArray[np.float32]
    """(parts, U, S)"""
    d_row: NDArray[np.float32]
    """(threads, K·W, S)"""
    d_conv_w: NDArray[np.float32]
    """(parts, K, c, 9)"""
    d_conv_b: NDArray[np.float32]
    """(parts, c, K): the bias's gradient, once for each channel"""
    right1: NDArray[np.float32]
    right2: NDArray[np.float32]
    losses: NDArray[np.float64]
    """(parts,): sums before the step"""
    losses_after: NDArray[np.float64]
    """(parts,): sums after it; apart from the others, since some threads are at the next batch while one adds these"""


@kernel
def multiply(n_rows: int, a: int, a_row: int, a_k: int, b: int, c: int, samples: int, n_k: int, beta: Any) -> None:
    """C = A · B + beta · C; B (n_k, S) and C (n_rows, S) are contiguous.

    a, b, c are addresses; a_row and a_k the strides of A in numbers; samples is S.
    """
    row = 0
    while row < n_rows:
        left = n_rows - row
        at_a, at_c = a + BYTES * row * a_row, c + BYTES * row * samples
        for column in range(0, samples, PANEL):
            at = BYTES * column
            if left >= 6:
                _tile_6x2(at_a, a_row, a_k, 0, b + at, samples, 0, at_c + at, samples, n_k, 1, ONE, beta)
            elif left >= 2:
                _tile_2x2(at_a, a_row, a_k, 0, b + at, samples, 0, at_c + at, samples, n_k, 1, ONE, beta)
            else:
                _tile_1x2(at_a, a_row, a_k, 0, b + at, samples, 0, at_c + at, samples, n_k, 1, ONE, beta)
        row += 6 if left >= 6 else 2 if left >= 2 else 1


@kernel
def add_outer(weights: Any, first: int, last: int, left: Any, right: Any, factor: Any) -> None:
    """weights[first:last] += factor · left[:, first:last] · right, summed over the samples of all parts.

    weights (n, m): dense1 or dense2; left (parts, n, S): act or hidden; right (parts·S · m): right1 or right2. With
    factor = −learning_rate this is the step of SGD: the gradient itself is never in memory.
    """
    n_parts, n_rows, samples = left.shape
    width = weights.shape[1]
    part = n_rows * samples
    row = first
    while row < last:
        rows = last - row
        a, c = left.ctypes.data + BYTES * row * samples, weights.ctypes.data + BYTES * row * width
        column = 0
        while column < width:
            b, at = right.ctypes.data + BYTES * column * n_parts * samples, c + BYTES * column
            if column + PANEL <= width:
                step = samples * PANEL
                if rows >= 6:
                    _tile_6x2(a, samples, 1, part, b, PANEL, step, at, width, samples, n_parts, factor, ONE)
                else:
                    _tile_1x2(a, samples, 1, part, b, PANEL, step, at, width, samples, n_parts, factor, ONE)
            else:
                step = samples * LANES
                if rows >= 6:
                    _tile_6x1(a, samples, 1, part, b, LANES, step, at, width, samples, n_parts, factor, ONE)
                else:
                    _tile_1x1(a, samples, 1, part, b, LANES, step, at, width, samples, n_parts, factor, ONE)
            column += PANEL
        row += 6 if rows >= 6 else 1


@kernel
def unpack(images: Any, chosen: Any, scale: Any, x: Any) -> None:
    """Puts images side by side: images (n, h, w, c), chosen (m,) indices, x (c, 2H + 2, 2, W + 1, S).

    The border of x stays as it is, zero.
    """
    _, height, width, n_channels = images.shape
    _, rows, _, pairs, samples = x.shape
    for row in range(min(rows - 1, height)):
        for channel in range(n_channels):
            even, odd = x[channel, row + 1, 0], x[channel, row + 1, 1]
            for s in range(len(chosen)):
                pixels = images[chosen[s], row]
                for pair in range(min(pairs, (width + 1) // 2)):
                    odd[pair, s] = scale * np.float32(pixels[2 * pair, channel])
                for pair in range(1, min(pairs, width // 2 + 1)):
                    even[pair, s] = scale * np.float32(pixels[2 * pair - 1, channel])
            for s in range(len(chosen), samples):
                for pair in range(pairs):
                    even[pair, s] = odd[pair, s] = ZERO


@kernel
def fetch(images: Any, chosen: Any) -> None:
    """Asks for images (n, h, w, c) that are needed soon: they lie scattered over more memory than the caches hold."""
    size = images[0].size * images.itemsize
    for s in range(len(chosen)):
        start = images.ctypes.data + chosen[s] * size
        for byte in range(0, size, CACHE_LINE):
            prefetch(start + byte)


@kernel
def convolve_row(x: Any, row: int, net: Parameters, act: Any, where: Any) -> None:
    """Convolution, pooling, bias and ReLU for one row of windows.

    x (c, 2H + 2, 2, W + 1, S); act and where of the part, of which the row's are filled.
    """
    n_channels, n_rows, _, pairs, samples = x.shape
    odd_stride, n = pairs * samples, (pairs - 1) * samples
    row_stride = 2 * odd_stride
    pixels, channel_stride = x.ctypes.data + BYTES * 2 * row * row_stride, n_rows * row_stride
    n_kernels = len(net.conv_b)
    for k in range(n_kernels):
        taps, place = net.conv_w.ctypes.data + BYTES * k * n_channels * 9, BYTES * (row * n_kernels + k) * n
        to, at = act.ctypes.data + place, where.ctypes.data + place
        if n_channels == 1:
            _convolve_one_channel(
                pixels, channel_stride, row_stride, odd_stride, samples, taps, net.conv_b[k], to, at, n, n_channels
            )
        else:
            _convolve_channels(
                pixels, channel_stride, row_stride, odd_stride, samples, taps, net.conv_b[k], to, at, n, n_channels
            )


@kernel
def convolution_gradient_row(x: Any, row: int, d_row: Any, where: Any, d_conv_w: Any, d_conv_b: Any) -> None:
    """Adds one row of windows to the gradients of the convolution, each through the position of its maximum.

    x (c, 2H + 2, 2, W + 1, S); d_row (K·W, S) and where of the part; d_conv_w (K, c, 9), d_conv_b (c, K): the bias's
    gradient comes once for each channel.
    """
    n_channels, n_rows, _, pairs, samples = x.shape
    odd_stride, n = pairs * samples, (pairs - 1) * samples
    row_stride, n_kernels = 2 * odd_stride, len(d_conv_w)
    for k in range(n_kernels):
        slopes, at = d_row.ctypes.data + BYTES * k * n, where.ctypes.data + BYTES * (row * n_kernels + k) * n
        for channel in range(n_channels):
            pixels = x.ctypes.data + BYTES * (channel * n_rows + 2 * row) * row_stride
            d_taps = d_conv_w.ctypes.data + BYTES * (k * n_channels + channel) * 9
            d_bias = d_conv_b.ctypes.data + BYTES * (channel * n_kernels + k)
            windows_gradient(pixels, row_stride, odd_stride, samples, slopes, at, n, d_taps, d_bias)


@kernel
def forward(x: Any, net: Parameters, act: Any, where: Any, hidden: Any, logits: Any) -> None:
    """The logits of one part, from its unpacked images; act, where and hidden are kept for the way back.

    A row of windows goes through the convolution and at once, still in the cache, through its part of the dense layer.
    """
    n_hidden, width = len(hidden) - 1, net.dense1.shape[1]
    n_rows, samples = x.shape[1] // 2 - 1, x.shape[4]
    per_row = len(where) // n_rows
    for row in range(n_rows):
        convolve_row(x, row, net, act, where)
        first, last = row * per_row, (row + 1) * per_row
        last += row == n_rows - 1  # the last row takes along the bias, which stands behind the weights
        while first < last:
            n_k = last - first if last - first < 2 * DEPTH else DEPTH
            a = net.dense1.ctypes.data + BYTES * first * width
            b = act.ctypes.data + BYTES * first * samples
            multiply(n_hidden, a, NEXT, width, b, hidden.ctypes.data, samples, n_k, ZERO if first == 0 else ONE)
            first += n_k
    keep_positive(n_hidden, hidden, hidden)
    a, width = np.int64(net.dense2.ctypes.data), net.dense2.shape[1]
    multiply(len(logits), a, NEXT, width, np.int64(hidden.ctypes.data), logits.ctypes.data, samples, n_hidden + 1, ZERO)


@kernel
def keep_positive(n_rows: int, values: Any, by: Any) -> None:
    """Sets the first rows of values (n, S) to zero where `by` is zero or less; but NaN stays, so that it surfaces."""
    for row in range(n_rows):
        for s in range(values.shape[1]):
            values[row, s] = ZERO if by[row, s] <= ZERO else values[row, s]


@kernel
def cross_entropy(logits: Any, labels: Any, chosen: Any, factor: Any) -> Any:
    """Sum of the losses of a part's samples, and how many are right; logits (C, S), `chosen` (m,) indices.

    Unless factor is 0, the logits become factor · (softmax − one-hot), and 0 for samples that are not real.
    """
    n_classes, samples = logits.shape
    into_gradient = factor != ZERO
    loss, n_right = 0.0, 0
    for s in range(len(chosen)):
        label, best = labels[chosen[s]], 0
        for k in range(1, n_classes):
            if logits[k, s] > logits[best, s]:
                best = k
        largest, total = logits[best, s], ZERO
        loss += np.float64(largest - logits[label, s])
        n_right += best == label
        for k in range(n_classes):
            e = exponential(logits[k, s] - largest)
            total += e
            if into_gradient:
                logits[k, s] = e
        loss += logarithm(np.float64(total))
        if into_gradient:
            for k in range(n_classes):
                logits[k, s] *= factor / total
            logits[label, s] -= factor
    if into_gradient:
        for k in range(n_classes):
            for s in range(len(chosen), samples):
                logits[k, s] = ZERO
    return loss, n_right


@kernel
def turn(gradient: Any, part: int, n_parts: int, width: int, right: Any) -> None:
    """Turns a part's gradient (n, S) into rows by sample, in the panels of `right` (parts·S · width)."""
    samples = gradient.shape[1]
    for row in range(len(gradient)):
        panel = row // PANEL * PANEL
        columns = min(PANEL, width - panel)
        at = panel * n_parts * samples + part * samples * columns + row - panel
        for s in range(samples):
            right[at + s * columns] = gradient[row, s]


@kernel
def backward(
    x: Any, net: Parameters, where: Any, hidden: Any, d_logits: Any, d_hidden: Any, d_row: Any, d_conv_w: Any,
    d_conv_b: Any,
) -> None:  # fmt: skip
    """From a part's d_logits (C, S) to its d_hidden (U, S), and to its gradients of the convolution.

    d_row (K·W, S) is scratch: the gradient with respect to the activations is there for one row of windows, and goes
    into the convolution's gradient while it is still in the cache.
    """
    n_hidden, samples = d_hidden.shape
    a, width = np.int64(net.dense2.ctypes.data), net.dense2.shape[1]
    multiply(
        n_hidden, a, width, NEXT, np.int64(d_logits.ctypes.data), d_hidden.ctypes.data, samples, len(d_logits), ZERO
    )
    keep_positive(n_hidden, d_hidden, hidden)
    d_conv_w[:] = ZERO
    d_conv_b[:] = ZERO
    width, per_row = net.dense1.shape[1], len(d_row)
    for row in range(x.shape[1] // 2 - 1):
        first = 0
        while first < n_hidden:
            n_k = n_hidden - first if n_hidden - first < 2 * DEPTH else DEPTH
            a = net.dense1.ctypes.data + BYTES * (row * per_row * width + first)
            b = d_hidden.ctypes.data + BYTES * first * samples
            multiply(per_row, a, width, NEXT, b, d_row.ctypes.data, samples, n_k, ZERO if first == 0 else ONE)
            first += n_k
        convolution_gradient_row(x, row, d_row, where, d_conv_w, d_conv_b)


@kernel
def add_convolution(net: Parameters, d_conv_w: Any, d_conv_b: Any, factor: Any) -> None:
    """conv_w and conv_b += factor · the sum of the parts' gradients (parts, K, c, 9) and (parts, c, K)."""
    n_parts, n_kernels, n_channels, n_taps = d_conv_w.shape
    for k in range(n_kernels):
        for channel in range(n_channels):
            for tap in range(n_taps):
                total = ZERO
                for part in range(n_parts):
                    total += d_conv_w[part, k, channel, tap]
                net.conv_w[k, channel, tap] += factor * total
        total = ZERO
        for part in range(n_parts):
            total += d_conv_b[part, 0, k]
        net.conv_b[k] += factor * total


@kernel
def mean_loss(losses: Any, n_parts: int, size: int) -> Any:
    """The mean over `size` samples of what n_parts parts have summed."""
    total = 0.0
    for part in range(n_parts):
        total += losses[part]
    return total / size


@kernel
def update(block: int, step: Parameters, n_parts: int, factor: Any, work: Buffers) -> None:
    """One block of the step: `BLOCK` rows of dense1, or after these all of dense2, or at last the convolution."""
    n_rows = len(step.dense1)
    n_blocks = (n_rows + BLOCK - 1) // BLOCK
    if block > n_blocks:
        add_convolution(step, work.d_conv_w[:n_parts], work.d_conv_b[:n_parts], factor)
        return
    first, last = block * BLOCK, min(n_rows, (block + 1) * BLOCK)
    weights, left, right = step.dense1, work.act, work.right1
    if block == n_blocks:
        first, last = 0, len(step.dense2)
        weights, left, right = step.dense2, work.hidden, work.right2
    add_outer(weights, first, last, left[:n_parts], right, factor)  # one call, since the compiler copies it to each


@entry
def train(
    thread: int, state: Any, images: Any, labels: Any, scale: Any, order: Any, net: Parameters,
    step: Parameters, factor: Any, loss_after: bool, work: Buffers, losses: Any,
) -> None:  # fmt: skip
    """What one of the threads does for the batches `order` (m, b): parts of each batch, then blocks of the weights.

    step += factor · the gradient of each batch's mean loss at net: with step = net and factor = −learning_rate this
    is SGD. losses (m,) are of before the step, or of after it. A part and a block are computed alike by any thread,
    and what is added over parts is added in their order, so the bits do not depend on who claims what.
    """
    n_batches, size = order.shape
    samples = work.act.shape[2]
    n_parts = (size + samples - 1) // samples
    n_blocks = (len(step.dense1) + BLOCK - 1) // BLOCK + 2
    for batch in range(n_batches):
        part = claim(state, thread, n_parts)
        while part < n_parts:
            chosen = order[batch, part * samples : min(size, (part + 1) * samples)]
            x, where, hidden, logits = work.x[part], work.where[part], work.hidden[part], work.logits[part]
            unpack(images, chosen, scale, x)
            if batch + 1 < n_batches:
                fetch(images, order[batch + 1, part * samples : min(size, (part + 1) * samples)])
            forward(x, net, work.act[part], where, hidden, logits)
            work.losses[part], _ = cross_entropy(logits, labels, chosen, ONE / np.float32(size))
            d_hidden, d_conv_w, d_conv_b = work.d_hidden[part], work.d_conv_w[part], work.d_conv_b[part]
            backward(x, net, where, hidden, logits, d_hidden, work.d_row[thread], d_conv_w, d_conv_b)
            turn(d_hidden, part, n_parts, net.dense1.shape[1], work.right1)
            turn(logits, part, n_parts, net.dense2.shape[1], work.right2)
            part = claim(state, thread, n_parts)
        wait_for_all(state)
        if thread == 0:
            losses[batch] = mean_loss(work.losses, n_parts, size)
        block = claim(state, thread, n_blocks)
        while block < n_blocks:
            update(block, step, n_parts, factor, work)
            block = claim(state, thread, n_blocks)
        wait_for_all(state)
        if loss_after:
            part = claim(state, thread, n_parts)
            while part < n_parts:
                chosen = order[batch, part * samples : min(size, (part + 1) * samples)]
                logits = work.logits[part]
                forward(work.x[part], net, work.act[part], work.where[part], work.hidden[part], logits)
                work.losses_after[part], _ = cross_entropy(logits, labels, chosen, ZERO)
                part = claim(state, thread, n_parts)
            wait_for_all(state)
            if thread == 0:
                losses[batch] = mean_loss(work.losses_after, n_parts, size)


@entry
def evaluate(
    thread: int, state: Any, images: Any, labels: Any, scale: Any, net: Parameters, work: Buffers, all_logits: Any,
    losses: Any, n_right: Any,
) -> None:  # fmt: skip
    """What one of the threads does to score or predict all images, a part at a time, in its own slot of `work`.

    labels (n,), losses and n_right (⌈n/S⌉,), and all_logits (n, C) may each be empty, and are then passed over.
    """
    n, samples = len(images), work.act.shape[2]
    n_parts = (n + samples - 1) // samples
    x, where, hidden, logits = work.x[thread], work.where[thread], work.hidden[thread], work.logits[thread]
    part = claim(state, thread, n_parts)
    while part < n_parts:
        chosen = np.arange(part * samples, min(n, (part + 1) * samples))
        unpack(images, chosen, scale, x)
        forward(x, net, work.act[thread], where, hidden, logits)
        if len(all_logits) > 0:
            for s in range(len(chosen)):
                for k in range(len(logits)):
                    all_logits[chosen[s], k] = logits[k, s]
        if len(labels) > 0:
            losses[part], n_right[part] = cross_entropy(logits, labels, chosen, ZERO)
        part = claim(state, thread, n_parts)
