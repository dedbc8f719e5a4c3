"""Image files, brought to the size and the channels that a network takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from golmu.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp")
"""File names that a folder is searched for."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
"""What is decoded; some of the others that Pillow knows run other programs."""

MAX_PIXELS = 50_000_000
"""A picture that declares more is refused before it is decoded: it may be made to fill the memory."""


def find_images(paths: Iterable[Path]) -> list[Path]:
    """The image files among `paths`, and in the folders among them, sorted by name within a folder.

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
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not found:
        raise DataError(f"the folder {folder} holds no image: files named {', '.join(SUFFIXES)} are looked for")
    return found


def read_image(path: Path, shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """The image at `path` as uint8 (h, w, c).

    It is turned upright, laid on black where it is transparent, made grey or RGB, scaled (bicubic) to fit within
    (h, w) with its aspect ratio kept, and centred on black.

    Raises
    ------
    DataError
        If the file is not a readable image, is too large, or c is neither 1 nor 3.
    """
    height, width, channels = shape
    if channels not in (1, 3):
        raise DataError(f"image files have 1 or 3 channels, but the network takes {channels}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what matters of them is an error here
            image = _decoded(path).convert("L" if channels == 1 else "RGB")
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is not an image, or one of a format that is not known") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is not a readable image: {getattr(error, 'strerror', None) or error}") from error
    return _fitted(image, width, height).reshape(shape)


def _decoded(path: Path) -> Image.Image:
    """The picture, upright, 8 bits a channel, without transparency."""
    with Image.open(path, formats=FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            size = f"{opened.width}x{opened.height}"
            raise DataError(f"{path} is {size} pixels, and at most {MAX_PIXELS:,} are decoded: scale it down")
        return _flat(ImageOps.exif_transpose(opened))


def _fitted(image: Image.Image, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width) or (height, width, 3): scaled with its aspect ratio kept, at least a pixel wide, centred."""
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    fitted = Image.new(image.mode, (width, height))
    scaled = image.resize(size, Image.Resampling.BICUBIC)
    fitted.paste(scaled, (round((width - size[0]) / 2), round((height - size[1]) / 2)))
    return np.asarray(fitted, np.uint8)


def _flat(image: Image.Image) -> Image.Image:
    """8 bits a channel, without transparency."""
    if image.mode.startswith("I"):
        # Pillow clips deep grey values at 255 when it converts them; 65535 / 257 = 255.
        return Image.fromarray((np.asarray(image).clip(0, 65535) // 257).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    return image
