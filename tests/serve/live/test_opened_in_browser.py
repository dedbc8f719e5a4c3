"""The page that is opened on a run folder, in a browser."""

from urllib.parse import urlsplit

import pytest
from breaking_proxy import breaking_proxy
from browser import needs_browser
from live_page import eventually, live_page, live_server, number_in, reconnection, wait_for_status

from golmu.runs.run import Run

pytestmark = needs_browser


@pytest.fixture(scope="module")
def opened(finished, tmp_path_factory):
    with live_server(tmp_path_factory.mktemp("opened"), str(finished.folder)) as (_, address):
        yield Run.open(finished.folder), address


def test_the_run_is_shown_as_a_training_is(chromium, opened):
    run, address = opened
    with live_page(chromium, address) as page:
        eventually(page, lambda: number_in(page, "epoch") == len(run.history.losses))
        assert page.locator("#run-status").inner_text() == f"Opened run: {run.folder.name}"
        assert page.locator(".kernel-item").count() == run.recipe.n_kernels
        page.locator(".confusion button:not(:empty)").first.wait_for()
        assert "so far" not in page.locator(".confusion-card").inner_text().lower()
        for name, is_there in [("Save", False), ("Report", False), ("ONNX", True)]:
            assert page.get_by_role("button", name=name, exact=True).is_visible() == is_there


def test_it_is_on_the_chart_once_after_a_broken_connection(chromium, opened):
    lost = ("WebSocket connection to", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    with (
        breaking_proxy(urlsplit(opened[1]).port) as proxy,
        live_page(chromium, f"http://127.0.0.1:{proxy.port}/", expected=lost) as page,
    ):
        page.locator(".run-name").wait_for()
        with reconnection(page):
            proxy.cut()
        page.locator(".kernel-item").first.wait_for()
        assert page.locator(".run-name").count() == 1


def test_its_settings_outlast_the_way_back_and_its_network_a_reset(chromium, opened):
    run, address = opened
    with live_page(chromium, address) as page:
        units = page.get_by_label("Hidden units", exact=True)
        eventually(page, lambda: units.input_value() == str(run.recipe.units))
        page.click("#tab-look")
        page.locator("#tab-look[aria-selected=true]").wait_for()
        page.go_back()
        page.locator("#tab-train[aria-selected=true]").wait_for()
        assert units.input_value() == str(run.recipe.units)
        page.click("#run-step")
        wait_for_status(page, "paused")
        page.click("#run-reset")
        wait_for_status(page, "idle")
        eventually(page, lambda: page.locator("#run-status").inner_text().startswith("Opened run: "))
        eventually(page, lambda: number_in(page, "epoch") == len(run.history.losses))
