"""Draws docs/images/report.png, the READMEs' picture of a report: python docs/draw_report.py."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from browsing import WIDTH, browser_page, save_picture

PATH = Path(__file__).parent / "images" / "report.png"

FIRST_SECTION_LEFT_OUT, MARGIN = 3, 24
"""The number of that section, counted from 0, and pixels between its heading and the end of the picture."""


def main() -> None:
    """Trains as `make train` does, opens the report in a browser, and keeps its upper part."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "fashion-mnist-chapter"
        command = [sys.executable, "-m", "golmu", "train", "fashion-mnist", "--recipe", "chapter"]
        subprocess.run([*command, "--run", str(run)], check=True)
        save_picture(screenshot(run / "report.html"), PATH)


def screenshot(page_file: Path) -> bytes:
    """The upper part of a page as a PNG, to the end of the confusion matrix."""
    with browser_page(1200) as page:
        page.goto(page_file.resolve().as_uri(), wait_until="load")
        heading = page.locator("h2").nth(FIRST_SECTION_LEFT_OUT).bounding_box()
        height = heading["y"] - MARGIN
        return page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})


if __name__ == "__main__":
    main()
