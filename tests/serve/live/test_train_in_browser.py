"""The tab Train in a browser: a training in sight, its controls, its settings, and several runs."""

import math
import re
import zipfile
from contextlib import contextmanager

import pytest
from browser import needs_browser
from live_page import ENDLESS, eventually, finish, live_page, number_in, set_field, settled, wait_for_status
from page import Page

from golmu import load

pytestmark = needs_browser


def chart(page, number=0):
    """What a chart says of itself: 0: of the loss, 1: of the accuracy."""
    return page.locator("canvas.chart").nth(number).get_attribute("aria-label")


def pixels(page, selector):
    """What the canvases of a selector show."""
    return page.locator(selector).evaluate_all("(all) => all.map((canvas) => canvas.toDataURL())")


@contextmanager
def changing(page, *selectors):
    """Expect that what these canvases show changes."""
    before = [pixels(page, one) for one in selectors]
    yield
    for one, old in zip(selectors, before, strict=True):
        eventually(page, lambda one=one, old=old: pixels(page, one) != old)


def epochs_done(page):
    """Epochs that the bar of progress shows, with the share of the one under way."""
    width = page.locator(".progress i").evaluate("(bar) => parseFloat(bar.style.width)")
    return round(10 * width, 4)  # of 1000


def wait_for_epoch(page, n):
    """Wait until epoch `n` is under way."""
    for _ in range(600):
        if (number_in(page, "epoch") or 0) >= n:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"epoch {n} did not come")


def test_a_training_is_seen(chromium, address):
    with live_page(chromium, address, ENDLESS) as page:
        eventually(page, lambda: chart(page).startswith("Chart of the loss: no curve yet"))
        assert page.locator(".kernel-item").count() == 0
        page.click("#run-play")
        wait_for_epoch(page, 3)
        with changing(page, ".chart", ".kernel", ".kernel-item canvas:last-child"):
            loss, first = chart(page), number_in(page, "accuracy")
            wait_for_epoch(page, 8)
        eventually(page, lambda: chart(page) != loss)
        assert page.locator("#run-status").inner_text() == "Training"
        assert page.locator(".kernel-item").count() == 10
        eventually(page, lambda: number_in(page, "accuracy") >= first > 10)
        eventually(page, lambda: number_in(page, "rate") > 0)
        eventually(page, lambda: 0 < number_in(page, "loss") < 2.4)
        page.locator(".confusion button:not(:empty)").first.wait_for()
        assert page.locator(".confusion button").count() == 100
        assert "Pinned image: " in page.locator(".pinned").inner_text()


def test_pause_step_go_and_reset(chromium, address):
    with live_page(chromium, address, ENDLESS) as page:
        for button in ("#run-step", "#run-epoch"):  # a network that has not begun can be stepped through too
            page.click(button)
            page.locator("#run-reset:enabled").wait_for()
            wait_for_status(page, "paused")
            eventually(page, lambda: number_in(page, "loss") > 0)
            page.click("#run-reset")
            wait_for_status(page, "idle")
        page.click("#run-play")
        wait_for_epoch(page, 3)
        assert page.locator("#run-step").is_disabled()
        page.click("#run-play")
        wait_for_status(page, "paused")
        settled(page, lambda: (number_in(page, "epoch"), pixels(page, ".chart")))
        for _ in range(2):
            before = epochs_done(page)
            page.click("#run-epoch")
            eventually(page, lambda before=before: epochs_done(page) == math.floor(before + 1))
            wait_for_status(page, "paused")
        epoch = number_in(page, "epoch")
        assert epoch == epochs_done(page)
        page.click("#run-play")
        wait_for_epoch(page, epoch + 3)
        page.click("#run-reset")
        wait_for_status(page, "idle")
        eventually(page, lambda: number_in(page, "epoch") is None)
        eventually(page, lambda: page.locator(".run-name").count() >= 1)  # for comparison


