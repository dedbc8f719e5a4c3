"""Damaged files of every kind, made by hypothesis from sound ones: an error of ours or an answer; bounded memory."""

import gzip
import io
import resource
import struct
import zlib

import numpy as np
import pyarrow
import pytest
from fuzzing import ROOM, TARGETS, feed, npz
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import csv, parquet

import golmu.data.readers.npz
from golmu import load_dataset
from golmu.data.loading import read_dataset
from golmu.data.readers.idx import read_idx
from golmu.data.readers.image_files import MAX_PIXELS, read_image
from golmu.data.reading import ReadOptions
from golmu.data.storage import MAX_BYTES
from golmu.errors import DataError, GolmuError

EXAMPLES = 400

edit = st.one_of(
    st.tuples(st.just("set"), st.integers(0, 2**16), st.integers(0, 255)),
    st.tuples(st.just("number"), st.integers(0, 2**16), st.sampled_from([0, 1, 2**15, 2**31 - 1, 2**32 - 1])),
    st.tuples(st.just("cut"), st.integers(0, 2**16), st.integers(1, 200)),
    st.tuples(st.just("insert"), st.integers(0, 2**16), st.binary(min_size=1, max_size=20)),
    st.tuples(st.just("repeat"), st.integers(0, 2**16), st.integers(1, 200)),
    st.tuples(st.just("end"), st.integers(0, 2**16), st.none()),
)


def edited(content, edits):
    content = bytearray(content)
    for kind, place, value in edits:
        at = place % (len(content) + 1)
        if kind == "set":
            content[at : at + 1] = bytes([value])
        elif kind == "number":
            content[at : at + 4] = struct.pack("<I" if place % 2 else ">I", value)
        elif kind == "cut":
            del content[at : at + value]
        elif kind == "insert":
            content[at:at] = value
        elif kind == "repeat":
            content[at:at] = content[at : at + value]
        else:
            del content[at:]
    return bytes(content)


