"""The files of the page, each under its path; they need no token, since they hold nothing of anybody's."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from golmu.export.page import STATIC as SHARED

STATIC = Path(__file__).parent / "static"

INDEX = "index.html"

PREFIX, SHARED_PREFIX = "/static/", "/static/shared/"
"""Where the page's own files are, and those that the page of one file shares with it."""

MEDIA_TYPES = {
    ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
    ".html": "text/html; charset=utf-8", ".svg": "image/svg+xml",
}  # fmt: skip


class Asset(NamedTuple):
    """A file of the page."""

    content: bytes
    media_type: str
    tag: str
    """What tells this content from another, as the header ETag has it."""


def load_assets() -> dict[str, Asset]:
    """Read all files of the page, by their paths; the page itself is under `/`."""
    found = {PREFIX + path.relative_to(STATIC).as_posix(): path for path in sorted(STATIC.rglob("*"))}
    found |= {SHARED_PREFIX + path.name: path for path in sorted(SHARED.iterdir())}
    found["/"] = found.pop(PREFIX + INDEX, STATIC / INDEX)
    return {name: _read(path) for name, path in found.items() if path.suffix in MEDIA_TYPES and path.is_file()}


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, MEDIA_TYPES[path.suffix], f'"{blake2b(content, digest_size=8).hexdigest()}"')
