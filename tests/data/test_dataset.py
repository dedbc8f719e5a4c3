"""Image sets, data sets, their split, and loading by name or from a folder."""

import gzip
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import golmu.data
from golmu.data import Dataset, ImageSet, load_dataset
from golmu.data.loading import WHAT_DATA_IS
from golmu.data.readers.idx import MNIST_FILES
from golmu.data.split import stratified_split
from golmu.errors import DataError, InputError, InputTypeError


def image_set(n=20, shape=(6, 5, 1), n_classes=2):
    images = np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)
    return ImageSet(images, np.arange(n, dtype=np.int64) % n_classes)


def dataset(train=None, test=None, class_names=("no", "yes")):
    return Dataset("tiny", image_set() if train is None else train, test, class_names, "memory")


IMAGES, LABELS = image_set().images, image_set().labels


def test_importing_the_package_is_light():
    heavy = "{'sklearn', 'scipy', 'pooch', 'requests', 'platformdirs', 'tensorflow'}"
    code = f"import sys; sys.path[:] = {sys.path!r}; import golmu.data; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names():
    assert golmu.data.__all__ == ["Dataset", "ImageSet", "load_dataset"]


def test_image_set_has_a_length():
    assert len(image_set(7)) == 7


@pytest.mark.parametrize(
    ("images", "labels", "text"),
    [
        (IMAGES / 255, LABELS, r"images must hold uint8, but holds float64; convert it with astype\('uint8'\)"),
        (IMAGES[..., 0], LABELS, r"images must have shape \(n, h, w, c\) .* but has shape \(20, 6, 5\)"),
        (IMAGES[:0], LABELS[:0], r"images must have shape .* no axis of length 0, but has shape \(0, 6, 5, 1\)"),
        (IMAGES, LABELS.astype(np.int32), "labels must hold int64, but holds int32"),
        (IMAGES, LABELS[:, None], r"labels must have shape \(n,\) .* but has shape \(20, 1\)"),
        (IMAGES, LABELS[:-1], "images and labels must match in number, but there are 20 images and 19 labels"),
        (IMAGES, LABELS - 3, "labels must be 0 or more, but the lowest is -3; number classes from 0"),
    ],
)
def test_image_set_names_a_wrong_array(images, labels, text):
    with pytest.raises(InputError, match=text):
        ImageSet(images, labels)


def test_image_set_names_a_wrong_type():
    with pytest.raises(InputTypeError, match=r"images must be a NumPy array of uint8 .* but is a list"):
        ImageSet(IMAGES.tolist(), LABELS)
    with pytest.raises(InputTypeError, match=r"labels must be a NumPy array of int64 with shape \(n,\), but is a Non"):
        ImageSet(IMAGES, None)


def test_dataset_names_what_does_not_fit():
    assert dataset(test=image_set(4)).test is not None
    with pytest.raises(InputError, match=r"test images must have the shape .* \(6, 5, 1\), but have \(6, 5, 3\)"):
        dataset(test=image_set(shape=(6, 5, 3)))
    with pytest.raises(InputError, match="class_names must name every label, but train has label 2 and there are 2"):
        dataset(train=image_set(n_classes=3))
    with pytest.raises(InputError, match="class_names must name every label, but test has label 3"):
        dataset(test=image_set(n_classes=4))
    with pytest.raises(InputTypeError, match="train must be an ImageSet, but is a tuple"):
        dataset(train=(IMAGES, LABELS))


@pytest.mark.parametrize(("validation", "random_state"), [(0.2, 42), (0.25, 0), (1 / 3, 2**32 - 1)])
def test_split_is_scikit_learns(validation, random_state):
    from sklearn.model_selection import train_test_split

    data = dataset(train=image_set(101, n_classes=2))
    fit, held_out = data.split(validation, random_state)
    expected = train_test_split(
        data.train.images,
        data.train.labels,
        stratify=data.train.labels,
        test_size=validation,
        random_state=random_state,
    )
    for got, want in zip((fit.images, held_out.images, fit.labels, held_out.labels), expected, strict=True):
        np.testing.assert_array_equal(got, want, strict=True)


