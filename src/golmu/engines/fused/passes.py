"""The forward and the backward pass of one part of a batch, as compiled kernels.

The shapes of all arrays are in the table of `golmu.engines.fused.layout`; here they lack the axis of the parts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.draws import DROPOUT
from golmu.engines.fused.compiling import inlined_kernel, kernel
from golmu.engines.fused.convolution import NO_OUTPUT, make_convolve_windows, windows_gradient
from golmu.engines.fused.functions import exponential, logarithm
from golmu.engines.fused.hashing import mix, salt
from golmu.engines.fused.layout import Buffers, Parameters
from golmu.engines.fused.products import COLUMNS_PER_PANEL, UNIT_STRIDE, multiply
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.vectors import NUMBER_BYTES, clear

ROWS_PER_PRODUCT = 96
"""Rows of dense1 that go through a product at a time, or up to twice as many less one in the last: so many activations
stay in the first-level cache, and so many rows of a wide layer in the second."""

ZERO, ONE = np.float32(0), np.float32(1)

DROPPED = np.int32(NO_OUTPUT)
"""The position of a pooled activation that is dropped: no gradient passes through it."""

_convolve_one_channel, convolve_windows = make_convolve_windows(True), make_convolve_windows(False)


@kernel
def convolve_row(x: Any, x_row: int, row: int, net: Parameters, act: Any, where: Any) -> None:
    """Apply convolution, pooling, bias and ReLU to one row of windows.

    It is row x_row of the windows of x (c, ·, 2, W + 1, S); of the part's act and where, those of `row` are filled.
    """
    n_channels, n_rows, _, pairs, samples = x.shape
    odd_stride, n = pairs * samples, (pairs - 1) * samples
    row_stride = 2 * odd_stride
    pixels, channel_stride = x.ctypes.data + NUMBER_BYTES * 2 * x_row * row_stride, n_rows * row_stride
    n_kernels = len(net.conv_b)
    for k in range(n_kernels):
        taps = net.conv_w.ctypes.data + NUMBER_BYTES * k * n_channels * 9
        place = NUMBER_BYTES * (row * n_kernels + k) * n
        to, at = act.ctypes.data + place, where.ctypes.data + place
        if n_channels == 1:
            _convolve_one_channel(
                pixels, channel_stride, row_stride, odd_stride, samples, taps, net.conv_b[k], to, at, n, n_channels
            )
        else:
            convolve_windows(
                pixels, channel_stride, row_stride, odd_stride, samples, taps, net.conv_b[k], to, at, n, n_channels
            )


@kernel
def drop_features(
    row: int, per_row: int, n_columns: int, keys: Any, threshold: Any, scale: Any, act: Any, where: Any
) -> None:
    """Drop the activations of one row of windows whose draws lie below the threshold, and scale the others.

    act and where (·, S) of the part; the position of a dropped activation becomes `DROPPED`.
    """
    n_kernels, samples = per_row // n_columns, act.shape[1]
    for k in range(n_kernels):
        for column in range(n_columns):
            at, number = row * per_row + k * n_columns + column, (row * n_columns + column) * n_kernels + k
            salted = salt(DROPOUT + number)
            for s in range(samples):
                is_kept = mix(np.uint32(keys[s] ^ salted)) >= threshold
                act[at, s] = scale * act[at, s] if is_kept else ZERO
                where[at, s] = where[at, s] if is_kept else DROPPED


@kernel
def drop_hidden(first: int, keys: Any, threshold: Any, scale: Any, hidden: Any) -> None:
    """Drop hidden activations (U + 1, S), whose draws have the numbers from `first` on; the row of ones stays."""
    for unit in range(len(hidden) - 1):
        salted = salt(first + unit)
        for s in range(hidden.shape[1]):
            is_kept = mix(np.uint32(keys[s] ^ salted)) >= threshold
            hidden[unit, s] = scale * hidden[unit, s] if is_kept else ZERO


@kernel
def keep_positive(n_rows: int, values: Any, by: Any, scale: Any) -> None:
    """Scale the first rows of values (n, S), and set them to zero where `by` is zero or less; NaN stays."""
    for row in range(n_rows):
        for s in range(values.shape[1]):
            values[row, s] = ZERO if by[row, s] <= ZERO else scale * values[row, s]


@kernel
def rows_of_product(left: int) -> Any:
    """Return how many of the rows of dense1 that are left go through a product next."""
    return left if left < 2 * ROWS_PER_PRODUCT else ROWS_PER_PRODUCT


@kernel
def add_dense1(net: Parameters, act: Any, first: int, last: int, hidden: Any) -> None:
    """Add what rows of act (·, S) give to the hidden layer (U + 1, S), some rows at a time; row 0 begins the sum."""
    n_hidden, width, samples = len(hidden) - 1, net.dense1.shape[1], act.shape[1]
    while first < last:
        n_k = rows_of_product(last - first)
        a = net.dense1.ctypes.data + NUMBER_BYTES * first * width
        b = act.ctypes.data + NUMBER_BYTES * first * samples
        beta = ZERO if first == 0 else ONE
        multiply(n_hidden, a, UNIT_STRIDE, width, b, hidden.ctypes.data, samples, n_k, beta)
        first += n_k


@kernel
def logits_of_hidden(
    net: Parameters, n_features: int, hidden: Any, logits: Any, dropout: bool, step_options: StepOptions, keys: Any
) -> None:
    """Compute logits (C, S) from the sums (U + 1, S) of the hidden layer, which become its activations."""
    n_hidden = len(hidden) - 1
    keep_positive(n_hidden, hidden, hidden, ONE)
    if dropout and step_options.hidden_threshold > 0:
        drop_hidden(DROPOUT + n_features, keys, step_options.hidden_threshold, step_options.hidden_scale, hidden)
    a, width = np.int64(net.dense2.ctypes.data), net.dense2.shape[1]
    b = np.int64(hidden.ctypes.data)
    multiply(len(logits), a, UNIT_STRIDE, width, b, logits.ctypes.data, hidden.shape[1], n_hidden + 1, ZERO)


@inlined_kernel
def forward_rows(
    x: Any, first_row: int, last_row: int, net: Parameters, act: Any, where: Any, dropout: bool,
    step_options: StepOptions, keys: Any, hidden: Any,
) -> None:  # fmt: skip
    """Add what some rows of windows give to the sums of the hidden layer; the backward pass reads act and where.

    x (c, ·, 2, W + 1, S) begins with the first of them; act, where and hidden are the part's. A row of windows goes
    through the convolution and at once, still in the cache, through its rows of dense1.
    """
    n_columns = x.shape[3] - 1
    per_row = len(net.conv_b) * n_columns
    threshold, scale = step_options.feature_threshold, step_options.feature_scale
    for row in range(first_row, last_row):
        convolve_row(x, row - first_row, row, net, act, where)
        if dropout and threshold > 0:
            drop_features(row, per_row, n_columns, keys, threshold, scale, act, where)
        first, last = row * per_row, (row + 1) * per_row
        last += last == len(where)  # the last row takes along the bias, which stands behind the weights
        add_dense1(net, act, first, last, hidden)


@inlined_kernel
def forward(thread: int, part: int, net: Parameters, work: Buffers, dropout: bool, step_options: StepOptions) -> None:
    """Compute the logits of one part from its unpacked images."""
    act, where, hidden, keys = work.act[part], work.where[part], work.hidden[part], work.keys[thread]
    n_rows = work.x.shape[2] // 2 - 1
    forward_rows(work.x[thread], 0, n_rows, net, act, where, dropout, step_options, keys, hidden)
    logits_of_hidden(net, len(where), hidden, work.logits[part], dropout, step_options, keys)


@kernel
def find_largest(logits: Any, best: Any, largest: Any) -> None:
    """Find each sample's largest logit (C, S), the first of equals: its class best (S,) and its value largest (S,)."""
    for k in range(len(logits)):
        for s in range(logits.shape[1]):
            is_larger = k == 0 or logits[k, s] > largest[s]
            best[s] = np.float32(k) if is_larger else best[s]
            largest[s] = logits[k, s] if is_larger else largest[s]


