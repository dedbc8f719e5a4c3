"""IDX files: what is read, what is refused, and that nothing but DataError ever escapes."""

import gzip
import hashlib
import os
import re
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from golmu.data.readers.idx import MNIST_FILES, _Gunzip, find_idx_files, read_idx, read_idx_with_sha256
from golmu.data.storage import MAX_BYTES
from golmu.errors import DataError, InputTypeError

CODES = {"uint8": 0x08, "int8": 0x09, "int16": 0x0B, "int32": 0x0C, "float32": 0x0D, "float64": 0x0E}


def idx_bytes(array):
    """The IDX file of an array, written the slow and evident way."""
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, CODES[array.dtype.name], array.ndim, *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


def pack(content, packed):
    return gzip.compress(content, mtime=0) if packed else content


IMAGES = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)


@pytest.fixture
def write(tmp_path):
    def write_file(content, name="file"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write_file


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("shape", [(7,), (2, 3), (5, 4, 3), (0,), (3, 0, 2), (1,) * 32])
def test_every_element_type_and_shape_comes_back(write, dtype, shape, packed):
    array = np.random.default_rng(0).normal(0, 60, shape).astype(np.int64).astype(dtype)
    read = read_idx(write(pack(idx_bytes(array), packed)))
    assert read.dtype == np.dtype(dtype)
    assert read.dtype.isnative
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array, strict=True)


def test_content_decides_and_not_the_name(write):
    for packed, name in [(True, "images"), (False, "images.gz")]:
        np.testing.assert_array_equal(read_idx(write(pack(idx_bytes(IMAGES), packed), name)), IMAGES)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_digest_is_of_the_unpacked_content(write, packed, dtype):
    content = idx_bytes(np.arange(2**21 // 4).astype(dtype))  # more than one chunk
    array, digest = read_idx_with_sha256(str(write(pack(content, packed))))
    assert digest == hashlib.sha256(content).hexdigest()
    assert idx_bytes(array) == content


def test_joined_gzip_members_and_padding_are_one_file(write):
    content = idx_bytes(IMAGES)
    joined = gzip.compress(content[:9]) + gzip.compress(b"") + gzip.compress(content[9:]) + bytes(70_000)
    np.testing.assert_array_equal(read_idx(write(joined)), IMAGES)


def corrupt_crc(content):
    packed = bytearray(gzip.compress(content))
    packed[-8] ^= 1
    return bytes(packed)


CONTENT = idx_bytes(IMAGES)  # 16 bytes of header, 60 of elements
DAMAGED = {
    "empty": (b"", "is empty; copy or download the file again"),
    "empty in gzip": (gzip.compress(b""), "holds 0 bytes, but an IDX file has at least 4"),
    "three bytes": (CONTENT[:3], "holds 3 bytes, but an IDX file has at least 4"),
    "text": (b"hello, world", "is not an IDX file: it should start with 00 00 .* but starts with 68 65 6c 6c"),
    "element type": (b"\0\0\x0a\1\0\0\0\1x", "is not an IDX file: .* but starts with 00 00 0a 01"),
    "no dimension": (b"\0\0\x08\0x", "declares 0 dimensions, but 1 to 32 are possible"),
    "33 dimensions": (b"\0\0\x08\x21" + b"\0\0\0\1" * 33 + b"x", "declares 33 dimensions"),
    "cut in header": (CONTENT[:13], "ends in its header: it holds 9 of 12 bytes of dimensions"),
    "cut": (CONTENT[:-1], r"is 75 bytes long, but its header declares 76 for shape \(5, 4, 3\)"),
    "trailing": (CONTENT + b"\0", "is 77 bytes long, but its header declares 76"),
    "cut in gzip": (gzip.compress(CONTENT[:-1]), "is cut off: it holds 59 bytes of elements.* declares 60"),
    "trailing in gzip": (gzip.compress(CONTENT + b"\0"), "continues after the 60 bytes of elements"),
    "gzip cut": (gzip.compress(CONTENT)[:-9], "is cut off: its gzip stream ends after"),
    "gzip without trailer": (gzip.compress(CONTENT)[:-8], "is cut off: its gzip stream ends after"),
    "gzip header only": (gzip.compress(CONTENT)[:5], "is cut off: its gzip stream ends after 5 packed bytes"),
    "CRC": (corrupt_crc(CONTENT), "is damaged: gzip found '.*incorrect data check'"),
    "gzip and then rubbish": (gzip.compress(CONTENT) + b"rubbish", "is damaged: gzip found '.*header check'"),
}


@pytest.mark.parametrize(("content", "text"), DAMAGED.values(), ids=DAMAGED)
def test_damage_is_named(write, content, text):
    path = write(content)
    with pytest.raises(DataError, match=f"^'{re.escape(str(path))}' {text}") as caught:
        read_idx(path)
    assert "\n" not in str(caught.value)
    assert re.search("; (copy or download the file again|give an IDX file)", str(caught.value))


def test_what_is_not_a_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"there is no IDX file '.*/absent'; check"):
        read_idx(tmp_path / "absent")
    with pytest.raises(DataError, match="is a folder, not an IDX file"):
        read_idx(tmp_path)
    with pytest.raises(DataError, match=r"cannot read .*null"):
        read_idx("a\0b")
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot read .*Not a directory"):
        read_idx(tmp_path / "file" / "below")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="is a device or a pipe, not an IDX file"):
        read_idx(tmp_path / "pipe")


def test_a_file_that_may_not_be_read_is_named(write, monkeypatch):
    path = write(CONTENT)

    def refuse(*_args, **_kwargs):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"cannot read '.*file' \(Permission denied\); check the file and its perm"):
        read_idx(path)


