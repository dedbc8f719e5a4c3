"""Archives of class folders, read in memory."""

import re
import warnings
import zipfile
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from golmu import load_dataset
from golmu.data.readers import zipped_images
from golmu.errors import DataError, GolmuWarning

RNG = np.random.default_rng(0)


def png():
    buffer = BytesIO()
    Image.fromarray(RNG.integers(0, 256, (6, 5), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


class Unmarked(zipfile.ZipInfo):
    """A file whose name's bytes are not marked as UTF-8."""

    raw = b""

    def _encodeFilenameFlags(self):  # noqa: N802
        return self.raw, 0


def archive(path, names, encoding=None):
    """An archive of pictures; `encoding`: that of the names, which are then not marked."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            info = zipfile.ZipInfo(name) if encoding is None else Unmarked(name)
            if encoding is not None:
                info.raw = name.encode(encoding)
            file.writestr(info, png())
    return path


def names_of(*classes, n=10, before=""):
    return [f"{before}{name}/{i}.png" for name in classes for i in range(n)]


def noted(path, **options):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = load_dataset(path, **options)
    assert all(warning.category is GolmuWarning for warning in caught)
    return data, [str(warning.message) for warning in caught]


def test_an_archive_reads_as_its_folder_would(tmp_path):
    names = [*names_of("ant", "bee", before="train/"), *names_of("ant", "bee", n=2, before="test/")]
    path = archive(tmp_path / "bugs.zip", [*names, "__MACOSX/train/ant/._0.png", "../../evil/1.png", "train/.DS_Store"])
    data, notes = noted(path)
    assert notes == []
    assert (data.name, data.source, data.class_names) == ("bugs", str(path), ("ant", "bee"))
    assert (len(data.train), data.test.files[0]) == (20, "test/ant/0.png")
    with zipfile.ZipFile(path) as file:
        file.extractall(tmp_path / "bugs", [name for name in file.namelist() if "evil" not in name])
    folder = load_dataset(tmp_path / "bugs")
    assert np.array_equal(data.train.images, folder.train.images)
    assert data.train.files == folder.train.files
    assert sorted(place.name for place in tmp_path.iterdir()) == ["bugs", "bugs.zip"]


@pytest.mark.parametrize("encoding", [None, "utf-8", "cp949"])
def test_names_are_decoded_as_they_were_written(tmp_path, encoding):
    data, notes = noted(archive(tmp_path / "a.ZIP", names_of("고양이", "강아지", before="사진/"), encoding))
    assert data.class_names == ("강아지", "고양이")
    assert notes == [f"the classes of '{tmp_path}/a.ZIP' are the folders in '사진'"]


def test_names_that_are_neither_are_as_the_format_says(tmp_path):
    data, _ = noted(archive(tmp_path / "a.zip", names_of("stra\xdfe", "caf\xe9"), "cp437"))
    assert data.class_names == ("caf\xe9", "stra\xdfe")


def test_backslashes_separate_folders(tmp_path):
    assert noted(archive(tmp_path / "a.zip", [name.replace("/", "\\") for name in names_of("a", "b")]))[
        0
    ].class_names == ("a", "b")


def test_files_that_cannot_be_unpacked_are_bad_files(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.zip", names_of("a", "b"))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        first = file.infolist()[0]
    content[first.header_offset + 30 + len(first.filename) + 5] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"^1 of 20 images cannot be read: .*a.zip/a/0.png cannot be unpacked: "):
        load_dataset(path)
    assert len(noted(path, skip_bad=True)[0].train) == 19
    monkeypatch.setattr(zipped_images, "MAX_FILE_BYTES", 10)
    with pytest.raises(DataError, match=r"^20 of 20 images .*/a/0.png declares \d+ bytes, but at most 10 are read"):
        load_dataset(path)


def test_encrypted_files_are_told(tmp_path):
    path = archive(tmp_path / "a.zip", names_of("a", "b"))
    content = path.read_bytes()
    path.write_bytes(
        re.sub(rb"PK\x01\x02(....)..", lambda found: b"PK\x01\x02" + found[1] + b"\x01\x00", content, flags=re.S)
    )
    with pytest.raises(DataError, match=r"a.zip/a/0.png is encrypted: unpack the archive first"):
        load_dataset(path)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "'{}' is not a whole .zip file (File is not a zip file); copy or download the file again"),
        (b"PK\x03\x04 nothing", "'{}' is not a whole .zip file (File is not a zip file); copy or download"),
        (None, "cannot read '{}' (No such file or directory); check the path"),
    ],
)
def test_what_is_no_archive_is_told(tmp_path, content, text):
    path = tmp_path / "a.zip"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"^{re.escape(text.format(path))}"):
        load_dataset(path)


def test_an_archive_without_class_folders_is_told(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.zip", ["1.png", "2.png"])
    with pytest.raises(DataError, match=f"^'{path}' holds no class folders of images; unpack it, and give what is"):
        load_dataset(path)
    monkeypatch.setattr(zipped_images, "MAX_ENTRIES", 1)
    with pytest.raises(DataError, match=f"^'{path}' holds 2 files, but at most 1 are read; split it$"):
        load_dataset(path)