@kernel
def cross_entropy(
    logits: Any, labels: Any, importance: Any, chosen: Any, factor: Any, smoothing: Any, scratch: Any
) -> Any:
    """Return the sum of the losses of a part's samples, and how many are right.

    logits (C, S), and `chosen` (m,) indices into the labels (n,). The loss of a sample is multiplied by its
    `importance` (n,), unless that is empty. The target is one-hot with a share of `smoothing` spread over all classes.

    Unless factor is 0, the logits become importance · factor · (softmax − target), and 0 for samples that are not real.
    `scratch` (5, S) keeps what is known of each sample between the loops, which run over samples innermost, so that
    they become vector instructions.
    """
    n_classes, samples = logits.shape
    into_gradient, n = factor != ZERO, len(chosen)
    loss, n_right = 0.0, 0
    best, largest, totals, behind, smoothed = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    find_largest(logits, best, largest)
    for s in range(n):
        label = labels[chosen[s]]
        n_right += np.int64(best[s]) == label
        behind[s], smoothed[s] = largest[s] - logits[label, s], ZERO
        if smoothing > ZERO:
            mean = ZERO
            for k in range(n_classes):
                mean += logits[k, s]
            smoothed[s] = smoothing * (logits[label, s] - mean / np.float32(n_classes))
    totals[:] = ZERO
    for k in range(n_classes):
        for s in range(samples):
            e = exponential(logits[k, s] - largest[s])
            totals[s] += e
            logits[k, s] = e if into_gradient else logits[k, s]
    slopes = best
    for s in range(n):
        weight = importance[chosen[s]] if len(importance) > 0 else ONE
        loss += weight * (np.float64(behind[s]) + np.float64(smoothed[s]) + logarithm(np.float64(totals[s])))
        slopes[s] = weight * factor
    if into_gradient:
        for k in range(n_classes):
            for s in range(samples):
                slope = slopes[s]
                value = logits[k, s] * (slope / totals[s]) - slope * smoothing / np.float32(n_classes)
                logits[k, s] = value if s < n else ZERO
        for s in range(n):
            logits[labels[chosen[s]], s] -= slopes[s] * (ONE - smoothing)
    return loss, n_right