def test_a_step_does_not_lose_the_network_of_a_finished_training(chromium, address):
    with live_page(chromium, address, "recipe=chapter&epochs=2") as page:
        finish(page)
        assert page.locator("#run-step").is_disabled()
        assert page.locator("#run-epoch").is_disabled()
        assert page.locator("#run-play").get_attribute("aria-label") == "Train again from the start"
        page.click("#run-reset")
        page.locator("#run-step:enabled").wait_for()


def test_runs_are_compared(chromium, address):
    with live_page(chromium, address, "recipe=chapter&epochs=4&learning_rate=0.1") as page:
        finish(page)
        finish(page, {"Learning rate": 0.01, "Kernels": 3})
        names = page.locator(".run-name span").all_inner_texts()
        assert names[0].endswith("chapter · Learning rate 0.1 · Epochs 4")
        assert names[1].endswith("chapter · Kernels 3 · Epochs 4")
        for number in (0, 1):
            eventually(page, lambda number=number: "run 1 at" in chart(page, number))
            eventually(page, lambda number=number: "run 2 at" in chart(page, number))
        with changing(page, ".chart"):
            page.locator(".run-name").first.hover()
        with changing(page, ".chart"):
            page.locator(".run-name").first.click()
        assert page.locator(".run-name").first.get_attribute("aria-pressed") == "false"
        eventually(page, lambda: "run 1 at" not in chart(page))
        page.get_by_role("button", name="Remove run 1 from the chart").click()
        assert page.locator(".run-name").count() == 1


def test_values_are_read_with_the_pointer_and_the_keyboard(chromium, address):
    with live_page(chromium, address, "recipe=chapter&epochs=4&learning_rate=0.1") as page:
        finish(page)
        eventually(page, lambda: number_in(page, "accuracy") > 10)
        eventually(page, lambda: "run 1 at" in chart(page, 1))
        canvas = page.locator("canvas.chart").nth(1)
        canvas.hover()
        tip = page.locator(".chart-tip").nth(1)
        eventually(page, lambda: tip.inner_text().startswith("Epoch "))
        assert "Run 1 " in tip.inner_text()
        canvas.focus()
        page.mouse.move(0, 0)
        page.keyboard.press("ArrowLeft")
        eventually(page, lambda: tip.inner_text().startswith("Epoch 4"))
        last = page.locator("#run-accuracy-now").inner_text()
        assert last in tip.inner_text()
        eventually(page, lambda: last in page.locator("#spoken").inner_text())
        page.keyboard.press("Escape")
        eventually(page, lambda: not tip.is_visible())
        page.locator(".confusion button").first.focus()
        for key in ("ArrowRight", "ArrowDown", "End", "Home"):
            page.keyboard.press(key)
        assert page.locator(".confusion-reading").inner_text().startswith("“1” taken for “0”: ")


@pytest.mark.parametrize(
    ("settings", "title"),
    [
        ("learning_rate=1e20", "The training has diverged"),
        ("learning_rate=20&epochs=3", "This network answers no better than chance, 10.0 %."),
        ("learning_rate=0.000001&epochs=3", "This network has hardly moved"),
    ],
)
def test_a_training_that_goes_wrong_teaches(chromium, address, settings, title):
    with live_page(chromium, address, f"recipe=chapter&{settings}") as page:
        page.click("#run-play")
        assert wait_for_status(page, "finished", "diverged") == ("diverged" if "diverged" in title else "finished")
        page.locator("#advice").wait_for()
        assert page.locator("#advice b").inner_text().startswith(title)
        assert page.locator(".run-name").count() == 1
        page.click("#advice button")
        page.locator("#tab-explain[aria-selected=true]").wait_for()


