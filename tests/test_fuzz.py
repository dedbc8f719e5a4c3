"""Damaged files of every kind, made by hypothesis from sound ones: an error of ours or an answer; bounded memory."""

import gzip
import resource
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import golmu.data.npz
from fuzzing import TARGETS, feed, npz
from golmu import load_dataset
from golmu.data.idx import MAX_BYTES, read_idx
from golmu.data.images import MAX_PIXELS, read_image
from golmu.errors import DataError

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


# Bombs: small files that unpack to more than a stated limit


def test_a_gzip_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(struct.pack(">BBBBI", 0, 0, 8, 1, 2**32 - 1) + bytes(10**6)))
    with pytest.raises(DataError, match=r"declares 4294967303 bytes, more than its \d+ bytes of gzip can unpack to"):
        read_idx(path)
    path.write_bytes(gzip.compress(struct.pack(">BBBBII", 0, 0, 8, 2, 2**31, 4) + bytes(10**6)))
    with pytest.raises(DataError, match=f"more than the {MAX_BYTES} bytes that are read at most"):
        read_idx(path)


def test_a_png_bomb_is_refused_before_it_is_decoded(tmp_path):
    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    side = 100_000
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    path = tmp_path / "bomb.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10**6))))
    with pytest.raises(DataError, match=r"bomb.png is (100000x100000 pixels, and at most|not a readable image: Image)"):
        read_image(path, (6, 5, 1))
    assert MAX_PIXELS == 50_000_000


def test_an_npz_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    path.write_bytes(npz(np.savez_compressed, x=np.zeros((3000, 40, 40), np.uint8), y=np.zeros(3000, np.uint8)))
    assert path.stat().st_size < 20_000
    assert len(load_dataset(path).train) == 3000
    monkeypatch.setattr(golmu.data.npz, "MAX_BYTES", 10**6)
    with pytest.raises(DataError, match=r"declares 4800128 bytes for x, and at most 1000000 are read$"):
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
