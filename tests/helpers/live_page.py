"""The live page for tests: `golmu app` as a process of its own, and the page in a browser."""

import subprocess
import sys
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from announcing import announcing

PATIENCE = 90_000
"""Milliseconds after which a test gives up: long, since it may wait for a training while others run beside it."""

ENDLESS = "recipe=chapter&epochs=1000&batch_size=4"
"""Settings of a training on the digits that takes at least 20 seconds."""


@contextmanager
def live_server(folder, *options, port=0):
    """The process of `golmu app` in a folder, on the digits, and its address; it is killed at the end."""
    given = options or ("--data", "digits")
    command = [sys.executable, "-m", "golmu", "app", "--no-open", "--port", str(port), *given]
    with announcing(command, stderr=subprocess.DEVNULL, cwd=folder) as started:
        yield started


@contextmanager
def live_page(browser, address, settings="", *, width=1280, scheme="light", expected=(), **context):
    """The page with settings in its address (`tab=try&lang=ko`).

    At the end no error may have come to the console but those that hold one of the `expected` words, and no request
    may have gone to another host.
    """
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **context)
    context.set_default_timeout(PATIENCE)
    page, host, wrong = context.new_page(), urlsplit(address).netloc, []

    def note(words):
        if not any(word in words for word in expected):
            wrong.append(words)

    page.on("console", lambda message: message.type in ("error", "warning") and note(message.text))
    page.on("pageerror", lambda error: note(f"{error} {error.stack}"))
    page.on("request", lambda request: urlsplit(request.url).netloc in (host, "") or note(f"request: {request.url}"))
    page.on("websocket", lambda socket: urlsplit(socket.url).netloc == host or note(f"socket: {socket.url}"))
    page.goto(f"{address}#{settings}", wait_until="load")
    page.locator("#run-play:enabled").wait_for(state="attached")
    yield page
    context.close()
    assert wrong == [], wrong


def wait_for_status(page, *statuses):
    """Wait until the training is in one of these states, and return it."""
    found = page.locator(", ".join(f"#transport[data-status={one}]" for one in statuses))
    found.wait_for(state="attached")
    return found.get_attribute("data-status")


def eventually(page, check, seconds=30):
    """Expect that `check()` comes to hold: a page shows a moment later what it has been told."""
    for _ in range(20 * seconds):
        with suppress(AttributeError, TypeError):  # of what is not there yet
            if check():
                return
        page.wait_for_timeout(50)
    assert check()


@contextmanager
def reconnection(page):
    """Expect that the page says that its connection is lost, for however short a time, and comes back."""
    page.wait_for_load_state("networkidle")  # a page fetches the modules of its other tabs when it has nothing to do
    page.evaluate(
        """() => {
          const banner = document.getElementById("banner"), note = () => (document.body.dataset.lost = "yes");
          new MutationObserver(() => banner.hidden || note()).observe(banner, { attributes: true });
        }"""
    )
    yield
    page.locator("body[data-lost]").wait_for(state="attached")
    page.locator("#banner").wait_for(state="hidden")


def hold_back(page, pattern):
    """Let requests wait from now on, and return a function that waits for one and lets all go."""
    held = []

    def hold(route):
        held.append(route)

    def let_go():
        eventually(page, lambda: held)
        for route in held:
            route.continue_()
        page.unroute(pattern)

    page.route(pattern, hold)
    return let_go


def settled(page, read, seconds=30):
    """What `read()` gives once it has been the same for a second."""
    last, since = read(), 0
    for _ in range(10 * seconds):
        page.wait_for_timeout(100)
        now = read()
        last, since = now, since + 1 if now == last else 0
        if since == 10:
            break
    return last


def number_in(page, name):
    """A number of the controls: "epoch", "loss", "accuracy" or "rate"; None while there is none."""
    words = page.locator(f"#run-{name}-now").inner_text().split("/")[0].removesuffix(" %").replace(",", "")
    return None if words.strip() == "–" else float(words)


def set_field(page, name, value):
    """Type a value into the field of the settings whose label is `name`."""
    box = page.get_by_label(name, exact=True)
    box.fill(str(value))
    box.press("Tab")


def finish(page, settings=()):
    """Set fields to values, and train to the end."""
    for name, value in dict(settings).items():
        set_field(page, name, value)
    before = page.locator("#transport").get_attribute("data-run")
    page.click("#run-play")
    page.locator(f"#transport[data-status=finished]:not([data-run='{before}'])").wait_for(state="attached")
