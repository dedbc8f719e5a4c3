"""Images of shards held out for validation: a share of each class, drawn from a seed, shard by shard."""

from __future__ import annotations

import numpy as np

from golmu.data.shards.index import ShardIndex
from golmu.data.shards.sharded_images import ShardedImages
from golmu.errors import InputError


def hold_out(index: ShardIndex, share: float, seed: int) -> tuple[ShardedImages, ShardedImages]:
    """Divide the training images into those to fit on and those to validate on, each class in the same proportion.

    Every set of images of the right sizes is equally likely, as if all lay in memory: the number of a class that falls
    to a shard is hypergeometric. Only the labels of one shard are in memory at a time, and one bit for each image.

    Parameters
    ----------
    index
        The packed folder.
    share
        Share of the images of each class to hold out, above 0 and below 1: rounded, and at least one.
    seed
        Seed of the draw.

    Returns
    -------
    (fit, held_out)

    Raises
    ------
    InputError
        If a class has one image only, which cannot be in both parts.
    DataError
        If the labels cannot be read.
    """
    left = np.array(index.train.class_counts, np.int64)
    if (left == 1).any():
        name = index.class_names[int((left == 1).argmax())]
        raise InputError(
            f"'{index.name}' cannot be split by class, since '{name}' has only 1 image, and each class needs 2, one to "
            "train on and one to validate on: add images, or remove the class, and pack the data again"
        )
    wanted = np.clip(np.rint(share * left).astype(np.int64), 1, left - 1)
    rng = np.random.default_rng(seed)
    fit, held_out = [], []
    for shard in index.train.shards:
        labels = shard.read_labels()
        here = np.bincount(labels, minlength=len(left))
        n_held_out = rng.hypergeometric(wanted, left - wanted, here)
        # The images of each class come in a random order, and the first of them are held out.
        order = np.lexsort((rng.random(shard.n), labels))
        place = np.arange(shard.n) - np.repeat(np.cumsum(here) - here, here)
        is_held_out = np.empty(shard.n, bool)
        is_held_out[order] = place < n_held_out[labels[order]]
        held_out.append(np.packbits(is_held_out))
        fit.append(np.packbits(~is_held_out))
        left, wanted = left - here, wanted - n_held_out
    return ShardedImages(index.train.shards, fit), ShardedImages(index.train.shards, held_out)
