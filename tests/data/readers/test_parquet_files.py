"""Parquet files: what many rows share takes memory once."""

import io
import resource
import subprocess
import sys

import numpy as np
import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from golmu import load_dataset
from golmu.data.readers import table_labels
from golmu.errors import DataError

LOAD = """
import resource, sys
from golmu.data.loading import ReadOptions, read_dataset
import golmu.data.readers.tables, pyarrow.parquet
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
data = read_dataset(sys.argv[1], None, ReadOptions(label="label"))
print(len(data.train), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) >> 10)
"""


def noisy_png(n_bytes):
    """A small PNG with a large chunk of nothing after its end."""
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8), np.uint8)).save(file, "PNG")
    return file.getvalue() + bytes(n_bytes)


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="needs rusage")
@pytest.mark.parametrize("as_struct", [False, True])
def test_large_values_that_rows_share_are_decoded_once(tmp_path, as_struct):
    image = noisy_png(2_000_000)
    images = [{"bytes": image, "path": "a.png"}] * 400 if as_struct else [image] * 400
    text = pyarrow.array(["x" * 1_000_000, "y" * 1_000_000] * 200)
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"label": text, "image": images}), path)
    assert path.stat().st_size < 600_000
    answer = subprocess.run([sys.executable, "-c", LOAD, path], capture_output=True, text=True, check=True, timeout=120)
    n, mebibytes = map(int, answer.stdout.split())
    assert n == 400
    assert mebibytes < 150  # and not the 400 of the labels or the 800 of the images


def test_labels_that_differ_are_limited(tmp_path, monkeypatch):
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"label": [f"{i:0100}" + "x" for i in range(50)], "image": [b"x"] * 50}), path)
    monkeypatch.setattr(table_labels, "MAX_TEXT_BYTES", 4000)
    with pytest.raises(DataError, match=r"holds more than 4,000 bytes of different values in 'label'; choose another"):
        load_dataset(path)


def test_many_rows_of_the_same_labels_are_quick(tmp_path):
    n = 3_000_000
    zeros = pyarrow.array(np.zeros(n, np.int8))
    label = pyarrow.array(np.arange(n, dtype=np.int8) % 2)
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"label": label, **dict.fromkeys("abcd", zeros)}), path)
    data = load_dataset(path)
    assert (len(data.train), data.train.labels[:3].tolist()) == (n, [0, 1, 0])
