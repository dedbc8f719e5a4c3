"""Image files: every mode, size and orientation comes out as the network takes it; the rest is one clear error."""

import os
import re
import struct
import threading
import warnings
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, features
from PIL.PngImagePlugin import PngImageFile

from golmu.data.readers import image_files as images
from golmu.data.readers import image_pixels
from golmu.data.readers.image_files import (
    Encoded,
    ImageHeader,
    quiet_pillow,
    read_image,
    read_image_header,
)
from golmu.errors import DataError

GREY = np.arange(0, 240, 4, dtype=np.uint8).reshape(6, 10)
COLOUR = np.stack([GREY, GREY[::-1], 255 - GREY], axis=-1)


def saved(path, picture, **options):
    picture.save(path, **options)
    return path


def luma(colour):
    """ITU-R 601-2, as Pillow computes grey."""
    return np.round(colour @ [0.299, 0.587, 0.114])


def test_grey_to_grey_and_to_colour(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(GREY))
    grey = read_image(path, (6, 10, 1))
    assert grey.dtype == np.uint8
    assert np.array_equal(grey, GREY[..., None])
    assert np.array_equal(read_image(path, (6, 10, 3)), np.repeat(GREY[..., None], 3, axis=2))


def test_colour_to_colour_and_to_grey(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(COLOUR))
    assert np.array_equal(read_image(path, (6, 10, 3)), COLOUR)
    assert np.abs(read_image(path, (6, 10, 1))[..., 0] - luma(COLOUR)).max() <= 1


def test_transparent_parts_lie_on_black(tmp_path):
    alpha = np.full(GREY.shape, 255, np.uint8)
    alpha[:, :5] = 0
    alpha[:, 5] = 128
    path = saved(tmp_path / "a.png", Image.fromarray(np.dstack([COLOUR, alpha])))
    expected = np.round(COLOUR * (alpha[..., None] / 255))
    assert np.abs(read_image(path, (6, 10, 3)) - expected).max() <= 1
    grey = saved(tmp_path / "b.png", Image.fromarray(np.dstack([GREY, alpha])))
    assert np.abs(read_image(grey, (6, 10, 1))[..., 0] - np.round(GREY * (alpha / 255))).max() <= 1


def test_palettes(tmp_path):
    picture = Image.fromarray(COLOUR).quantize(16)
    path = saved(tmp_path / "a.png", picture)
    assert np.array_equal(read_image(path, (6, 10, 3)), np.asarray(picture.convert("RGB")))
    indices = Image.fromarray(np.array([[0, 1], [1, 0]], np.uint8), "P")
    indices.putpalette([200, 10, 20, 250, 250, 250])
    transparent = saved(tmp_path / "b.gif", indices, transparency=0)
    assert read_image(transparent, (2, 2, 3)).tolist() == [[[0] * 3, [250] * 3], [[250] * 3, [0] * 3]]


def test_one_bit_a_pixel(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(GREY > 99))
    assert np.array_equal(read_image(path, (6, 10, 1))[..., 0], np.where(GREY > 99, 255, 0))


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_sixteen_bits_a_pixel_are_scaled_not_clipped(tmp_path, suffix):
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(GREY.astype(np.uint16) * 257))
    assert np.array_equal(read_image(path, (6, 10, 1))[..., 0], GREY)


SHARES = (GREY / GREY.max()).astype(np.float32)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(SHARES, SHARES * 255, id="floats from 0 to 1"),
        pytest.param(SHARES * np.float32(1.4) - np.float32(0.2), SHARES * 357 - 51, id="floats a bit beyond"),
        pytest.param(SHARES / 2, SHARES * 127.5, id="floats to a half: not stretched"),
        pytest.param(SHARES * 200, SHARES * 200, id="floats as 8 bits"),
        pytest.param(SHARES * 50_000, SHARES * 50_000 / 257, id="floats as 16 bits"),
        pytest.param(SHARES * 0, SHARES * 0, id="black floats"),
        pytest.param(GREY.astype(np.int32), GREY, id="32 bits as 8"),
        pytest.param(GREY.astype(np.int32) - 9, GREY - 9.0, id="below 0 is black"),
        pytest.param(GREY.astype(np.int32) * 257, GREY, id="32 bits as 16"),
        pytest.param(GREY.astype(np.int32) * 2**23, GREY * (255 / 256), id="32 bits"),
        pytest.param(GREY.astype(np.uint16), GREY / 257, id="16 bits are 16, however dark"),
    ],
)  # fmt: skip
def test_deep_grey_values_are_scaled_by_a_rule(tmp_path, values, expected):
    path = saved(tmp_path / "a.tiff", Image.fromarray(values))
    found = read_image(path, (6, 10, 1))[..., 0]
    assert np.abs(found - np.clip(expected, 0, 255)).max() <= 0.51


