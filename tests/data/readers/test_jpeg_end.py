"""JPEG files without the mark at their end are read; files that lack any pixel are not."""

import io

import numpy as np
import pytest
from PIL import Image

from golmu.data.readers.image_files import Encoded, read_image
from golmu.data.readers.jpeg_end import END, with_end_mark
from golmu.errors import DataError

RNG = np.random.default_rng(0)
NOISE = RNG.integers(0, 256, (24, 24, 3), np.uint8)
SMOOTH = np.add.outer(np.arange(24), np.arange(24))[..., None].repeat(3, 2).astype(np.uint8) * 4


def jpeg(pixels, mode="RGB", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "JPEG", **options)
    return file.getvalue()


FILES = {
    f"{name}, {mode}, {options}": jpeg(pixels, mode, **options)
    for name, pixels in (("noise", NOISE), ("smooth", SMOOTH), ("grey", np.full((24, 24, 3), 128, np.uint8)))
    for mode in ("L", "RGB", "CMYK")
    for options in ({}, {"progressive": True}, {"progressive": True, "quality": 100}, {"restart_marker_blocks": 2})
}


@pytest.mark.parametrize("content", FILES.values(), ids=FILES.keys())
@pytest.mark.parametrize("n", [1, 2])
def test_the_mark_may_be_missing(content, n):
    assert content.endswith(END)
    if b"\xff\xdd" in content:  # with restart marks, it cannot be told
        return
    expected = read_image(Encoded(content, "a"), (24, 24, 3))
    assert np.array_equal(read_image(Encoded(content[:-n], "a"), (24, 24, 3)), expected)


@pytest.mark.parametrize("name", [name for name in FILES if "CMYK" not in name and "grey" not in name])
def test_nothing_else_may_be_missing(name):
    """Cut off anywhere, a file is refused, or gives the pixels of the whole one."""
    content, n_read = FILES[name], 0
    expected = read_image(Encoded(content, "a"), (24, 24, 3))
    for length in [*range(0, len(content) - 40, 11), *range(len(content) - 40, len(content) - 2)]:
        try:
            pixels = read_image(Encoded(content[:length], "a"), (24, 24, 3))
        except DataError:
            continue
        n_read += 1
        assert np.array_equal(pixels, expected), length
    assert n_read <= 2  # bytes at the end may hold nothing that matters


def test_other_files_are_as_they_were():
    for content in (b"", b"\xff\xd8", b"\x89PNG", FILES["noise, RGB, {}"], b"\xff\xd8" + bytes(99)):
        assert with_end_mark(content) is None
