"""Kinds of image files: by their name, by their first bytes, and whether this computer can read them.

PNG, JPEG, BMP, GIF, TIFF and WebP are always read. AVIF is where Pillow can (from version 11.3 on), and HEIC, as
phones write it, with pillow-heif (`pip install "golmu[heif]"`), which is imported when the first such image is opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import PurePath

from PIL import features

from golmu.errors import DataError

IMAGE_SUFFIXES = (
    ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".jfif", ".jpe", ".jif", ".pjpeg", ".pjp",
    ".apng", ".mpo",
)  # fmt: skip
"""Endings of the file names that count as images, whatever is installed."""

AVIF_SUFFIXES, HEIF_SUFFIXES = (".avif",), (".heic", ".heif", ".hif")
"""Endings of images that are read where a library can."""

IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
"""Formats that are decoded, in Pillow's names; some of the others that Pillow knows run other programs."""

KNOWN_FORMATS = (*IMAGE_FORMATS, "AVIF", "HEIC")
"""Those formats, and those that are decoded where a library can: where none can, an error of its own says so."""

SYSTEM_NAMES = frozenset({
    "__macosx", "__pycache__", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found",
    "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r",
})  # fmt: skip
"""Names, in small letters, of files and folders that systems leave among a user's own."""

HEAD_BYTES = 64
"""First bytes of a file that tell whether it is AVIF or HEIC."""

NO_AVIF = "AVIF images need Pillow 11.3 or newer: pip install --upgrade pillow"
NO_HEIF = 'HEIC images need pillow-heif: pip install "golmu[heif]"'


def is_hidden(name: str) -> bool:
    """Return whether a file or folder of this name is hidden, or left by a system: `._a.png`, `__MACOSX`."""
    return name.startswith(".") or name.lower() in SYSTEM_NAMES


def is_image_name(name: str) -> bool:
    """Return whether a file of this name counts as an image that can be read here."""
    return name.lower().endswith(_readable_suffixes()) and not is_hidden(name)


def is_known_image(name: str) -> bool:
    """Return whether a file of this name is an image of a kind that can be read, here or with more installed."""
    return name.lower().endswith(IMAGE_SUFFIXES + AVIF_SUFFIXES + HEIF_SUFFIXES)


def suffix_of(name: str) -> str:
    """Return the kind of a file, as notices count it: the ending of its name in small letters, or "" if it has none."""
    return PurePath(name).suffix.lower()


def describe_kinds(counts: Mapping[str, int]) -> str:
    """Return the numbers of files of each kind, the most frequent first, and what helps to read some of them."""
    kinds = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    text = ", ".join(f"{n:,} {suffix or 'without an ending'}" for suffix, n in kinds)
    return "; ".join([text, *_advice(counts)])


def formats_of(head: bytes, source: object) -> tuple[str, ...]:
    """Return the formats to try on an image that begins with `head`, in Pillow's names.

    Raises
    ------
    DataError
        If it is AVIF or HEIC, and no library reads that here.
    """
    if head[4:8] != b"ftyp":
        return IMAGE_FORMATS
    brands = {head[i : i + 4] for i in range(8, min(len(head), int.from_bytes(head[:4], "big")), 4)}
    if brands & {b"avif", b"avis"}:
        if not _reads_avif():
            raise DataError(f"{source} cannot be read: {NO_AVIF}")
        return ("AVIF",)
    if brands & {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}:
        if not _register_heif():
            raise DataError(f"{source} cannot be read: {NO_HEIF}")
        return ("HEIF",)
    return IMAGE_FORMATS


def _advice(suffixes: Iterable[str]) -> list[str]:
    advice = []
    if not _reads_avif() and any(suffix in AVIF_SUFFIXES for suffix in suffixes):
        advice.append(NO_AVIF)
    if not _reads_heif() and any(suffix in HEIF_SUFFIXES for suffix in suffixes):
        advice.append(NO_HEIF)
    return advice


@cache
def _readable_suffixes() -> tuple[str, ...]:
    return IMAGE_SUFFIXES + (AVIF_SUFFIXES if _reads_avif() else ()) + (HEIF_SUFFIXES if _reads_heif() else ())


@cache
def _reads_avif() -> bool:
    return "avif" in features.modules and bool(features.check("avif"))


@cache
def _reads_heif() -> bool:
    return find_spec("pillow_heif") is not None


@cache
def _register_heif() -> bool:
    """Let Pillow read HEIC if that is possible, and return whether it is."""
    try:
        from pillow_heif import register_heif_opener  # noqa: PLC0415  it takes a while, and most images are not HEIC
    except ImportError:
        return False
    register_heif_opener(thumbnails=False)
    return True
