"""A page of the system's Chromium, for the scripts that draw pictures of Golmu's own pages."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

WIDTH = 1140
"""Pixels of a picture's width."""


@contextmanager
def browser_page(height: int, **context: str) -> Iterator[Page]:
    """Open an empty page in light colours."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to run as root; the pages are our own.
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": WIDTH, "height": height}, color_scheme="light", **context)
        browser.close()


def save_picture(content: bytes, path: Path) -> None:
    """Save a PNG with a palette, a third as large; this way of choosing the palette keeps the colours of thin lines."""
    picture = Image.open(BytesIO(content)).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MAXCOVERAGE).save(path, optimize=True)
