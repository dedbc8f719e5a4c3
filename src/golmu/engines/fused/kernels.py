"""The kernels that Python calls: what each thread does in training, and in an evaluation or prediction.

They are plain functions, which numba compiles where they are decorated (`golmu.engines.fused.compiling`). The shapes
of all arrays are in the table of `golmu.engines.fused.layout`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused import passes
from golmu.engines.fused.compiling import entry, inlined_kernel, kernel
from golmu.engines.fused.deep_passes import deep_backward, deep_forward
from golmu.engines.fused.further_blocks import transform_deeper
from golmu.engines.fused.layout import CACHE_LINE_BYTES, NUMBERS_PER_BLOCK, ROWS_PER_BLOCK, Buffers, Parameters
from golmu.engines.fused.optimizers import RATE, TOWARDS, advance
from golmu.engines.fused.passes import cross_entropy, pack_by_sample
from golmu.engines.fused.products import outer
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.threads import claim, wait_for_all
from golmu.engines.fused.vectors import NUMBER_BYTES, prefetch
from golmu.engines.fused.views import unpack, unpack_drawn

ZERO, ONE = np.float32(0), np.float32(1)

NO_IMPORTANCE = np.empty(0, np.float32)
"""A constant: only if the compiler knows that losses have no weights do their last bits stay as they were."""


@kernel
def prefetch_images(images: Any, order: Any, batch: int, start: int, end: int) -> None:
    """Ask for the images (n, h, w, c) at order[batch, start:end], if there is such a batch.

    They lie scattered over more memory than the caches hold. Images of the next batch come from memory meanwhile, and
    those of this one, which have had to make room in the nearest caches, come back all at once and not one by one.
    """
    if batch == len(order):
        return
    size = images[0].size * images.itemsize
    for s in range(start, end):
        image = images.ctypes.data + order[batch, s] * size
        for byte in range(0, size, CACHE_LINE_BYTES):
            prefetch(image + byte)


@kernel
def add_parts(d_conv_w: Any, d_conv_b: Any, scale: Any, is_bias: bool, gradient: Any) -> None:
    """Write the flat gradient of conv_w, or of conv_b: scale · the sum over the parts.

    d_conv_w (parts, K, c, 9); d_conv_b (parts, c, K).
    """
    n_parts, n_kernels = d_conv_w.shape[:2]
    for i in range(n_kernels if is_bias else d_conv_w[0].size):
        total = ZERO
        for part in range(n_parts):
            total += d_conv_b[part, 0, i] if is_bias else d_conv_w[part].reshape(-1)[i]
        gradient[i] = scale * total


@kernel
def add_deeper_parts(d_deeper: Any, first: int, n: int, gradient: Any) -> None:
    """Write n numbers of the gradient of deeper, from `first` on: the sum over the parts of d_deeper (parts, ·)."""
    gradient[:n] = ZERO
    for part in range(len(d_deeper)):
        for i in range(n):
            gradient[i] += d_deeper[part, first + i]


@kernel
def mean_loss(losses: Any, n_parts: int, size: int) -> Any:
    """Return the mean loss of `size` samples from the sums of the first n_parts parts."""
    total = 0.0
    for part in range(n_parts):
        total += losses[part]
    return total / size


@kernel
def block_range(net: Parameters, block: int) -> Any:
    """Return where a block begins and ends in the flat parameters.

    A block is some rows of dense1; all of dense2, of conv_w, or of conv_b; or a piece of deeper.
    """
    n_rows, width = net.dense1.shape
    behind = block - (n_rows + ROWS_PER_BLOCK - 1) // ROWS_PER_BLOCK
    if behind < 0:
        return block * ROWS_PER_BLOCK * width, min(n_rows, (block + 1) * ROWS_PER_BLOCK) * width
    # Numba's addresses are unsigned, and where some are and others are not, it takes floats.
    address, size = np.int64(net.conv_b.ctypes.data), net.conv_b.size
    if behind == 0:
        address, size = np.int64(net.dense2.ctypes.data), net.dense2.size
    elif behind == 1:
        address, size = np.int64(net.conv_w.ctypes.data), net.conv_w.size
    elif behind > 2:
        first = (behind - 3) * NUMBERS_PER_BLOCK
        address = np.int64(net.deeper.ctypes.data) + NUMBER_BYTES * first
        size = min(NUMBERS_PER_BLOCK, net.deeper.size - first)
    start = (address - np.int64(net.dense1.ctypes.data)) // NUMBER_BYTES
    return start, start + size


@inlined_kernel
def update(
    block: int, net: Parameters, step: Any, first: Any, second: Any, average: Any, n_parts: int,
    step_options: StepOptions, step_sizes: Any, gradient: Any, work: Buffers,
) -> None:  # fmt: skip
    """Move one block of `step` by its gradient, see `train`; step_sizes (3,), and `gradient` is scratch space."""
    n_rows, width = net.dense1.shape
    n_blocks = (n_rows + ROWS_PER_BLOCK - 1) // ROWS_PER_BLOCK
    start, end = block_range(net, block)
    weights = step[start:end]
    if block <= n_blocks:
        is_plain = step_options.is_plain and step_sizes[TOWARDS] == ZERO
        row, last = block * ROWS_PER_BLOCK, min(n_rows, (block + 1) * ROWS_PER_BLOCK)
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
    elif block <= n_blocks + 2:
        d_conv_w, d_conv_b = work.d_conv_w[:n_parts], work.d_conv_b[:n_parts]
        scale = step_options.feature_scale if len(net.deeper) == 0 else ONE
        add_parts(d_conv_w, d_conv_b, scale, block > n_blocks + 1, gradient)
    else:
        first_number = (block - n_blocks - 3) * NUMBERS_PER_BLOCK
        add_deeper_parts(work.d_deeper[:n_parts], first_number, len(weights), gradient)
    advance(weights, gradient, first[start:end], second[start:end], average[start:end], step_options, step_sizes)


@kernel
def average_views(logits: Any, mirrored: Any, is_first: bool) -> None:
    """Keep the logits (C, S) of the first of two views in `mirrored`, or replace the second's by the means of both."""
    for k in range(len(logits)):
        for s in range(logits.shape[1]):
            if is_first:
                mirrored[k, s] = logits[k, s]
            else:
                logits[k, s] = (logits[k, s] + mirrored[k, s]) * np.float32(0.5)