def test_too_little_memory_is_named(write, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise MemoryError

    path = write(CONTENT)
    monkeypatch.setattr(np, "empty", refuse)
    with pytest.raises(DataError, match="does not fit into this computer's free memory"):
        read_idx(path)


@pytest.mark.parametrize("value", [None, 3, b"file", ["file"]])
def test_a_path_of_the_wrong_type_is_named(value):
    with pytest.raises(InputTypeError, match=f"path must be text or a path, but is a {type(value).__name__}"):
        read_idx(value)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("sizes", [(2**32 - 1, 2**32 - 1), (MAX_BYTES // 8 + 1,), (0, 2**32 - 1, 2**32 - 1, 2**32 - 1)])
def test_a_declared_size_over_the_limit_is_refused(write, sizes, packed):
    header = struct.pack(f">BBBB{len(sizes)}I", 0, 0, CODES["float64"], len(sizes), *sizes)
    with pytest.raises(DataError, match=r"declares shape .* of float64, but at most 4294967296 bytes are read"):
        read_idx(write(pack(header, packed)))


def peak_of_failure(path, text):
    """The most bytes that Python and NumPy held while `path` was refused."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=text):
            read_idx(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_no_memory_is_set_aside_for_what_a_file_cannot_hold(write):
    header = struct.pack(">BBBBI", 0, 0, CODES["uint8"], 1, 2**31)
    assert peak_of_failure(write(header + b"x"), "is 9 bytes long, but its header declares 2147483656") < 2**20
    assert peak_of_failure(write(gzip.compress(header + b"x")), "more than its .* bytes of gzip can unpack") < 2**20


def test_a_gzip_bomb_is_not_unpacked_beyond_what_it_declares(write, monkeypatch):
    unpacked = []
    readinto = _Gunzip.readinto

    def count(self, buffer):
        n = readinto(self, buffer)
        unpacked.append(n)
        return n

    monkeypatch.setattr(_Gunzip, "readinto", count)
    bomb = write(gzip.compress(CONTENT + bytes(64 * 2**20)))
    assert peak_of_failure(bomb, "continues after the 60 bytes of elements that its header declares") < 2**20
    assert sum(unpacked) == len(CONTENT) + 1


def test_gunzip_gives_what_the_standard_library_gives(write):
    content = np.random.default_rng(0).integers(0, 4, 300_000, np.uint8).tobytes()
    with write(gzip.compress(content)).open("rb") as file:
        stream, parts, buffer = _Gunzip(file), [], bytearray(777)
        while n := stream.readinto(memoryview(buffer)):
            parts.append(bytes(buffer[:n]))
    assert b"".join(parts) == content


fuzz = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def read_or_data_error(path):
    try:
        return read_idx(path)
    except DataError:
        return None


@fuzz
@given(content=st.binary(max_size=200), prefix=st.sampled_from([b"", b"\0\0\x08\1", b"\0\0\x0e\2", b"\x1f\x8b\x08\0"]))
def test_random_bytes_never_raise_anything_else(write, content, prefix):
    read_or_data_error(write(prefix + content))
    read_or_data_error(write(gzip.compress(prefix + content)))


@fuzz
@given(packed=st.booleans(), position=st.integers(0, 200), bits=st.integers(1, 255))
def test_flipped_bits_never_raise_anything_else(write, packed, position, bits):
    content = bytearray(pack(CONTENT, packed))
    content[position % len(content)] ^= bits
    read = read_or_data_error(write(bytes(content)))
    if packed and read is not None:
        # Flips that gzip's CRC lets pass are in its own header, such as its time stamp.
        np.testing.assert_array_equal(read, IMAGES)


@fuzz
@given(packed=st.booleans(), length=st.integers(0, 200))
def test_cut_files_are_always_refused(write, packed, length):
    content = pack(CONTENT, packed)
    assert read_or_data_error(write(content[: length % len(content)])) is None


@fuzz
@given(body=st.binary(max_size=60))
def test_random_deflate_never_raises_anything_else(write, body):
    header = gzip.compress(b"", mtime=0)[:10]
    trailer = struct.pack("<II", zlib.crc32(body), len(body))
    read_or_data_error(write(header + body + trailer))


def test_files_of_a_folder_are_found_plain_first(tmp_path):
    for name in (*MNIST_FILES, f"{MNIST_FILES[0]}.gz", "README"):
        (tmp_path / name).touch()
    (tmp_path / MNIST_FILES[1]).rename(tmp_path / f"{MNIST_FILES[1]}.gz")
    found = find_idx_files(tmp_path)
    assert list(found) == list(MNIST_FILES)
    assert [path.name for path in found[MNIST_FILES[0]]] == [MNIST_FILES[0], f"{MNIST_FILES[0]}.gz"]
    assert [path.name for path in found[MNIST_FILES[1]]] == [f"{MNIST_FILES[1]}.gz"]


def test_missing_files_of_a_folder_are_named(tmp_path):
    (tmp_path / f"{MNIST_FILES[0]}.gz").touch()
    (tmp_path / MNIST_FILES[2]).touch()
    text = rf"folder '.*' lacks 2 of 4 files: {MNIST_FILES[1]}, {MNIST_FILES[3]} \(each may end in \.gz\); add them"
    with pytest.raises(DataError, match=text):
        find_idx_files(tmp_path)
    with pytest.raises(
        DataError, match=r"cannot look into folder '.*absent' for IDX files \(No such file or directory\); check its"
    ):
        find_idx_files(tmp_path / "absent")