def test_settings_live_in_the_address(chromium, address):
    with live_page(chromium, address, "recipe=chapter") as page:
        set_field(page, "Learning rate", 1)
        set_field(page, "Blocks", 2)
        set_field(page, "Seed", 7)
        page.get_by_label("Optimizer").select_option("adam")
        shared = page.url.partition("#")[2]
    assert {"learning_rate=1", "n_kernels=10%2C20", "seed=7", "optimizer=adam"} <= set(shared.split("&"))
    with live_page(chromium, address, shared) as page:
        assert page.get_by_label("Learning rate").input_value() == "1"
        assert page.get_by_label("Kernels of block 2").input_value() == "20"
        assert page.get_by_label("Optimizer").input_value() == "adam"
        page.get_by_role("button", name="Back to the recipe").click()
        assert page.get_by_label("Learning rate").input_value() == "0.01"
        assert "learning_rate" not in page.url
        page.evaluate("() => (location.hash = 'recipe=wide&units=7')")
        eventually(page, lambda: page.get_by_label("Hidden units", exact=True).input_value() == "7")
        assert page.get_by_label("Kernels", exact=True).input_value() == "64"


@pytest.mark.parametrize("settings", ["recipe=nothing&learning_rate=fast&seed=<b>", "data=../../etc&n_kernels=1,2,x"])
def test_an_address_that_makes_no_sense_is_the_usual_one(chromium, address, settings):
    with live_page(chromium, address, settings) as page:
        usual = page.get_by_label("Learning rate").input_value()
        assert float(usual) > 0
        assert page.get_by_label("Seed").input_value() == "42"


def test_a_value_that_cannot_be_is_refused_in_words(chromium, address):
    with live_page(chromium, address, "recipe=chapter") as page:
        for name, value, words in [
            ("Learning rate", -1, "Learning rate must be above 0"),
            ("Kernels", 0, "Kernels must be a whole number from 1 to 256"),
            ("Epochs", 1.5, "Epochs must be a whole number from 1 to 1,000"),
        ]:
            set_field(page, name, value)
            page.locator(".wrong:visible", has_text=words).wait_for()
            assert page.get_by_label(name, exact=True).get_attribute("aria-invalid") == "true"
            set_field(page, name, 2)
            assert page.locator(".wrong:visible").count() == 0
        set_field(page, "Blocks", 4)  # more than images of 8×8 can be halved
        page.click("#run-play")
        page.locator("#refused, #run-status", has_text="The images are too small for 4 blocks").first.wait_for()


def test_other_settings_are_said_to_be_other(chromium, address):
    with live_page(chromium, address, ENDLESS) as page:
        page.click("#run-play")
        wait_for_epoch(page, 2)
        assert not page.locator(".changed").is_visible()
        units = page.get_by_label("Hidden units", exact=True)
        top = units.bounding_box()["y"]
        set_field(page, "Hidden units", 30)
        page.locator(".changed").wait_for()
        page.get_by_role("button", name="Back to the recipe").wait_for()
        assert units.bounding_box()["y"] == top  # what one drags stays under the pointer
        page.get_by_role("button", name="Start again with these").click()
        page.locator(".run-name", has_text="Hidden units 30").wait_for()
        eventually(page, lambda: not page.locator(".changed").is_visible())
        assert page.locator(".run-name").count() == 2


def test_a_kernel_and_a_mistake_open_their_images(chromium, address):
    with live_page(chromium, address, "recipe=chapter&epochs=6&learning_rate=0.1") as page:
        finish(page)
        page.locator(".kernel-item").nth(3).click()
        page.locator("#tab-look[aria-selected=true]").wait_for()
        page.go_back()
        page.locator("#tab-train[aria-selected=true]").wait_for()
        page.locator(".confusion button:not(:empty)").first.click()
        page.locator("#tab-look[aria-selected=true]").wait_for()


def test_another_image_is_pinned(chromium, address):
    with live_page(chromium, address, "recipe=chapter&epochs=2") as page:
        finish(page)
        page.locator(".pinned p", has_text="Pinned image: ").wait_for()
        with changing(page, ".pinned-image", ".kernel-item canvas:last-child"):
            page.get_by_role("button", name="Pin another image").click()