@pytest.mark.parametrize("seed", range(40))
def test_split_is_scikit_learns_whatever_the_counts(seed):
    from sklearn.model_selection import train_test_split

    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.permutation(50)[: rng.integers(2, 8)], rng.integers(2, 30, 7)[0]).astype(np.int64)
    labels = rng.permutation(np.r_[labels, labels[: rng.integers(0, len(labels))]])
    share = rng.uniform(0.3, 0.6)
    fit, held_out = train_test_split(np.arange(len(labels)), stratify=labels, test_size=share, random_state=seed)
    assert [part.tolist() for part in stratified_split(labels, share, seed)] == [fit.tolist(), held_out.tolist()]


def test_split_of_fashion_mnist_is_scikit_learns(fashion_mnist):
    from sklearn.model_selection import train_test_split

    fit, held_out = fashion_mnist.split()
    assert (len(fit), len(held_out)) == (48_000, 12_000)
    images, labels = fashion_mnist.train.images, fashion_mnist.train.labels
    expected = train_test_split(images, labels, stratify=labels, test_size=0.2, random_state=42)
    for got, want in zip((fit.images, held_out.images, fit.labels, held_out.labels), expected, strict=True):
        np.testing.assert_array_equal(got, want, strict=True)
    assert np.bincount(held_out.labels).tolist() == [1200] * 10


@pytest.mark.parametrize("validation", [0, 1, -0.1, 1.5, float("nan")])
def test_split_names_a_share_out_of_range(validation):
    with pytest.raises(InputError, match=f"validation must be between 0 and 1, both excluded, but is {validation}"):
        dataset().split(validation)


def test_split_names_arguments_of_wrong_type_or_range():
    with pytest.raises(InputTypeError, match=r"validation must be a number between 0 and 1, but is '0\.2'"):
        dataset().split("0.2")
    with pytest.raises(InputTypeError, match="validation must be a number between 0 and 1, but is True"):
        dataset().split(True)
    with pytest.raises(InputTypeError, match="random_state must be an integer, but is None"):
        dataset().split(random_state=None)
    with pytest.raises(InputError, match=r"random_state must be 0 to 2\*\*32 - 1, but is -1"):
        dataset().split(random_state=-1)


def test_split_names_a_class_with_too_few_images():
    lonely = ImageSet(IMAGES, np.r_[1, np.zeros(19)].astype(np.int64))
    with pytest.raises(
        InputError, match=r"validation=0.2 cannot split the 20 images of 'tiny' by class: 'yes' has 1 image"
    ):
        dataset(train=lonely).split()


# Loading


def write_idx(path, array, code=0x08):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    content = header + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


@pytest.fixture
def folder(tmp_path):
    """A folder "shoes" with four IDX files: 8 training and 4 test images of 6 by 5, labels 0 to 3."""
    path = tmp_path / "shoes"
    path.mkdir()
    for names, n in ((MNIST_FILES[:2], 8), (MNIST_FILES[2:], 4)):
        write_idx(path / names[0], image_set(n).images[..., 0])
        write_idx(path / f"{names[1]}.gz", (np.arange(n) % 4).astype(np.uint8))
    return path


def test_a_folder_of_idx_files_is_a_dataset(folder):
    data = load_dataset(folder)
    assert (data.name, data.source, data.class_names) == ("shoes", str(folder), ("0", "1", "2", "3"))
    assert data.test is not None
    np.testing.assert_array_equal(data.train.images, image_set(8).images, strict=True)
    np.testing.assert_array_equal(data.test.images, image_set(4).images, strict=True)
    np.testing.assert_array_equal(data.train.labels, np.arange(8) % 4, strict=True)


def test_a_folder_of_colour_images_and_a_relative_path(folder, monkeypatch):
    for name, n in ((MNIST_FILES[0], 8), (MNIST_FILES[2], 4)):
        write_idx(folder / name, image_set(n, (6, 5, 3)).images)
    write_idx(folder / f"{MNIST_FILES[3]}.gz", np.full(4, 11, np.int32), code=0x0C)
    monkeypatch.chdir(folder)
    data = load_dataset(".")
    assert (data.name, data.source, len(data.class_names)) == ("shoes", ".", 12)
    assert data.train.images.shape == (8, 6, 5, 3)


