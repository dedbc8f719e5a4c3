"""Data sets from arrays in memory: pixels and labels of every usual kind, and what is said of the others."""

import re

import numpy as np
import pandas
import pytest
from scipy.sparse import csr_array

from golmu import Dataset, load_dataset
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError

RNG = np.random.default_rng(0)

X = RNG.integers(0, 256, (12, 6, 5), np.uint8)

Y = np.arange(12) % 3

SQUARES = RNG.integers(0, 256, (12, 16), np.uint8)


def test_arrays_in_memory_are_a_data_set():
    data = Dataset.from_arrays(X, Y, test_images=X[:4], test_labels=Y[:4])
    assert (data.name, data.source, data.class_names) == ("arrays", "memory", ("0", "1", "2"))
    assert np.array_equal(data.train.images, X[..., None])
    assert data.train.images.dtype == np.uint8
    assert data.train.labels.dtype == np.int64
    assert data.train.labels.tolist() == Y.tolist()
    assert data.test.labels.tolist() == Y[:4].tolist()
    assert Dataset.from_arrays(X, Y, name="mine").name == "mine"


def test_uint8_is_not_copied():
    assert np.shares_memory(Dataset.from_arrays(X, Y).train.images, X)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        pytest.param(X.astype(np.int64), X, id="integers"),
        pytest.param(X.astype(np.float64), X, id="whole floats"),
        pytest.param(X.astype(np.float16), X, id="half floats"),
        pytest.param(X / 255, X, id="floats to 1"),
        pytest.param((X / 255).astype(np.float32), X, id="single floats to 1"),
        pytest.param(X / 510, np.rint(X / 2), id="floats to a half"),
        pytest.param(X > 99, np.where(X > 99, 255, 0), id="booleans"),
        pytest.param((X > 99).astype(float), np.where(X > 99, 255, 0), id="floats 0 and 1"),
        pytest.param(X.tolist(), X, id="lists"),
        pytest.param(X.astype(object), X, id="objects"),
        pytest.param(np.asfortranarray(X), X, id="another order"),
    ],
)
def test_values_of_every_usual_kind(images, expected):
    assert np.array_equal(Dataset.from_arrays(images, Y).train.images[..., 0], expected)


BLACK_AND_WHITE = "all pixels are 0 or 1: they are taken as black and white, 0 and 255"


def nearly_black(top):
    return (
        f"the brightest pixel is {top}, but 255 is white, so the images are nearly black: if {top} is meant to be "
        f"white, multiply the pixels by 255/{top}"
    )


@pytest.mark.parametrize("kind", [int, np.uint8, np.int8])
def test_integers_0_and_1_are_black_and_white(kind):
    with pytest.warns(GolmuWarning, match=f"^{re.escape(BLACK_AND_WHITE)}$") as caught:
        data = Dataset.from_arrays((X > 99).astype(kind), Y, test_images=(X[:3] > 300).astype(kind), test_labels=Y[:3])
    assert caught[0].filename == __file__
    assert np.array_equal(data.train.images[..., 0], np.where(X > 99, 255, 0))
    assert data.test.images.max() == 0


