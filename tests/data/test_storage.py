"""Where images are put as they are read."""

from pathlib import Path

import numpy as np
import pytest

from golmu.data.storage import MEMORY, Disk
from golmu.errors import DataError, SaveError


@pytest.fixture(params=["memory", "disk"])
def storage(request, tmp_path):
    return MEMORY if request.param == "memory" else Disk(tmp_path)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_arrays_can_be_filled_and_read(storage, dtype):
    first, second = storage.empty((5, 3), dtype), storage.empty((2,), dtype)
    first[:], second[:] = 7, 9
    assert first.dtype == dtype
    assert (first == 7).all()
    assert (second == 9).all()


@pytest.mark.parametrize("channels", [None, 1])
def test_copies_of_some_images(storage, channels, monkeypatch):
    monkeypatch.setattr("golmu.data.storage.ROWS_AT_A_TIME", 3)
    images = np.random.default_rng(0).integers(0, 256, (10, 2, 4, 3), np.uint8)
    rows = np.array([9, 0, 3, 3, 7, 1, 2])
    assert (storage.take(images, rows, channels) == images[rows][..., :channels]).all()


def test_decoded_images_are_known_to_the_next_process(tmp_path):
    sources = [[tmp_path / "a", tmp_path / "b"], [tmp_path / "c"]]
    first = Disk(tmp_path)
    images = first.empty((3, 2, 2, 1), np.uint8)
    assert first.begin_decoding(sources, images) == {}
    images[:2] = [[[[1], [2]], [[3], [4]]], [[[0], [0]], [[0], [0]]]]
    first.note_decoded(2, {1: DataError("b is no image")})
    second = Disk(tmp_path)
    again = second.empty((3, 2, 2, 1), np.uint8)
    decoded = second.begin_decoding(sources, again)
    assert again[0].ravel().tolist() == [1, 2, 3, 4]
    assert (decoded[0], str(decoded[1]), len(decoded)) == (None, "b is no image", 2)


def test_other_files_or_another_shape_begin_anew(tmp_path):
    (tmp_path / "a").write_text("1")
    first = Disk(tmp_path)
    first.begin_decoding([[tmp_path / "a"]], first.empty((1, 2, 2, 1), np.uint8))
    first.note_decoded(1, {})
    for sources, shape in (([[tmp_path / "b"]], (1, 2, 2, 1)), ([[tmp_path / "a"]], (1, 1, 4, 1))):
        other = Disk(tmp_path)
        assert other.begin_decoding(sources, other.empty(shape, np.uint8)) == {}
    (tmp_path / "a").write_text("22")
    other = Disk(tmp_path)
    assert other.begin_decoding([[tmp_path / "a"]], other.empty((1, 2, 2, 1), np.uint8)) == {}


def test_a_disk_without_room_is_an_error_and_no_crash(tmp_path):
    with pytest.raises(SaveError, match="bytes for the images cannot be reserved in"):
        Disk(tmp_path).empty((2**60,), np.uint8)


def test_nothing_remains(tmp_path):
    storage = Disk(tmp_path)
    storage.begin_decoding([["row 1"]], storage.empty((1, 2, 2, 1), np.uint8))
    storage.note_decoded(1, {})
    storage.remove()
    assert list(Path(tmp_path).iterdir()) == []
