"""All tabs as axe-core judges them, and as who uses them with the keyboard alone, on a telephone, or without motion."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import needs_browser
from live_page import live_page, wait_for_status

pytestmark = needs_browser

TABS = ("train", "look", "try", "explain")
STAGES = ("pixels", "convolution", "relu", "pooling", "hidden", "logits", "softmax")


def violations(page):
    """What axe-core finds serious, in words."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['help']}: {[node['target'] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def open_tab(page, tab):
    """Show a tab once a network has been trained a little."""
    if wait_for_status(page, "idle", "paused") == "idle":
        page.click("#run-epoch")
        wait_for_status(page, "paused")
    page.click(f"#tab-{tab}")
    page.locator(f"#{tab}").wait_for(state="visible")
    if tab == "look":
        page.locator(".flow .tile.chosen").first.wait_for()


@pytest.mark.parametrize(
    ("width", "scheme", "language"), [(1280, "light", "en"), (1280, "dark", "ko"), (390, "dark", "en")]
)
def test_axe_finds_nothing_serious(chromium, address, width, scheme, language):
    with live_page(chromium, address, f"lang={language}", width=width, scheme=scheme) as page:
        assert violations(page) == []
        for tab in TABS:
            open_tab(page, tab)
            assert violations(page) == [], tab
        open_tab(page, "look")
        for i, stage in enumerate(STAGES):
            page.locator(".panel .choice button").nth(i).click()
            assert violations(page) == [], stage


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_scrolls_sideways(chromium, address, width, language):
    with live_page(chromium, address, f"lang={language}", width=width) as page:
        for tab in TABS:
            open_tab(page, tab)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, tab
        open_tab(page, "look")
        for i, stage in enumerate(STAGES):
            page.locator(".panel .choice button").nth(i).click()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, stage


@pytest.mark.parametrize("tab", TABS)
def test_the_keyboard_reaches_everything_and_the_focus_is_seen(chromium, address, tab):
    with live_page(chromium, address) as page:
        open_tab(page, tab)
        page.evaluate("document.body.focus()")
        seen = """() => {
          const { activeElement: one } = document, { outlineStyle, boxShadow } = getComputedStyle(one);
          one.dataset.reached = "";
          const isSeen = outlineStyle !== "none" || boxShadow !== "none";
          return isSeen || one === document.body || one.matches("[role=tabpanel]");
        }"""
        for _ in range(150):
            page.keyboard.press("Tab")
            assert page.evaluate(seen), page.evaluate("document.activeElement.outerHTML")
        # What has one stop of the Tab key for many buttons, or is out of reach for now, has tabindex -1.
        missed = page.evaluate(
            """() => [...document.querySelectorAll("button, input, select, a[href], [tabindex]")]
              .filter((one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0)
              .filter((one) => one.dataset.reached === undefined)
              .map((one) => one.outerHTML)"""
        )
        assert missed == []
