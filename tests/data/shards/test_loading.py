"""A packed folder as an ordinary data set."""

import numpy as np
import pytest
from packed import numbered_dataset, numbers_of

from golmu import load_dataset
from golmu.data.shards.split import hold_out
from golmu.errors import DataError, InputError


def test_a_packed_folder_is_the_data_set_that_was_packed_in_another_order(index):
    loaded, packed = load_dataset(index.folder), numbered_dataset(300, 40)
    assert (loaded.name, loaded.class_names) == (packed.name, packed.class_names)
    for one, other in ((loaded.train, packed.train), (loaded.test, packed.test)):
        order = np.argsort(numbers_of(one.images))
        assert (one.images[order] == other.images).all()
        assert (one.labels[order] == other.labels).all()


def test_it_holds_out_what_a_training_on_the_folder_holds_out(index):
    fit, held_out = load_dataset(index.folder).split()
    expected = hold_out(index, 0.2, 42)
    assert (fit.images == expected[0][:]).all()
    assert (held_out.images == expected[1][:]).all()
    assert held_out.labels.tolist() == expected[1].labels.tolist()
    with pytest.raises(InputError, match="validation must be between 0 and 1"):
        load_dataset(index.folder).split(1.5)


def test_a_damaged_folder_is_no_data_set(index):
    path = index.test.shards[0].images_path
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(DataError, match=r"test-00000-images.npy' is damaged"):
        load_dataset(index.folder)


def test_options_for_image_files_are_refused(index):
    with pytest.raises(InputError, match="size=8x8 was asked for"):
        load_dataset(index.folder, size=8)
    with pytest.raises(InputError, match="is not a table; leave out label"):
        load_dataset(index.folder, label="digit")
    assert load_dataset(index.folder, size=(4, 5)).train.images.shape[1:] == (4, 5, 1)
    with pytest.raises(InputError, match="has no effect; leave out folder"):
        load_dataset(index.folder, folder=index.folder)
