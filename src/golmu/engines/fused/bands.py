"""The kernel that trains a network of one block: each thread has a band of the rows of all images.

A thread alone writes and reads the activations of its band, and the rows of dense1 that meet them; so they stay in its
core's cache. If instead each thread had some of the images, each would need all of dense1, half of which another has
just written. What goes from thread to thread is small:

    what              written by           read by              which waits for
    sums              each band but the    the band behind it   FORWARD of the band before, a part after the other
                      last
    d_hidden          the last             all                  SCORED of the last
    right1            the first            all                  BACKWARD of the first
    d_conv_w, d_conv_b  all                the last             BACKWARD of all
    conv_w, conv_b    the last             all                  STEPPED of the last

Each thread adds what its band gives to the sums of the bands before it: so the additions have the same order for any
number of threads. The last thread then has the hidden layer, and computes the losses and its gradient, d_hidden.

There is no barrier: the first thread begins the next batch while the last is still at this one. It overwrites nothing
that is still read. Its sums of a part it writes only when the band behind has gone through that part of the batch
before. All else in the table is written again only after the next batch has gone through all bands at least in part,
and a thread begins that batch when it has ended this one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused.compiling import entry, inlined_kernel, kernel
from golmu.engines.fused.layout import Buffers, Parameters, first_row_of
from golmu.engines.fused.passes import (
    backward_rows,
    cross_entropy,
    forward_rows,
    hidden_gradient,
    logits_of_hidden,
    mean_loss,
    pack_by_sample,
)
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.threads import ABORTED, BACKWARD, FORWARD, SCORED, STEPPED, read, tell, wait_for
from golmu.engines.fused.updates import CONVOLUTION_BLOCKS, FURTHER_BLOCKS, count_blocks, update
from golmu.engines.fused.views import prefetch_images, unpack_drawn

ZERO, ONE = np.float32(0), np.float32(1)

_first_row_of = kernel(first_row_of)


@kernel
def _copy(of: Any, to: Any) -> None:
    """Copy the sums (U + 1, S) of the hidden layer, but not the row of ones behind them."""
    for unit in range(len(of) - 1):
        for s in range(of.shape[1]):
            to[unit, s] = of[unit, s]


@inlined_kernel
def _forward(
    thread: int, state: Any, first_row: int, last_row: int, part: int, n_parts: int, n_done: int, is_step: bool,
    net: Parameters, work: Buffers, step_options: StepOptions,
) -> bool:  # fmt: skip
    """Add what the thread's band of a part gives to the sums of the hidden layer; return False if all are to end.

    n_done parts of this batch and of those before have gone through it already.
    """
    is_last = thread == len(work.bands) - 1
    hidden = work.hidden[part] if is_last else work.sums[thread, part]
    # The next thread must have read what this one wrote for the batch before.
    if not is_last and not wait_for(state, thread + 1, FORWARD, n_done + 1 - n_parts):
        return False
    if thread > 0:
        if not wait_for(state, thread - 1, FORWARD, n_done + 1):
            return False
        _copy(work.sums[thread - 1, part], hidden)
    x, keys = work.bands[thread, part], work.keys[thread]
    forward_rows(x, first_row, last_row, net, work.act[part], work.where[part], is_step, step_options, keys, hidden)
    tell(state, thread, FORWARD)
    return True


@inlined_kernel
def _score(
    thread: int, state: Any, part: int, n_parts: int, labels: Any, importance: Any, chosen: Any, size: int,
    stage: int, net: Parameters, work: Buffers, step_options: StepOptions, losses: Any, batch: int,
) -> None:  # fmt: skip
    """Compute the loss of a part from the whole sums of its hidden layer, and before a step the gradient of these.

    With the last part, the loss of the batch is written to `losses`.
    """
    hidden, logits, is_step = work.hidden[part], work.logits[part], stage == 0
    logits_of_hidden(net, work.where.shape[1], hidden, logits, is_step, step_options, work.keys[thread])
    factor, smoothing = (ONE / np.float32(size), step_options.smoothing) if is_step else (ZERO, ZERO)
    work.losses[stage, part], _ = cross_entropy(
        logits, labels, importance, chosen, factor, smoothing, work.softmax[thread]
    )
    if is_step:
        hidden_gradient(net, hidden, step_options.hidden_scale, logits, work.d_hidden[part])
        pack_by_sample(logits, part, n_parts, net.dense2.shape[1], work.right2)
        tell(state, thread, SCORED)
    if part == n_parts - 1:
        losses[batch] = mean_loss(work.losses[stage], n_parts, size)


@inlined_kernel
def _backward(
    thread: int, state: Any, first_row: int, last_row: int, batch: int, n_parts: int, net: Parameters, work: Buffers
) -> bool:
    """Compute the gradients of the convolution through the thread's band; return False if all are to end.

    When it returns, all is there that the thread needs for its step: right1, and for the last all bands' gradients.
    """
    n_bands = len(work.bands)
    for part in range(n_parts):
        if not wait_for(state, n_bands - 1, SCORED, batch * n_parts + part + 1):
            return False
        d_hidden = work.d_hidden[part]
        if thread == 0:  # which has less to do than the last
            pack_by_sample(d_hidden, part, n_parts, net.dense1.shape[1], work.right1)
        backward_rows(
            work.bands[thread, part], first_row, last_row, net, work.where[part], d_hidden, work.d_row[thread],
            work.d_conv_w[part], work.d_conv_b[part],
        )  # fmt: skip
    tell(state, thread, BACKWARD)
    are_there = True
    for other in range(n_bands if thread == n_bands - 1 else 1):
        are_there = are_there and wait_for(state, other, BACKWARD, batch + 1)
    return are_there


@entry
def train(
    thread: int, state: Any, images: Any, labels: Any, importance: Any, scale: Any, offset: Any, order: Any,
    net: Parameters, step: Any, first: Any, second: Any, average: Any,
    step_options: StepOptions, step_sizes: Any, first_batch: int, loss_after: bool, work: Buffers, losses: Any,
) -> None:  # fmt: skip
    """Take one thread's band through the batches `order` (m, b); see `golmu.engines.fused.kernels.train_deep`.

    There are as many threads as bands.
    """
    if read(state, ABORTED) != 0:
        return
    n_batches, size = order.shape
    samples, n_bands = work.act.shape[2], len(work.bands)
    n_parts, is_last = (size + samples - 1) // samples, thread == n_bands - 1
    n_rows = work.d_conv_w.shape[1]
    first_row, last_row = _first_row_of(thread, n_bands, n_rows), _first_row_of(thread + 1, n_bands, n_rows)
    top, per_row = 2 * first_row - 1, work.where.shape[1] // n_rows
    first_weight, last_weight = first_row * per_row, last_row * per_row + is_last
    n_blocks = count_blocks(last_weight - first_weight) + (FURTHER_BLOCKS if is_last else 0)
    keys, views, row = work.keys[thread], work.views[thread], work.row_pixels[thread]
    n_done = 0
    for batch in range(n_batches):
        for stage in range(1 + loss_after):
            is_step = stage == 0
            if not wait_for(state, n_bands - 1, STEPPED, batch + stage):
                return
            for part in range(n_parts):
                start, end = part * samples, min(size, (part + 1) * samples)
                chosen = order[batch, start:end]
                if is_step:
                    number, x = first_batch + batch, work.bands[thread, part]
                    prefetch_images(images, order, batch, start, end, top, x)
                    unpack_drawn(images, chosen, scale, offset, number, start, step_options, top, keys, views, row, x)
                    prefetch_images(images, order, batch + 1, start, end, top, x)
                if not _forward(
                    thread, state, first_row, last_row, part, n_parts, n_done, is_step, net, work, step_options
                ):
                    return
                n_done += 1
                if is_last:
                    _score(
                        thread, state, part, n_parts, labels, importance, chosen, size, stage, net, work, step_options,
                        losses, batch,
                    )  # fmt: skip
            if is_step:
                if not _backward(thread, state, first_row, last_row, batch, n_parts, net, work):
                    return
                for i in range(n_blocks):
                    # The last block first: other threads wait for the convolution's weights.
                    update(
                        n_blocks - 1 - i, first_weight, last_weight, net, step, first, second, average, n_parts,
                        step_options, step_sizes[batch], work.gradient[thread], work,
                    )  # fmt: skip
                    if is_last and i == CONVOLUTION_BLOCKS - 1:
                        tell(state, thread, STEPPED)
