"""Holding out images of shards."""

import numpy as np
import pytest
from packed import numbered_dataset, numbers_of, pack_dataset, small_shards

from golmu.data.image_set import ImageSet
from golmu.data.shards.split import hold_out
from golmu.errors import InputError


def test_a_share_of_each_class_is_held_out_and_nothing_is_lost(index):
    fit, held_out = hold_out(index, 0.2, 42)
    assert (len(fit), len(held_out)) == (240, 60)
    assert np.bincount(held_out.labels).tolist() == [20, 20, 20]
    assert sorted(numbers_of(fit[:]) + numbers_of(held_out[:])) == list(range(300))


def test_the_seed_decides(index):
    first, again, other = (numbers_of(hold_out(index, 0.2, seed)[1][:]) for seed in (42, 42, 43))
    assert first == again
    assert set(first) != set(other)


def test_every_image_is_held_out_as_often_as_any_other(index):
    """Over 400 seeds each of 300 images should be held out about 80 times, wherever it lies: sd 8."""
    counts = np.zeros(300)
    for seed in range(400):
        counts[numbers_of(hold_out(index, 0.2, seed)[1][:])] += 1
    assert counts.sum() == 400 * 60
    assert 80 - 5 * 8 < counts.min() < counts.max() < 80 + 5 * 8
    assert abs(counts.std() - 8) < 1.5


@pytest.mark.parametrize("share", [0.001, 0.999])
def test_each_part_has_an_image_of_each_class(index, share):
    fit, held_out = hold_out(index, share, 0)
    assert np.bincount(fit.labels).min() >= 1
    assert np.bincount(held_out.labels).min() >= 1


def test_a_class_with_one_image_is_refused_by_name(tmp_path, monkeypatch):
    dataset = numbered_dataset(9)
    lonely = ImageSet(dataset.train.images, np.array([0, 0, 0, 0, 2, 2, 2, 2, 1]))
    with small_shards(monkeypatch):
        index = pack_dataset(type(dataset)("few", lonely, None, ("a", "b", "c"), "memory"), tmp_path / "packed")
    with pytest.raises(InputError, match="'few' cannot be split by class, since 'b' has only 1 image"):
        hold_out(index, 0.2, 42)
