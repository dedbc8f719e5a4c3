"""Image files, brought to the size and the channels that a network takes."""

from __future__ import annotations

import os
import stat
import struct
import threading
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from golmu.data.readers.inversion import Inversion
from golmu.errors import DataError
from golmu.preprocessing import border_of

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""File names that a folder is searched for."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
"""What is decoded; some of the others that Pillow knows run other programs."""

GREY_MODES = ("1", "L", "LA", "La", "F")
"""Pillow's modes of pictures without colours, beside those of many bits, which begin with I."""

WHITES = (255, 65_535, 2**31 - 1)
"""What may be white in a grey picture of 32 bits: the first of these that no pixel passes."""

MAX_SHARE = 2.0
"""Floats up to this are shares of 1; a filter may leave some a little above 1, and what is above is white."""

ORIENTATION, SIDEWAYS = 0x0112, range(5, 9)
"""EXIF's tag of how a camera was held, and its values that turn a picture by a quarter."""

MAX_PIXELS = 50_000_000
"""A picture that declares more is refused before it is decoded: it may be made to fill the memory."""

STRIP = 2**20
"""Pixels, about, of a picture of many bits that are converted at a time."""

HIDDEN = (".", "__")
"""How names of files and folders begin that systems leave among a user's own, as `._a.png` and `__MACOSX`."""


class Encoded(NamedTuple):
    """The content of an image file that lies in a table, and the name that errors give it."""

    content: bytes
    name: str

    def __str__(self) -> str:
        return self.name


Source = Path | Encoded
"""Where an image comes from."""


class Look(NamedTuple):
    """What the header of an image file says of it, upright."""

    height: int
    width: int
    is_coloured: bool
    """Whether its pixels may have colours; they may still all be grey."""


def find_images(paths: Iterable[Path]) -> list[Path]:
    """The image files among `paths`, and those in the folders among them and inside these, sorted by name.

    Raises
    ------
    DataError
        If a path does not exist, or a folder holds no image.
    """
    files: list[Path] = []
    for path in paths:
        try:
            if not path.exists():
                raise DataError(f"there is no image {path}")
            files += _images_in(path) if path.is_dir() else [path]
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    return files


def _images_in(folder: Path) -> list[Path]:
    found = sorted(pictures_in(folder))
    if not found:
        raise DataError(f"the folder {folder} holds no image: files named {', '.join(SUFFIXES)} are looked for")
    return found


def pictures_in(folder: Path) -> Iterator[Path]:
    """The image files in `folder` and in the folders inside it."""
    waiting, seen = [folder], set()
    while waiting:
        inner = waiting.pop()
        real = os.path.realpath(inner)
        if real in seen:  # links can make a circle
            continue
        seen.add(real)
        for entry in visible_entries(inner):
            if entry.is_dir():
                waiting.append(Path(entry.path))
            elif is_image_name(entry.name):
                yield Path(entry.path)


def visible_entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in `folder`, without what is hidden."""
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not entry.name.startswith(HIDDEN)]
    except OSError as error:
        raise DataError(
            f"cannot look into folder '{folder}' for image files ({error.strerror or error}); check its permissions"
        ) from error


def is_image_name(name: str) -> bool:
    """Whether a file of this name is looked at."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(HIDDEN)


def look_at_image(source: Source) -> Look:
    """What the header of an image says; its pixels are not decoded.

    Raises
    ------
    DataError
        If it is no image, or is too large.
    """
    with _refusing(source), _opened(source) as opened:
        # A PNG's own getexif decodes the picture, to find what may stand behind it.
        is_turned = Image.Image.getexif(opened).get(ORIENTATION) in SIDEWAYS
        sides = opened.size if is_turned else opened.size[::-1]
        return Look(*sides, not (opened.mode in GREY_MODES or opened.mode.startswith("I")))


def read_image(source: Source, shape: tuple[int, int, int], inversion: Inversion | None = None) -> NDArray[np.uint8]:
    """The image as uint8 (h, w, c).

    In grey pictures of 16 bits white is 65,535. Integers of 32 bits do not say what is white: it is the first of
    `WHITES` that no pixel passes. So it is in floats, but 1 where none passes `MAX_SHARE`. Below 0 all is black. A
    picture's brightness depends on no other picture, and is not stretched.

    It is turned upright, laid on black where it is transparent, made grey or RGB, inverted if that is called for,
    scaled (bicubic) to fit within (h, w) with its aspect ratio kept, and centred on its own ground: the median of each
    channel along its border.

    Raises
    ------
    DataError
        If the file is not a readable image, is too large, or c is neither 1 nor 3.
    """
    height, width, channels = shape
    if channels not in (1, 3):
        raise DataError(f"image files have 1 or 3 channels, but the network takes {channels}")
    with _refusing(source):
        image = _decoded(source).convert("L" if channels == 1 else "RGB")
    fitted = _fitted(image, width, height)
    if inversion is not None and (other := inversion(image, fitted, str(source))) is not image:
        fitted = _fitted(other, width, height)
    return fitted