@kernel
def mean_loss(losses: Any, n_parts: int, size: int) -> Any:
    """Return the mean loss of `size` samples from the sums of the first n_parts parts."""
    total = 0.0
    for part in range(n_parts):
        total += losses[part]
    return total / size


@kernel
def convolution_gradient_row(
    x: Any, x_row: int, row: int, d_row: Any, where: Any, d_conv_w: Any, d_conv_b: Any
) -> None:
    """Add one row of windows to the gradients of the convolution, each through the position of its maximum.

    It is row x_row of the windows of x (c, ·, 2, W + 1, S), and `row` of the part's `where`. d_row (K, W, S);
    d_conv_w (K·c·9,); d_conv_b (c·K,), since the bias's gradient comes once for each channel.
    """
    n_channels, n_rows, _, pairs, samples = x.shape
    odd_stride, n = pairs * samples, (pairs - 1) * samples
    row_stride, n_kernels = 2 * odd_stride, d_row.shape[0]
    for k in range(n_kernels):
        slopes = d_row.ctypes.data + k * d_row.strides[0]
        at = where.ctypes.data + NUMBER_BYTES * (row * n_kernels + k) * n
        for channel in range(n_channels):
            pixels = x.ctypes.data + NUMBER_BYTES * (channel * n_rows + 2 * x_row) * row_stride
            d_taps = d_conv_w.ctypes.data + NUMBER_BYTES * (k * n_channels + channel) * 9
            d_bias = d_conv_b.ctypes.data + NUMBER_BYTES * (channel * n_kernels + k)
            windows_gradient(pixels, row_stride, odd_stride, samples, slopes, at, n, d_taps, d_bias)


@kernel
def hidden_gradient(net: Parameters, hidden: Any, hidden_scale: Any, d_logits: Any, d_hidden: Any) -> None:
    """Compute d_hidden (U, S) from d_logits (C, S)."""
    n_hidden, samples = d_hidden.shape
    a, width = np.int64(net.dense2.ctypes.data), net.dense2.shape[1]
    b = np.int64(d_logits.ctypes.data)
    multiply(n_hidden, a, width, UNIT_STRIDE, b, d_hidden.ctypes.data, samples, len(d_logits), ZERO)
    keep_positive(n_hidden, d_hidden, hidden, hidden_scale)


@kernel
def pooled_gradient(net: Parameters, first_row: int, n_rows: int, d_hidden: Any, to: int) -> None:
    """Compute the gradient (n_rows, S) with respect to rows of pooled activations, at the address `to`."""
    n_hidden, samples = d_hidden.shape
    width, first = net.dense1.shape[1], 0
    while first < n_hidden:
        n_k = rows_of_product(n_hidden - first)
        a = net.dense1.ctypes.data + NUMBER_BYTES * (first_row * width + first)
        b = d_hidden.ctypes.data + NUMBER_BYTES * first * samples
        beta = ZERO if first == 0 else ONE
        multiply(n_rows, a, width, UNIT_STRIDE, b, to, samples, n_k, beta)
        first += n_k


@inlined_kernel
def backward_rows(
    x: Any, first_row: int, last_row: int, net: Parameters, where: Any, d_hidden: Any, d_row: Any, d_conv_w: Any,
    d_conv_b: Any,
) -> None:  # fmt: skip
    """Compute the convolution's gradients through some rows of windows, each row's on its own, from d_hidden (U, S).

    x (c, ·, 2, W + 1, S) begins with the first of them; where, d_conv_w (H, K·c·9) and d_conv_b (H, c·K) are the
    part's. The gradient with respect to the activations exists for one row at a time, in d_row (K, W, S), and goes into
    the convolution's gradient while it is still in the cache. The factor by which dropout scales the pooled activations
    is left to `golmu.engines.fused.updates.add_parts`.
    """
    per_row = d_row.shape[0] * d_row.shape[1]
    for row in range(first_row, last_row):
        clear(d_conv_w[row])
        clear(d_conv_b[row])
        pooled_gradient(net, row * per_row, per_row, d_hidden, d_row.ctypes.data)
        convolution_gradient_row(x, row - first_row, row, d_row, where, d_conv_w[row], d_conv_b[row])


@kernel
def pack_by_sample(gradient: Any, part: int, n_parts: int, width: int, right: Any) -> None:
    """Turn a part's gradient (n, S) into rows by sample, in the panels of `right` (parts·S · width)."""
    samples = gradient.shape[1]
    for row in range(len(gradient)):
        panel = row // COLUMNS_PER_PANEL * COLUMNS_PER_PANEL
        columns = min(COLUMNS_PER_PANEL, width - panel)
        at = panel * n_parts * samples + part * samples * columns + row - panel
        for s in range(samples):
            right[at + s * columns] = gradient[row, s]