@pytest.mark.parametrize("images", [X // 16, (X // 16).astype(float)])
def test_images_that_are_nearly_black_are_as_they_are_but_noticed(images):
    with pytest.warns(GolmuWarning, match=f"^{re.escape(nearly_black(15))}$"):
        data = Dataset.from_arrays(images, Y)
    assert np.array_equal(data.train.images[..., 0], X // 16)
    with pytest.warns(GolmuWarning, match=f"^{re.escape(nearly_black(2))}$"):  # both parts have one meaning
        data = Dataset.from_arrays((X > 99).astype(int), Y, test_images=X // 127, test_labels=Y)
    assert data.train.images.max() == 1


@pytest.mark.parametrize("top", [1, 16, 31])
def test_parts_of_different_brightness_are_as_they_are_but_noticed(top):
    text = f"^the brightest training pixel is {top}, but the brightest test pixel is {X.max()}: bring both to one scale"
    with pytest.warns(GolmuWarning, match=text):
        data = Dataset.from_arrays(np.minimum(X, top), Y, test_images=X, test_labels=Y)
    assert data.train.images.max() == top
    with pytest.warns(GolmuWarning, match="^the brightest training pixel is "):
        Dataset.from_arrays(X, Y, test_images=np.minimum(X, top), test_labels=Y)
    Dataset.from_arrays(np.minimum(X, 31), Y, test_images=np.minimum(X, 99), test_labels=Y)  # without a notice


def test_the_scale_of_floats_is_that_of_both_parts(tmp_path):
    dark = np.minimum(X[:3], 1).astype(float)
    np.savez(tmp_path / "a.npz", x_train=X.astype(float), y_train=Y, x_test=dark, y_test=Y[:3])
    for read in (
        lambda: Dataset.from_arrays(X.astype(float), Y, test_images=dark, test_labels=Y[:3]),
        lambda: load_dataset(tmp_path / "a.npz"),
    ):
        with pytest.warns(GolmuWarning, match="^the brightest training pixel is "):
            assert read().test.images.max() == 1
    with pytest.raises(InputError, match=r"^images holds pixels up to 1, and the fraction "):
        Dataset.from_arrays(X / 255, Y, test_images=X.astype(float), test_labels=Y)
    assert np.array_equal(Dataset.from_arrays(X / 255, Y, test_images=X, test_labels=Y).train.images[..., 0], X)


def test_files_of_arrays_are_brightened_alike(tmp_path, run):
    np.savez(tmp_path / "a.npz", x=(X > 99).astype(np.uint8), y=Y)
    with pytest.warns(GolmuWarning, match=f"^{re.escape(BLACK_AND_WHITE)}$"):
        data = load_dataset(tmp_path / "a.npz")
    assert np.array_equal(data.train.images[..., 0], np.where(X > 99, 255, 0))
    np.savez(tmp_path / "b.npz", x=X // 16, y=Y)
    with pytest.warns(GolmuWarning, match=f"^{re.escape(nearly_black(15))}$"):
        load_dataset(tmp_path / "b.npz")
    for name, note in (("a.npz", BLACK_AND_WHITE), ("b.npz", nearly_black(15))):
        _, lines, _ = run("data", tmp_path / name, "--sheet", tmp_path / "sheet.png")
        assert lines.count(f"notice: {note}") == 1


@pytest.mark.parametrize("n", [1, 1023, 1024, 1025, 2500])
def test_many_images_are_converted_part_by_part(n):
    images = RNG.integers(0, 256, (n, 3, 2))
    data = Dataset.from_arrays(images.astype(float), np.zeros(n, int))
    assert np.array_equal(data.train.images[..., 0], images)


def test_shapes():
    assert Dataset.from_arrays(SQUARES, Y).train.images.shape == (12, 4, 4, 1)
    assert Dataset.from_arrays(np.stack([X] * 3, axis=3), Y).train.images.shape == (12, 6, 5, 3)


def test_frames_as_fetch_openml_gives_them():
    frame = pandas.DataFrame(SQUARES.astype(np.int64), columns=[f"pixel{i + 1}" for i in range(16)])
    series = pandas.Series([str(label + 1) for label in Y], dtype="category", name="class")
    data = Dataset.from_arrays(frame, series)
    assert np.array_equal(data.train.images.reshape(12, -1), SQUARES)
    assert data.class_names == ("0", "1", "2", "3")
    assert data.train.labels.tolist() == (Y + 1).tolist()
    names = Dataset.from_arrays(frame, series, ("1", "3", "2"))
    assert names.train.labels.tolist() == np.array([0, 2, 1])[Y].tolist()
    mixed = frame.astype({"pixel1": float}).astype({"pixel2": object})
    assert np.array_equal(Dataset.from_arrays(mixed, series).train.images, data.train.images)


@pytest.mark.parametrize(
    ("labels", "names", "class_names", "numbers"),
    [
        (Y, None, ("0", "1", "2"), Y),
        (Y + 1, None, ("0", "1", "2", "3"), Y + 1),
        (Y.astype(float), None, ("0", "1", "2"), Y),
        (Y[:, None], ["a", "b", "c", "d"], ("a", "b", "c", "d"), Y),
        (np.eye(4)[Y], None, ("0", "1", "2", "3"), Y),
        (Y > 0, None, ("False", "True"), Y > 0),
        (Y > 0, ("no", "yes"), ("no", "yes"), Y > 0),
        (np.array(["fox", "cat", "여우"])[Y], None, ("cat", "fox", "여우"), np.array([1, 0, 2])[Y]),
        (np.array(["fox", "cat", "owl"])[Y], ("owl", "fox", "cat", "elk"), ("owl", "fox", "cat", "elk"),
            np.array([1, 2, 0])[Y]),
    ],
)  # fmt: skip
def test_labels_of_every_usual_kind(labels, names, class_names, numbers):
    data = Dataset.from_arrays(X, labels, names, test_images=X, test_labels=labels)
    assert data.class_names == class_names
    assert data.train.labels.tolist() == data.test.labels.tolist() == numbers.astype(int).tolist()


def test_test_labels_are_numbered_as_those_of_training():
    data = Dataset.from_arrays(X, np.array(["a", "b", "c"])[Y], test_images=X[:2], test_labels=["c", "a"])
    assert data.test.labels.tolist() == [2, 0]
    data = Dataset.from_arrays(X, Y, test_images=X[:2], test_labels=[1, 0])
    assert (data.class_names, data.test.labels.tolist()) == (("0", "1", "2"), [1, 0])


@pytest.mark.parametrize("kind", [int, str])
@pytest.mark.parametrize("names", [None, ("a", "b", "c", "d", "e")])
def test_test_images_of_a_class_that_training_lacks_are_left_out(kind, names):
    labels = Y if kind is int else np.array(["a", "b", "c"])[Y]
    test = [4, 0, 4, 3] if kind is int else ["e", "a", "e", "d"]
    shown = "3, 4" if kind is int and names is None else "d, e"
    with pytest.warns(GolmuWarning, match=f"^3 test images of {shown}, which training lacks: they are left out$"):
        data = Dataset.from_arrays(X, labels, names, test_images=X[:4], test_labels=test)
    assert data.class_names == (("0", "1", "2") if kind is int and names is None else ("a", "b", "c"))
    assert data.test.labels.tolist() == [0]
    assert np.array_equal(data.test.images[..., 0], X[1:2])
    with pytest.warns(GolmuWarning, match="^1 test image of .* it is left out$"):
        assert Dataset.from_arrays(X, labels, names, test_images=X[:1], test_labels=test[:1]).test is None


@pytest.mark.parametrize(
    ("labels", "class_names"),
    [
        (["3", "5"], "012345"),
        (["3.0", "5."], "012345"),
        ([" 3", "5"], "012345"),
        (["03", "5"], ("03", "5")),
        (["-3", "5"], ("-3", "5")),
        ([3, 70_000], ("3", "70000")),
        ([True, False], ("False", "True")),
        (["TRUE", "FALSE"], ("FALSE", "TRUE")),
    ],
)
def test_one_rule_says_which_labels_are_numbers_in_arrays_and_tables(tmp_path, labels, class_names):
    images, labels = np.concatenate([X, X])[:, :5], np.array(labels)[np.arange(24) % 2]
    made = [Dataset.from_arrays(images, labels)]
    np.savez(tmp_path / "a.npz", x=images, y=labels)
    frame = pandas.DataFrame(images.reshape(24, -1), columns=[f"p{i}" for i in range(25)]).assign(label=labels)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    made += [load_dataset(tmp_path / f"a.{suffix}") for suffix in ("npz", "csv", "parquet")]
    for data in made:
        assert data.class_names == tuple(class_names)
        assert data.train.labels.tolist() == made[0].train.labels.tolist()


@pytest.mark.parametrize("labels", [["1.5", "2"], [1.5, 2], ["1e-3", "4"]])
def test_numbers_with_a_fraction_are_no_labels(tmp_path, labels):
    labels = np.array(labels)[np.arange(12) % 2]
    with pytest.raises(
        InputError, match=r"^labels must hold class labels, got .* .Unknown label type: continuous.: use"
    ):
        Dataset.from_arrays(X, labels)
    frame = pandas.DataFrame(SQUARES, columns=[f"p{i}" for i in range(16)]).assign(label=labels)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    for suffix in ("csv", "parquet"):
        with pytest.raises(DataError, match="holds labels that are neither whole numbers nor text in 'label'; fix"):
            load_dataset(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"images": None}, InputTypeError, "images must be an array of images, got None"),
        ({"images": csr_array(SQUARES)}, InputTypeError, "images must be a dense array, got a sparse one: call its"),
        ({"images": [[1, 2], [3]]}, InputTypeError, "images must be an array of pixels: "),
        ({"images": [["a"] * 4] * 12}, InputTypeError, "images must be an array of real numbers, got dtype <U1"),
        ({"images": X - 1.0}, InputError,
            "images holds pixels from -1 to 254, but pixels must be whole numbers from 0 to 255, or floats in [0, 1]"),
        ({"images": X.astype(int) * 2}, InputError, "images holds pixels from 0 to 510, but pixels must be whole"),
        ({"images": X / 100}, InputError, "images holds pixels up to 2.55, and the fraction "),
        ({"images": np.where(X > 250, np.nan, X / 255)}, InputError, "images holds pixels from nan to nan, but"),
        ({"images": X.reshape(12, 30)}, InputError, "images is flattened to 30 values per image, which must be"),
        ({"images": np.zeros((12, 3, 32, 32), np.uint8)}, InputError,
            "images has shape (12, 3, 32, 32), with the channels first: pass images.transpose(0, 2, 3, 1)"),
        ({"images": X[:0]}, InputError, "images holds no images: its shape is (0, 6, 5, 1)"),
        ({"images": X[:, :1]}, InputError, "images must hold images of at least 2x2 pixels and one channel, got "),
        ({"images": X[0, 0]}, InputError, "images must have shape (n, h, w, c), (n, h, w) or flattened (n, h·w), got"),
        ({"labels": None}, InputTypeError, "labels is missing: the network requires labels to be passed, but the"),
        ({"labels": Y[:5]}, InputError, "labels has 5 labels for 12 images: give one label for each image"),
        ({"labels": Y - 1, "class_names": ["a", "b", "c"]}, InputError, "labels holds labels from -1 to 1, but t"),
        ({"class_names": ["a", "b ", " b"]}, InputError, "class_names must be one or more different strings, got"),
        ({"labels": Y / 2}, InputError, "labels must hold class labels, got 0.5 (Unknown label type: "),
        ({"class_names": "abc"}, InputTypeError, "class_names must be strings, one for each class, got 'abc'"),
        ({"class_names": [1, 2, 3]}, InputTypeError, "class_names must be strings, one for each class, got [1, 2, 3]"),
        ({"class_names": ["a", "b", "a"]}, InputError, "class_names must be one or more different strings, got ['a', "),
        ({"class_names": []}, InputError, "class_names must be one or more different strings, got []"),
        ({"class_names": ["a", "b"]}, InputError,
            "labels holds labels from 0 to 2, but there are 2 names, for 0 to 1: number the classes from 0, and name"),
        ({"test_images": X, "test_labels": Y + 1, "class_names": ["a", "b", "c"]}, InputError,
            "test_labels holds labels from 1 to 3, but there are 3 names"),
        ({"class_names": 5}, InputTypeError, "class_names must be strings, one for each class, got 5"),
        ({"labels": ["a", " "] * 6}, InputError, "labels has missing labels (empty text), the first for image 1: rem"),
        ({"labels": ["c"] * 12, "class_names": ["a", "b"]}, InputError,
            "labels holds the label 'c', which is not one of the classes: a, b"),
        ({"test_images": X}, InputTypeError, "test_images and test_labels belong together: give both, or neither"),
        ({"test_images": X, "test_labels": Y[:3]}, InputError, "test_labels has 3 labels for 12 images"),
        ({"test_images": X[:, 1:], "test_labels": Y}, InputError, "test images must have the shape of the training"),
        ({"labels": ["0", "1", "01"] * 4, "test_images": X, "test_labels": Y}, InputError,
            "labels and test_labels hold labels of different kinds, numbers and text; use one kind for both"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(arguments, kind, text):
    given = {"images": X, "labels": Y, **arguments}
    with pytest.raises(kind, match=f"^{re.escape(text)}"):
        Dataset.from_arrays(**given)
