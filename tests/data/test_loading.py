"""Loading by name, from a folder of IDX files, and what is said of a name that is neither."""

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from golmu.about import WHAT_DATA_IS
from golmu.data import ImageSet, load_dataset
from golmu.data.loading import exists, read_again
from golmu.data.readers.idx import MNIST_FILES
from golmu.data.reading import ReadOptions
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError


def image_set(n=20, shape=(6, 5, 1), n_classes=2):
    images = np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)
    return ImageSet(images, np.arange(n, dtype=np.int64) % n_classes)


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
    with pytest.warns(GolmuWarning, match="^4 test images of 11, which training lacks: they are left out$"):
        data = load_dataset(".")
    assert (data.name, data.source, data.test, len(data.class_names)) == ("shoes", ".", None, 11)
    assert data.train.images.shape == (8, 6, 5, 3)


@pytest.mark.parametrize(
    ("name", "array", "code", "text"),
    [
        (MNIST_FILES[0], np.zeros((7, 6, 5), np.uint8), 0x08, "holds 7 images, but .* holds 8 labels"),
        (MNIST_FILES[0], np.zeros((8, 30), np.uint8), 0x08, r"holds uint8 with shape \(8, 30\), but must hold images"),
        (
            MNIST_FILES[0],
            np.zeros((8, 6, 5), np.float32),
            0x0D,
            "holds float32 with shape .*, but must hold images: uint8",
        ),
        (MNIST_FILES[0], np.zeros((0, 6, 5), np.uint8), 0x08, "and no axis of length 0; give"),
        (MNIST_FILES[2], np.zeros((4, 6, 6), np.uint8), 0x08, r"of shape \(6, 5, 1\), but test .* \(6, 6, 1\)"),
        (
            MNIST_FILES[1],
            np.zeros((8, 1), np.uint8),
            0x08,
            r"holds uint8 with shape \(8, 1\), but must hold labels: int",
        ),
        (MNIST_FILES[1], np.zeros(8, np.float64), 0x0E, "holds float64 .*, but must hold labels: integers"),
        (MNIST_FILES[1], -np.ones(8, np.int8), 0x09, "holds labels from -1 to -1, but labels must be 0 to 65535"),
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
    text = f"there is no data set, folder or file named '{name}' (did you mean 'fashion-mnist'?); give {WHAT_DATA_IS}"
    with pytest.raises(DataError, match=re.escape(text)):
        load_dataset(name)


@pytest.mark.parametrize("name", ["", "cifar", "x" * 5000, "a\0b"])
def test_an_unknown_name_is_named(name):
    with pytest.raises(
        DataError, match=rf"there is no data set, folder or file named '.*'; give {re.escape(WHAT_DATA_IS)}$"
    ):
        load_dataset(name)


def test_a_path_that_is_no_data_set_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)
    for name in (str(tmp_path / "absent"), tmp_path / "file", "file", Path("absent")):
        text = "is not a kind of file that Golmu reads" if Path(name).exists() else "there is no '.*absent'"
        with pytest.raises(DataError, match=f"{text}; give {re.escape(WHAT_DATA_IS)}$"):
            load_dataset(name)


def test_arguments_of_the_wrong_type_or_use_are_named(folder):
    with pytest.raises(InputTypeError, match="name must be text or a path, but is a int: 3"):
        load_dataset(3)
    with pytest.raises(InputTypeError, match="folder must be text or a path, but is a int: 3"):
        load_dataset("fashion-mnist", folder=3)
    with pytest.raises(
        InputError, match=r"name='.*shoes' is a folder itself, so folder='.*' has no effect; leave out folder"
    ):
        load_dataset(folder, folder=folder)


def test_data_that_are_known_tell_only_what_cannot_be_read(tmp_path):
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.new("L", (6, 6), 99).save(tmp_path / name / "1.png")
    (tmp_path / "dog" / "2.png").write_bytes(b"x")
    with pytest.warns(GolmuWarning) as caught:
        read_again(str(tmp_path), None, ReadOptions(skip_bad=True))
    (said,) = (str(one.message) for one in caught)
    assert said.startswith(f"1 file cannot be read and is skipped: {tmp_path / 'dog' / '2.png'} ")


def test_what_is_there(data, tmp_path, monkeypatch):
    assert exists("digits")
    assert exists(str(data))
    assert not exists(str(tmp_path / "gone" / "x"))
    assert not exists(str(tmp_path / "gone\0"))
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    assert not exists(str(tmp_path / "link"))
