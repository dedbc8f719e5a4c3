"""Draws docs/images/live-page.png and live-page.ko.png, the READMEs' live page: python docs/draw_live_page.py."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from browsing import browser_page, save_picture

IMAGES = Path(__file__).parent / "images"

PICTURES = {"en": IMAGES / "live-page.png", "ko": IMAGES / "live-page.ko.png"}

COMPARED = "epochs=12&learning_rate=0.001", "epochs=12&learning_rate=0.03"
"""The settings of two trainings, the second of which is under way in the picture."""

EPOCH_SHOWN = 7
HEIGHT = 1000


def main() -> None:
    """Trains twice in sight, and keeps the page as it looks in the middle of the second training."""
    with tempfile.TemporaryDirectory() as folder, live_page(folder) as address:
        for language, path in PICTURES.items():
            save_picture(screenshot(address, language), path)


@contextmanager
def live_page(folder: str) -> Iterator[str]:
    """Start `golmu app` on Fashion-MNIST, and give its address."""
    command = [sys.executable, "-m", "golmu", "app", "--no-open", "--port", "0", "--data", "fashion-mnist"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder) as process:
        yield re.search(r"http://\S+", process.stdout.readline())[0]
        process.kill()


def screenshot(address: str, language: str) -> bytes:
    """The page in the middle of a training, after another one."""
    with browser_page(HEIGHT) as page:
        page.set_default_timeout(120_000)
        first, second = COMPARED
        page.goto(f"{address}#lang={language}&{first}")
        page.locator("#run-play:enabled").click()
        page.locator("#transport[data-status=finished]").wait_for(state="attached")
        page.goto(f"{address}#lang={language}&{second}")
        page.locator("#run-play:enabled").click()
        page.locator("#run-epoch-now", has_text=re.compile(rf"^\s*{EPOCH_SHOWN}\b")).wait_for()
        return page.screenshot()


if __name__ == "__main__":
    main()
