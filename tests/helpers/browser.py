"""A headless browser that this computer has, for the tests of pages."""

import shutil
from contextlib import contextmanager

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
FOUND = next(filter(None, map(shutil.which, NAMES)), None)

needs_browser = pytest.mark.skipif(FOUND is None, reason=f"none of {', '.join(NAMES)} is installed")


@contextmanager
def launched():
    """A browser of Playwright's, for several pages."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Chromium's sandbox wants a user that is not root, which continuous integration often is; the page is our own.
        browser = playwright.chromium.launch(executable_path=FOUND, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def shown(browser, path, width=1280, scheme="light"):
    """A page with the file open, and what it said, asked for and did wrong, as a list of words."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, events, address = context.new_page(), [], path.resolve().as_uri()
    page.on("console", lambda message: events.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: events.append(f"error: {error}"))
    page.on("dialog", lambda dialog: events.append(f"dialog: {dialog.message}"))
    page.on(
        "request",
        lambda request: (
            request.url == address or request.url.startswith("data:") or events.append(f"request: {request.url}")
        ),
    )
    page.goto(address, wait_until="load")
    yield page, events
    context.close()


@contextmanager
def opened(path, width=1280, scheme="light"):
    """What `shown` gives, in a browser of its own."""
    with launched() as browser, shown(browser, path, width, scheme) as opened_page:
        yield opened_page
