"""Folders of IDX files under the names of MNIST's family: layouts, labels, mappings, and folders of several sets."""

import gzip
import re

import numpy as np
import pytest
from fuzzing import idx

from golmu import load_dataset
from golmu.errors import DataError, InputError

RNG = np.random.default_rng(0)
X = {"train": RNG.integers(0, 256, (12, 6, 5), np.uint8), "test": RNG.integers(0, 256, (4, 6, 5), np.uint8)}
Y = {"train": (np.arange(12) % 3).astype(np.uint8), "test": np.array([2, 1, 0, 1], np.uint8)}

LAYOUTS = {
    "mnist": "{part}-{what}-idx{axes}-ubyte",
    "dotted": "{part}-{what}.idx{axes}-ubyte",
    "packed": "{part}-{what}-idx{axes}-ubyte.gz",
    "emnist": "emnist-letters-{part}-{what}-idx{axes}-ubyte.gz",
    "qmnist": "qmnist-{part}-{what}-idx{axes}-{kind}",
}


def write(folder, layout, offset=0):
    """Four files; those of EMNIST are transposed, and the labels of QMNIST have eight columns."""
    folder.mkdir(parents=True, exist_ok=True)
    pattern = LAYOUTS.get(layout, layout)
    for part in ("train", "test"):
        name = "t10k" if part == "test" and layout in ("mnist", "dotted", "packed") else part
        images, labels, axes, kind = X[part], Y[part] + offset, 1, "ubyte"
        if "emnist" in layout:
            images = images.swapaxes(1, 2)
        content = idx(labels)
        if "qmnist" in layout:
            axes, kind = 2, "int"
            content = idx(np.stack([labels, *[np.arange(len(labels)) + 900] * 7], axis=1).astype(">i4"), 0x0C)
        for what, data, n, form in (("images", idx(images), 3, "ubyte"), ("labels", content, axes, kind)):
            path = folder / pattern.format(part=name, what=what, axes=n, kind=form)
            path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return folder


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_images_and_labels(tmp_path, layout):
    data = load_dataset(write(tmp_path / "shapes", layout))
    assert data.name == {"emnist": "emnist-letters", "qmnist": "qmnist"}.get(layout, "shapes")
    assert data.class_names == ("0", "1", "2")
    for part, expected in ((data.train, "train"), (data.test, "test")):
        assert np.array_equal(part.images, X[expected][..., None])
        assert part.labels.tolist() == Y[expected].tolist()
        assert part.images.flags.c_contiguous


def test_of_two_files_of_a_kind_the_plain_one_is_read(tmp_path):
    folder = write(tmp_path / "shapes", "mnist")
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(b"damaged")
    assert len(load_dataset(folder).train) == 12


def test_letters_are_named_by_the_mapping_and_start_at_one(tmp_path, run):
    folder = write(tmp_path / "emnist", "emnist", offset=1)
    mapping = folder / "emnist-letters-mapping.txt"
    mapping.write_text("1 65 97\n2 66 98\r\n\n3 67\n")
    data = load_dataset(folder)
    assert data.class_names == ("0", "A/a", "B/b", "C")
    assert data.train.labels.min() == 1
    settings = ("--epochs=1", "--batch-size=4", "--n-kernels=1", "--units=2", "--run", tmp_path / "run")
    status, _, err = run("train", folder, *settings)
    assert (status, err) == (0, "")
    status, lines, _ = run("evaluate", tmp_path / "run")
    assert (status, [line.split()[0] for line in lines[2:]]) == (0, ["A/a", "B/b", "C"])
    status, lines, _ = run("data", folder, "--sheet", tmp_path / "sheet.png")
    assert [line.split()[0] for line in lines[3:7]] == ["3", "A/a", "B/b", "C"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"1 A\n", "does not hold a label and codes of characters on each line (invalid literal for int()"),
        (b"\xff\n", "does not hold a label and codes of characters on each line ('ascii' codec"),
        (b"1 99999999999\n", "does not hold a label and codes of characters on each line ("),
        (b"1 -5\n", "does not hold a label and codes of characters on each line ("),
        (b"-1 65\n", "holds labels that are not from 0 to 65535; fix or remove it"),
    ],
)
def test_a_mapping_that_cannot_be_is_named(tmp_path, content, text):
    folder = write(tmp_path / "emnist", "emnist")
    path = folder / "emnist-letters-mapping.txt"
    path.write_bytes(content)
    with pytest.raises(DataError, match="^" + re.escape(f"'{path}' {text}")):
        load_dataset(folder)


def test_a_mapping_may_lack_labels(tmp_path):
    folder = write(tmp_path / "emnist", "emnist")
    (folder / "emnist-letters-mapping.txt").write_text("1 54620\n7 66\n0\n")
    assert load_dataset(folder).class_names == ("0", "한", "2")


def test_of_several_sets_in_a_folder_one_must_be_named(tmp_path, run, monkeypatch):
    folder = write(tmp_path / "all", "emnist")
    write(folder, "emnist-balanced-{part}-{what}-idx{axes}-ubyte")
    write(folder, "mnist")
    choices = ", ".join(str(folder / name) for name in ("emnist-balanced", "emnist-letters", "mnist"))
    text = f"'{folder}' holds 3 data sets of IDX files: choose one of {choices}"
    with pytest.raises(DataError, match=f"^{re.escape(text)}$"):
        load_dataset(folder)
    for name in ("emnist-balanced", "emnist-letters", "mnist"):
        data = load_dataset(folder / name)
        assert (data.name, len(data.train)) == (name, 12)
        assert np.array_equal(data.test.images, X["test"][..., None])
    monkeypatch.chdir(folder)
    assert load_dataset("emnist-letters").name == "emnist-letters"
    with pytest.raises(InputError, match=r"is a file itself, so folder='x' has no effect; leave out folder$"):
        load_dataset("emnist-letters", folder="x")
    status, lines, _ = run("data", "emnist-letters", "--sheet", tmp_path / "sheet.png")
    assert (status, lines[0]) == (0, "emnist-letters: .")
    with pytest.raises(DataError, match=r"^there is no data set, folder or file named 'emnist-lettres'"):
        load_dataset("emnist-lettres")


@pytest.mark.parametrize(
    ("layout", "name", "lacks"),
    [
        ("mnist", "t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"),
        ("dotted", "train-images.idx3-ubyte", "train-images-idx3-ubyte"),
        ("emnist", "emnist-letters-test-images-idx3-ubyte.gz", "emnist-letters-test-images-idx3-ubyte"),
    ],
)
def test_a_file_that_lacks_is_named(tmp_path, layout, name, lacks):
    folder = write(tmp_path / "shapes", layout)
    (folder / name).unlink()
    with pytest.raises(DataError, match=rf"lacks 1 of 4 files: {lacks} \(each may end in .gz\); add them, or give"):
        load_dataset(folder)


def test_labels_of_several_columns_are_no_labels_elsewhere(tmp_path):
    folder = write(tmp_path / "shapes", "qmnist")
    for path in list(folder.iterdir()):
        path.rename(folder / path.name.replace("idx2", "idx1"))
    with pytest.raises(DataError, match=r"holds int32 with shape \(12, 8\), but must hold labels: integers"):
        load_dataset(folder)