@pytest.mark.parametrize("kind", [np.float32, np.int32, np.uint16])
def test_deep_grey_values_are_converted_strip_by_strip(tmp_path, monkeypatch, kind):
    path = saved(tmp_path / "a.tiff", Image.fromarray(GREY.astype(kind)))
    whole = read_image(path, (6, 10, 1))
    for pixels in (1, 25, 59):
        monkeypatch.setattr(image_pixels, "PIXELS_PER_STRIP", pixels)
        assert np.array_equal(read_image(path, (6, 10, 1)), whole)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bits_in_both_orders_of_bytes(tmp_path, order):
    """A TIFF of one strip, by hand, since Pillow writes one order only."""
    tags = {256: 10, 257: 6, 258: 16, 259: 1, 262: 1, 273: 8, 277: 1, 278: 6, 279: 120}
    entries = b"".join(struct.pack(f"{order}HHIHH", tag, 3, 1, value, 0) for tag, value in tags.items())
    mark = b"II" if order == "<" else b"MM"
    path = tmp_path / "a.tiff"
    path.write_bytes(
        mark + struct.pack(f"{order}HI", 42, 128) + (GREY.astype(np.uint16) * 257).astype(f"{order}u2").tobytes()
        + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    )  # fmt: skip
    assert np.array_equal(read_image(path, (6, 10, 1))[..., 0], GREY)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_tiff_says_whether_zero_is_white(tmp_path, kind):
    path = saved(tmp_path / "a.tiff", Image.fromarray(GREY.astype(kind) * kind(257 if kind is np.uint16 else 1)))
    black_is_zero, white_is_zero = (struct.pack("<HHIHH", 262, 3, 1, value, 0) for value in (1, 0))
    content = path.read_bytes()
    assert content.count(black_is_zero) == 1
    path.write_bytes(content.replace(black_is_zero, white_is_zero))
    assert np.array_equal(read_image(path, (6, 10, 1))[..., 0], 255 - GREY)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.nan, "some of its pixels are NaN or infinite"),
        (np.inf, "some of its pixels are NaN or infinite"),
        (1e12, "its pixels go up to 1e+12, but white is at most 2147483647: save it with 8 bits"),
    ],
)
def test_floats_that_say_nothing_are_refused(tmp_path, value, text):
    values = SHARES.copy()
    values[3, 4] = value
    refused(saved(tmp_path / "a.tiff", Image.fromarray(values)), f"{{path}} is not a readable image: {text}")


def test_sixteen_bits_are_known_where_pillow_calls_them_32(tmp_path):
    """As it does for PNG before its version 11."""
    values = Image.fromarray(GREY.astype(np.int32))
    assert np.array_equal(np.asarray(image_pixels.flatten(values, 1)), GREY)
    values.format = "PNG"
    assert np.asarray(image_pixels.flatten(values, 1)).max() == 1


def test_cmyk(tmp_path):
    path = saved(tmp_path / "a.tiff", Image.fromarray(COLOUR).convert("CMYK"))
    assert np.abs(read_image(path, (6, 10, 3)) - COLOUR.astype(int)).max() <= 1


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "webp", "jpg"])
def test_every_format_that_is_looked_for_can_be_read(tmp_path, suffix):
    flat = np.full((6, 10), 77, np.uint8)
    path = saved(tmp_path / f"a.{suffix}", Image.fromarray(flat))
    assert np.abs(read_image(path, (6, 10, 1)).astype(int) - 77).max() <= 2


@pytest.mark.parametrize(("orientation", "quarter_turns"), [(1, 0), (6, -1), (3, 2), (8, 1)])
def test_a_camera_that_was_turned_is_turned_back(tmp_path, orientation, quarter_turns):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", Image.fromarray(GREY), exif=exif)
    upright = np.rot90(GREY, quarter_turns)
    assert np.array_equal(read_image(path, (*upright.shape, 1))[..., 0], upright)


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        pytest.param((16, 16), (0, 8), (0, 8), id="larger"),
        pytest.param((3, 3), (0, 8), (0, 8), id="smaller"),
        pytest.param((16, 8), (2, 6), (0, 8), id="wide"),
        pytest.param((5, 20), (0, 8), (3, 5), id="tall"),
        pytest.param((1, 1), (0, 8), (0, 8), id="a pixel"),
        pytest.param((1, 900), (0, 8), (4, 5), id="a line never vanishes"),
        pytest.param((900, 1), (4, 5), (0, 8), id="nor does a lying one"),
    ],
)
def test_other_sizes_are_scaled_whole_and_centred(tmp_path, size, rows, columns, monkeypatch):
    monkeypatch.setattr(
        image_pixels, "border_of", lambda pixels: np.zeros_like(pixels[:, 0])
    )  # the ground has its own test
    path = saved(tmp_path / "a.png", Image.new("L", size, 200))
    expected = np.zeros((8, 8))
    expected[slice(*rows), slice(*columns)] = 200
    assert np.array_equal(read_image(path, (8, 8, 1))[..., 0], expected)
    assert np.array_equal(read_image(path, (8, 8, 3)), np.repeat(expected[..., None], 3, axis=2))


