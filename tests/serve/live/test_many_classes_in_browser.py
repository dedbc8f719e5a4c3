"""The page with more classes than it has room for: it says so wherever it shows a part of them."""

import numpy as np
import pytest
from browser import needs_browser
from live_page import eventually, finish, live_page, live_server

pytestmark = needs_browser

N_CLASSES = 26


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp("letters")
    labels = np.repeat(np.arange(N_CLASSES), 10)
    images = np.random.default_rng(0).integers(0, 255, (len(labels), 8, 8)).astype(np.uint8)
    np.savez(folder / "letters.npz", images=images, labels=np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))[labels])
    with live_server(folder, "--data", "letters.npz") as (_, opened):
        yield opened


def test_what_is_only_a_part_says_so(chromium, address):
    with live_page(chromium, address, "epochs=1") as page:
        finish(page)
        mistakes = page.locator(".confusion-card")
        eventually(page, lambda: "too many classes for a matrix" in mistakes.inner_text())
        assert "Open a cell" not in mistakes.inner_text()
        assert "letters · " in page.locator(".run-name").inner_text()
        page.click("#tab-try")
        page.get_by_text("The 10 most probable of 26 classes.").wait_for()
        page.click("#tab-look")
        page.locator(".flow-classes", has_text="The 20 most probable of 26 classes.").wait_for()
        page.get_by_role("button", name="Softmax", exact=True).click()
        page.locator(".panel", has_text="The 20 most probable of 26 classes.").wait_for()
