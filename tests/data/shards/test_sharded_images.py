"""Images in shards as one array: the same as the array itself."""

import numpy as np
import pytest
from packed import numbers_of

from golmu.data.shards.sharded_images import ShardedImages


@pytest.fixture
def both(index):
    """The images, and the array of them in memory."""
    images = ShardedImages(index.train.shards)
    return images, np.concatenate([np.load(shard.images_path) for shard in index.train.shards])


@pytest.mark.parametrize(
    "key",
    [0, 17, -1, np.int64(299), slice(None), slice(10, 250), slice(None, None, 7), slice(290, 10, -3), slice(5, 5),
     [3, 200, 3, -2], np.array([299, 0]), np.arange(300) % 50 == 0],
)  # fmt: skip
def test_indices_give_what_an_array_gives(both, key):
    images, array = both
    key = np.array(key) if isinstance(key, list) else key
    assert images[key].tobytes() == array[key].tobytes()
    assert images[key].shape == array[key].shape


def test_it_has_the_shape_and_the_type_of_an_array(both):
    images, array = both
    assert (images.shape, images.dtype, images.ndim, len(images)) == (array.shape, array.dtype, array.ndim, len(array))
    assert (np.asarray(images) == array).all()
    assert np.asarray(images, np.float32).dtype == np.float32


@pytest.mark.parametrize("key", [300, -301, np.array([0, 300])])
def test_indices_out_of_bounds_are_an_error(both, key):
    with pytest.raises(IndexError):
        both[0][key]


def test_a_chosen_part_is_in_the_order_of_the_shards(index, both):
    rng = np.random.default_rng(3)
    chosen = [rng.random(shard.n) < 0.3 for shard in index.train.shards]
    images = ShardedImages(index.train.shards, [np.packbits(one) for one in chosen])
    expected = both[1][np.concatenate(chosen)]
    assert (images[:] == expected).all()
    assert images.rows.tolist() == np.flatnonzero(np.concatenate(chosen)).tolist()
    assert images.labels.tolist() == [number % 3 for number in numbers_of(expected)]
    blocks = [images.read_block(block) for block in range(len(images.counts))]
    assert (np.concatenate([some for some, _ in blocks]) == expected).all()
    assert np.concatenate([labels for _, labels in blocks]).tolist() == images.labels.tolist()
    assert [len(some) for some, _ in blocks] == images.counts.tolist()


def test_blocks_have_fewer_images_where_these_are_large(index, monkeypatch):
    monkeypatch.setattr("golmu.data.shards.sharded_images.BLOCK_BYTES", 5 * 20)
    assert ShardedImages(index.train.shards).counts.max() == 5
