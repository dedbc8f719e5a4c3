"""Pixels of opened images: what lies under transparent ones, and how much memory large images take."""

import io
import struct
import threading
import zlib

import numpy as np
import pytest
from PIL import Image, ImageDraw

from golmu.data.readers import image_files
from golmu.data.readers.image_files import Encoded, Opened, read_image
from golmu.data.readers.image_pixels import correct_transparent_colour, fit
from golmu.data.readers.threaded_reading import decode_all, in_parts
from golmu.errors import DataError


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with_colour_key(depth, colour_type, rows, key):
    """A PNG of 8 pixels of width whose transparent colour is given by a tRNS chunk."""
    header = struct.pack(">IIBBBBB", 8, len(rows), depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    body = chunk(b"IHDR", header) + chunk(b"tRNS", key) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("depth", "colour_type", "row", "key"),
    [
        pytest.param(1, 0, b"\xf0", struct.pack(">H", 0), id="1 bit"),
        pytest.param(2, 0, b"\xff\xaa", struct.pack(">H", 2), id="2 bits"),
        pytest.param(4, 0, b"\xff\xff\xaa\xaa", struct.pack(">H", 10), id="4 bits"),
        pytest.param(8, 0, bytes([255] * 4 + [200] * 4), struct.pack(">H", 200), id="8 bits"),
        pytest.param(16, 0, struct.pack(">8H", *[65535] * 4, *[51400] * 4), struct.pack(">H", 51400), id="16 bits"),
        pytest.param(
            16, 2, struct.pack(">24H", *[65535] * 12, *[51400, 1000, 300] * 4), struct.pack(">HHH", 51400, 1000, 300),
            id="16 bits, RGB",
        ),
    ],
)  # fmt: skip
def test_a_transparent_colour_of_any_depth_lies_on_black(depth, colour_type, row, key):
    content = png_with_colour_key(depth, colour_type, [row] * 8, key)
    expected = [255] * 4 + [0] * 4
    assert read_image(Encoded(content, "a"), (8, 8, 1))[..., 0].tolist() == [expected] * 8
    picture = Image.open(io.BytesIO(content))
    for _ in range(2):  # opened images answer as files do, however often they are read
        correct_transparent_colour(picture)
        assert read_image(Opened(picture.copy(), "a"), (8, 8, 1))[..., 0].tolist() == [expected] * 8


def drawn(mode, ink, shape="1"):
    """A drawing on a clear layer."""
    alpha = Image.new("L", (20, 20), 0)
    if shape == "1":
        ImageDraw.Draw(alpha).line((10, 2, 10, 17), 255, 4)
    picture = Image.new(mode[:-1], (20, 20), ink)
    picture.putalpha(alpha)
    return picture, np.asarray(alpha)


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_dark_ink_on_a_clear_layer_lies_on_white_and_bright_ink_on_black(mode, tmp_path):
    for ink, ground in ((0, 255), (31, 255), (32, 0), (255, 0)):
        picture, alpha = drawn(mode, (ink,) * (len(mode) - 1) if mode == "RGBA" else ink)
        expected = np.where(alpha > 0, ink, ground)
        picture.save(tmp_path / "a.png")
        for source in (tmp_path / "a.png", Opened(picture.copy(), "a")):
            assert np.array_equal(read_image(source, (20, 20, 1))[..., 0], expected), (ink, source)
        assert np.array_equal(read_image(tmp_path / "a.png", (20, 20, 3))[..., 1], expected)
    empty, _ = drawn(mode, (0,) * (len(mode) - 1) if mode == "RGBA" else 0, shape="")
    assert read_image(Opened(empty, "a"), (20, 20, 1)).min() == 255  # a clear page is a white one


def test_a_dark_photograph_without_clear_pixels_stays_dark():
    picture = Image.new("RGBA", (8, 8), (9, 9, 9, 255))
    assert read_image(Opened(picture, "a"), (8, 8, 1)).max() == 9


@pytest.mark.parametrize("size", [(8192, 6144), (12000, 9000)])
def test_photographs_of_the_usual_large_sensors_are_read(size, tmp_path):
    Image.new("L", size, 90).save(tmp_path / "a.jpg", quality=30)
    assert abs(read_image(tmp_path / "a.jpg", (28, 28, 1)).mean() - 90) < 2


def test_the_limit_holds_for_opened_images_too(monkeypatch):
    picture = Image.new("L", (10, 6))
    monkeypatch.setattr(image_files, "MAX_PIXELS", 59)
    with pytest.raises(DataError, match=r"^image 3 is 6x10 pixels \(height x width\), but at most 59 are decoded: sca"):
        read_image(Opened(picture, "image 3"), (6, 10, 1))


def test_one_large_image_is_decoded_at_a_time(monkeypatch):
    inside, most = threading.Semaphore(0), []
    flatten = image_files.flatten

    def counted(*arguments):
        inside.release()
        most.append(inside._value)
        threading.Event().wait(0.01)
        result = flatten(*arguments)
        inside.acquire()
        return result

    monkeypatch.setattr(image_files, "flatten", counted)
    monkeypatch.setattr(image_files, "LARGE_PIXELS", 63)
    monkeypatch.setattr("golmu.data.readers.threaded_reading.usable_cores", lambda: 4)
    sources = [Opened(Image.new("L", (8, 8), i), f"{i}") for i in range(12)]
    decoded = [image for part in decode_all(in_parts(sources, 1), (8, 8, 1)) for image in part]
    assert [int(image.max()) for image in decoded] == list(range(12))
    assert max(most) == 1


def test_an_image_that_does_not_fit_into_memory_is_named(monkeypatch):
    def exhausted(*_):
        raise MemoryError

    monkeypatch.setattr(image_files, "flatten", exhausted)
    with pytest.raises(DataError, match=r"^a does not fit into this computer's free memory: scale it down$"):
        read_image(Opened(Image.new("L", (8, 8)), "a"), (8, 8, 1))


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_an_image_of_the_size_that_is_wanted_is_as_it_was(mode):
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3)[: 2 + (mode == "RGB")], np.uint8)
    fitted = fit(Image.fromarray(pixels), 9, 7)
    assert np.array_equal(fitted, pixels.reshape(7, 9, -1))
    fitted[:] = 0  # it is the caller's own
