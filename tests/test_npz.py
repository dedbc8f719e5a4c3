"""`.npz` files: what they may hold, and what is said of the rest."""

import re

import numpy as np
import pytest

from fuzzing import npz
from golmu import load_dataset
from golmu.errors import DataError, InputError

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (12, 4, 3), np.uint8), np.arange(12) % 3


def written(tmp_path, **arrays):
    path = tmp_path / "shapes.npz"
    path.write_bytes(npz(**arrays))
    return path


def test_training_and_test_arrays(tmp_path):
    data = load_dataset(written(tmp_path, x_train=X, y_train=Y, x_test=X[:3], y_test=Y[:3]))
    assert (data.name, data.class_names) == ("shapes", ("0", "1", "2"))
    assert np.array_equal(data.train.images, X[..., None])
    assert np.array_equal(data.train.labels, Y)
    assert data.train.labels.dtype == np.int64
    assert len(data.test) == 3


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
def test_one_pair_of_arrays_and_labels_of_text(tmp_path, pack):
    path = tmp_path / "animals.NPZ"
    path.write_bytes(npz(pack, x=X[..., None].repeat(3, 3), y=np.array(["ant", "벌", "cat"])[Y]))
    data = load_dataset(str(path))
    assert data.class_names == ("ant", "cat", "벌")
    assert [data.class_names[label] for label in data.train.labels[:3]] == ["ant", "벌", "cat"]
    assert data.train.images.shape == (12, 4, 3, 3)
    assert data.test is None


def test_other_orders_of_bytes_and_of_axes(tmp_path):
    data = load_dataset(written(tmp_path, x=np.asfortranarray(X), y=Y.astype(">i4")[:, None]))
    assert np.array_equal(data.train.images, X[..., None])
    assert np.array_equal(data.train.labels, Y)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"a": X, "b": Y}, "'{path}' holds a, b, where x_train and y_train (x_test and y_test beside them, or not)"),
        ({}, "'{path}' holds nothing, where x_train"),
        ({"x": X}, "'{path}' holds x, where x_train"),
        ({"x": X / 255, "y": Y}, "'{path}: x_train' holds float64 with shape (12, 4, 3), where images of uint8"),
        ({"x": X, "y": Y / 2}, "'{path}: y_train' holds float64 with shape (12,), where labels of an integer type"),
        ({"x": X, "y": Y[:5]}, "'{path}: x_train' holds 12 images, but '{path}: y_train' holds 5 labels"),
        ({"x": X, "y": Y - 1}, "'{path}: y_train' holds labels from -1 to 1, where 0 to 65535 were expected"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, 1:], "y_test": Y},
            "'{path}' holds training images of shape (4, 3, 1) and test images of shape (3, 3, 1), where one shape"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path, arrays, text):
    path = written(tmp_path, **arrays)
    with pytest.raises(DataError, match=f"^{re.escape(text.format(path=path))}"):
        load_dataset(path)


def test_a_missing_file_and_a_useless_folder(tmp_path):
    with pytest.raises(DataError, match=r"^cannot read '.*none.npz' \(No such file or directory\); check the path$"):
        load_dataset(tmp_path / "none.npz")
    with pytest.raises(InputError, match=r"is a file itself, so folder='x' has no use; leave it out$"):
        load_dataset(written(tmp_path, x=X, y=Y), folder="x")
