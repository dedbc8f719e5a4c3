"""Draws docs/images/report.png, the READMEs' picture of a report: python docs/draw_report.py."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

PATH = Path(__file__).parent / "images" / "report.png"

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

WIDTH = 1140
"""Pixels of the page's width."""

FIRST_SECTION_LEFT_OUT, MARGIN = 3, 24
"""The number of that section, counted from 0, and pixels between its heading and the end of the picture."""


def main() -> None:
    """Trains for a few seconds, opens the report in a browser, and keeps its upper part."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "fashion-mnist-best"
        command = [sys.executable, "-m", "golmu", "train", "fashion-mnist", "--recipe", "best", "--epochs", "12"]
        subprocess.run([*command, "--run", str(run)], check=True)
        content = screenshot(run / "report.html")
    # A palette makes the file a third as large; this way of choosing it keeps the colours of thin lines.
    picture = Image.open(BytesIO(content)).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MAXCOVERAGE).save(PATH, optimize=True)


def screenshot(page_file: Path) -> bytes:
    """The upper part of a page as a PNG, to the end of the confusion matrix."""
    browser_path = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to run as root; the page is our own.
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 1200}, color_scheme="light")
        page.goto(page_file.resolve().as_uri(), wait_until="load")
        heading = page.locator("h2").nth(FIRST_SECTION_LEFT_OUT).bounding_box()
        height = heading["y"] - MARGIN
        content = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
        browser.close()
    return content


if __name__ == "__main__":
    main()