def test_the_focus_stays_where_it_is_while_the_list_of_runs_is_written_again(chromium, address):
    with live_page(chromium, address, ENDLESS) as page:
        page.click("#run-play")
        page.locator(".run-name").focus()
        before = page.locator(".run-name").element_handle()
        eventually(page, lambda: not before.evaluate("(one) => one.isConnected"))
        assert page.evaluate("document.activeElement.className") == "run-name"


def test_of_many_kernels_the_first_are_shown_until_all_are_wanted(chromium, address):
    with live_page(chromium, address, "recipe=chapter&n_kernels=32&epochs=1", width=390) as page:
        finish(page)
        kernels = page.locator(".kernel-item")
        eventually(page, lambda: kernels.count() == 12)
        page.get_by_role("button", name="Show all 32 kernels").click()
        assert kernels.count() == 32
        page.click("#language")
        page.get_by_role("button", name="처음 12개만 보기").click()
        assert kernels.count() == 12
    with live_page(chromium, address, "recipe=chapter&n_kernels=16&epochs=1") as page:
        finish(page)
        eventually(page, lambda: page.locator(".kernel-item").count() == 16)
        assert not page.locator(".more-kernels").is_visible()


def test_a_run_that_was_stopped_before_its_end_says_so(chromium, address):
    with live_page(chromium, address, ENDLESS) as page:
        page.click("#run-play")
        wait_for_epoch(page, 3)
        assert "stopped" not in page.locator(".run-name").inner_text()
        page.click("#run-reset")
        page.locator(".run-name", has_text=re.compile(r"stopped after [\d.]+ of 1,000 epochs")).wait_for()


def test_each_download_says_what_it_is_for(chromium, address):
    with live_page(chromium, address, "recipe=chapter&epochs=1") as page:
        finish(page)
        told = page.locator(".downloads button").evaluate_all(
            "(all) => all.map((one) => document.getElementById(one.getAttribute('aria-describedby')).textContent)"
        )
        assert len(set(told)) == 6
        assert all(len(one) > 20 for one in told)


def test_what_was_saved_is_said_in_the_next_language_too(chromium, address):
    with live_page(chromium, address, "recipe=chapter&epochs=1") as page:
        finish(page)
        page.evaluate(
            """() => {
              const { prototype } = WebSocket, { send } = prototype;
              prototype.send = function (text) {
                if (String(text).includes('"save"')) setTimeout(() => send.call(this, text), 1500);
                else send.call(this, text);
              };
            }"""
        )
        page.get_by_label("Name of the folder").fill("twice told")
        page.get_by_role("button", name="Save", exact=True).click()
        page.locator("#language").click()
        page.locator("html[lang=ko]").wait_for(state="attached")
        page.locator(".saved", has_text="twice-told").or_(page.locator(".saved", has_text="twice told")).wait_for()
        assert page.locator(".save-form input").input_value() == "twice told"
        assert page.locator(".save-form button").is_enabled()


def test_a_network_is_saved_and_downloaded(chromium, address, folder, tmp_path):
    with live_page(chromium, address, "recipe=chapter&epochs=3&learning_rate=0.1") as page:
        finish(page)
        page.get_by_label("Name of the folder").fill("../first <try>")
        page.get_by_role("button", name="Save", exact=True).click()
        page.locator(".saved", has_text="Saved as ").wait_for()
        saved = page.locator(".saved").inner_text().removeprefix("Saved as ")
        assert (folder / saved).resolve().parent == (folder / "runs").resolve()
        assert load(folder / saved).image_shape == (8, 8, 1)
        for name, ending in [("Report", ".html"), ("Page to try it", ".zip")]:
            with page.expect_download() as download:
                page.get_by_role("button", name=name).click()
            path = tmp_path / download.value.suggested_filename
            assert path.suffix == ending
            download.value.save_as(path)
        assert "digits" in Page(next(tmp_path.glob("*.html")).read_text(encoding="utf-8")).text
        assert "index.html" in "".join(zipfile.ZipFile(next(tmp_path.glob("*.zip"))).namelist())
