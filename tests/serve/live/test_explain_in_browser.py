"""The tab Explain in a browser: each piece computes what the chapter says, with the mouse and with the keyboard."""

import re

import numpy as np
import pytest
from browser import needs_browser
from live_page import live_page

pytestmark = needs_browser

PIECES = ("convolution", "relu", "pooling", "softmax", "tape", "descent")


@pytest.fixture
def page(chromium, address):
    with live_page(chromium, address, "tab=explain") as opened:
        opened.locator(".piece").last.wait_for()
        yield opened


def piece(page, name):
    return page.locator(f".piece[aria-labelledby=explain-{name}]")


def number(text):
    return float(text.strip().replace("−", "-"))


def grid(place, i):
    return [number(cell) for cell in place.locator(".number-grid").nth(i).locator("span").all_inner_texts()]


def equation(place, i=0):
    return place.locator(".equation").nth(i).inner_text().replace("\u00a0", " ")


def test_a_convolution_is_worked_out_by_hand(page):
    place = piece(page, "convolution")
    image, window, products, sums = (grid(place, i) for i in range(4))
    weights = [float(box.input_value()) for box in place.locator(".number-inputs input").all()]
    padded = np.pad(np.reshape(image, (6, 6)), 1)
    expected = [(padded[y : y + 3, x : x + 3] * np.reshape(weights, (3, 3))).sum() for y in range(6) for x in range(6)]
    assert sums == expected
    assert products == [a * b for a, b in zip(window, weights, strict=True)]
    assert equation(place) == "−9 + 18 − 9 + 18 − 9 = 9"
    place.locator(".number-grid").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Home")
    assert grid(place, 1) == padded[3:6, 0:3].ravel().tolist()
    place.get_by_role("button", name="Left edges").click()
    assert [box.input_value() for box in place.locator(".number-inputs input").all()] == ["-1", "0", "1"] * 3
    place.get_by_label("Weight in row 2, column 2").fill("5")
    assert place.get_by_role("button", name="Left edges").get_attribute("aria-pressed") == "false"
    assert grid(place, 3)[2 * 6 + 3] == 5 * image[2 * 6 + 3] + padded[2:5, 5].sum() - padded[2:5, 3].sum()

    place.get_by_role("button", name="Let me work it out").click()
    assert equation(place).endswith("= ?")
    answer = place.get_by_label("Your sum")
    for given, said in (("1000", "Not quite."), (str(int(sums_of(page, place)[18])), "Right, it is")):
        answer.fill(given)
        page.keyboard.press("Enter")
        assert place.locator(".verdict").inner_text().startswith(said)


def sums_of(page, place):
    """All sums; that of the chosen cell is hidden while one works it out."""
    image = np.pad(np.reshape(grid(place, 0), (6, 6)), 1)
    weights = np.reshape([float(box.input_value()) for box in place.locator(".number-inputs input").all()], (3, 3))
    return [(image[y : y + 3, x : x + 3] * weights).sum() for y in range(6) for x in range(6)]


def test_relu_cuts_below_zero_and_a_bias_moves_the_cut(page):
    place = piece(page, "relu")
    assert equation(place) == "max(0, −1.5) = 0 · slope 0"
    place.get_by_role("slider", name="Before ReLU").fill("2")
    assert equation(place) == "max(0, 2.0) = 2.0 · slope 1"
    for bias in ("0", "-1", "3"):
        place.get_by_role("slider", name="Bias").fill(bias)
        before, after = grid(place, 0), grid(place, 1)
        assert after == [max(0, one) for one in before]
        assert f"lets {sum(one > 0 for one in before)} of 16 numbers through" in place.inner_text()


def test_pooling_keeps_maxima_when_the_image_shifts(page):
    place = piece(page, "pooling")
    image, pooled = np.reshape(grid(place, 0), (6, 6)), grid(place, 1)
    assert pooled == image.reshape(3, 2, 3, 2).max(axis=(1, 3)).ravel().tolist()
    place.locator(".number-grid").nth(1).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert equation(place) == f"max({', '.join(str(int(one)) for one in image[2:4, 2:4].ravel())}) = {int(pooled[4])}"
    place.get_by_role("button", name="Shift").click()
    shifted, moved = grid(place, 1), np.reshape(grid(place, 0), (6, 6))
    assert (moved[:, 1:] == image[:, :-1]).all()
    same, changed = np.equal(shifted, pooled).sum(), (moved != image).sum()
    assert f"{changed} of 36 numbers of the map have changed, but {same} of 9 maxima" in place.inner_text()
    assert same >= 6


