"""`.npz` files: what they may hold, and what is said of the rest."""

import re
import warnings

import numpy as np
import pytest
from fuzzing import npz

from golmu import load_dataset
from golmu.errors import DataError, GolmuWarning, InputError

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


@pytest.mark.parametrize(
    "x",
    [X / np.float32(255), X.astype(np.int64), X.astype(float), X.astype(">u2")],
    ids=["shares", "int64", "whole floats", "big-endian"],
)
@pytest.mark.parametrize(
    "y", [Y, Y.astype(float), np.eye(3)[Y], Y[:, None]], ids=["ints", "floats", "one-hot", "column"]
)
def test_whatever_arrays_may_be_in_memory(tmp_path, x, y):
    data = load_dataset(written(tmp_path, x=x, y=y))
    assert data.train.images.dtype == np.uint8
    assert np.array_equal(data.train.images, X[..., None])
    assert np.array_equal(data.train.labels, Y)
    assert data.class_names == ("0", "1", "2")


def test_flattened_and_boolean_arrays(tmp_path):
    data = load_dataset(written(tmp_path, x=X[:, :3].reshape(12, 9) > 99, y=np.arange(12) % 2 == 0))
    assert np.array_equal(data.train.images[..., 0], 255 * (X[:, :3] > 99))
    assert data.class_names == ("False", "True")


def test_text_that_is_in_the_test_only(tmp_path):
    path = written(tmp_path, x_train=X[:2], y_train=["b", "c"], x_test=X[:2], y_test=["a", "b"])
    with pytest.warns(GolmuWarning, match="^1 test image of a, which training lacks: it is left out$"):
        data = load_dataset(path)
    assert data.class_names == ("b", "c")
    assert (data.train.labels.tolist(), data.test.labels.tolist()) == ([0, 1], [0])


def test_other_orders_of_bytes_and_of_axes(tmp_path):
    data = load_dataset(written(tmp_path, x=np.asfortranarray(X), y=Y.astype(">i4")[:, None]))
    assert np.array_equal(data.train.images, X[..., None])
    assert np.array_equal(data.train.labels, Y)


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"a": X, "b": Y}, "'{path}' holds a, b, but must hold x_train and y_train (and x_test and y_test, if "),
        ({}, "'{path}' holds nothing, but must hold x_train"),
        ({"x": X}, "'{path}' holds x, but must hold x_train"),
        ({"x": X / 25, "y": Y}, "'{path}': x holds pixels up to "),
        ({"x": X - 300.0, "y": Y}, "'{path}': x holds pixels from -"),
        ({"x": np.full((12, 4, 3), "a"), "y": Y}, "'{path}': x must be an array of real numbers, got dtype <U1"),
        ({"x": X[:, 0], "y": Y}, "'{path}': x is flattened to 3 values per image, which must be a square number"),
        ({"x": X.reshape(3, 2, 2, 4, 3), "y": Y}, "'{path}': x must have shape (n, h, w, c), (n, h, w) or flattened"),
        ({"x": np.zeros((12, 3, 8, 8), np.uint8), "y": Y}, "'{path}': x has shape (12, 3, 8, 8), with the channels"),
        ({"x": X[:0], "y": Y[:0]}, "'{path}': x holds no images"),
        ({"x": X, "y": Y / 2}, "'{path}': y must hold class labels, got 0.5"),
        ({"x": X, "y": Y[:5]}, "'{path}': y has 5 labels for 12 images: give one label for each image"),
        ({"x_train": X, "y_train": ["0", "1", "01"] * 4, "x_test": X, "y_test": Y},
            "'{path}': y_train and y_test hold labels of different kinds, numbers and text; use one kind for both"),
        ({"x": X, "y": ["a", ""] * 6}, "'{path}': y has missing labels (empty text), the first for image 1"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, 1:], "y_test": Y},
            "'{path}' holds training images of shape (4, 3, 1), but test images of shape (3, 3, 1); bring them to one"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path, arrays, text):
    path = written(tmp_path, **arrays)
    with pytest.raises(DataError, match=f"^{re.escape(text.format(path=path))}"):
        load_dataset(path)


def test_a_missing_file_and_a_useless_folder(tmp_path):
    with pytest.raises(DataError, match=r"^cannot read '.*none.npz' \(No such file or directory\); check the path$"):
        load_dataset(tmp_path / "none.npz")
    with pytest.raises(InputError, match=r"is a file itself, so folder='x' has no effect; leave out folder$"):
        load_dataset(written(tmp_path, x=X, y=Y), folder="x")


@pytest.mark.parametrize(
    ("names", "n_test", "is_noted"),
    [
        (("train_images", "train_labels", "val_images", "val_labels", "test_images", "test_labels"), 2, True),
        (("train_images", "train_labels", "val_images", "val_labels"), 3, False),
        (("X_train", "y_train", "X_test", "y_test"), 3, False),
        (("train_x", "train_y", "test_x", "test_y"), 3, False),
        (("images_train", "labels_train"), None, False),
        (("X", "Y"), None, False),
        (("images", "labels"), None, False),
        (("data", "target"), None, False),
    ],
)
def test_arrays_under_other_usual_names(tmp_path, names, n_test, is_noted):
    """As MedMNIST and others publish them, whose labels are columns."""
    parts = [X, Y[:, None], X[:3], Y[:3, None], X[:2], Y[:2, None]][: len(names)]
    path = written(tmp_path, **dict(zip(names, parts, strict=True)), other=X)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GolmuWarning)
        data = load_dataset(path)
    assert np.array_equal(data.train.images, X[..., None])
    assert data.train.labels.tolist() == Y.tolist()
    assert (None if data.test is None else len(data.test)) == n_test
    note = f"val_images and val_labels of '{path}' are ignored, since there are test images already"
    assert [str(warning.message) for warning in caught] == [note] * is_noted


def test_several_labels_for_an_image_are_refused_in_words(tmp_path):
    path = written(tmp_path, train_images=X, train_labels=np.ones((12, 14), np.uint8))
    with pytest.raises(DataError, match=r"train_labels of shape \(12, 14\) must be one-hot: one 1 in each row"):
        load_dataset(path)


def test_images_without_labels_are_noticed(tmp_path):
    path = written(tmp_path, x_train=X, y_train=Y, X_test=X)
    with pytest.warns(GolmuWarning, match="^X_test of .* has no labels, so it is not used as test images$"):
        assert load_dataset(path).test is None
