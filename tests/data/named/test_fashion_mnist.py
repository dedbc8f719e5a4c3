"""Where Fashion-MNIST is looked for, in which order, and that only the published files are ever used or kept."""

import gzip
import hashlib
import logging
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest

from golmu.data import load_dataset
from golmu.data.named import fashion_mnist as fm
from golmu.data.readers.idx import MNIST_FILES
from golmu.errors import DataError, InputTypeError

GOOD = {}  # the name of a file -> its unpacked content, in a tiny stand-in for the published data
for _name, _shape in zip(MNIST_FILES, [(6, 28, 28), (6,), (3, 28, 28), (3,)], strict=True):
    _array = np.random.default_rng(len(GOOD)).integers(0, 256 if len(_shape) > 1 else 10, _shape, np.uint8)
    GOOD[_name] = struct.pack(f">BBBB{len(_shape)}I", 0, 0, 8, len(_shape), *_shape) + _array.tobytes()


def fill(folder, packed=True, damage=None):
    """Write the four files into `folder`; the one named `damage` differs in its last byte."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in GOOD.items():
        written = content[:-1] + bytes([content[-1] ^ 1]) if name == damage else content
        path = folder / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(written) if packed else written)
    return folder


@pytest.fixture
def world(tmp_path, monkeypatch, caplog):
    """A computer without the data: nothing in the cache or Debian's folder, every fetch fails; `asked` lists them."""
    asked = []

    def no_network(url, _target):
        asked.append(url)
        raise DataError(f"cannot download {url} (ConnectionError)")

    def no_apt(package, _scratch):
        asked.append(package)
        raise DataError("this computer has no apt-get and dpkg-deb")

    monkeypatch.setattr(fm, "SHA256", {name: hashlib.sha256(data).hexdigest() for name, data in GOOD.items()})
    monkeypatch.setattr(fm, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(fm, "debian_folder", lambda: tmp_path / "debian")
    monkeypatch.setattr(fm, "download", no_network)
    monkeypatch.setattr(fm, "unpack_debian_package", no_apt)
    monkeypatch.delenv("GOLMU_DATA", raising=False)
    caplog.set_level(logging.INFO, logger="golmu")
    return asked


def serve(monkeypatch, folder, host=fm.MIRRORS[0]):
    """Let one mirror serve the files of `folder`; returns the list of addresses asked."""
    asked = []

    def download(url, target):
        asked.append(url)
        if not url.startswith(host):
            raise DataError(f"cannot download {url} (ConnectionError)")
        shutil.copy(folder / url.rsplit("/", 1)[1], target)

    monkeypatch.setattr(fm, "download", download)
    return asked


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def is_good(data):
    """Whether `data` holds the stand-in's arrays in the promised form."""
    assert data.train.images.shape == (6, 28, 28, 1)
    assert data.test.images.shape == (3, 28, 28, 1)
    parts = (data.train.images, data.train.labels, data.test.images, data.test.labels)
    return all(
        part.astype(np.uint8).tobytes() == GOOD[name][4 + 4 * (3 if "images" in name else 1) :]
        for part, name in zip(parts, MNIST_FILES, strict=True)
    )


def test_the_published_data(fashion_mnist):
    train, test = fashion_mnist.train, fashion_mnist.test
    assert (train.images.shape, test.images.shape) == ((60_000, 28, 28, 1), (10_000, 28, 28, 1))
    assert (train.images.dtype, train.labels.dtype, test.labels.dtype) == (np.uint8, np.int64, np.int64)
    assert np.bincount(train.labels).tolist() == [6000] * 10
    assert np.bincount(test.labels).tolist() == [1000] * 10
    assert train.labels[:5].tolist() == [9, 0, 0, 3, 0]
    assert round(float(train.images.mean()), 2) == 72.94
    assert fashion_mnist.name == "fashion-mnist"
    assert fashion_mnist.class_names[::3] == ("T-shirt/top", "Dress", "Shirt", "Ankle boot")
    assert Path(fashion_mnist.source).is_dir()


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", ["", "fashion-mnist"])
def test_a_named_folder_is_first(world, tmp_path, caplog, packed, below):
    for folder in (tmp_path / "mine" / below, tmp_path / "cache", tmp_path / "debian"):
        fill(folder, packed)
    data = load_dataset("fashion-mnist", folder=str(tmp_path / "mine"))
    assert is_good(data)
    assert data.source == str(tmp_path / "mine" / below)
    assert caplog.messages == [f"Fashion-MNIST comes from {data.source}"]


def test_the_order_of_sources_on_this_computer(world, tmp_path, monkeypatch):
    monkeypatch.setenv("GOLMU_DATA", str(tmp_path / "variable"))
    for name in ("debian", "cache", "variable", "mine"):
        fill(tmp_path / name)
        assert fm.load(tmp_path / "mine").source == str(tmp_path / name)
    monkeypatch.setenv("GOLMU_DATA", "")
    assert fm.load().source == str(tmp_path / "cache")
    assert world == []


def test_a_named_folder_that_fails_is_passed_over_with_a_warning(world, tmp_path, monkeypatch, caplog):
    fill(tmp_path / "debian")
    fill(tmp_path / "mine", damage=MNIST_FILES[2])
    monkeypatch.setenv("GOLMU_DATA", str(tmp_path / "absent"))
    assert fm.load(tmp_path / "mine").source == str(tmp_path / "debian")
    first, second = warnings(caplog)
    assert "looking for Fashion-MNIST elsewhere: folder '" in first
    assert f"{MNIST_FILES[2]}.gz' is not the published file: its unpacked content has SHA-256" in first
    assert "looking for Fashion-MNIST elsewhere: GOLMU_DATA='" in second
    assert "No such file or directory" in second


def test_a_damaged_plain_file_beside_a_good_packed_one_does_no_harm(world, tmp_path):
    fill(tmp_path / "cache")
    (tmp_path / "cache" / MNIST_FILES[0]).write_bytes(b"damaged")
    assert is_good(fm.load())


def test_what_a_mirror_gives_is_kept(world, tmp_path, monkeypatch, caplog):
    asked = serve(monkeypatch, fill(tmp_path / "server"))
    data = fm.load()
    assert is_good(data)
    assert data.source == str(tmp_path / "cache")
    assert asked == [f"{fm.MIRRORS[0]}/{name}.gz" for name in MNIST_FILES]
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == sorted(f"{name}.gz" for name in MNIST_FILES)
    assert caplog.messages[0] == f"fetching Fashion-MNIST (about 31 MB) from {fm.MIRRORS[0]}"
    assert is_good(fm.load())
    assert len(asked) == 4


def test_a_mirror_is_given_up_after_its_first_failure(world, tmp_path, monkeypatch):
    asked = serve(monkeypatch, fill(tmp_path / "server"), host=fm.MIRRORS[2])
    assert is_good(fm.load())
    assert asked[:3] == [f"{mirror}/{MNIST_FILES[0]}.gz" for mirror in fm.MIRRORS]
    assert len(asked) == 2 + 4


def test_what_fails_its_check_is_never_kept(world, tmp_path, monkeypatch):
    asked = serve(monkeypatch, fill(tmp_path / "server", damage=MNIST_FILES[1]), host="http")
    with pytest.raises(DataError, match=f"{MNIST_FILES[1]}.gz' is not the published file"):
        fm.load()
    assert len(asked) == 2 * len(fm.MIRRORS)
    assert not (tmp_path / "cache").exists()


def test_a_damaged_cache_is_not_used_and_replaced(world, tmp_path, monkeypatch):
    cache = fill(tmp_path / "cache", damage=MNIST_FILES[0])
    (cache / f"{MNIST_FILES[3]}.gz").write_bytes(b"\x1f\x8b")
    asked = serve(monkeypatch, fill(tmp_path / "server"))
    assert is_good(fm.load())
    assert len(asked) == 4
    assert is_good(fm.load())
    assert len(asked) == 4


def test_a_cache_that_cannot_be_written_is_no_obstacle(world, tmp_path, monkeypatch, caplog):
    (tmp_path / "cache").write_text("a file where the folder should be")
    serve(monkeypatch, fill(tmp_path / "server"))
    data = fm.load()
    assert is_good(data)
    assert data.source == fm.MIRRORS[0]
    (warning,) = warnings(caplog)
    assert "not kept for next time: cannot write the cache (" in warning


def test_the_debian_package_is_the_last_source(world, tmp_path, monkeypatch):
    def unpack(package, scratch):
        world.append(package)
        fill(scratch / "root" / "usr/share/datasets/fashion-mnist")
        return scratch / "root"

    monkeypatch.setattr(fm, "unpack_debian_package", unpack)
    data = fm.load()
    assert is_good(data)
    assert data.source == str(tmp_path / "cache")
    assert world == [*(f"{mirror}/{MNIST_FILES[0]}.gz" for mirror in fm.MIRRORS), "dataset-fashion-mnist"]
    assert is_good(fm.load())
    assert len(world) == 4


def test_when_all_fail_one_line_says_why_and_what_to_do(world, tmp_path, monkeypatch):
    monkeypatch.setenv("GOLMU_DATA", str(tmp_path / "variable"))
    fill(tmp_path / "cache", damage=MNIST_FILES[0])
    with pytest.raises(DataError) as caught:
        fm.load(tmp_path / "mine")
    message = str(caught.value)
    assert "\n" not in message
    expected = [
        "Fashion-MNIST was not found in any of 8 sources: (1) folder '",
        "mine' for IDX files (No such file or directory)",
        "; (2) GOLMU_DATA='",
        "; (3) cache: '",
        "is not the published file",
        "; (4) Debian's folder: cannot look into folder",
        f"; (5) mirror {fm.MIRRORS[0]}: cannot download {fm.MIRRORS[0]}/train-images-idx3-ubyte.gz (ConnectionError)",
        f"; (7) mirror {fm.MIRRORS[2]}",
        "; (8) Debian package dataset-fashion-mnist: this computer has no apt-get",
        "; to provide it yourself, put train-images-idx3-ubyte.gz, ",
        "as the argument `folder` or in the environment variable GOLMU_DATA",
    ]
    position = 0
    for text in expected:
        assert text in message[position:]
        position += message[position:].index(text)


def test_no_room_for_temporary_files_is_a_data_error(world, monkeypatch):
    def refuse(**_kwargs):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(fm.tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(DataError, match="No usable temporary directory"):
        fm.load()


def test_a_folder_of_the_wrong_type_is_named(world):
    with pytest.raises(InputTypeError, match="folder must be text or a path, but is a int: 3"):
        fm.load(3)


@pytest.mark.skipif(not (shutil.which("apt-get") and shutil.which("dpkg-deb")), reason="not Debian or its kin")
def test_the_real_debian_package_without_installing_it(tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.INFO, logger="golmu")
    monkeypatch.delenv("GOLMU_DATA", raising=False)
    monkeypatch.setattr(fm, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(fm, "debian_folder", lambda: tmp_path / "absent")
    monkeypatch.setattr(fm, "MIRRORS", ())
    system = [path for path in map(Path, ("/var/lib/apt/lists", "/var/cache/apt", "/var/lib/dpkg")) if path.exists()]
    before = [path.stat().st_mtime_ns for path in system]
    data = fm.load()
    assert len(data.train) == 60_000
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == sorted(f"{name}.gz" for name in MNIST_FILES)
    assert caplog.messages == [
        "fetching Fashion-MNIST (about 31 MB) from Debian package dataset-fashion-mnist",
        f"Fashion-MNIST comes from {tmp_path / 'cache'}",
    ]
    assert [path.stat().st_mtime_ns for path in system] == before


def test_whether_the_files_are_here_is_known_without_reading_them(tmp_path, monkeypatch):
    monkeypatch.delenv("GOLMU_DATA", raising=False)
    monkeypatch.setattr(fm, "cache_folder", lambda: tmp_path / "cache")
    monkeypatch.setattr(fm, "debian_folder", lambda: tmp_path / "debian")
    assert not fm.is_here()
    for place in (tmp_path / "debian", tmp_path / "given" / "fashion-mnist"):
        place.mkdir(parents=True)
        for name in MNIST_FILES:
            (place / f"{name}.gz").touch()
    assert fm.is_here(tmp_path / "given")
    assert fm.is_here()
    (tmp_path / "debian" / f"{MNIST_FILES[0]}.gz").unlink()
    assert not fm.is_here()
    monkeypatch.setenv("GOLMU_DATA", str(tmp_path / "given"))
    assert fm.is_here()