@pytest.mark.parametrize("target", TARGETS)
def test_damaged_files_are_answered_by_errors_of_ours(target):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(seed=st.sampled_from(TARGETS[target][2]), edits=st.lists(edit, min_size=1, max_size=6))
    def feed_edited(seed, edits):
        feed(target, edited(seed, edits))

    @settings(max_examples=EXAMPLES // 4, deadline=None, derandomize=True)
    @given(st.binary(max_size=300))
    def feed_anything(content):
        feed(target, content)

    feed_edited()
    feed_anything()
    for content in TARGETS[target][2]:
        for length in range(len(content)):
            feed(target, content[:length])
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


# Tables that are whole, but hold something else than images


def columns(n):
    """Arrow columns of `n` values, of any type, with and without nulls; some of them as labels or pixels are."""
    numbers = [pyarrow.int8(), pyarrow.uint8(), pyarrow.int64(), pyarrow.uint64(), pyarrow.float16(), pyarrow.float64()]
    whole = st.one_of(st.integers(0, 1), st.integers(0, 127))
    kinds = [st.tuples(st.just(kind), st.lists(whole, min_size=n, max_size=n)) for kind in numbers]
    for kind, values in (
        (pyarrow.int64(), st.integers(-(2**63), 2**63 - 1)),
        (pyarrow.float64(), st.floats()),
        (pyarrow.string(), st.text(max_size=3)),
        (pyarrow.binary(), st.sampled_from([b"", b"text", *TARGETS["image"][2]])),
        (pyarrow.bool_(), st.booleans()),
        (pyarrow.null(), st.none()),
        (pyarrow.date32(), st.dates()),
        (pyarrow.timestamp("us"), st.datetimes()),
        (pyarrow.decimal128(9, 2), st.decimals(-9999, 9999, places=2)),
        (pyarrow.list_(pyarrow.uint8()), st.lists(st.integers(0, 255), max_size=3)),
        (pyarrow.struct([("bytes", pyarrow.binary())]), st.sampled_from([{"bytes": b""}, {"bytes": None}, {}])),
        (pyarrow.struct([("bytes", pyarrow.int8())]), st.just({"bytes": 3})),
        (pyarrow.dictionary(pyarrow.int8(), pyarrow.string()), st.sampled_from(["ant", "bee"])),
    ):
        kinds += [
            st.tuples(st.just(kind), st.lists(one, min_size=n, max_size=n)) for one in (values, st.none() | values)
        ]
    return st.one_of(kinds).map(lambda drawn: pyarrow.array(drawn[1], drawn[0]))


names = st.sampled_from(["label", "fine_label", "coarse_label", "image", "id", "", *map(str, range(9))]) | st.text(
    max_size=3
)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("target", ["parquet", "csv"])
def test_whole_tables_of_any_types_are_answered_by_errors_of_ours(target):
    suffix, write = (".parquet", parquet.write_table) if target == "parquet" else (".csv", csv.write_csv)
    path = ROOM / f"types{suffix}"

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
    @given(data=st.data(), n=st.integers(0, 4))
    def feed_table(data, n):
        found = data.draw(st.dictionaries(names, columns(n), max_size=9))
        content = io.BytesIO()
        try:
            write(pyarrow.table(found), content)
        except (pyarrow.ArrowException, UnicodeEncodeError):  # CSV has no lists
            return
        feed(target, content.getvalue())
        path.write_bytes(content.getvalue())
        for label in found:
            try:
                read_dataset(path, None, ReadOptions(label=label))
            except GolmuError as error:
                assert str(path) in str(error)  # noqa: PT017  an answer is right too

    feed_table()


# Bombs: small files that unpack to more than a stated limit


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 2**32 - 1) + bytes(10**6)))
    with pytest.raises(DataError, match=r"declares 4294967303 bytes, more than its \d+ bytes of gzip can unpack to"):
        read_idx(path)
    path.write_bytes(gzip.compress(struct.pack(">BBBBII", 0, 0, 8, 2, 2**31, 4) + bytes(10**6)))
    with pytest.raises(DataError, match=f"but at most {MAX_BYTES} bytes are read; split the file"):
        read_idx(path)


def test_a_png_bomb_is_refused_before_it_is_decoded(tmp_path):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    side = 100_000
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10**6))))
    with pytest.raises(
        DataError, match=r"is larger than 120,000,000 pixels, the most that are decoded: scale it down$"
    ):
        read_image(path, (6, 5, 1))
    assert MAX_PIXELS == 120_000_000


def test_an_npz_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    path.write_bytes(npz(np.savez_compressed, x=np.zeros((3000, 40, 40), np.uint8), y=np.zeros(3000, np.uint8)))
    assert path.stat().st_size < 20_000
    assert len(load_dataset(path).train) == 3000
    monkeypatch.setattr(golmu.data.readers.npz, "MAX_BYTES", 10**6)
    with pytest.raises(
        DataError, match=r"declares 4800128 bytes for x, but at most 1000000 are read; save fewer images$"
    ):
        load_dataset(path)


def test_an_npz_whose_array_declares_more_than_it_holds_is_refused(tmp_path):
    content = npz(x=np.zeros((3, 40, 40), np.uint8), y=np.zeros(3, np.uint8))
    path = tmp_path / "claims.npz"
    path.write_bytes(content.replace(b"(3, 40, 40), }", b"(9**9, 4, 4),}").replace(b"9**9", b"9999"))
    with pytest.raises(DataError, match=r"claims.npz'"):
        load_dataset(path)


def test_objects_in_an_npz_are_not_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return print, ("loading data ran code",)

    path = tmp_path / "trap.npz"
    path.write_bytes(npz(x=np.array([Trap()], dtype=object), y=np.zeros(1, np.uint8)))
    with pytest.raises(DataError, match=r"holds x as Python objects, which are not loaded: save numbers or strings$"):
        load_dataset(path)
