"""JPEG files that lack nothing but the mark at their end, as some cameras and messengers leave them.

Pillow refuses them like files that were cut off in the middle, which they are not: every pixel is there. A file counts
as whole if its scans cover every coefficient to its last bit, and if bytes that are put after its last one change no
pixel: a decoder that still waits for data would read them as such.
"""

from __future__ import annotations

import re
from io import BytesIO

from PIL import Image, ImageChops

START, END = b"\xff\xd8", b"\xff\xd9"

NOISES = tuple(bytes([first, *range(254, 0, -1)]) * 2 for first in (0x01, 0x2A, 0x55, 0x7F, 0x80, 0xAA, 0xD5, 0xFE))
"""Bytes that, read as coefficients, change pixels, some of them at least."""

NEXT_MARKER = re.compile(rb"\xff+(?![\x00\xd0-\xd7\xff])")
"""What ends the data of a scan: restart marks and stuffed zeros do not."""

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
SCAN, RESTARTS = 0xDA, 0xDD
ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
"""Marks that no segment follows."""

N_COEFFICIENTS = 64


def with_end_mark(content: bytes) -> bytes | None:
    """Return a JPEG file with the mark that it lacks at its end; None if it is none, is whole, or lacks more.

    Raises
    ------
    OSError, SyntaxError, ValueError
        If Pillow cannot decode it for another reason.
    """
    if not content.startswith(START):
        return None
    content = content.removesuffix(b"\xff")  # half of the mark; if it was data, the noise takes its place
    try:
        if not _has_all_scans(content):
            return None
    except (LookupError, ValueError):  # it ends within a segment, or is none of the usual kind
        return None
    whole = content + END
    with Image.open(BytesIO(whole), formats=["JPEG"]) as image:
        for noise in NOISES:
            with Image.open(BytesIO(content + noise + END), formats=["JPEG"]) as other:
                if ImageChops.difference(image, other).getbbox(alpha_only=False):
                    return None
    return whole


def _has_all_scans(content: bytes) -> bool:
    """Return whether the scans give every coefficient of every component to its last bit, and no mark ends them.

    With restart marks, of which some may be missing, it cannot be told, so that the answer is False.
    """
    at, lacking, is_progressive = len(START), {-1: set[int]()}, False
    while (match := NEXT_MARKER.search(content, at)) is not None:
        mark, at = content[match.end()], match.end() + 1
        if mark in ALONE:
            continue
        if mark in (END[1], RESTARTS):
            return False
        segment = content[at + 2 : at + int.from_bytes(content[at : at + 2])]
        at += 2 + len(segment)
        if mark in FRAMES:
            is_progressive = mark in PROGRESSIVE
            lacking = {segment[6 + 3 * i]: set(range(N_COEFFICIENTS)) for i in range(segment[5])}
        elif mark == SCAN:
            first, last, bits = segment[-3:]
            covered = range(first, last + 1) if is_progressive else range(N_COEFFICIENTS)
            for i in range(segment[0]):
                if not is_progressive or bits & 15 == 0:
                    lacking[segment[1 + 2 * i]].difference_update(covered)
    return not any(lacking.values()) and -1 not in lacking
