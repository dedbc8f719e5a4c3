"""Fixtures that more than one test file needs."""

import io
import os
import struct
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from command import SETTINGS, main
from PIL import Image
from sklearn.datasets import load_digits

from golmu.data import Dataset, load_dataset
from golmu.data.readers.idx import MNIST_FILES
from golmu.engines import ENGINE_NAMES

# All checkouts share what they have compiled; the cache itself tells their states apart.
os.environ.setdefault("NUMBA_CACHE_DIR", str(Path(tempfile.gettempdir()) / "golmu-tests"))


@pytest.fixture(scope="session")
def fashion_mnist() -> Dataset:
    """The real Fashion-MNIST, loaded once: from this computer if it is here, else fetched and kept in the cache."""
    return load_dataset("fashion-mnist")


@pytest.fixture(scope="session")
def digits():
    """scikit-learn's 1,797 handwritten digits: images uint8 (n, 8, 8, 1), labels int64 (n,)."""
    bunch = load_digits()
    return (bunch.images * 255 / 16).astype(np.uint8)[..., None], bunch.target.astype(np.int64)


@pytest.fixture(scope="session")
def write_idx():
    """A function that writes an MNIST-like folder of 400 training and 100 test images of 6×5 pixels in 3 classes.

    Each class is bright in other rows, so that a network learns it in a few epochs.
    """

    def write(folder):
        folder.mkdir(parents=True)
        rng = np.random.default_rng(0)
        for part, n in (("train", 400), ("t10k", 100)):
            labels = (np.arange(n) % 3).astype(np.uint8)
            images = rng.integers(0, 100, (n, 6, 5), np.uint8)
            for label in range(3):
                images[labels == label, 2 * label : 2 * label + 2] += 150
            for name, array in zip([f for f in MNIST_FILES if f.startswith(part)], (images, labels), strict=True):
                header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
                (folder / name).write_bytes(header + array.tobytes())
        return folder

    return write


@pytest.fixture
def run(capsys):
    """A function that gives status, output lines and standard error of `golmu ARGUMENTS`."""

    def call(*arguments):
        capsys.readouterr()
        status = main(*arguments)
        out, err = capsys.readouterr()
        return status, out.splitlines(), err

    return call


@pytest.fixture(scope="session")
def data(tmp_path_factory, write_idx):
    return write_idx(tmp_path_factory.mktemp("data") / "shapes")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, data):
    """A training that has ended: its run folder, and what it printed."""
    folder = tmp_path_factory.mktemp("runs") / "done"
    with redirect_stdout(io.StringIO()) as out:
        assert main("train", data, *SETTINGS, "--run", folder) == 0
    return SimpleNamespace(folder=folder, lines=out.getvalue().splitlines())


@pytest.fixture
def pictures(tmp_path):
    """Three image files, of classes 0, 1 and 2, in a folder."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for label in range(3):
        pixels = np.full((6, 5), 50, np.uint8)
        pixels[2 * label : 2 * label + 2] = 200
        Image.fromarray(pixels).save(folder / f"{label}.png")
    return folder


@pytest.fixture(params=[name for name in ENGINE_NAMES if name != "auto"])
def engine_name(request):
    """Each engine in turn."""
    return request.param