@pytest.mark.parametrize(
    ("name", "array", "code", "text"),
    [
        (MNIST_FILES[0], np.zeros((7, 6, 5), np.uint8), 0x08, "holds 7 images, but .* holds 8 labels"),
        (MNIST_FILES[0], np.zeros((8, 30), np.uint8), 0x08, r"holds uint8 with shape \(8, 30\), where images of"),
        (MNIST_FILES[0], np.zeros((8, 6, 5), np.float32), 0x0D, "holds float32 with shape .*, where images of uint8"),
        (MNIST_FILES[0], np.zeros((0, 6, 5), np.uint8), 0x08, "no axis of length 0 were expected"),
        (MNIST_FILES[2], np.zeros((4, 6, 6), np.uint8), 0x08, r"of shape \(6, 5, 1\) and test .* \(6, 6, 1\)"),
        (MNIST_FILES[1], np.zeros((8, 1), np.uint8), 0x08, r"holds uint8 with shape \(8, 1\), where labels of an int"),
        (MNIST_FILES[1], np.zeros(8, np.float64), 0x0E, "holds float64 .*, where labels of an integer type"),
        (MNIST_FILES[1], -np.ones(8, np.int8), 0x09, "holds labels from -1 to -1, where 0 to 65535 were expected"),
        (MNIST_FILES[1], np.full(8, 10**9, np.int32), 0x0C, "holds labels from 1000000000 to 1000000000"),
    ],
)
def test_a_folder_whose_files_do_not_fit_is_named(folder, name, array, code, text):
    write_idx(folder / name, array, code)
    with pytest.raises(DataError, match=text):
        load_dataset(folder)


def test_a_folder_that_lacks_files_is_named(folder):
    (folder / MNIST_FILES[2]).unlink()
    with pytest.raises(DataError, match=f"folder '.*shoes' lacks 1 of 4 files: {MNIST_FILES[2]} "):
        load_dataset(str(folder))


@pytest.mark.parametrize("name", ["fashion_mnist", "Fashion-MNIST", "fashionmnist", "mnist"])
def test_a_close_name_is_suggested(name):
    text = f"there is no data set named '{name}' (did you mean 'fashion-mnist'?); give {WHAT_DATA_IS}"
    with pytest.raises(DataError, match=re.escape(text)):
        load_dataset(name)


@pytest.mark.parametrize("name", ["", "cifar", "x" * 5000, "a\0b"])
def test_an_unknown_name_is_named(name):
    with pytest.raises(DataError, match=rf"there is no data set named '.*'; give {re.escape(WHAT_DATA_IS)}$"):
        load_dataset(name)


def test_a_path_that_is_no_data_set_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for name in (str(tmp_path / "absent"), tmp_path / "file", "file", Path("absent")):
        text = "is a file of a kind that is not read" if Path(name).exists() else "there is no '.*absent'"
        with pytest.raises(DataError, match=f"{text}; give {re.escape(WHAT_DATA_IS)}$"):
            load_dataset(name)


def test_arguments_of_the_wrong_type_or_use_are_named(folder):
    with pytest.raises(InputTypeError, match="name must be text or a path, but is a int: 3"):
        load_dataset(3)
    with pytest.raises(InputTypeError, match="folder must be text or a path, but is a int: 3"):
        load_dataset("fashion-mnist", folder=3)
    with pytest.raises(InputError, match=r"name='.*shoes' is a folder itself, so folder='.*' has no use; leave it out"):
        load_dataset(folder, folder=folder)


def test_a_data_set_shows_itself_in_a_line():
    data = Dataset.from_arrays(np.zeros((1200, 4, 4), np.uint8), np.arange(1200) % 3, name="none")
    assert repr(data.train) == "<ImageSet: 1,200 images of 4x4x1, 3 classes>"
    assert len(repr(data)) < 200