def test_the_tape_gives_the_slopes_of_the_chapter(page):
    place = piece(page, "tape")
    for x, slope in ((1, 5), (2, 14), (3, 29)):
        place.get_by_role("button", name=f"x = {x}").click()
        assert equation(place) == f"dy/dx = 1 · {3 * x**2} + 1 · 2 = {slope}"
        numbers = place.locator("tbody td:nth-child(2)").all_inner_texts()
        assert list(map(number, numbers)) == [x, x**3, 2 * x, x**3 + 2 * x + 5]
        path = place.locator(".plot-tangent").get_attribute("d")
        (x1, y1), (x2, y2) = (tuple(map(float, pair.split())) for pair in re.split("[ML]", path)[1:])
        # The drawing shows 7 units of x on 412 of its own, and 120 units of y on 236.
        assert (y1 - y2) / 236 * 120 / ((x2 - x1) / 412 * 7) == pytest.approx(slope, rel=0.01)
    place.get_by_role("slider", name="x").fill("-1.5")
    assert equation(place).endswith("= 8.75")
    assert place.get_by_role("button", name="x = 3").get_attribute("aria-pressed") == "false"


def test_descent_depends_on_its_start_and_its_learning_rate(page):
    place, verdict = piece(page, "descent"), piece(page, "descent").locator(".verdict")
    rate = place.get_by_label("Learning rate")
    rate.fill("4")  # of the list: 0.4
    for start, words in (("Good start", "In the deeper valley"), ("Bad start", "Stuck in the shallower valley")):
        place.get_by_role("button", name=start).click()
        assert verdict.inner_text() == ""
        place.get_by_role("button", name="Step", exact=True).click()
        before, after = (number(part) for part in re.match(r"w ← (\S+) .* = (\S+)$", equation(place)).groups())
        assert before != after
        place.get_by_role("button", name="Run").click()
        verdict.filter(has_text=words).wait_for()
        place.get_by_role("button", name="Run").wait_for()
    rate.fill("7")  # 2
    place.get_by_role("button", name="Back to the start").click()
    place.get_by_role("button", name="Run").click()
    verdict.filter(has_text="Diverged: with a learning rate of 2 each step").wait_for()
    place.locator("summary").click()
    assert re.findall(r"±(\S+)", place.locator("details").inner_text()) == ["0.246", "0.054", "0.234"]


def test_softmax_turns_logits_into_shares(page):
    place = piece(page, "softmax")
    for i, logit in enumerate((1, -0.5, 3, 0)):
        place.get_by_role("slider").nth(i).fill(str(logit))

    def shares():
        return [
            number(one.removesuffix("%").replace("\u00a0", ""))
            for one in place.locator("tbody td:last-child").all_inner_texts()
        ]

    powers = np.exp([1, -0.5, 3, 0])
    assert shares() == pytest.approx(100 * powers / powers.sum(), abs=0.06)
    place.get_by_role("button", name="Bag").click()
    assert number(equation(place, 1).split("=")[1]) == pytest.approx(-np.log(powers[2] / powers.sum()), abs=1e-3)
    before = shares()
    place.get_by_role("button", name="Add 1 to all").click()
    assert shares() == before
    assert "have not changed" in place.inner_text()
    place.get_by_role("button", name="Double all").click()
    assert shares()[2] > before[2]
    place.get_by_role("button", name="Reset").click()
    assert equation(place) == "7.39 + 2.72 + 0.37 + 1.00 = 11.5"


def test_curves_are_dragged(page):
    for name, pattern in (("relu", r"max\(0, (\S+)\)"), ("tape", r"= (\S+)$"), ("descent", r"w ← (\S+)")):
        place = piece(page, name)
        place.locator(".plot").scroll_into_view_if_needed()
        box, found = place.locator(".plot").bounding_box(), []
        for share in (0.3, 0.8):
            page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
            page.mouse.down()
            page.mouse.up()
            found.append(number(re.search(pattern, equation(place))[1]))
        assert found[0] != found[1], name


def test_another_tab_may_ask_for_a_piece_and_the_language_changes(chromium, address):
    with live_page(chromium, address, "recipe=chapter&learning_rate=1e20") as page:
        page.click("#run-play")
        page.locator("#advice button").click()
        page.locator("#explain-descent:focus").wait_for()
        page.click("#language")
        page.locator("h2", has_text="손으로 하는 합성곱").wait_for()
        assert page.locator(".piece").count() == len(PIECES)
        page.locator(".piece-links button").nth(4).click()
        page.locator("#explain-tape:focus").wait_for()


def test_without_motion_a_descent_arrives_at_once(chromium, address):
    with live_page(chromium, address, "tab=explain", reduced_motion="reduce") as page:
        place = piece(page, "descent")
        place.get_by_role("button", name="Run").click()
        assert place.locator(".verdict").inner_text().startswith("In the deeper valley")
