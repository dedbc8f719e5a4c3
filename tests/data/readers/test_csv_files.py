"""CSV files: packed ones, other delimiters, and how much is read of them."""

import gzip
import os
import re

import numpy as np
import pandas
import pytest
from PIL import Image

from golmu import load_dataset
from golmu.data.readers import csv_files
from golmu.data.readers.table_folders import open_table
from golmu.errors import DataError

RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (12, 16), np.uint8), np.arange(12) % 3


def text_of(delimiter):
    rows = [["label", *(f"p{i}" for i in range(16))], *np.column_stack([Y, X]).tolist()]
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows).encode()


@pytest.mark.parametrize("name", ["bugs.csv", "bugs.CSV.GZ", "bugs.tsv", "bugs.tsv.gz", "bugs.x.csv.gz"])
@pytest.mark.parametrize("is_packed", [False, True])  # what the name says does not matter
def test_packed_files_and_tabs(tmp_path, name, is_packed):
    content = text_of("\t" if "tsv" in name else ",")
    (tmp_path / name).write_bytes(gzip.compress(content) if is_packed else content)
    for path in (tmp_path / name, tmp_path):
        data = load_dataset(path)
        assert np.array_equal(data.train.images.reshape(12, 16), X)
    assert load_dataset(tmp_path / name).name == ("bugs.x" if ".x" in name else "bugs")


@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: content[:40] + b"xxx" + content[43:]])
def test_damaged_gzip_is_named(tmp_path, damage):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(damage(gzip.compress(text_of(","))))
    with pytest.raises(DataError, match=f"^(cannot read )?{re.escape(repr(str(path)))}"):
        load_dataset(path)


def test_what_is_unpacked_is_limited(tmp_path, monkeypatch):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(text_of(",")))
    monkeypatch.setattr(csv_files, "MAX_BYTES", 300)
    with pytest.raises(DataError, match=r"unpacks to more than 300 bytes, the most that are read; split it$"):
        load_dataset(path)


def test_rows_are_counted_before_they_become_python_objects(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_bytes(text_of(","))
    monkeypatch.setattr(csv_files, "MAX_ROWS", 11)
    with pytest.raises(DataError, match=r"^'.*a.csv' has more than 11 rows, the most that are read; split it$"):
        load_dataset(path)
    with pytest.raises(DataError, match=r"has more than 11 rows"):
        list(open_table(path).batches(["label"], 4, ["label"]))


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a.tsv", "a.csv.gz", "a.npz"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_pipes_and_devices_are_refused_at_once(tmp_path, name, kind):
    path = tmp_path / name
    os.mkfifo(path) if kind == "pipe" else path.symlink_to("/dev/zero")
    with pytest.raises(DataError, match="is a device or a pipe; give a data set by name"):
        load_dataset(path)


NAMES = np.array(["ant", "bee", "cat"])


@pytest.mark.filterwarnings("ignore:1 column of .* has no name and numbers the rows")
@pytest.mark.parametrize("labels", [Y, NAMES[Y]])
@pytest.mark.parametrize("options", [{"header": False, "index": False}, {"index": False}, {}])
def test_lines_of_names_are_told_from_lines_of_values(tmp_path, labels, options):
    """With pandas' numbers as names, or without names."""
    pandas.DataFrame(np.column_stack([labels.astype(object), X])).to_csv(tmp_path / "a.csv", **options)
    data = load_dataset(tmp_path / "a.csv")
    assert np.array_equal(data.train.images.reshape(12, 16), X)
    assert data.train.labels.tolist() == Y.tolist()


@pytest.mark.filterwarnings("ignore:.*fewer than 10")
@pytest.mark.parametrize("row", ["{i}.png,{name}", "{name};{i}.png", "{y},./{i}.png"])
def test_lines_that_name_images_are_no_names_of_columns(tmp_path, row):
    for i, pixels in enumerate(X):
        Image.fromarray(pixels.reshape(4, 4)).save(tmp_path / f"{i}.png")
    lines = [row.format(i=i, y=y, name=NAMES[y]) for i, y in enumerate(Y)]
    (tmp_path / "a.csv").write_text("\n".join(lines) + "\n")
    data = load_dataset(tmp_path / "a.csv")
    assert np.array_equal(data.train.images.reshape(12, 16), X)
    assert data.train.labels.tolist() == Y.tolist()


def test_names_of_columns_that_repeat_are_refused(tmp_path):
    (tmp_path / "a.csv").write_text("label,0,0,1,2\n0,5,5,6,7\n1,5,5,6,7\n")
    with pytest.raises(DataError, match=r"has more than one column '0'; rename all but one$"):
        load_dataset(tmp_path / "a.csv")
