"""Image files: how they are decoded, and fitted to the size and the channels that a network takes."""

from __future__ import annotations

import stat
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from golmu.data.readers.image_kinds import HEAD_BYTES, IMAGE_FORMATS, formats_of
from golmu.data.readers.inversion import Inversion
from golmu.errors import DataError
from golmu.preprocessing import border_of
from golmu.types import ImageShape

GREY_MODES = ("1", "L", "LA", "La", "F")
"""Pillow's modes of images without colours, besides those of more than 8 bits, whose names begin with I."""

WHITE_LEVELS = (255, 65_535, 2**31 - 1)
"""Values that white may have in a grey image of 32 bits: the smallest of these that no pixel exceeds."""

MAX_SHARE = 2.0
"""Floats up to this are shares of 1; a filter may leave some a little above 1, and anything above is white."""

ORIENTATION_TAG = 0x0112
"""EXIF's tag of how the camera was held."""

SIDEWAYS = range(5, 9)
"""Values of that tag for which the image is turned by a quarter."""

MAX_PIXELS = 50_000_000
"""An image that declares more is refused before it is decoded, since it may be made to fill the memory."""

PIXELS_PER_STRIP = 2**20
"""About how many pixels of an image of more than 8 bits are converted at a time."""


class Encoded(NamedTuple):
    """The content of an image file, such as a table holds, and the name that errors give it."""

    content: bytes
    name: str

    def __str__(self) -> str:
        return self.name


class Packed(NamedTuple):
    """An image file in an archive: what unpacks its content when it is wanted, and the name that errors give it."""

    unpack: Callable[[], bytes]
    name: str

    def __str__(self) -> str:
        return self.name


class Opened(NamedTuple):
    """An image that is in memory as a PIL image, and the name that errors give it."""

    image: Image.Image
    name: str
    is_named: bool = True
    """Whether the name is a user's own, such as the file that the image was opened from."""

    def __str__(self) -> str:
        return self.name


Source = Path | Encoded | Packed | Opened
"""Where an image comes from."""


class ImageHeader(NamedTuple):
    """What the header of an image file tells about the upright image."""

    height: int
    width: int
    is_coloured: bool
    """Whether the pixels may have colours; they may still all be grey."""


def read_image_header(source: Source) -> ImageHeader:
    """Read the header of an image; the pixels are not decoded.

    Raises
    ------
    DataError
        If the source is no image, or is too large.
    """
    with refusing_bad_images(source), _open(source) as image:
        # A PNG's own getexif decodes the pixels, to find what may stand behind them.
        is_turned = Image.Image.getexif(image).get(ORIENTATION_TAG) in SIDEWAYS
        sides = image.size if is_turned else image.size[::-1]
        return ImageHeader(*sides, not (image.mode in GREY_MODES or image.mode.startswith("I")))


def read_image(source: Source, shape: ImageShape, inversion: Inversion | None = None) -> NDArray[np.uint8]:
    """Read an image as uint8 (h, w, c).

    The image is turned upright, laid on black where it is transparent, made grey or RGB, inverted if `inversion` asks
    for it, scaled (bicubic) to fit within (h, w) with its aspect ratio kept, and centred on its own ground: the median
    of each channel along its border.

    In grey images of 16 bits, white is 65,535. Images of 32 bits do not tell what is white: in integers it is the
    smallest of `WHITE_LEVELS` that no pixel exceeds, and in floats too, but 1 where no pixel exceeds `MAX_SHARE`.
    Everything below 0 is black. The brightness of an image depends on no other image, and is not stretched.

    Raises
    ------
    DataError
        If the source is not a readable image, is too large, or c is neither 1 nor 3.
    """
    height, width, channels = shape
    if channels not in (1, 3):
        raise DataError(f"image files have 1 or 3 channels, but the network takes {channels}")
    with refusing_bad_images(source):
        image = _decode(source).convert("L" if channels == 1 else "RGB")
    pixels = _fit(image, width, height)
    if inversion is not None and (inverted := inversion(image, pixels, source)) is not image:
        pixels = _fit(inverted, width, height)
    return pixels


class _PillowSilence:
    """A context that silences Pillow's warnings as long as any thread is inside it.

    Whatever matters in these warnings is an error here. `warnings.catch_warnings` alone would not do: it changes the
    filters of the whole process, and must be left in the reverse of the order in which it was entered, which threads
    do not keep. So the first thread to enter silences Pillow, and the last one to leave restores the filters.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._filters = ExitStack()

    def __enter__(self) -> None:
        with self._lock:
            if self._n_inside == 0:
                self._filters.enter_context(warnings.catch_warnings())
                warnings.filterwarnings("ignore", module="PIL")
            self._n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._filters.close()


quiet_pillow = _PillowSilence()
"""`with quiet_pillow:` silences Pillow's warnings; any number of threads may be inside at once."""