class _Hush:
    """Silences Pillow's warnings while any thread is inside: what matters of them is an error here.

    `warnings.catch_warnings` alone must be left in the order in which it was entered, which threads do not keep. So
    the first that enters sets the filter, and the last that leaves takes it away.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._kept = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._inside == 0:
                self._kept = warnings.catch_warnings()
                self._kept.__enter__()
                warnings.filterwarnings("ignore", module="PIL")
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                self._kept.__exit__(None, None, None)


hush = _Hush()


@contextmanager
def _refusing(source: Source) -> Iterator[None]:
    """Turns what Pillow raises into our error."""
    try:
        with hush:
            yield
    except UnidentifiedImageError as error:
        raise DataError(f"{source} is not an image, or one of a format that is not known") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{source} is more than the {MAX_PIXELS:,} pixels that are decoded: scale it down") from error
    except (
        OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, struct.error,
    ) as error:  # fmt: skip
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise DataError(f"{source} is not a readable image: {reason}") from error


@contextmanager
def _opened(source: Source) -> Iterator[Image.Image]:
    """The picture, of which the header is read, and which is not too large to decode."""
    file: BytesIO | Path
    if isinstance(source, Encoded):
        file = BytesIO(source.content)
    else:
        file, kind = source, source.stat().st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            # To open a pipe could wait for ever; a folder has an error of its own.
            raise DataError(f"{source} is a device or a pipe, where an image file was expected")
    with Image.open(file, formats=FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            size = f"{opened.width}x{opened.height}"
            raise DataError(f"{source} is {size} pixels, and at most {MAX_PIXELS:,} are decoded: scale it down")
        yield opened


def _decoded(source: Source) -> Image.Image:
    """The picture, upright, 8 bits a channel, without transparency."""
    with _opened(source) as opened:
        return _flat(ImageOps.exif_transpose(opened), opened.format)


def _fitted(image: Image.Image, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, c): scaled with its aspect ratio kept, at least a pixel wide, centred on its ground."""
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    scaled = np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.uint8).reshape(*size[::-1], -1)
    border = border_of(scaled[None])[0]
    fitted = np.empty((height, width, scaled.shape[2]), np.uint8)
    fitted[:] = np.sort(border, axis=0)[(len(border) - 1) // 2]
    top, left = round((height - size[1]) / 2), round((width - size[0]) / 2)
    fitted[top : top + size[1], left : left + size[0]] = scaled
    return fitted


def _flat(image: Image.Image, form: str | None) -> Image.Image:
    """8 bits a channel, without transparency; `form` is the format of the file."""
    if image.mode == "F" or image.mode.startswith("I"):
        # Before version 11, Pillow opened a PNG of 16 bits in the mode of 32.
        white = WHITES[1] if image.mode.startswith("I;16") or form == "PNG" else _white(image)
        return _grey(image, white)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image


def _white(image: Image.Image) -> float:
    """What is white in a grey picture of 32 bits, whose file does not say it.

    Raises
    ------
    ValueError
        If that cannot be told.
    """
    top = float(np.max([strip.max() for _, strip in _strips(image)]))
    if not np.isfinite(top):
        raise ValueError("some of its pixels are NaN or infinite")
    if image.mode == "F" and top <= MAX_SHARE:
        return 1
    for white in WHITES:
        if top <= white:
            return white
    raise ValueError(
        f"its pixels go up to {top:g}, and what is white is not known above {WHITES[-1]}: save it with 8 bits"
    )


def _grey(image: Image.Image, white: float) -> Image.Image:
    """A grey picture of many bits with 8, from 0 to `white`; Pillow itself would clip at 255."""
    grey = Image.new("L", image.size)
    for top, strip in _strips(image):
        pixels = strip.clip(0, white).astype(np.float32) * np.float32(255 / white)
        grey.paste(Image.fromarray(np.rint(pixels).astype(np.uint8)), (0, top))
    return grey


def _strips(image: Image.Image) -> Iterator[tuple[int, NDArray[Any]]]:
    """The number of a row, and the pixels from there, some rows at a time: an array of all would double the memory."""
    n = max(1, STRIP // image.width)
    for top in range(0, image.height, n):
        yield top, np.asarray(image.crop((0, top, image.width, min(top + n, image.height))))
