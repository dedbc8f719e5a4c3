"""Small packed folders, each image of which can be told from the others."""

from contextlib import contextmanager

import numpy as np

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.shards import packing, sharded_images

N_CLASSES = 3


def numbered_images(n, shape=(4, 5, 1)):
    """(n, h, w, c): image i says i in its first four pixels."""
    images = np.random.default_rng(1).integers(0, 256, (n, *shape), np.uint8)
    images.reshape(n, -1)[:, :4] = np.arange(n, dtype="<u4").view(np.uint8).reshape(n, 4)
    return images


def numbers_of(images):
    """Which images these are."""
    return np.ascontiguousarray(np.asarray(images).reshape(len(images), -1)[:, :4]).view("<u4")[:, 0].tolist()


def numbered_dataset(n=300, n_test=0, shape=(4, 5, 1)):
    """Image i is of class i % 3; class names are a, b and c."""
    images, labels = numbered_images(n + n_test, shape), np.arange(n + n_test) % N_CLASSES
    test = ImageSet(images[n:], labels[n:]) if n_test else None
    return Dataset("numbers", ImageSet(images[:n], labels[:n]), test, ("a", "b", "c"), "memory")


@contextmanager
def small_shards(monkeypatch, per_shard=128, per_block=16):
    """Shards and blocks of fewer images while the block lasts."""
    with monkeypatch.context() as patch:
        patch.setattr(packing, "IMAGES_PER_SHARD", per_shard)
        patch.setattr(packing, "IMAGES_AT_A_TIME", 10)
        patch.setattr(sharded_images, "IMAGES_PER_BLOCK", per_block)
        yield


def pack_dataset(dataset, output, **options):
    """Pack a data set that is in memory."""
    return packing.pack(lambda storage: dataset, output, **options)
