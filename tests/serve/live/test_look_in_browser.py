"""The tab Look in a browser: images are chosen, pass through the network, and every number is read."""

import re
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from browser import needs_browser
from live_page import ENDLESS, eventually, finish, live_page, live_server, wait_for_status

pytestmark = needs_browser

STAGES = ("pixels", "convolution", "relu", "pooling", "hidden", "logits", "softmax")
FEW_STEPS = "recipe=chapter&learning_rate=0.3&seed=1"
"""Settings with which an epoch of the digits leaves some mistakes."""


def train_an_epoch(page):
    page.click("#run-epoch")
    wait_for_status(page, "paused")


def open_look(page):
    """Train an epoch, show the tab, and wait for an image."""
    train_an_epoch(page)
    page.click("#tab-look")
    page.locator(".flow .tile.chosen").first.wait_for()
    page.locator(".thumbs button").first.wait_for()


def show_stage(page, stage):
    page.locator(".panel .choice button").nth(STAGES.index(stage)).click()
    return page.locator(".panel-place")


def point_at(page, element, row, column, rows=8, columns=8):
    """Move the mouse to a cell of a map, counted from 1."""
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    page.mouse.move(
        box["x"] + box["width"] * (column - 0.5) / columns, box["y"] + box["height"] * (row - 0.5) / rows, steps=2
    )


def number(text):
    return float(text.strip().rstrip("%").replace("−", "-").replace("\u00a0", "").replace("- ", "-").replace("+ ", ""))


def cells(grid):
    """The numbers of a grid, as pointing at its cells tells them."""
    return [number(cell.get_attribute("title")) for cell in grid.locator("span").all()]


def thumbs(page):
    read = "(all) => all.map((one) => one.getAttribute('aria-label'))"
    return page.locator(".images-list .thumbs button").evaluate_all(read)


def choose_images(page, way):
    """Choose images, and return what each shows, once they are there."""
    with other_images(page):
        page.locator(".images-list select").first.select_option(way)
    return thumbs(page)


@contextmanager
def other_images(page):
    """Expect other images than there are."""
    before = page.locator(".images-list .thumbs button").first.element_handle()
    yield
    eventually(page, lambda: not before.evaluate("(one) => one.isConnected"))


def test_before_there_is_a_network_the_tab_says_what_to_do(chromium, address):
    with live_page(chromium, address, "tab=look") as page:
        assert page.locator("#look > p.card").inner_text().startswith("There is no network yet. Press Train (▶) above")
        assert page.locator(".flow").is_hidden()
        train_an_epoch(page)
        page.locator(".flow .tile.chosen").first.wait_for()
        assert page.locator("#look > p.card").is_hidden()


def test_a_network_that_has_diverged_is_not_said_to_be_missing(chromium, address):
    with live_page(chromium, address, "recipe=chapter&learning_rate=1e20&tab=look") as page:
        page.click("#run-play")
        wait_for_status(page, "diverged")
        page.locator("#look > p.card", has_text="This network has diverged").wait_for()


