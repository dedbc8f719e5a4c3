"""Images in shards as one long array, of which a few are in memory at a time."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data.shards.index import Shard
from golmu.types import ImageShape, Labels

IMAGES_PER_BLOCK = 1024
"""Images that are read at a time, at most."""

BLOCK_BYTES = 2**22
"""Bytes of a block, at most, but for a single image."""


class ShardedImages:
    """Some of the images of shards, as an array (n, h, w, c) of uint8 that stays on disk.

    It has a length, a shape, a type, and can be indexed by numbers, slices and arrays along its first axis, which gives
    an array in memory. The shards are read in blocks: runs of images that lie side by side in one shard.

    Parameters
    ----------
    shards
        The shards.
    chosen
        For each shard, which of its images belong to these: (n,) bits, packed as `numpy.packbits` does it. None: all.

    Attributes
    ----------
    counts
        (blocks,): how many images of each block there are.
    """

    dtype = np.dtype(np.uint8)
    ndim = 4

    def __init__(self, shards: Sequence[Shard], chosen: Sequence[NDArray[np.uint8]] | None = None) -> None:
        self._shards, self._chosen = shards, chosen
        self.image_shape: ImageShape = shards[0].image_shape
        length = min(IMAGES_PER_BLOCK, max(1, BLOCK_BYTES // prod(self.image_shape)))
        places, counts = [], []
        for number, shard in enumerate(shards):
            is_chosen = self._is_chosen(number, 0, shard.n)
            for start in range(0, shard.n, length):
                stop = min(start + length, shard.n)
                places.append((number, start, stop))
                counts.append(int(np.count_nonzero(is_chosen[start:stop])))
        self._places = np.array(places, np.int32)
        self.counts: NDArray[np.int64] = np.array(counts, np.int64)
        self._ends = np.cumsum(self.counts)
        self._last: tuple[int, NDArray[np.uint8]] = (-1, np.empty(0, np.uint8))

    def __len__(self) -> int:
        return int(self._ends[-1])

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(n, h, w, c)"""
        return (len(self), *self.image_shape)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        images = self[:]
        return images if dtype is None else images.astype(dtype)

    def __getitem__(self, key: Any) -> NDArray[np.uint8]:
        if isinstance(key, int | np.integer):
            return np.asarray(self._take(np.array([range(len(self))[int(key)]]))[0])
        if isinstance(key, slice):
            return self._take(np.arange(*key.indices(len(self))))
        rows = np.asarray(key)
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(np.int64)
        return self._take(np.where(rows < 0, rows + len(self), rows))

    @property
    def labels(self) -> Labels:
        """The labels of all of these images, (n,); they are read at each call."""
        return np.concatenate(
            [shard.read_labels()[self._is_chosen(i, 0, shard.n)] for i, shard in enumerate(self._shards)]
        )

    def count_classes(self, n_classes: int) -> NDArray[np.int64]:
        """Return how many of these images show each class, (C,)."""
        counts = np.zeros(n_classes, np.int64)
        for i, shard in enumerate(self._shards):
            counts += np.bincount(shard.read_labels()[self._is_chosen(i, 0, shard.n)], minlength=n_classes)
        return counts

    @property
    def rows(self) -> NDArray[np.int64]:
        """Where each of these images is among all of the shards, (n,)."""
        return np.flatnonzero(np.concatenate([self._is_chosen(i, 0, s.n) for i, s in enumerate(self._shards)]))

    def read_block(self, block: int) -> tuple[NDArray[np.uint8], Labels]:
        """Return the images (m, h, w, c) of a block, and their labels (m,).

        Raises
        ------
        DataError
            If a file of the shard is missing, cut or cannot be read.
        """
        number, start, stop = self._places[block].tolist()
        shard, is_chosen = self._shards[number], self._is_chosen(number, start, stop)
        images, labels = shard.read_images(start, stop), shard.read_labels(start, stop)
        return (images, labels) if is_chosen.all() else (images[is_chosen], labels[is_chosen])

    def _is_chosen(self, number: int, start: int, stop: int) -> NDArray[np.bool_]:
        """Return which images of a shard, from `start` to before `stop`, belong to these."""
        if self._chosen is None:
            return np.ones(stop - start, bool)
        first = start // 8
        return np.unpackbits(self._chosen[number][first:], count=stop - 8 * first)[start - 8 * first :].view(bool)

    def _take(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the images at these places, (m,), in their order."""
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(f"index {rows.max()} is out of bounds for {len(self)} images")
        result = np.empty((len(rows), *self.image_shape), np.uint8)
        blocks = np.searchsorted(self._ends, rows, side="right")
        for block in np.unique(blocks).tolist():
            (here,) = np.nonzero(blocks == block)
            first = self._ends[block] - self.counts[block]
            result[here] = self._images_of(block)[rows[here] - first]
        return result

    def _images_of(self, block: int) -> NDArray[np.uint8]:
        """Return the images of a block; the last one is kept, since short slices of one block follow each other."""
        number, images = self._last
        if number != block:
            images = self.read_block(block)[0]
            self._last = block, images
        return images
