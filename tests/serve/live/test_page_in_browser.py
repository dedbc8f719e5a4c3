"""The shell of the live page in a browser: tabs, languages, themes, addresses, and what becomes of the connection."""

import re
from urllib.parse import urlsplit

import numpy as np
import pytest
from breaking_proxy import breaking_proxy
from browser import needs_browser
from live_page import (
    ENDLESS,
    eventually,
    finish,
    hold_back,
    live_page,
    live_server,
    number_in,
    reconnection,
    set_field,
    wait_for_status,
)

pytestmark = needs_browser

TABS = ("train", "look", "try", "explain")

KEY = re.compile(r"\b(page|run|train|field|recipe|data|chart|kernels|confusion|save|try|look|explain)\.[a-z]")
"""The key of words that are missing."""

LOST = ("WebSocket connection to", "ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
"""What a browser says of a connection that cannot be made."""


def shown_tab(page):
    """The tab in view; it is the only one."""
    (tab,) = page.locator("[role=tab][aria-selected=true]").all()
    panels = page.locator("[role=tabpanel]:not([hidden])").evaluate_all("(all) => all.map((one) => one.id)")
    assert [tab.get_attribute("id")] == [f"tab-{one}" for one in panels]
    return panels[0]


def test_tabs_are_reached_by_mouse_keyboard_and_address(chromium, address):
    with live_page(chromium, address) as page:
        assert shown_tab(page) == "train"
        page.click("#tab-try")
        assert shown_tab(page) == "try"
        page.keyboard.press("ArrowRight")
        assert shown_tab(page) == "explain"
        assert page.url.endswith("tab=explain")
        assert not page.locator("#transport").is_visible()
        page.keyboard.press("ArrowRight")
        assert shown_tab(page) == "train"
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        assert shown_tab(page) == "try"
        page.go_back()
        page.locator("#tab-explain[aria-selected=true]").wait_for()
        assert shown_tab(page) == "explain"
    with live_page(chromium, address, "tab=look") as page:
        assert shown_tab(page) == "look"


def test_what_is_written_on_the_way_back_does_not_undo_going_back(chromium, address):
    """A browser has the older address a moment before it tells the page so (`popstate` comes before `hashchange`)."""
    with live_page(chromium, address, "tab=look") as page:
        page.click("#tab-try")
        assert "tab=try" in page.url
        page.evaluate(
            """async () => {
              const { Address } = await import("./static/address.js"), address = new Address();
              const back = new Promise((resolve) => addEventListener("popstate", resolve, { once: true }));
              addEventListener("popstate", () => address.set({ image: 3 }), { once: true });
              history.back();
              await back;
            }"""
        )
        page.locator("#tab-look[aria-selected=true]").wait_for()
        assert "tab=look" in page.url
        assert "image=3" in page.url


def test_an_address_that_names_what_every_object_has_is_an_address_without(chromium, address):
    with live_page(
        chromium, address, "lang=constructor&recipe=toString&tab=look&stage=valueOf", locale="en-US"
    ) as page:
        assert page.locator("html").get_attribute("lang") == "en"
        assert not KEY.search(page.locator("body").inner_text())
        page.click("#tab-train")
        assert page.locator(".settings select").nth(1).input_value() == "any"
        assert page.locator("#run-play").is_enabled()


def test_the_language_is_switched_remembered_and_in_the_address(chromium, address):
    with live_page(chromium, address, locale="en-US") as page:
        finish(page, {"Epochs": 3})
        page.click("#language")
        page.locator("h2", has_text="혼동 행렬").wait_for()
        assert page.locator("html").get_attribute("lang") == "ko"
        assert page.url.endswith("lang=ko")
        assert page.get_by_role("button", name="처음부터 다시 훈련").count() == 1
        assert page.locator("#run-status").inner_text() == "훈련 완료"
        assert page.locator(".run-name").count() == 1
        for tab in TABS:
            page.click(f"#tab-{tab}")
            eventually(page, lambda tab=tab: re.search("[가-힣]", page.locator(f"#{tab}").inner_text()))
            text = page.locator(f"#{tab}").inner_text()
            assert KEY.search(text) is None
        page.evaluate("() => history.replaceState(null, '', location.pathname)")
        page.reload()
        page.locator("#run-play:enabled").wait_for(state="attached")
        page.get_by_role("tab", name="훈련").wait_for()
        page.click("#language")
        page.get_by_role("tab", name="Train").wait_for()
    with live_page(chromium, address, locale="ko-KR") as page:
        assert page.get_by_role("tab", name="훈련").count() == 1
    with live_page(chromium, address, "lang=ko", locale="en-US") as page:
        assert page.get_by_role("tab", name="훈련").count() == 1


def test_of_two_languages_the_one_that_was_wanted_last_is_shown(chromium, address):
    with live_page(chromium, address, "lang=en") as page:
        let_go = hold_back(page, "**/words.ko.json")
        page.reload()
        page.locator("#run-play:enabled").wait_for()
        page.click("#language")
        page.evaluate("() => (location.hash = 'lang=en')")
        let_go()
        page.evaluate("async () => (await fetch('static/words.ko.json')).json()")
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.get_by_role("tab", name="Train").count() == 1


def test_a_tab_that_has_been_left_before_it_is_there_does_nothing(chromium, address):
    with live_page(chromium, address) as page:
        let_go = hold_back(page, "**/static/train.js")
        page.reload(wait_until="commit")
        page.click("#run-epoch")
        wait_for_status(page, "paused")
        page.click("#tab-look")
        page.click("#tab-try")
        page.locator("#try-pad").wait_for()
        let_go()
        page.locator("#look > p.card").wait_for(state="attached")
        page.wait_for_timeout(500)
        assert page.locator(".thumbs button").count() == 0
        page.click("#tab-look")
        page.locator(".thumbs button").first.wait_for()


def test_a_connection_is_open_once_the_page_knows_where_its_training_stands(chromium, address):
    with live_page(chromium, address) as page:
        told = page.evaluate(
            """async () => {
              const { Socket } = await import("./static/socket.js"), socket = new Socket();
              return ["hello", "state"].map((kind) => (socket.receive({ kind, visitor: "someone" }), socket.isOpen));
            }"""
        )
        assert told == [False, True]


def test_the_theme_is_the_systems_until_one_is_chosen(chromium, address):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    with live_page(chromium, address, scheme="dark") as page:
        dark = page.evaluate(ground)
        page.emulate_media(color_scheme="light")
        page.get_by_role("button", name="Dark").wait_for()
        eventually(page, lambda: page.evaluate(ground) != dark)
        page.get_by_role("button", name="Dark").click()
        eventually(page, lambda: page.evaluate(ground) == dark)
        page.reload()
        page.locator("#run-play:enabled").wait_for(state="attached")  # a socket that is closed too early is an error
        page.get_by_role("button", name="Light").wait_for()
        assert page.evaluate(ground) == dark


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_nothing_is_wider_than_the_page(chromium, address, width, scheme, language):
    with live_page(chromium, address, f"lang={language}&epochs=2", width=width, scheme=scheme) as page:
        page.click("#run-play")
        wait_for_status(page, "finished")
        for tab in TABS:
            page.click(f"#tab-{tab}")
            page.wait_for_timeout(300)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, tab


def test_with_reduced_motion_nothing_moves_by_itself(chromium, address):
    with live_page(chromium, address, reduced_motion="reduce") as page:
        moving = """() => [...document.querySelectorAll("*")].filter((one) => {
            const { transitionDuration, animationName } = getComputedStyle(one);
            return animationName !== "none" || transitionDuration.split(", ").some((time) => time !== "0s");
        }).length"""
        for tab in TABS:
            page.click(f"#tab-{tab}")
            assert page.evaluate(moving) == 0, tab


def test_two_visitors_train_separately(chromium, address):
    with (
        live_page(chromium, address, ENDLESS) as first,
        live_page(chromium, address, "recipe=quick&epochs=4") as second,
    ):
        first.click("#run-play")
        wait_for_status(first, "training")
        finish(second)
        eventually(second, lambda: number_in(second, "epoch") == 4)
        assert wait_for_status(first, "training", "waiting")
        for page in (first, second):
            eventually(page, lambda page=page: page.locator(".run-name").count() == 1)
        first.click("#run-reset")
        assert wait_for_status(second, "finished")


def test_whoever_must_wait_is_told_the_place(chromium, tmp_path):
    with (
        live_server(tmp_path, "--data", "digits", "--trainings", "1") as (_, address),
        live_page(chromium, address, ENDLESS) as first,
        live_page(chromium, address, ENDLESS) as second,
    ):
        first.click("#run-play")
        wait_for_status(first, "training")
        second.click("#run-play")
        wait_for_status(second, "waiting")
        second.locator("#run-status", has_text="Waiting for a free core: number 1 in the queue").wait_for()
        first.close()  # says goodbye, so that the place is free at once
        wait_for_status(second, "training")


def test_a_broken_connection_comes_back_to_its_training(chromium, address):
    with breaking_proxy(urlsplit(address).port) as proxy:
        through = f"http://127.0.0.1:{proxy.port}/"
        with live_page(chromium, through, ENDLESS, expected=LOST) as page:
            page.click("#run-play")
            page.locator(".run-name").wait_for()
            page.wait_for_timeout(500)
            page.evaluate("() => (document.body.dataset.isOld = 'yes')")
            with reconnection(page):
                proxy.cut()
            wait_for_status(page, "paused")
            eventually(page, lambda: number_in(page, "epoch") >= 1)
            epoch = number_in(page, "epoch")
            eventually(page, lambda: page.locator(".run-name").count() == 1)
            page.click("#run-play")
            wait_for_status(page, "training")
            eventually(page, lambda: number_in(page, "epoch") > epoch)
            assert page.locator("body").get_attribute("data-is-old") == "yes"


def test_a_connection_that_is_gone_without_a_word_is_noticed(chromium, address):
    with breaking_proxy(urlsplit(address).port) as proxy:
        through = f"http://127.0.0.1:{proxy.port}/"
        with live_page(chromium, through, ENDLESS, expected=LOST) as page:
            page.click("#run-epoch")
            wait_for_status(page, "paused")
            page.locator(".run-name").wait_for()
            with reconnection(page):
                proxy.lose()
            page.click("#run-play")
            wait_for_status(page, "training")
            assert page.locator(".run-name").count() == 1


def test_a_server_that_is_started_again_may_offer_other_data(chromium, tmp_path):
    images, labels = np.random.default_rng(0).integers(0, 256, (60, 6, 6), np.uint8), np.arange(60) % 2
    np.savez(tmp_path / "mine.npz", x=images, y=labels)
    with (
        live_server(tmp_path, "--data", "mine.npz") as (process, address),
        live_page(chromium, address, "epochs=1", expected=LOST) as page,
    ):
        data = page.locator(".settings select").first
        assert data.input_value() == "own"
        set_field(page, "Seed", 7)  # so that the address names the data
        finish(page)
        process.kill()
        page.locator("#banner").wait_for()
        with live_server(tmp_path, "--data", "digits", port=urlsplit(address).port):
            page.locator("#run-play:enabled").wait_for()
            assert data.input_value() == "digits"
            assert data.locator("option[value=own]").count() == 0
            finish(page)
            assert page.locator(".run-name").count() == 2


def test_a_server_that_is_killed_and_started_again(chromium, tmp_path):
    with live_server(tmp_path) as (process, address), live_page(chromium, address, "epochs=3", expected=LOST) as page:
        finish(page)
        process.kill()
        page.locator("#banner", has_text="start it again with: golmu app").wait_for()
        page.locator("#run-play:disabled").wait_for()
        page.click("#tab-explain")
        page.click("#tab-train")
        for title in ("설정", "Settings"):
            page.click("#language")
            page.locator(f".settings-fold form[aria-label='{title}']").wait_for()
        options = ("--data", "digits")
        with live_server(tmp_path, *options, port=urlsplit(address).port):
            page.locator("#run-play:enabled").wait_for()
            assert not page.locator("#banner").is_visible()
            finish(page)
            assert page.locator(".run-name").count() == 2  # the earlier run stays for comparison