@kernel
def leave_weights(net: Parameters, table: Any, transformed: Any) -> None:
    """Do nothing: one block computes with its weights as they are."""


def _make_train(is_deep: bool) -> Any:
    """Make the kernel `train` for networks of one block, or of several."""
    forward, backward = (deep_forward, deep_backward) if is_deep else (passes.forward, passes.backward)
    prepare_weights = transform_deeper if is_deep else leave_weights

    def train(
        thread: int, state: Any, images: Any, labels: Any, importance: Any, scale: Any, offset: Any, order: Any,
        net: Parameters, step: Any, first: Any, second: Any, average: Any,
        step_options: StepOptions, step_sizes: Any, first_batch: int, loss_after: bool, work: Buffers, losses: Any,
    ) -> None:  # fmt: skip
        """Do one thread's share of the batches `order` (m, b): parts of each batch, then blocks of the weights.

        `step` moves by the gradient of each batch's mean loss at `net`; in training they are one. It and its slots
        `first`, `second`, `average` are flat (·,). step_sizes (m, 3) has a row for each batch
        (`golmu.engines.fused.optimizers`). losses (m,) receives the loss of each batch, before its step or after it.
        `first_batch` is the number of the first batch in its epoch.

        Any thread computes a part or a block in the same way, and sums over parts are taken in their order, so the bits
        do not depend on which thread claims what.
        """
        n_batches, size = order.shape
        samples = work.act.shape[2]
        n_parts = (size + samples - 1) // samples
        n_blocks = (len(net.dense1) + ROWS_PER_BLOCK - 1) // ROWS_PER_BLOCK + 3  # and dense2, conv_w, conv_b
        n_blocks += (len(net.deeper) + NUMBERS_PER_BLOCK - 1) // NUMBERS_PER_BLOCK
        for batch in range(n_batches):
            for stage in range(1 + loss_after):
                is_step = stage == 0
                prepare_weights(net, work.table, work.transformed[thread])
                while True:
                    part = claim(state, thread, n_parts)
                    if part == n_parts:
                        break
                    start, end = part * samples, min(size, (part + 1) * samples)
                    chosen = order[batch, start:end]
                    x = work.x[thread if is_deep else part]
                    logits, keys, views = work.logits[part], work.keys[part], work.views[part]
                    if is_step or is_deep:  # of several blocks, only the part that a thread did last is still unpacked
                        number = first_batch + batch
                        prefetch_images(images, order, batch, start, end)
                        row = work.row_pixels[thread]
                        unpack_drawn(images, chosen, scale, offset, number, start, step_options, keys, views, row, x)
                        prefetch_images(images, order, batch + 1, start, end)
                    forward(thread, part, net, work, is_step, step_options)
                    factor, smoothing = (ONE / np.float32(size), step_options.smoothing) if is_step else (ZERO, ZERO)
                    scratch = work.softmax[thread]
                    work.losses[stage, part], _ = cross_entropy(
                        logits, labels, importance, chosen, factor, smoothing, scratch
                    )
                    if is_step:
                        backward(thread, part, net, work, step_options)
                        pack_by_sample(work.d_hidden[part], part, n_parts, net.dense1.shape[1], work.right1)
                        pack_by_sample(logits, part, n_parts, net.dense2.shape[1], work.right2)
                if not wait_for_all(state):
                    return
                if thread == 0:
                    losses[batch] = mean_loss(work.losses[stage], n_parts, size)
                if is_step:
                    while True:
                        block = claim(state, thread, n_blocks)
                        if block == n_blocks:
                            break
                        sizes, gradient = step_sizes[batch], work.gradient[thread]
                        update(block, net, step, first, second, average, n_parts, step_options, sizes, gradient, work)
                    if not wait_for_all(state):
                        return

    train.__qualname__ = "train_deep" if is_deep else "train"  # the name under which its code is kept
    return entry(train)


