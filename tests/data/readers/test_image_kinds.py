"""Kinds of image files: what is read here, by name and by content, and what helps to read the rest."""

import re
import sys

import numpy as np
import pytest
from PIL import Image, features

from golmu.data.readers import image_kinds
from golmu.data.readers.image_files import read_image, read_image_header
from golmu.data.readers.image_kinds import describe_kinds, is_hidden, is_image_name
from golmu.errors import DataError

HEIC = b"\0\0\0\x1cftypheic\0\0\0\0mif1heicmiaf" + bytes(100)
AVIF = b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiafMA1B" + bytes(100)
PICTURE = Image.fromarray(np.linspace(0, 255, 32 * 32 * 3).astype(np.uint8).reshape(32, 32, 3))


@pytest.fixture
def bare(monkeypatch):
    """A computer with neither pillow-heif nor a Pillow that reads AVIF."""

    def forget():
        for name in ("_readable_suffixes", "_reads_avif", "_reads_heif", "_register_heif"):
            getattr(image_kinds, name).cache_clear()

    monkeypatch.setattr(image_kinds, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.setattr(features, "check", lambda feature: False)
    forget()
    yield
    monkeypatch.undo()
    forget()


def test_names_of_images():
    for name in ("a.PNG", "a.jpg", "a.jfif", "a.jpe", "a.jif", "a.pjpeg", "a.mpo", "__a.png"):
        assert is_image_name(name)
    for name in ("a.txt", "a", "png", "._a.png", ".a.png", "a.svg", "a.png.txt"):
        assert not is_image_name(name)
    assert is_hidden("__MACOSX")
    assert not is_hidden("__background__")


def test_what_cannot_be_read_here_is_told_with_what_helps(tmp_path, bare):
    for name, content, helps in (
        ("a.jpg", HEIC, 'HEIC images need pillow-heif: pip install "golmu[heif]"'),
        ("a.png", AVIF, "AVIF images need Pillow 11.3 or newer: pip install --upgrade pillow"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"^{re.escape(f'{path} cannot be read: {helps}')}$"):
            read_image_header(path)
    assert not is_image_name("a.avif")
    assert not is_image_name("a.HEIC")
    assert describe_kinds({".heic": 1200, ".txt": 1, "": 2, ".avif": 3}) == (
        "1,200 .heic, 3 .avif, 2 without an ending, 1 .txt; AVIF images need Pillow 11.3 or newer: pip install "
        '--upgrade pillow; HEIC images need pillow-heif: pip install "golmu[heif]"'
    )


@pytest.mark.skipif(not ("avif" in features.modules and features.check("avif")), reason="this Pillow has no AVIF")
@pytest.mark.parametrize("name", ["a.avif", "a.jpg"])
def test_avif_is_read(tmp_path, name):
    PICTURE.save(tmp_path / name, "AVIF", quality=100)
    assert is_image_name("a.avif")
    assert read_image_header(tmp_path / name) == (32, 32, True)
    assert np.abs(read_image(tmp_path / name, (32, 32, 3)).astype(int) - np.asarray(PICTURE)).mean() < 5


@pytest.mark.parametrize("name", ["a.HEIC", "a.jpg"])
def test_heic_is_read(tmp_path, name):
    pytest.importorskip("pillow_heif").from_pillow(PICTURE).save(tmp_path / name, quality=100)
    assert is_image_name("a.HEIC")
    assert read_image_header(tmp_path / name) == (32, 32, True)
    assert np.abs(read_image(tmp_path / name, (32, 32, 3)).astype(int) - np.asarray(PICTURE)).mean() < 5


def test_a_damaged_avif_or_heic_is_a_bad_file(tmp_path):
    for content in (HEIC, AVIF, b"\0\0\0\0ftyp", b"\0\0\0\xffftypqt  "):
        (tmp_path / "a.heic").write_bytes(content)
        with pytest.raises(DataError, match=r"^.*a.heic "):
            read_image(tmp_path / "a.heic", (8, 8, 1))
