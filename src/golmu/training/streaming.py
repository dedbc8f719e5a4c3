"""Training images that stay on disk: an epoch reads them window by window, the next while the last is trained on.

A window is some blocks of images, drawn from all blocks by the epoch's seed, whose images are shuffled together. What
does not fill a batch is carried into the next window, so an epoch has as many full batches as one in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import prod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.engines.contract import Engine, Prepared, Score
from golmu.types import Images, Labels

WINDOW_BYTES = 2**25
"""Bytes of the images of a window, about; there are two in memory at a time."""


class Blocks(Protocol):
    """Images in blocks, each of which is read at once."""

    counts: NDArray[np.int64]
    """(blocks,): images of each block."""
    dtype: np.dtype[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, h, w, c)"""

    def read_block(self, block: int) -> tuple[Images, Labels]:
        """Return the images (m, h, w, c) of a block, and their labels (m,)."""


class Stream:
    """Images that are read as they are needed, in place of `Prepared`.

    Parameters
    ----------
    blocks
        Where the images are.
    prepare
        `Engine.prepare` of the engine that is to train; it may add the importance of the samples.
    window_bytes
        Bytes of the images of a window, about.
    """

    def __init__(
        self, blocks: Blocks, prepare: Callable[[Images, Labels], Prepared], window_bytes: int = WINDOW_BYTES
    ) -> None:
        self.blocks, self.prepare = blocks, prepare
        self.window_images = max(1, window_bytes // prod(blocks.shape[1:]))

    def __len__(self) -> int:
        return int(self.blocks.shape[0])

    @contextmanager
    def epoch(self, batch_size: int, rng: np.random.Generator) -> Iterator[StreamedEpoch]:
        """Draw an epoch's order, with one number of `rng`; the images are read while the block lasts."""
        with ThreadPoolExecutor(1, thread_name_prefix="golmu-reading") as pool:
            yield StreamedEpoch(self, min(batch_size, len(self)), int(rng.integers(2**63)), pool)

    def evaluate(self, engine: Engine, *, averaged: bool = False) -> Score:
        """Return mean loss and accuracy of an engine's weights over all images, as `Engine.evaluate` does."""
        loss = n_right = 0.0
        with ThreadPoolExecutor(1, thread_name_prefix="golmu-reading") as pool:
            order = np.arange(len(self.blocks.counts))
            groups = group_blocks(self.blocks.counts, order, self.window_images)
            ahead = [pool.submit(self._read, group) for group in groups[:1]]
            for following in [*groups[1:], None]:
                data = self.prepare(*ahead.pop().result())
                if following is not None:
                    ahead.append(pool.submit(self._read, following))
                score = engine.evaluate(data, averaged=averaged)
                loss += score.loss * len(data)
                n_right += score.accuracy * len(data)
        return Score(loss / len(self), round(n_right) / len(self))

    def _read(self, blocks: NDArray[np.int64]) -> tuple[Images, Labels]:
        images, labels = zip(*map(self.blocks.read_block, blocks.tolist()), strict=True)
        return np.concatenate(images), np.concatenate(labels)


class StreamedEpoch:
    """The batches of one epoch; `golmu.training.loop` asks for them in order, from any batch on.

    Window k holds in this order: what window k − 1 had left over, and its own images, shuffled. All of it follows from
    the seed, so an epoch that was interrupted begins again with the window in which it stood.
    """

    def __init__(self, stream: Stream, batch_size: int, seed: int, pool: ThreadPoolExecutor) -> None:
        self._stream, self.batch_size, self._seed, self._pool = stream, batch_size, seed, pool
        counts = stream.blocks.counts
        order = np.random.default_rng(seed).permutation(len(counts))
        self._windows = group_blocks(counts, order, max(stream.window_images, batch_size))
        sizes = np.array([counts[window].sum() for window in self._windows])
        self._starts = np.concatenate([[0], np.cumsum(sizes)])
        self._first_batches = self._starts // batch_size
        self.n_batches = int(self._first_batches[-1])
        most = int(sizes.max()) + batch_size
        self._buffers = [(np.empty((most, *stream.blocks.shape[1:]), stream.blocks.dtype), np.empty(most, np.int64))]
        if len(self._windows) > 1:
            self._buffers.append((np.empty_like(self._buffers[0][0]), np.empty_like(self._buffers[0][1])))
        self._window = -1
        self._data: Prepared | None = None
        self._ahead: Future[tuple[Images, Labels]] | None = None

    def part(self, first: int, n: int) -> tuple[Prepared, NDArray[np.int64]]:
        """Return up to `n` batches from the one at index `first` on: data, and indices (m, batch_size) into them."""
        window = int(np.searchsorted(self._first_batches, first, side="right")) - 1
        if window != self._window:
            self._go_to(window)
        assert self._data is not None
        row = first - int(self._first_batches[window])
        m = min(n, int(self._first_batches[window + 1]) - first)
        rows = np.arange(row * self.batch_size, (row + m) * self.batch_size)
        return self._data, rows.reshape(m, self.batch_size)

    def _go_to(self, window: int) -> None:
        """Make a window the current one, and begin to read the next."""
        if self._ahead is None or window != self._window + 1:  # the epoch begins, or goes on from a checkpoint
            before = self._read(window - 1, None) if window and self._n_carried(window) else None
            self._ahead = self._pool.submit(self._read, window, before)
        current = self._ahead.result()
        self._window, self._data = window, self._stream.prepare(*current)
        if window + 1 < len(self._windows):
            self._ahead = self._pool.submit(self._read, window + 1, current)

    def _n_carried(self, window: int) -> int:
        """Return how many images a window takes over from the one before it."""
        return int(self._starts[window]) % self.batch_size

    def _read(self, window: int, before: tuple[Images, Labels] | None) -> tuple[Images, Labels]:
        """Read a window into one of the two buffers; without the window before, only its own images are right."""
        images, labels = self._buffers[window % len(self._buffers)]
        n_carried, n = self._n_carried(window), int(self._starts[window + 1] - self._starts[window])
        if before is not None and n_carried:
            images[:n_carried], labels[:n_carried] = (array[-n_carried:] for array in before)
        places = n_carried + np.random.default_rng([self._seed, window]).permutation(n)
        done = 0
        for block in self._windows[window].tolist():
            some, their_labels = self._stream.blocks.read_block(block)
            here = places[done : done + len(some)]
            images[here], labels[here] = some, their_labels
            done += len(some)
        return images[: n_carried + n], labels[: n_carried + n]


def group_blocks(counts: NDArray[np.int64], order: NDArray[np.int64], least: int) -> list[NDArray[np.int64]]:
    """Cut an order of blocks into groups with at least `least` images each, but for one group if there are fewer."""
    groups, first, n = [], 0, 0
    for place, count in enumerate(counts[order].tolist(), start=1):
        n += count
        if n >= least:
            groups.append(order[first:place])
            first, n = place, 0
    if first < len(order):  # what is left goes to the last group
        rest = order[first:]
        groups = [*groups[:-1], np.concatenate([groups[-1], rest])] if groups else [rest]
    return groups
