"""The pixels of an opened image: upright, of 8 bits, without transparency, and fitted to the size of a network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from golmu.data.inputs import FAINT_BELOW
from golmu.preprocessing import border_of

WHITE_LEVELS = (255, 65_535, 2**31 - 1)
"""Values that white may have in a grey image of 32 bits: the smallest of these that no pixel exceeds."""

MAX_SHARE = 2.0
"""Floats up to this are shares of 1; a filter may leave some a little above 1, and anything above is white."""

PIXELS_PER_STRIP = 2**20
"""About how many pixels of a large image are converted at a time."""

BLACK, WHITE = (0, 0, 0, 255), (255, 255, 255, 255)

GREYS_OF_FEW_BITS = {"L;2": 85, "L;4": 17}
"""What Pillow multiplies the pixels of a PNG by that has 2 or 4 bits of grey, by its name of the raw mode."""

PHOTOMETRIC_TAG, WHITE_IS_ZERO = 262, 0
"""TIFF's tag of what the numbers of pixels mean, and its value where 0 is white."""


def flatten(image: Image.Image, channels: int) -> Image.Image:
    """Turn an image upright, in place, and return it with 8 bits per channel, grey or RGB, without transparency.

    Raises
    ------
    ValueError
        If it has 32 bits per pixel, and these do not tell what is white.
    """
    correct_transparent_colour(image)
    is_white_zero = getattr(image, "tag_v2", {}).get(PHOTOMETRIC_TAG) == WHITE_IS_ZERO
    ImageOps.exif_transpose(image, in_place=True)
    flat = image
    if image.mode == "F" or image.mode.startswith("I"):
        # Before version 11, Pillow opened a PNG of 16 bits in the mode of 32.
        is_png = image.format == "PNG"
        flat = _reduce_to_8_bits(
            image, WHITE_LEVELS[1] if image.mode.startswith("I;16") or is_png else _white_level(image)
        )
        if is_white_zero:  # Pillow heeds it for 8 bits alone
            flat = ImageOps.invert(flat)
        if isinstance(key := image.info.get("transparency"), int):
            flat.putalpha(_visible(image, key))
    if flat.has_transparency_data:
        flat = _lay_on_ground(flat)
    return flat.convert("L" if channels == 1 else "RGB")


def correct_transparent_colour(image: Image.Image) -> None:
    """Express the transparent colour of a PNG that is opened, and not loaded yet, in the pixels that Pillow decodes.

    Pillow brings pixels of 2, 4 and 48 bits to 8 for each channel, but leaves the colour as the file has it.
    """
    tile = getattr(image, "tile", None)  # what is to be decoded
    key, raw = image.info.get("transparency"), str(tile[0][3]) if tile else ""
    if isinstance(key, int) and raw in GREYS_OF_FEW_BITS and image.mode == "L":
        image.info["transparency"] = key * GREYS_OF_FEW_BITS[raw]
    elif isinstance(key, tuple) and (raw == "RGB;16B" or max(key) > 255):
        image.info["transparency"] = tuple(part >> 8 for part in key)


def fit(image: Image.Image, width: int, height: int) -> NDArray[np.uint8]:
    """Scale an image to fit, with its aspect ratio kept, and centre it on its ground: (height, width, c)."""
    if image.size == (width, height):
        return np.array(image, np.uint8).reshape(height, width, -1)
    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    scaled = np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.uint8).reshape(*size[::-1], -1)
    border = border_of(scaled[None])[0]
    fitted = np.empty((height, width, scaled.shape[2]), np.uint8)
    fitted[:] = np.sort(border, axis=0)[(len(border) - 1) // 2]
    top, left = round((height - size[1]) / 2), round((width - size[0]) / 2)
    fitted[top : top + size[1], left : left + size[0]] = scaled
    return fitted


def _lay_on_ground(image: Image.Image) -> Image.Image:
    """Lay an image on black, or on white where all of it would be nearly black, such as black ink on a clear layer."""
    on_black = _laid_on(image, BLACK)
    is_bright = any(on_black.convert("L").histogram()[FAINT_BELOW:])
    return on_black if is_bright else _laid_on(image, WHITE)


def _laid_on(image: Image.Image, colour: tuple[int, int, int, int]) -> Image.Image:
    laid = Image.new("RGB", image.size)
    for top, strip in _strips(image):
        ground = Image.new("RGBA", strip.size, colour)
        laid.paste(Image.alpha_composite(ground, strip.convert("RGBA")), (0, top))
    return laid


def _visible(image: Image.Image, key: int) -> Image.Image:
    """Return which pixels of a grey image differ from its transparent one, as a mask of 8 bits."""
    mask = Image.new("L", image.size)
    for top, strip in _strips(image):
        mask.paste(Image.fromarray((np.asarray(strip) != key).astype(np.uint8) * np.uint8(255)), (0, top))
    return mask


def _white_level(image: Image.Image) -> float:
    """Determine which value is white in a grey image of 32 bits, since its file does not tell.

    Raises
    ------
    ValueError
        If the pixels do not tell it either.
    """
    top = float(np.max([np.asarray(strip).max() for _, strip in _strips(image)]))
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
        pixels = np.asarray(strip).clip(0, white).astype(np.float32) * np.float32(255 / white)
        grey.paste(Image.fromarray(np.rint(pixels).astype(np.uint8)), (0, top))
    return grey


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Iterate over strips of rows, each with the number of its first row: a whole copy would double the memory."""
    n = max(1, PIXELS_PER_STRIP // image.width)
    for top in range(0, image.height, n):
        yield top, image.crop((0, top, image.width, min(top + n, image.height)))
