"""The kernels that Python calls, but one: what each thread does in training several blocks, and in an evaluation.

The training of one block is in `golmu.engines.fused.bands`. The kernels are plain functions, which numba compiles where
they are decorated (`golmu.engines.fused.compiling`). The shapes of all arrays are in the table of
`golmu.engines.fused.layout`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.fused import passes
from golmu.engines.fused.compiling import entry, kernel
from golmu.engines.fused.deep_passes import deep_backward, deep_forward
from golmu.engines.fused.further_blocks import transform_deeper
from golmu.engines.fused.layout import NUMBERS_PER_BLOCK, Buffers, Parameters
from golmu.engines.fused.passes import cross_entropy, mean_loss, pack_by_sample
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.threads import claim, wait_for_all
from golmu.engines.fused.updates import FURTHER_BLOCKS, count_blocks, update
from golmu.engines.fused.views import prefetch_images, unpack, unpack_drawn

ZERO, ONE = np.float32(0), np.float32(1)

NO_IMPORTANCE = np.empty(0, np.float32)
"""A constant: only if the compiler knows that losses have no weights do their last bits stay as they were."""

WHOLE = np.int64(-1)
"""The row of an image at which x begins where it has the whole image and a border around it."""


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


@entry
def train_deep(
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
    n_rows = len(net.dense1)
    n_blocks = count_blocks(n_rows) + FURTHER_BLOCKS
    n_blocks += (len(net.deeper) + NUMBERS_PER_BLOCK - 1) // NUMBERS_PER_BLOCK
    x, keys, views, row = work.x[thread], work.keys[thread], work.views[thread], work.row_pixels[thread]
    for batch in range(n_batches):
        for stage in range(1 + loss_after):
            is_step = stage == 0
            transform_deeper(net, work.table, work.transformed[thread])
            while True:
                part = claim(state, thread, n_parts)
                if part == n_parts:
                    break
                start, end = part * samples, min(size, (part + 1) * samples)
                chosen, logits = order[batch, start:end], work.logits[part]
                number = first_batch + batch
                prefetch_images(images, order, batch, start, end, WHOLE, x)
                unpack_drawn(images, chosen, scale, offset, number, start, step_options, WHOLE, keys, views, row, x)
                prefetch_images(images, order, batch + 1, start, end, WHOLE, x)
                deep_forward(thread, part, net, work, is_step, step_options)
                factor, smoothing = (ONE / np.float32(size), step_options.smoothing) if is_step else (ZERO, ZERO)
                scratch = work.softmax[thread]
                work.losses[stage, part], _ = cross_entropy(
                    logits, labels, importance, chosen, factor, smoothing, scratch
                )
                if is_step:
                    deep_backward(thread, part, net, work, step_options)
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
                    update(
                        block, 0, n_rows, net, step, first, second, average, n_parts, step_options, step_sizes[batch],
                        work.gradient[thread], work,
                    )  # fmt: skip
                if not wait_for_all(state):
                    return


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
                unpack(images, chosen, scale, offset, view < n_views - 1, WHOLE, views, work.row_pixels[thread], x)
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


evaluate, evaluate_deep = _make_evaluate(False), _make_evaluate(True)
