"""Image files: how they are opened, and read in the size and the channels that a network takes."""

from __future__ import annotations

import stat
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from golmu.data.readers.image_kinds import HEAD_BYTES, KNOWN_FORMATS, formats_of
from golmu.data.readers.image_pixels import fit, flatten
from golmu.data.readers.inversion import Inversion
from golmu.data.readers.jpeg_end import with_end_mark
from golmu.errors import DataError, GolmuError
from golmu.types import ImageShape

GREY_MODES = ("1", "L", "LA", "La", "F")
"""Pillow's modes of images without colours, besides those of more than 8 bits, whose names begin with I."""

ORIENTATION_TAG = 0x0112
"""EXIF's tag of how the camera was held."""

SIDEWAYS = range(5, 9)
"""Values of that tag for which the image is turned by a quarter."""

MAX_PIXELS = 120_000_000
"""An image that declares more is refused before it is decoded, since it may be made to fill the memory."""

LARGE_PIXELS = 2**24
"""Of images with more pixels, one is decoded at a time, however many threads there are: each may take gigabytes."""


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


class Lacking(NamedTuple):
    """An image file that a table names, and that does not exist."""

    path: Path
    named_in: str

    def __str__(self) -> str:
        return str(self.path)


Source = Path | Encoded | Packed | Opened | Lacking
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

    The image is turned upright, made grey or RGB, inverted if `inversion` asks for it, scaled (bicubic) to fit within
    (h, w) with its aspect ratio kept, and centred on its own ground: the median of each channel along its border.

    Where it is transparent, it is laid on black; on white, if every pixel would then be nearly black (below
    `golmu.data.inputs.FAINT_BELOW`), as those of black ink on a clear layer would.

    In grey images of 16 bits, white is 65,535. Images of 32 bits do not tell what is white: in integers it is the
    smallest of `image_pixels.WHITE_LEVELS` that no pixel exceeds, and in floats too, but 1 where no pixel exceeds
    `image_pixels.MAX_SHARE`.
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
        try:
            flat = _decode(source, channels)
        except OSError:
            if (whole := _without_fault(source)) is None:
                raise
            flat = _decode(whole, channels)
        pixels = fit(flat, width, height)
    if inversion is not None and (inverted := inversion(flat, pixels, source)) is not flat:
        pixels = fit(inverted, width, height)
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


_large_image = threading.Lock()

quiet_pillow = _PillowSilence()
"""`with quiet_pillow:` silences Pillow's warnings; any number of threads may be inside at once."""


@contextmanager
def refusing_bad_images(source: Source | str) -> Iterator[None]:
    """Turn whatever a decoder raises for `source` into a `DataError`."""
    try:
        with quiet_pillow:
            yield
    except GolmuError:
        raise
    except UnidentifiedImageError as error:
        raise DataError(f"{source} is not an image in a known format ({', '.join(KNOWN_FORMATS)})") from error
    except Image.DecompressionBombError as error:
        raise DataError(
            f"{source} is larger than {MAX_PIXELS:,} pixels, the most that are decoded: scale it down"
        ) from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataError(f"there is no image {source}") from error
    except MemoryError as error:
        raise DataError(f"{source} does not fit into this computer's free memory: scale it down") from error
    except Exception as error:  # decoders raise what they like, such as RuntimeError for AVIF
        reason = str(getattr(error, "strerror", None) or error).rstrip(".")
        raise DataError(f"{source} is not a readable image: {reason}") from error


@contextmanager
def _open(source: Source) -> Iterator[Image.Image]:
    """Open an image and check that it is not too large to decode; only its header has been read."""
    if isinstance(source, Lacking):
        raise DataError(f"there is no image {source.path}, which is named in {source.named_in}")
    if isinstance(source, Opened):
        check_size(source.image, source)
        yield source.image
        return
    with _open_file(source) as file:
        formats = formats_of(file.read(HEAD_BYTES), source)
        file.seek(0)
        with Image.open(file, formats=formats) as image:
            check_size(image, source)
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


def _decode(source: Source, channels: int) -> Image.Image:
    """Decode an image as `flatten` gives it."""
    with _open(source) as image, _turn_of(image):
        return flatten(image, channels)


def _without_fault(source: Source) -> Encoded | None:
    """Return an image that cannot be decoded with what it lacks, if that is nothing but the mark at its end."""
    if isinstance(source, Opened | Lacking):
        return None
    with _large_image, _open_file(source) as file:
        whole = with_end_mark(file.read())
    return None if whole is None else Encoded(whole, str(source))


def check_size(image: Image.Image, name: object) -> None:
    """Raise `DataError` if an opened image is too large to decode."""
    if image.width * image.height > MAX_PIXELS:
        raise DataError(
            f"{name} is {image.height}x{image.width} pixels (height x width), but at most {MAX_PIXELS:,} are decoded: "
            "scale it down"
        )


def _turn_of(image: Image.Image) -> AbstractContextManager[Any]:
    """Return a context that waits until no other large image is being decoded, if this one is large."""
    return _large_image if image.width * image.height > LARGE_PIXELS else nullcontext()
