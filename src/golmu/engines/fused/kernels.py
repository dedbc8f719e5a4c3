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
    right1   (parts·S · U')                    d_hidden by sample: panels of two vectors, the last maybe of one
    right2   (parts·S · C')                    d_logits likewise
    conv_w   (K, c, 9)                         conv_b (K,)
    dense1   (H·K·W + 1, U')                   w1 with its rows in the order of act; then b1, which meets act's ones
    dense2   (U + 1, C')                       w2; then b2
    keys     (parts, S)                        of each sample's draws in this batch (`golmu.engines.draws`)
    views    (parts, S, 7)                     how each image is looked at: shifted, mirrored, with a square erased

U' and C' are U and C rounded up to whole vectors. Only the first samples of a part may be real; those behind them
have zero gradients.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.engines.draws import DROPOUT, mix, salt, sample_key
from golmu.engines.fused.compiling import entry, kernel
from golmu.engines.fused.functions import exponential, logarithm
from golmu.engines.fused.optimizers import advance
from golmu.engines.fused.products import NEXT, PANEL, multiply, outer
from golmu.engines.fused.step_options import Options
from golmu.engines.fused.threads import claim, wait_for_all
from golmu.engines.fused.vectors import BYTES, prefetch
from golmu.engines.fused.views import unpack, unpack_drawn, unpack_mirrored
from golmu.engines.fused.window import make_convolve_windows, windows_gradient

SAMPLES, MORE_SAMPLES = 32, 64
"""S: enough for a row of weights to serve many samples once it is loaded, few enough for a row of activations to
stay in the first-level cache; and more, where the weights are too many for the second-level cache and each part would
fetch them all anew."""

CACHE_LINE = 64
"""Bytes that the memory gives at a time."""

ZERO, ONE = np.float32(0), np.float32(1)

NOWHERE = np.int32(4)
"""The place in its window of an activation that is zero."""

BLOCK = 72
"""Rows of dense1 that a thread updates at a time: whole tiles, and small beside the whole."""

DEPTH = 96
"""Rows of dense1, less than twice as many, that go through a product at a time: so many activations stay in the
first-level cache, and so many rows of a wide layer in the second."""

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
    """(2, parts): sums before the step, and after it; apart, since some threads are at the next batch while one adds"""
    gradient: NDArray[np.float32]
    """(threads, ·): the gradient of one block of the weights"""
    mirrored: NDArray[np.float32]
    """(parts, C, S): logits of the mirror images"""
    keys: NDArray[np.uint32]
    views: NDArray[np.int64]
    """See `golmu.engines.fused.views`"""


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
def drop_features(
    row: int, per_row: int, n_columns: int, keys: Any, threshold: Any, scale: Any, act: Any, where: Any
) -> None:  # fmt: skip
    """Drops activations of one row of windows whose draws lie below the threshold, and scales the others.

    act and where (·, S) of the part; a dropped one is none of its window, so that no gradient goes through it.
    """
    n_kernels, samples = per_row // n_columns, act.shape[1]
    for k in range(n_kernels):
        for column in range(n_columns):
            at, number = row * per_row + k * n_columns + column, (row * n_columns + column) * n_kernels + k
            salted = salt(DROPOUT + number)
            for s in range(samples):
                is_kept = mix(np.uint32(keys[s] ^ salted)) >= threshold
                act[at, s] = scale * act[at, s] if is_kept else ZERO
                where[at, s] = where[at, s] if is_kept else NOWHERE


@kernel
def drop_hidden(first: int, keys: Any, threshold: Any, scale: Any, hidden: Any) -> None:
    """Drops hidden activations (U + 1, S), whose draws have the numbers from `first`; the row of ones stays."""
    for unit in range(len(hidden) - 1):
        salted = salt(first + unit)
        for s in range(hidden.shape[1]):
            is_kept = mix(np.uint32(keys[s] ^ salted)) >= threshold
            hidden[unit, s] = scale * hidden[unit, s] if is_kept else ZERO


@kernel
def forward(
    x: Any, net: Parameters, act: Any, where: Any, hidden: Any, logits: Any, dropout: bool, options: Options, keys: Any
) -> None:
    """The logits of one part, from its unpacked images; act, where and hidden are kept for the way back.

    A row of windows goes through the convolution and at once, still in the cache, through its part of the dense layer.
    """
    n_hidden, width = len(hidden) - 1, net.dense1.shape[1]
    n_rows, samples = x.shape[1] // 2 - 1, x.shape[4]
    per_row = len(where) // n_rows
    for row in range(n_rows):
        convolve_row(x, row, net, act, where)
        if dropout and options.feature_threshold > 0:
            drop_features(
                row, per_row, x.shape[3] - 1, keys, options.feature_threshold, options.feature_scale, act, where
            )
        first, last = row * per_row, (row + 1) * per_row
        last += row == n_rows - 1  # the last row takes along the bias, which stands behind the weights
        while first < last:
            n_k = last - first if last - first < 2 * DEPTH else DEPTH
            a = net.dense1.ctypes.data + BYTES * first * width
            b = act.ctypes.data + BYTES * first * samples
            multiply(n_hidden, a, NEXT, width, b, hidden.ctypes.data, samples, n_k, ZERO if first == 0 else ONE)
            first += n_k
    keep_positive(n_hidden, hidden, hidden, ONE)
    if dropout and options.hidden_threshold > 0:
        drop_hidden(DROPOUT + len(where), keys, options.hidden_threshold, options.hidden_scale, hidden)
    a, width = np.int64(net.dense2.ctypes.data), net.dense2.shape[1]
    multiply(len(logits), a, NEXT, width, np.int64(hidden.ctypes.data), logits.ctypes.data, samples, n_hidden + 1, ZERO)


@kernel
def keep_positive(n_rows: int, values: Any, by: Any, scale: Any) -> None:
    """Scales the first rows of values (n, S), and sets them to zero where `by` is zero or less; but NaN stays."""
    for row in range(n_rows):
        for s in range(values.shape[1]):
            values[row, s] = ZERO if by[row, s] <= ZERO else scale * values[row, s]


@kernel
def cross_entropy(logits: Any, labels: Any, importance: Any, chosen: Any, factor: Any, smoothing: Any) -> Any:
    """Sum of the losses of a part's samples, and how many are right; logits (C, S), `chosen` (m,) indices.

    A sample counts as often as its `importance` (n,) says; where that is empty, once.

    The target is one-hot with a share of `smoothing` spread over all classes. Unless factor is 0, the logits become
    importance · factor · (softmax − target), and 0 for samples that are not real.
    """
    n_classes, samples = logits.shape
    into_gradient = factor != ZERO
    loss, n_right = 0.0, 0
    for s in range(len(chosen)):
        label, best = labels[chosen[s]], 0
        weight = importance[chosen[s]] if len(importance) > 0 else ONE
        for k in range(1, n_classes):
            if logits[k, s] > logits[best, s]:
                best = k
        largest, total = logits[best, s], ZERO
        of_sample = np.float64(largest - logits[label, s])
        if smoothing > ZERO:
            mean = ZERO
            for k in range(n_classes):
                mean += logits[k, s]
            of_sample += np.float64(smoothing * (logits[label, s] - mean / np.float32(n_classes)))
        n_right += best == label
        for k in range(n_classes):
            e = exponential(logits[k, s] - largest)
            total += e
            if into_gradient:
                logits[k, s] = e
        loss += weight * (of_sample + logarithm(np.float64(total)))
        if into_gradient:
            slope = weight * factor
            spread = slope * smoothing / np.float32(n_classes)
            for k in range(n_classes):
                logits[k, s] = logits[k, s] * (slope / total) - spread
            logits[label, s] -= slope * (ONE - smoothing)
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
    x: Any, net: Parameters, where: Any, hidden: Any, hidden_scale: Any, d_logits: Any, d_hidden: Any, d_row: Any,
    d_conv_w: Any, d_conv_b: Any,
) -> None:  # fmt: skip
    """From a part's d_logits (C, S) to its d_hidden (U, S), and to its gradients of the convolution.

    d_row (K·W, S) is scratch: the gradient with respect to the activations is there for one row of windows, and goes
    into the convolution's gradient while it is still in the cache. The scale of the pooled activations that dropout
    has kept is left to `add_parts`.
    """
    n_hidden, samples = d_hidden.shape
    a, width = np.int64(net.dense2.ctypes.data), net.dense2.shape[1]
    multiply(
        n_hidden, a, width, NEXT, np.int64(d_logits.ctypes.data), d_hidden.ctypes.data, samples, len(d_logits), ZERO
    )
    keep_positive(n_hidden, d_hidden, hidden, hidden_scale)
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
def add_parts(d_conv_w: Any, d_conv_b: Any, scale: Any, is_bias: bool, gradient: Any) -> None:
    """The gradient of conv_w, or of conv_b, flat: scale · the sum of the parts' (parts, K, c, 9), or (parts, c, K)."""
    n_parts, n_kernels = d_conv_w.shape[:2]
    for i in range(n_kernels if is_bias else d_conv_w[0].size):
        total = ZERO
        for part in range(n_parts):
            total += d_conv_b[part, 0, i] if is_bias else d_conv_w[part].reshape(-1)[i]
        gradient[i] = scale * total


@kernel
def mean_loss(losses: Any, n_parts: int, size: int) -> Any:
    """The mean over `size` samples of what n_parts parts have summed."""
    total = 0.0
    for part in range(n_parts):
        total += losses[part]
    return total / size


@kernel
def piece(parameters: Parameters, block: int) -> Any:
    """One block of the parameters, flat: `BLOCK` rows of dense1, or after these all of dense2, conv_w, or conv_b."""
    n_rows, width = parameters.dense1.shape
    behind = block - (n_rows + BLOCK - 1) // BLOCK
    if behind < 0:
        return parameters.dense1.reshape(-1)[block * BLOCK * width : min(n_rows, (block + 1) * BLOCK) * width]
    if behind == 0:
        return parameters.dense2.reshape(-1)
    return parameters.conv_w.reshape(-1) if behind == 1 else parameters.conv_b


@kernel
def update(
    block: int, step: Parameters, first: Parameters, second: Parameters, average: Parameters, n_parts: int,
    options: Options, pace: Any, gradient: Any, work: Buffers,
) -> None:  # fmt: skip
    """One block's step: see `train`. `gradient` is scratch for it."""
    n_rows, width = step.dense1.shape
    n_blocks = (n_rows + BLOCK - 1) // BLOCK
    weights = piece(step, block)
    if block <= n_blocks:
        is_plain = options.is_plain and pace[2] == ZERO
        row, last, left, right = block * BLOCK, min(n_rows, (block + 1) * BLOCK), work.act, work.right1
        if block == n_blocks:
            row, last, left, right = 0, len(step.dense2), work.hidden, work.right2
            width = step.dense2.shape[1]
        to = np.int64(weights.ctypes.data) if is_plain else np.int64(gradient.ctypes.data)
        # one call, since the compiler copies it to each
        outer(left[:n_parts], right, row, last, -pace[0] if is_plain else ONE, ONE if is_plain else ZERO, to, width)
        if is_plain:
            return
    else:
        d_conv_w, d_conv_b = work.d_conv_w[:n_parts], work.d_conv_b[:n_parts]
        add_parts(d_conv_w, d_conv_b, options.feature_scale, block > n_blocks + 1, gradient)
    advance(weights, gradient, piece(first, block), piece(second, block), piece(average, block), options, pace)


@entry
def train(
    thread: int, state: Any, images: Any, labels: Any, importance: Any, scale: Any, offset: Any, order: Any,
    net: Parameters, step: Parameters, first: Parameters, second: Parameters, average: Parameters, options: Options,
    pace: Any, first_batch: int, loss_after: bool, work: Buffers, losses: Any,
) -> None:  # fmt: skip
    """What one of the threads does for the batches `order` (m, b): parts of each batch, then blocks of the weights.

    `step` moves by the gradient of each batch's mean loss at `net`; in training they are one. pace (m, 3) has for each
    batch the learning rate, the step size (with Adam it is another), and how far `average` goes towards `step`. losses
    (m,) are of before the step, or of after it. `first_batch` is the number in its epoch of the first one. A part and
    a block are computed alike by any thread, and what is added over parts is added in their order, so the bits do not
    depend on who claims what.
    """
    n_batches, size = order.shape
    samples = work.act.shape[2]
    n_parts = (size + samples - 1) // samples
    n_blocks = (len(step.dense1) + BLOCK - 1) // BLOCK + 3
    for batch in range(n_batches):
        for stage in range(1 + loss_after):
            is_step = stage == 0
            part = claim(state, thread, n_parts)
            while part < n_parts:
                start, end = part * samples, min(size, (part + 1) * samples)
                chosen = order[batch, start:end]
                x, where, hidden, logits = work.x[part], work.where[part], work.hidden[part], work.logits[part]
                keys, views = work.keys[part], work.views[part]
                if is_step:
                    for s in range(end - start):
                        keys[s] = sample_key(options.seed, first_batch + batch, start + s)
                    unpack_drawn(images, chosen, scale, offset, keys, options, views, x)
                    if batch + 1 < n_batches:
                        fetch(images, order[batch + 1, start:end])
                forward(x, net, work.act[part], where, hidden, logits, is_step, options, keys)
                factor, smoothing = (ONE / np.float32(size), options.smoothing) if is_step else (ZERO, ZERO)
                work.losses[stage, part], _ = cross_entropy(logits, labels, importance, chosen, factor, smoothing)
                if is_step:
                    d_hidden, d_conv_w, d_conv_b = work.d_hidden[part], work.d_conv_w[part], work.d_conv_b[part]
                    backward(
                        x, net, where, hidden, options.hidden_scale, logits, d_hidden, work.d_row[thread], d_conv_w,
                        d_conv_b,
                    )  # fmt: skip
                    turn(d_hidden, part, n_parts, net.dense1.shape[1], work.right1)
                    turn(logits, part, n_parts, net.dense2.shape[1], work.right2)
                part = claim(state, thread, n_parts)
            wait_for_all(state)
            if thread == 0:
                losses[batch] = mean_loss(work.losses[stage], n_parts, size)
            if is_step:
                block = claim(state, thread, n_blocks)
                while block < n_blocks:
                    gradient = work.gradient[thread]
                    update(block, step, first, second, average, n_parts, options, pace[batch], gradient, work)
                    block = claim(state, thread, n_blocks)
                wait_for_all(state)


@entry
def evaluate(
    thread: int, state: Any, images: Any, labels: Any, scale: Any, offset: Any, net: Parameters, options: Options,
    n_views: int, work: Buffers, all_logits: Any, losses: Any, n_right: Any,
) -> None:  # fmt: skip
    """What one of the threads does to score or predict all images, a part at a time, in its own slot of `work`.

    labels (n,), losses and n_right (⌈n/S⌉,), and all_logits (n, C) may each be empty, and are then passed over. With
    two views the logits are the mean of those of an image and of its mirror image.
    """
    n, samples = len(images), work.act.shape[2]
    n_parts = (n + samples - 1) // samples
    x, where, hidden, logits = work.x[thread], work.where[thread], work.hidden[thread], work.logits[thread]
    keys, views, mirrored = work.keys[thread], work.views[thread], work.mirrored[thread]
    no_importance = np.empty(0, np.float32)
    part = claim(state, thread, n_parts)
    while part < n_parts:
        chosen = np.arange(part * samples, min(n, (part + 1) * samples))
        for view in range(n_views):
            if view < n_views - 1:
                unpack_mirrored(images, chosen, scale, offset, views, x)
            else:
                unpack(images, chosen, scale, offset, x)
            forward(x, net, work.act[thread], where, hidden, logits, False, options, keys)
            if view < n_views - 1:
                mirrored[:] = logits
            elif n_views > 1:
                logits[:] = (logits + mirrored) * np.float32(0.5)
        if len(all_logits) > 0:
            for s in range(len(chosen)):
                for k in range(len(logits)):
                    all_logits[chosen[s], k] = logits[k, s]
        if len(labels) > 0:
            losses[part], n_right[part] = cross_entropy(logits, labels, no_importance, chosen, ZERO, ZERO)
        part = claim(state, thread, n_parts)