def _make_evaluate(is_deep: bool) -> Any:
    """Make the kernel `evaluate` for networks of one block, or of several."""
    forward, prepare_weights = (deep_forward, transform_deeper) if is_deep else (passes.forward, leave_weights)

    def evaluate(
        thread: int, state: Any, images: Any, labels: Any, scale: Any, offset: Any, order: Any, net: Parameters,
        step_options: StepOptions, n_views: int, work: Buffers, all_logits: Any, losses: Any, n_right: Any,
    ) -> None:  # fmt: skip
        """Do one thread's share of scoring or predicting images, a part at a time, in its own slot of `work`.

        `order` (n,) says which images. The results are losses and n_right (⌈n/S⌉,), which need labels, and all_logits
        (n, C). Empty labels, or empty all_logits, mean that these results are not wanted. With two views the logits are
        the mean of those of an image and of its mirror image.
        """
        n, samples = len(order), work.act.shape[2]
        n_parts = (n + samples - 1) // samples
        x, logits, views, mirrored = work.x[thread], work.logits[thread], work.views[thread], work.mirrored[thread]
        prepare_weights(net, work.table, work.transformed[thread])
        while True:
            part = claim(state, thread, n_parts)
            if part == n_parts:
                break
            chosen = order[part * samples : min(n, (part + 1) * samples)]
            for view in range(n_views):
                unpack(images, chosen, scale, offset, view < n_views - 1, views, work.row_pixels[thread], x)
                forward(thread, thread, net, work, False, step_options)
                if n_views > 1:
                    average_views(logits, mirrored, view == 0)
            if len(all_logits) > 0:
                for s in range(len(chosen)):
                    for k in range(len(logits)):
                        all_logits[chosen[s], k] = logits[k, s]
            if len(labels) > 0:
                losses[part], n_right[part] = cross_entropy(
                    logits, labels, NO_IMPORTANCE, chosen, ZERO, ZERO, work.softmax[thread]
                )

    evaluate.__qualname__ = "evaluate_deep" if is_deep else "evaluate"
    return entry(evaluate)


train, evaluate = _make_train(False), _make_evaluate(False)
train_deep, evaluate_deep = _make_train(True), _make_evaluate(True)
