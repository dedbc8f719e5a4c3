"""The tab Try in a browser: drawings, files, and an answer that moves."""

from base64 import b64encode

import numpy as np
import pytest
from browser import needs_browser
from drawn_at_random import image_file
from live_page import ENDLESS, eventually, finish, hold_back, live_page, wait_for_status
from PIL import Image

pytestmark = needs_browser

DIGITS = {
    "0": [[(0.5 + 0.2 * np.sin(a), 0.5 - 0.3 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 13)]],
    "1": [[(0.42, 0.3), (0.5, 0.2), (0.5, 0.8)]],
    "4": [[(0.45, 0.2), (0.3, 0.55), (0.65, 0.55)], [(0.6, 0.35), (0.55, 0.85)]],
    "7": [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.85)]],
}
"""Strokes, in shares of the area."""

TRAINED = "recipe=any&epochs=25"


def draw(page, strokes):
    """Draw with the mouse."""
    page.locator("#try-pad").scroll_into_view_if_needed()
    box = page.locator("#try-pad").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + box["width"] * x, box["y"] + box["height"] * y) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points:
            page.mouse.move(*point, steps=4)
        page.mouse.up()


def answer(page):
    """The answer, once what has been drawn is computed."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.inner_text("#try-label")


def bars(page):
    return page.locator("#try-bars .try-number").all_inner_texts()


@pytest.fixture(scope="module")
def trained(chromium, address):
    """A page with a network that reads digits, in the tab Try."""
    with live_page(chromium, address, TRAINED, expected=["status of 4"]) as page:
        finish(page)
        page.click("#tab-try")
        page.locator("#try-pad").wait_for()
        yield page


@pytest.fixture
def clean(trained):
    """That page, with nothing drawn."""
    trained.click("#try-clear")
    assert answer(trained) == "–"
    return trained


@pytest.mark.parametrize("digit", DIGITS)
def test_a_drawn_digit_is_read_as_the_digit(clean, digit):
    draw(clean, DIGITS[digit])
    assert answer(clean) == digit
    assert clean.inner_text("#try-note") == "Your drawing, scaled and centred."
    size = clean.locator("#try-view").evaluate("(view) => [view.height, view.width]")
    assert size == [8, 8]


def test_a_finger_draws_as_the_mouse_does(clean):
    """Touches come from the browser's own input, since Playwright only taps."""
    pad, session = clean.locator("#try-pad"), clean.context.new_cdp_session(clean)
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    for stroke in DIGITS["7"]:
        places = [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]} for x, y in stroke]
        for kind, points in (
            ("touchStart", places[:1]),
            *(("touchMove", [place]) for place in places[1:]),
            ("touchEnd", []),
        ):
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    eventually(clean, lambda: answer(clean) == "7")


def test_the_answer_moves_while_one_draws(clean):
    box = clean.locator("#try-pad").bounding_box()
    found = set()
    clean.mouse.move(box["x"] + 80, box["y"] + 60)
    clean.mouse.down()
    for i in range(5):
        clean.mouse.move(box["x"] + 80 + 20 * i, box["y"] + 60 + 30 * i, steps=3)
        answer(clean)
        found.add(tuple(bars(clean)))
    clean.mouse.up()
    assert len(found) >= 4
    clean.click("#try-undo")
    assert answer(clean) == "–"


def test_the_answer_moves_while_the_network_learns(chromium, address):
    with live_page(chromium, address, f"{ENDLESS}&tab=try") as page:
        page.get_by_role("button", name="Begin with an untrained network").click()
        draw_when_ready(page, DIGITS["7"])
        wait_for_status(page, "paused")
        assert answer(page) != "–"
        first = bars(page)
        assert max(float(one.removesuffix(" %")) for one in first) < 60
        page.click("#run-play")
        wait_for_status(page, "training")
        eventually(page, lambda: bars(page) != first)
        page.locator("p", has_text="its answer moves with every batch").wait_for()
        page.click("#run-play")


def draw_when_ready(page, strokes):
    page.locator("#try-pad").wait_for()
    draw(page, strokes)


def test_one_can_draw_with_the_keyboard(clean):
    clean.focus("#try-pad")
    for key in ["ArrowUp"] * 15 + [" "] + ["ArrowDown"] * 30 + [" "]:
        clean.keyboard.press(key)
    assert answer(clean) == "1"
    clean.keyboard.press("Backspace")
    assert answer(clean) == "–"


def test_a_file_is_chosen_or_dropped(clean, tmp_path):
    paper = np.full((60, 40), 255, np.uint8)
    paper[10:50, 18:23] = 0
    content = image_file("PNG", Image.fromarray(paper))
    (tmp_path / "one.png").write_bytes(content)
    for _ in range(2):  # the same file again
        clean.set_input_files("#try-file", tmp_path / "one.png")
        clean.locator("#try-note", has_text="one.png, scaled, centred and inverted, since").wait_for()
        assert clean.inner_text("#try-label") == "1"
        draw(clean, DIGITS["7"])
        clean.locator("#try-note", has_text="Your drawing").wait_for()
    drop = """([content, name]) => {
      const data = new DataTransfer(), bytes = Uint8Array.from(atob(content), (one) => one.charCodeAt(0));
      data.items.add(new File([bytes], name));
      for (const type of ["dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
      }
    }"""
    clean.evaluate(drop, [b64encode(content).decode(), "dropped.png"])
    clean.locator("#try-note", has_text="dropped.png, scaled").wait_for()
    for wrong, words in [(b"", "the file is empty"), (b"<svg/>", "not an image of a known"), (content[:60], "damaged")]:
        clean.evaluate(drop, [b64encode(wrong).decode(), "<b>wrong</b>"])
        clean.locator("#try-note", has_text="<b>wrong</b> could not be read: ").wait_for()
        assert words in clean.inner_text("#try-note")
        assert clean.inner_text("#try-label") == "–"
        draw(clean, DIGITS["7"])


def test_a_file_that_is_still_read_is_shown_in_the_next_language(clean, tmp_path):
    (tmp_path / "one.png").write_bytes(image_file("PNG", Image.fromarray(np.full((9, 9), 200, np.uint8))))
    let_go = hold_back(clean, "**/fit?*")
    clean.set_input_files("#try-file", tmp_path / "one.png")
    clean.locator("#try-note", has_text="one.png").wait_for()
    clean.click("#language")
    clean.locator("h2", has_text="그리기").wait_for()
    assert "one.png" in clean.inner_text("#try-note")
    let_go()
    eventually(clean, lambda: clean.inner_text("#try-label") != "–")
    assert "one.png" in clean.inner_text("#try-note")
    clean.click("#language")
    clean.locator("h2", has_text="Draw").wait_for()


def test_what_is_drawn_stays_when_the_language_changes(clean):
    draw(clean, DIGITS["4"])
    before = answer(clean), bars(clean)
    clean.click("#language")
    clean.locator("h2", has_text="그리기").wait_for()
    assert (answer(clean), bars(clean)) == before
    clean.click("#language")
    clean.locator("h2", has_text="Draw").wait_for()


def test_a_drawing_can_be_looked_into(clean):
    draw(clean, DIGITS["7"])
    answer(clean)
    clean.get_by_role("button", name="Look inside").click()
    assert clean.locator("#tab-look").get_attribute("aria-selected") == "true"
    clean.go_back()
    clean.locator("#tab-try[aria-selected=true]").wait_for()