@pytest.mark.parametrize("size", [(40, 20), (20, 40), (37, 11)], ids=["wide", "tall", "odd"])
@pytest.mark.parametrize(
    ("ground", "drawn"), [(255, 0), (0, 255), ((250, 240, 200), (10, 20, 90))], ids=["paper", "ink", "colours"]
)
def test_what_is_beside_a_picture_is_its_ground(tmp_path, size, ground, drawn):
    picture = Image.new("L" if isinstance(ground, int) else "RGB", size, ground)
    picture.paste(drawn, (size[0] // 3, size[1] // 3, 2 * size[0] // 3, 2 * size[1] // 3))
    picture.paste(drawn, (0, 3, 3, 6))  # what touches the border does not decide
    channels = len(picture.getbands())
    found = read_image(saved(tmp_path / "a.png", picture), (16, 16, channels))
    bars = found[[0, -1]] if size[0] > size[1] else found[:, [0, -1]]
    assert (bars == ground).all()


def test_beside_a_picture_half_of_one_and_half_of_another_is_one_of_them(tmp_path):
    pixels = np.zeros((8, 4), np.uint8)
    pixels[4:] = 200
    found = read_image(saved(tmp_path / "a.png", Image.fromarray(pixels)), (8, 8, 1))
    assert set(np.unique(found)) == {0, 200}


def test_scaling_keeps_the_picture(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(np.kron(GREY, np.ones((8, 8), np.uint8))))
    assert np.abs(read_image(path, (6, 10, 1))[..., 0] - GREY.astype(int)).max() <= 6


def refused(path, text, shape=(8, 8, 1)):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DataError, match=f"^{re.escape(text.format(path=path))}$"):
            read_image(path, shape)


@pytest.mark.parametrize("content", [b"", b"text", b"\0" * 100, b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    refused(path, "{path} is not an image in a known format (PNG, JPEG, BMP, GIF, TIFF, WEBP, AVIF, HEIC)")


@pytest.mark.parametrize("error", [RuntimeError("Failed to decode image"), NotImplementedError("no"), KeyError(3)])
def test_whatever_a_decoder_raises_is_one_error(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    path = saved(tmp_path / "a.png", Image.fromarray(GREY))
    monkeypatch.setattr(PngImageFile, "load", fail)
    refused(path, f"{{path}} is not a readable image: {error!s}")


@pytest.mark.skipif(not features.check("avif"), reason="Pillow without AVIF")
def test_a_damaged_avif_is_one_error_or_still_an_image():
    rows, columns = np.mgrid[:24, :24]
    buffer, rng = BytesIO(), np.random.default_rng(3)
    Image.fromarray(np.stack([rows, columns, rows + columns], -1).astype(np.uint8) * 4).save(buffer, "AVIF")
    content = np.frombuffer(buffer.getvalue(), np.uint8)
    for _ in range(100):
        damaged = content.copy()
        damaged[rng.integers(0, len(content), 3)] = rng.integers(0, 256, 3)
        with suppress(DataError):
            read_image(Encoded(damaged.tobytes(), "a"), (8, 8, 3))


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_damaged_image_is_one_error_or_still_an_image(tmp_path, form):
    buffer = BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)).save(buffer, form)
    content, path, rng = buffer.getvalue(), tmp_path / "a", np.random.default_rng(1)
    variants = [content[:length] for length in rng.integers(0, len(content), 30)]
    for _ in range(60):
        damaged = bytearray(content)
        damaged[rng.integers(0, min(200, len(content)))] = rng.integers(0, 256)
        variants.append(bytes(damaged))
    for variant in variants:
        path.write_bytes(variant)
        try:
            assert read_image(path, (8, 8, 3)).shape == (8, 8, 3)
        except DataError as error:
            assert str(error).startswith(f"{path} is ")  # noqa: PT017  either outcome is right


def test_a_truncated_image_is_refused(tmp_path):
    path = saved(tmp_path / "a.jpg", Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90), np.uint8)))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError, match=f"^{re.escape(str(path))} is not a readable image: image file is truncated"):
        read_image(path, (8, 8, 1))


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    refused(tmp_path / "a.png", "there is no image {path}")
    refused(tmp_path, "{path} is not a readable image: Is a directory")


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    refused(tmp_path / "a.png", "{path} is a device or a pipe, not an image file")