def test_a_window_is_multiplied_added_up_cut_and_pooled(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        place = show_stage(page, "convolution")
        point_at(page, place.locator(".map").first, 3, 6)
        window, kernel, products = (cells(grid) for grid in place.locator(".number-grid").all()[:3])
        assert products == pytest.approx([a * b for a, b in zip(window, kernel, strict=True)], abs=2e-4)
        assert number(place.locator(".sum b").inner_text()) == pytest.approx(sum(products), abs=2e-3)
        found = re.match(
            r"Row 3, column 6: (\S+) \(products\) ([+−] \S+) \(bias\) = (\S+)", place.locator(".equation").inner_text()
        )
        summed, bias, result = map(number, found.groups())
        assert summed + bias == pytest.approx(result, abs=2e-3)
        assert summed == pytest.approx(sum(products), abs=2e-3)

        place = show_stage(page, "relu")  # the place stays
        after = max(result, 0)
        assert place.locator(".equation").inner_text().startswith("Row 3, column 6: max(0, ")
        assert number(place.locator(".equation").inner_text().split("=")[1]) == pytest.approx(after, abs=1e-3)

        place = show_stage(page, "pooling")
        assert place.locator(".equation").inner_text().startswith("Row 2, column 3: max(")
        four = cells(place.locator(".number-grid"))
        assert four[1] == pytest.approx(after, abs=1e-3)  # row 3, column 6 stands at the upper right of its window
        assert number(place.locator(".equation").inner_text().split("=")[1]) == pytest.approx(max(four), abs=1e-3)
        winner = four.index(max(four))
        assert place.locator(".soft").inner_text() == (
            f"The largest stands in row {3 + winner // 2}, column {5 + winner % 2}."
        )
        point_at(page, place.locator(".map").nth(1), 4, 1, 4, 4)
        assert place.locator(".equation").inner_text().startswith("Row 4, column 1: max(")


def test_hidden_units_logits_and_probabilities_add_up(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        place = show_stage(page, "hidden")
        page.locator(".panel input[type=number]").nth(2).fill("7")
        page.keyboard.press("Enter")
        sums = [number(one.get_attribute("title")) for one in place.locator(".unit-sums button").all()]
        found = re.match(
            r"Unit 7: (\S+) \(all products\) ([+−] \S+) \(bias\) = (\S+); after ReLU (\S+)",
            place.locator(".equation").inner_text(),
        )
        products, bias, before, after = map(number, found.groups())
        assert products == pytest.approx(sum(sums), abs=3e-3)
        assert products + bias == pytest.approx(before, abs=3e-3)
        assert after == max(before, 0)
        place.locator(".unit-sums button").nth(3).click()
        point_at(page, place.locator(".maps .map").nth(2), 2, 2, 4, 4)
        text = place.locator(".reading").inner_text()
        pooled, weight, product = map(number, re.match(r"Row 2, column 2: (\S+) × (\S+) = (\S+)", text).groups())
        assert pooled * weight == pytest.approx(product, abs=2e-4)

        place = show_stage(page, "logits")
        place.locator("select").select_option("4")
        products, bias, logit = map(
            number,
            re.match(
                r"4: (\S+) \(all products\) ([+−] \S+) \(bias\) = (\S+)", place.locator(".equation").inner_text()
            ).groups(),
        )
        assert products + bias == pytest.approx(logit, abs=2e-3)
        point_at(page, place.locator(".map"), 1, 7, 10, 10)
        unit = re.match(r"Unit 7: (\S+) × (\S+) = (\S+)", place.locator(".reading").inner_text()).groups()
        assert number(unit[0]) == pytest.approx(after, abs=1e-3)
        assert number(unit[0]) * number(unit[1]) == pytest.approx(number(unit[2]), abs=3e-3)

        place = show_stage(page, "softmax")
        rows = [
            [number(cell.inner_text()) for cell in row.locator("th, td").all()[:4]]
            for row in place.locator("tbody tr").all()
        ]
        assert rows[4][1] == pytest.approx(logit, abs=1e-3)
        assert sum(row[3] for row in rows) == pytest.approx(100, abs=0.6)
        total = sum(row[2] for row in rows)
        assert all(100 * row[2] / total == pytest.approx(row[3], abs=0.06) for row in rows)
        assert max(row[2] for row in rows) == 1
        shown = [number(one.inner_text()) for one in page.locator(".flow-softmax").all()]
        assert shown == [row[3] for row in rows]


def test_pixels_and_their_saliency_are_read(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        place = show_stage(page, "pixels")
        pattern = r"Row 5, column 4: pixel (\d+), seen as (\S+); saliency (\S+)"
        point_at(page, place.locator(".map").first, 5, 4)
        pixel, seen, first = map(number, re.match(pattern, place.locator(".reading").inner_text()).groups())
        assert seen == pytest.approx(pixel / 255, abs=1e-3)
        place.locator("select").select_option("8")
        other = number(re.match(pattern, place.locator(".reading").inner_text())[3])
        assert first >= 0
        assert other >= 0
        assert other != first  # of another class


def test_every_number_is_reached_with_the_keyboard_and_spoken(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        place = show_stage(page, "convolution")
        place.locator(".map").first.focus()
        for key in ("Home", "ArrowUp", "ArrowRight", "ArrowRight", "ArrowDown"):
            page.keyboard.press(key)
        text = place.locator(".equation").inner_text()
        assert text.startswith("Row 5, column 3: ")
        page.locator("#spoken", has_text=text).wait_for(state="attached")
        for _ in range(20):
            page.keyboard.press("ArrowRight")  # stops at the edge
        assert place.locator(".equation").inner_text().startswith("Row 5, column 8: ")
        page.locator(".flow .tile.chosen").first.focus()
        for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
            page.keyboard.press(key)
        assert page.locator(".panel input[type=number]").nth(1).input_value() == "3"
        assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Kernel 3, convolution"
        page.locator(".flow .map").focus()
        page.keyboard.press("ArrowRight")
        page.locator("#spoken", has_text="Hidden unit 2: ").wait_for(state="attached")
        page.keyboard.press("Enter")
        assert show_stage(page, "hidden").locator(".equation").inner_text().startswith("Unit 2: ")


def test_a_click_holds_a_place_while_the_mouse_goes_elsewhere(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        place = show_stage(page, "convolution")
        first, second = place.locator(".map").first, place.locator(".map").nth(2)

        def row_and_column():
            return place.locator(".equation").inner_text().split(":")[0]

        point_at(page, first, 3, 6)
        page.mouse.down()
        page.mouse.up()
        point_at(page, first, 5, 2)
        point_at(page, second, 7, 7)
        assert row_and_column() == "Row 3, column 6"
        point_at(page, second, 3, 6)
        page.mouse.down()
        page.mouse.up()  # lets go
        point_at(page, second, 7, 7)
        assert row_and_column() == "Row 7, column 7"


def test_pointing_at_a_small_map_tells_its_number(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        tile = page.locator(".flow-relu").nth(3)
        point_at(page, tile, 2, 5)
        assert re.match(r"Kernel 4, after ReLU · Row 2, column 5: \S+$", page.locator(".tip").inner_text())
        assert page.locator(".flow-links .pointed").count() == 3  # image, kernel, sums, ReLU
        told = number(page.locator(".tip").inner_text().split(": ")[1])
        page.mouse.down()
        page.mouse.up()
        equation = show_stage(page, "relu").locator(".equation").inner_text()
        assert equation.startswith("Row 2, column 5: ")
        assert number(equation.split("=")[1]) == told
        page.mouse.move(0, 0)
        assert page.locator(".tip").is_hidden()
        assert page.locator(".flow-links .chosen").count() == 3


def test_images_are_chosen_by_class_mistakes_doubt_and_at_random(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        first = thumbs(page)
        assert len(first) == 20
        with other_images(page):
            page.get_by_role("button", name="Other images").click()
        assert thumbs(page) != first
        mistakes = choose_images(page, "mistakes")
        assert mistakes
        assert all("taken for" in one for one in mistakes)
        assert "which is wrong" in page.locator(".look-answer").inner_text()
        unsure = [number(re.search(r"\((\S+)", one)[1].rstrip("%)")) for one in choose_images(page, "unsure")]
        assert unsure == pytest.approx(sorted(unsure), abs=0.5)  # the page computes with rounded weights
        choose_images(page, "class")
        page.locator(".images-list select").nth(1).select_option("7")
        page.locator('.images-list .thumbs button[aria-label^="7, "]').nth(19).wait_for()
        assert all(one.startswith("7, ") for one in thumbs(page))
        third = page.locator(".images-list .thumbs button").nth(2)
        third.click()
        assert third.get_attribute("aria-pressed") == "true"
        assert page.locator(".look-answer").inner_text().startswith("The image shows: 7.")


def test_a_click_on_a_kernel_shows_the_images_that_excite_it(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        train_an_epoch(page)
        page.locator(".kernel-item").nth(4).click()
        page.locator("#look").wait_for(state="visible")
        assert page.locator(".panel h4").inner_text() == "The images that excite kernel 5 most"
        found = page.locator(".panel .thumbs button")
        found.first.wait_for()
        said = [re.search(r"largest activation (\S+)", one.get_attribute("aria-label")) for one in found.all()]
        values = [number(one[1]) for one in said]
        assert len(values) == 12
        assert values == sorted(values, reverse=True)
        found.first.click()  # at the place where the kernel is excited most
        equation = show_stage(page, "relu").locator(".equation").inner_text()
        assert number(equation.split("=")[1]) == pytest.approx(values[0], abs=2e-3)


def test_a_click_on_a_cell_of_the_confusion_matrix_shows_its_images(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        train_an_epoch(page)
        # All images are judged once more by the weights of the last step.
        page.locator(".confusion-card p", has_text=re.compile(r"^\d+ of \d+ images right$")).wait_for()
        cell = page.locator('.confusion button[aria-label*="taken for"]:not([aria-label*=": 0 of"])').first
        label, predicted, n = re.match(r"“(.)” taken for “(.)”: (\d+)", cell.get_attribute("aria-label")).groups()
        cell.click()
        page.locator("#look").wait_for(state="visible")
        page.locator(f'.images-list .thumbs button[aria-label^="{label}, taken for {predicted} "]').first.wait_for()
        eventually(page, lambda: len(thumbs(page)) == min(int(n), 20))
        assert (
            page.locator(".look-answer")
            .inner_text()
            .startswith(f"The image shows: {label}. The network says {predicted} ")
        )


def test_a_language_and_an_address_keep_what_is_shown(chromium, address):
    shown = "() => [document.querySelector('.flow-image canvas').toDataURL(), location.hash]"
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        page.locator(".images-list .thumbs button").nth(5).click()
        show_stage(page, "pooling")
        page.locator(".panel input[type=number]").nth(1).fill("6")
        page.keyboard.press("Enter")
        image, _ = page.evaluate(shown)
        page.click("#language")
        page.locator("#look h2", has_text="신경망을 지나는 과정").wait_for()
        page.locator(".flow .tile.chosen").first.wait_for()
        again, settings = page.evaluate(shown)
        assert again == image
        eventually(page, lambda: page.locator(".panel input[type=number]").nth(1).input_value() == "6")
        assert page.locator('.panel .choice [aria-pressed="true"]').inner_text() == "풀링"
    with live_page(chromium, address, settings.lstrip("#")) as page:
        train_an_epoch(page)
        page.locator(".flow .tile.chosen").first.wait_for()
        assert page.evaluate(shown)[0] == image
        assert page.locator('.panel .choice [aria-pressed="true"]').inner_text() == "풀링"


def test_a_stage_that_has_just_been_chosen_stays_when_one_leaves_and_the_language_changes(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        page.evaluate(
            """() => {
              document.querySelectorAll(".panel .choice button").item(3).click();
              document.getElementById("tab-explain").click();
            }"""
        )
        page.click("#language")
        page.click("#tab-look")
        page.locator('.panel .choice [aria-pressed="true"]', has_text="풀링").wait_for()


def test_images_that_could_not_be_had_are_asked_for_again(chromium, tmp_path):
    lost = ("WebSocket connection to", "ERR_CONNECTION_REFUSED")
    with (
        live_server(tmp_path) as (process, address),
        live_page(chromium, address, FEW_STEPS, expected=lost) as page,
    ):
        open_look(page)
        process.kill()
        page.locator("#banner").wait_for()
        page.get_by_role("button", name="Other images").click()
        caption = page.locator(".images-list .thumbs-caption", has_text="The connection to Golmu is lost.")
        caption.wait_for()
        with live_server(tmp_path, "--data", "digits", port=urlsplit(address).port):
            page.locator("#run-play:enabled").wait_for()
            with other_images(page):
                finish(page)
            assert caption.count() == 0


def test_the_numbers_follow_a_training(chromium, address):
    with live_page(chromium, address, f"{ENDLESS}&learning_rate=0.05") as page:
        open_look(page)
        place = show_stage(page, "convolution")
        page.click("#run-play")
        wait_for_status(page, "training")
        for _ in range(3):
            texts = [place.locator(".equation"), page.locator(".look-answer")]
            before = [one.inner_text() for one in texts]
            eventually(page, lambda texts=texts, before=before: [one.inner_text() for one in texts] != before)
        page.click("#run-play")


def test_the_kernel_slides_over_the_image_unless_motion_is_unwanted(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        open_look(page)
        place, output = show_stage(page, "convolution"), page.locator(".panel .map canvas").last
        whole = output.evaluate("(canvas) => canvas.toDataURL()")
        begin = "(one, map) => { one.click(); return [one.textContent, map.toDataURL()]; }"
        slide = place.get_by_role("button", name="Slide the kernel")
        words, first = slide.evaluate(begin, output.element_handle())
        assert words == "Stop"
        assert first != whole
        slide.wait_for()  # 64 places later
        assert place.locator(".equation").inner_text().startswith("Row 8, column 8: ")
        assert output.evaluate("(canvas) => canvas.toDataURL()") == whole
    with live_page(chromium, address, FEW_STEPS, reduced_motion="reduce") as page:
        open_look(page)
        assert show_stage(page, "convolution").get_by_role("button", name="Slide the kernel").count() == 0


def test_a_drawing_passes_through_too(chromium, address):
    with live_page(chromium, address, FEW_STEPS) as page:
        train_an_epoch(page)
        page.click("#tab-try")
        pad = page.locator("canvas[role=application]").bounding_box()
        page.mouse.move(pad["x"] + pad["width"] / 2, pad["y"] + pad["height"] * 0.2)
        page.mouse.down()
        page.mouse.move(pad["x"] + pad["width"] / 2, pad["y"] + pad["height"] * 0.8, steps=5)
        page.mouse.up()
        page.get_by_role("button", name="Look inside").click()
        page.locator(".flow .tile.chosen").first.wait_for()
        assert (
            page.locator(".look-answer").inner_text().startswith("Your drawing, scaled and centred. The network says ")
        )
        place = show_stage(page, "pixels")
        point_at(page, place.locator(".map").first, 4, 4)
        bright = number(re.search(r"pixel (\d+)", place.locator(".reading").inner_text())[1])
        point_at(page, place.locator(".map").first, 4, 1)
        assert bright > 50 > number(re.search(r"pixel (\d+)", place.locator(".reading").inner_text())[1])


def test_several_blocks_and_many_kernels_are_within_reach(chromium, address):
    with live_page(chromium, address, f"{FEW_STEPS}&n_kernels=4,12", width=390) as page:
        open_look(page)
        block, kernel = (page.locator(".panel input[type=number]").nth(i) for i in (0, 1))
        block.fill("2")
        page.keyboard.press("Enter")
        kernel.fill("12")
        page.keyboard.press("Enter")
        place = page.locator(".panel-place")
        assert page.locator(".pager .soft").inner_text() == "3–12 of 12"  # the chosen one is among those shown
        page.get_by_role("button", name="Earlier kernels").click()
        assert page.locator(".pager .soft").inner_text() == "1–10 of 12"
        point_at(page, place.locator(".map").last, 2, 3, 4, 4)
        page.mouse.down()
        page.mouse.up()
        whole = number(re.match(r"Row 2, column 3: (\S+) \(products\)", place.locator(".equation").inner_text())[1])
        total = 0
        for channel in range(4):
            point_at(page, place.locator(".strip .map"), 1, channel + 1, 1, 4)
            assert f"channel {channel + 1} adds" in place.locator(".strip figcaption").inner_text()
            total += sum(cells(place.locator(".number-grid").nth(2)))
        assert total == pytest.approx(whole, abs=3e-3)