@contextmanager
def refusing_bad_images(source: Source | str) -> Iterator[None]:
    """Turn whatever Pillow raises for `source` into a `DataError`."""
    try:
        with quiet_pillow:
            yield
    except UnidentifiedImageError as error:
        raise DataError(f"{source} is not an image in a known format ({', '.join(IMAGE_FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{source} is larger than {MAX_PIXELS:,} pixels, the most that are decoded: scale it down"
        ) from error
    except (
        OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, OverflowError, struct.error,
    ) as error:  # fmt: skip
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise DataError(f"{source} is not a readable image: {reason}") from error


@contextmanager
def _open(source: Source) -> Iterator[Image.Image]:
    """Open an image and check that it is not too large to decode; only its header has been read."""
    if isinstance(source, Opened):
        yield source.image
        return
    with _open_file(source) as file:
        formats = formats_of(file.read(HEAD_BYTES), source)
        file.seek(0)
        image = Image.open(file, formats=formats)
        if image.width * image.height > MAX_PIXELS:
            size = f"{image.width}x{image.height}"
            raise DataError(f"{source} is {size} pixels, but at most {MAX_PIXELS:,} are decoded: scale it down")
        with image:
            yield image


def _open_file(source: Path | Encoded | Packed) -> BinaryIO:
    """Open the file of an image."""
    if isinstance(source, Encoded):
        return BytesIO(source.content)
    if isinstance(source, Packed):
        return BytesIO(source.unpack())
    kind = source.stat().st_mode
    if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
        # Opening a pipe could wait for ever; a folder has an error of its own.
        raise DataError(f"{source} is a device or a pipe, not an image file")
    return source.open("rb")


def _decode(source: Source) -> Image.Image:
    """Decode an image: upright, 8 bits per channel, without transparency."""
    with _open(source) as image:
        return _flatten(ImageOps.exif_transpose(image), image.format)


def _fit(image: Image.Image, width: int, height: int) -> NDArray[np.uint8]:
    """Scale an image to fit, with its aspect ratio kept, and centre it on its ground: (height, width, c)."""
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    scaled = np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.uint8).reshape(*size[::-1], -1)
    border = border_of(scaled[None])[0]
    fitted = np.empty((height, width, scaled.shape[2]), np.uint8)
    fitted[:] = np.sort(border, axis=0)[(len(border) - 1) // 2]
    top, left = round((height - size[1]) / 2), round((width - size[0]) / 2)
    fitted[top : top + size[1], left : left + size[0]] = scaled
    return fitted


def _flatten(image: Image.Image, file_format: str | None) -> Image.Image:
    """Reduce an image to 8 bits per channel without transparency; `file_format` is Pillow's name of the format."""
    if image.mode == "F" or image.mode.startswith("I"):
        # Before version 11, Pillow opened a PNG of 16 bits in the mode of 32.
        white = WHITE_LEVELS[1] if image.mode.startswith("I;16") or file_format == "PNG" else _white_level(image)
        return _reduce_to_8_bits(image, white)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image


def _white_level(image: Image.Image) -> float:
    """Determine which value is white in a grey image of 32 bits, since its file does not tell.

    Raises
    ------
    ValueError
        If the pixels do not tell it either.
    """
    top = float(np.max([strip.max() for _, strip in _strips(image)]))
    if not np.isfinite(top):
        raise ValueError("some of its pixels are NaN or infinite")
    if image.mode == "F" and top <= MAX_SHARE:
        return 1
    for white in WHITE_LEVELS:
        if top <= white:
            return white
    raise ValueError(f"its pixels go up to {top:g}, but white is at most {WHITE_LEVELS[-1]}: save it with 8 bits")


def _reduce_to_8_bits(image: Image.Image, white: float) -> Image.Image:
    """Map the values from 0 to `white` of a grey image to 8 bits; Pillow itself would clip them at 255."""
    grey = Image.new("L", image.size)
    for top, strip in _strips(image):
        pixels = strip.clip(0, white).astype(np.float32) * np.float32(255 / white)
        grey.paste(Image.fromarray(np.rint(pixels).astype(np.uint8)), (0, top))
    return grey


def _strips(image: Image.Image) -> Iterator[tuple[int, NDArray[Any]]]:
    """Iterate over strips of rows, each with the number of its first row: a whole array would double the memory."""
    n = max(1, PIXELS_PER_STRIP // image.width)
    for top in range(0, image.height, n):
        yield top, np.asarray(image.crop((0, top, image.width, min(top + n, image.height))))