# What the header says


@pytest.mark.parametrize(
    ("picture", "suffix", "is_coloured"),
    [
        pytest.param(Image.fromarray(GREY), "png", False, id="grey"),
        pytest.param(Image.fromarray(GREY > 99), "png", False, id="one bit"),
        pytest.param(Image.fromarray(GREY.astype(np.uint16)), "png", False, id="sixteen bits"),
        pytest.param(Image.fromarray(np.dstack([GREY, GREY]), "LA"), "png", False, id="grey, transparent"),
        pytest.param(Image.fromarray(COLOUR), "png", True, id="colours"),
        pytest.param(Image.fromarray(COLOUR), "jpg", True, id="JPEG"),
        pytest.param(Image.fromarray(COLOUR).quantize(16), "gif", True, id="palette"),
    ],
)
def test_a_header_tells_size_and_colours(tmp_path, picture, suffix, is_coloured):
    path = saved(tmp_path / f"a.{suffix}", picture)
    assert read_image_header(path) == ImageHeader(6, 10, is_coloured)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_header_tells_the_size_of_the_upright_picture(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.jpg", Image.fromarray(GREY), exif=exif)
    header = read_image_header(path)
    with Image.open(path) as picture:
        assert (header.height, header.width) == image_pixels.flatten(picture, 1).size[::-1]


@pytest.mark.parametrize("with_exif", [True, False])
def test_reading_a_header_decodes_nothing(tmp_path, monkeypatch, with_exif):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "a.png", Image.fromarray(GREY), **({"exif": exif} if with_exif else {}))
    monkeypatch.setattr(PngImageFile, "load", None)
    assert read_image_header(path)[:2] == (GREY.shape[::-1] if with_exif else GREY.shape)


def test_contents_from_elsewhere_are_read_under_their_name(tmp_path):
    path = saved(tmp_path / "a.png", Image.fromarray(GREY))
    encoded = Encoded(path.read_bytes(), "row 3")
    assert np.array_equal(read_image(encoded, (6, 10, 1)), read_image(path, (6, 10, 1)))
    assert read_image_header(encoded) == read_image_header(path)
    for read in (read_image_header, lambda source: read_image(source, (6, 10, 1))):
        with pytest.raises(
            DataError,
            match=r"^row 3 is not an image in a known format \(PNG, JPEG, BMP, GIF, TIFF, WEBP, AVIF, HEIC\)$",
        ):
            read(Encoded(b"text", "row 3"))


def test_threads_that_come_and_go_leave_the_filters_of_warnings_as_they_were():
    before, inside, leave = list(warnings.filters), threading.Event(), threading.Event()

    def first():
        with quiet_pillow:
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with quiet_pillow, warnings.catch_warnings(record=True):
        leave.set()  # the first to enter leaves first
        thread.join(10)
    assert warnings.filters == before


def huge_png(path, width, height):
    """A file of a few bytes whose header declares a huge picture."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    return path


@pytest.mark.parametrize("side", [11_000, 13_000])
def test_a_picture_that_declares_too_much_is_refused_before_it_is_decoded(tmp_path, side):
    path = huge_png(tmp_path / "a.png", side, side)
    text = f"{{path}} is {side}x{side} pixels (height x width), but at most 120,000,000 are decoded: scale it down"
    refused(path, text)
    with pytest.raises(DataError, match=f"^{re.escape(text.format(path=path))}$"):
        read_image_header(path)


def test_a_decompression_bomb_is_refused(tmp_path):
    path = huge_png(tmp_path / "a.png", 100_000, 100_000)
    with pytest.raises(DataError, match=f"^{re.escape(str(path))} is larger than 120,000,000 pixels, the most that"):
        read_image(path, (8, 8, 1))


def test_the_largest_picture_allowed_is_read(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.png", Image.fromarray(GREY))
    monkeypatch.setattr(images, "MAX_PIXELS", GREY.size)
    assert np.array_equal(read_image(path, (6, 10, 1))[..., 0], GREY)
    monkeypatch.setattr(images, "MAX_PIXELS", GREY.size - 1)
    refused(path, "{path} is 6x10 pixels (height x width), but at most 59 are decoded: scale it down", (6, 10, 1))


def test_networks_of_other_channels_take_no_image_files(tmp_path):
    refused(tmp_path, "image files have 1 or 3 channels, but the network takes 2", (8, 8, 2))
