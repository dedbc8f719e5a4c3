"""The page on which a network can be tried, in a browser: with the mouse, a finger, the keyboard and files."""

from base64 import b64encode

import numpy as np
import pytest
from browser import launched, needs_browser, shown
from drawn_at_random import image_file, predictor_of
from PIL import Image

from golmu import ConvolutionNetwork
from golmu.analysis.labelled_images import LabelledImages
from golmu.export.page import Sample, choose_samples, export_page

pytestmark = needs_browser

LIGHT_AND_DARK = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]

DIGITS = {
    "0": [[(0.5 + 0.2 * np.sin(a), 0.5 - 0.3 * np.cos(a)) for a in np.linspace(0, 2 * np.pi, 13)]],
    "1": [[(0.42, 0.3), (0.5, 0.2), (0.5, 0.8)]],
    "4": [[(0.45, 0.2), (0.3, 0.55), (0.65, 0.55)], [(0.6, 0.35), (0.55, 0.85)]],
    "7": [[(0.3, 0.2), (0.7, 0.2), (0.45, 0.85)]],
}
"""Strokes, in shares of the area."""


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def reader(tmp_path_factory, digits):
    """The page of a network that reads digits of 20×20 pixels inside 28×28, with samples; the network; the samples."""
    small, labels = digits
    images = np.zeros((len(small), 28, 28, 1), np.uint8)
    for image, one in zip(images, small, strict=True):
        image[4:24, 4:24, 0] = np.asarray(Image.fromarray(one[..., 0]).resize((20, 20), Image.Resampling.BICUBIC))
    made = ConvolutionNetwork(16, 64, optimizer="adam", learning_rate=0.002, epochs=15, shift=2, random_state=0)
    made.set_params(standardize=True)
    predictor = made.fit(images, labels).predictor_
    samples = choose_samples(LabelledImages("test", images, labels), predictor.class_names)
    return export_page(predictor, tmp_path_factory.mktemp("reader"), samples), predictor, samples


def page_file(folder, predictor, samples=None):
    return export_page(predictor, folder / "page", samples)


def wait_for(page, selector, text):
    page.locator(selector, has_text=text).wait_for(state="attached")


def draw(page, strokes, size=1.0, corner=(0.0, 0.0)):
    """Draw with the mouse; `size` and `corner` are shares of the area."""
    page.locator("#try-pad").scroll_into_view_if_needed()
    box = page.locator("#try-pad").bounding_box()
    for stroke in strokes:
        points = [
            (box["x"] + box["width"] * (corner[0] + size * x), box["y"] + box["height"] * (corner[1] + size * y))
            for x, y in stroke
        ]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points:
            page.mouse.move(*point)
        page.mouse.up()


def seen(page):
    """The image as the network sees it, (h, w, 4), and the answer."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    pixels = page.evaluate(
        """() => {
          const { height, width } = document.getElementById("try-view"), copy = new OffscreenCanvas(width, height);
          const context = copy.getContext("2d", { willReadFrequently: true });
          context.drawImage(document.getElementById("try-view"), 0, 0);
          return [height, width, Array.from(context.getImageData(0, 0, width, height).data)];
        }"""
    )
    return np.array(pixels[2]).reshape(pixels[0], pixels[1], 4), page.inner_text("#try-label")


@pytest.mark.parametrize(("width", "scheme"), LIGHT_AND_DARK)
def test_the_page_stands_alone_and_fits(chromium, reader, width, scheme):
    path, predictor, samples = reader
    with shown(chromium, path, width, scheme) as (page, events):
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for i in (0, 7):
            page.locator("#try-samples button").nth(i).click()
            image, label = seen(page)
            prediction = predictor.predict(samples[i].pixels)
            assert np.array_equal(image[..., :1], samples[i].pixels)
            assert label == prediction.label
            assert page.inner_text("#try-probability") == f"{100 * prediction.probability:.1f} %"
            assert page.inner_text("#try-note") == f"A sample of the class “{samples[i].label}”."
        assert [button.get_attribute("aria-pressed") for button in page.locator("#try-samples button").all()].count(
            "true"
        ) == 1
        assert page.locator("#try-maps canvas").count() == 16
        assert events == []


@pytest.mark.parametrize(("size", "corner"), [(1, (0, 0)), (0.4, (0.55, 0.02))])
def test_a_drawn_digit_is_read_as_the_digit_wherever_it_is(chromium, reader, size, corner):
    with shown(chromium, reader[0], 390) as (page, events):
        for digit, strokes in DIGITS.items():
            draw(page, strokes, size, corner)
            image, label = seen(page)
            assert label == digit
            ink = np.nonzero(image[..., 0] > 100)
            assert max(map(np.ptp, ink)) + 1 == pytest.approx(20, abs=1)  # pixels, as the digits of the samples
            assert abs(ink[0].min() + ink[0].max() - 27) <= 1
            assert page.inner_text("#try-note") == "Your drawing, scaled and centred."
            page.click("#try-clear")
            assert seen(page)[1] == "–"
        assert events == []


def test_the_answer_moves_while_one_draws(chromium, reader):
    with shown(chromium, reader[0]) as (page, events):
        page.locator("#try-pad").scroll_into_view_if_needed()
        box = page.locator("#try-pad").bounding_box()
        bars = "() => [...document.querySelectorAll('#try-bars i')].map((one) => one.style.width).join()"
        found = set()
        page.mouse.move(box["x"] + 80, box["y"] + 60)
        page.mouse.down()
        for i in range(6):
            page.mouse.move(box["x"] + 80 + 20 * i, box["y"] + 60 + 30 * i, steps=3)
            seen(page)
            found.add(page.evaluate(bars))
        assert len(found) >= 4
        page.mouse.up()
        page.click("#try-undo")
        assert seen(page)[1] == "–"
        assert events == []


def test_one_can_draw_with_a_finger(chromium, reader):
    with shown(chromium, reader[0], 390) as (page, events):
        session = page.context.new_cdp_session(page)
        page.locator("#try-pad").scroll_into_view_if_needed()
        box = page.locator("#try-pad").bounding_box()
        before = page.evaluate("scrollY")
        for kind, x, y in [
            ("touchStart", 0.5, 0.2),
            *[("touchMove", 0.5, y) for y in (0.4, 0.6, 0.8)],
            ("touchEnd", 0, 0),
        ]:
            points = (
                [] if kind == "touchEnd" else [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"]}]
            )
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        assert seen(page)[1] == "1"
        assert page.evaluate("scrollY") == before
        assert events == []


def test_everything_works_with_the_keyboard(chromium, reader):
    with shown(chromium, reader[0]) as (page, events):
        names = []
        for _ in range(40):
            page.keyboard.press("Tab")
            names.append(
                page.evaluate("document.activeElement.id || document.activeElement.getAttribute('aria-label')")
            )
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline != "none" or names[-1] is None, names[-1]
            if names[-1] == "try-pad":
                break
        assert names[:2] == ["sample: 0", "sample: 0"]
        assert names[-2:] == ["try-file", "try-pad"]
        for key in ["ArrowUp"] * 15 + [" "] + ["ArrowDown"] * 30 + [" "]:
            page.keyboard.press(key)
        assert seen(page)[1] == "1"
        wait_for(page, "#try-live", "pen up")
        page.keyboard.press("Shift+ArrowLeft")
        page.keyboard.press("Backspace")
        assert seen(page)[1] == "–"
        page.keyboard.press("Space")
        page.keyboard.press("Delete")
        assert seen(page)[1] == "–"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "try-undo"
        page.locator("#try-samples button").nth(2).focus()
        page.keyboard.press("Enter")
        wait_for(page, "#try-live", "1,")
        assert events == []


def test_the_parts_have_names_for_those_who_do_not_see_them(chromium, reader):
    with shown(chromium, reader[0]) as (page, _):
        for role, name in [
            ("application", "Drawing area"), ("slider", "Pen"), ("img", "The image as the network sees it"),
            ("img", "16 feature maps of 28×28, after ReLU: the darker, the larger"), ("group", "Sample images"),
            ("button", "Undo"), ("button", "Clear"),
        ]:  # fmt: skip
            assert page.get_by_role(role, name=name, exact=True).count() == 1, name
        assert page.get_by_label("Image file").count() == 1
        assert page.locator("#try-live").get_attribute("aria-live") == "polite"


def test_a_file_is_chosen_or_dropped(chromium, reader, tmp_path):
    path, predictor, _ = reader
    paper = np.full((60, 40), 255, np.uint8)
    paper[10:50, 18:23] = 0
    content = image_file("PNG", Image.fromarray(paper))
    (tmp_path / "one.png").write_bytes(content)
    with pytest.warns(match="so it was inverted"):
        expected = predictor.predict(tmp_path / "one.png")
    drop = """([content, name]) => {
      const data = new DataTransfer();
      data.items.add(new File([decodeBase64(content)], name));
      for (const type of ["dragover", "drop"]) {
        document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
      }
    }"""
    with shown(chromium, path) as (page, events):
        for _ in range(2):  # the same file again
            page.set_input_files("#try-file", tmp_path / "one.png")
            wait_for(page, "#try-note", "one.png, scaled and centred, and inverted, since")
            assert page.inner_text("#try-label") == expected.label
            assert page.inner_text("#try-probability") == f"{100 * expected.probability:.1f} %"
            draw(page, DIGITS["7"])
            wait_for(page, "#try-note", "Your drawing")
        page.evaluate(drop, [b64encode(content).decode(), "dropped.png"])
        wait_for(page, "#try-note", "dropped.png, scaled")
        for wrong in (b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", content[:60]):
            page.evaluate(drop, [b64encode(wrong).decode(), "<b>wrong</b>"])
            wait_for(page, "#try-note", "<b>wrong</b> is not an image that your browser can read: try PNG or JPEG.")
            assert page.inner_text("#try-label") == "–"
            page.locator("#try-samples button").first.click()
            wait_for(page, "#try-note", "A sample")
        page.evaluate("() => document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: new DataTransfer() }))")
        assert page.url == path.resolve().as_uri()
        assert events == []


def test_a_colour_network_has_colours_to_choose(chromium, tmp_path):
    path = page_file(tmp_path, predictor_of((12, 30, 3), (2, 3), standardize=True))
    with shown(chromium, path, 390) as (page, events):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert seen(page)[1] == "–"
        page.fill("#try-colour", "#ff0000")
        page.fill("#try-ground", "#0000ff")
        draw(page, [[(0.3, 0.5), (0.6, 0.5)]])
        image, _ = seen(page)
        assert image[0, 0].tolist() == [0, 0, 255, 255]
        assert image[6, 15].tolist() == [255, 0, 0, 255]
        page.fill("#try-ground", "#00ff00")
        assert seen(page)[0][0, 0].tolist() == [0, 255, 0, 255]
        assert events == []


@pytest.mark.parametrize(("ground", "ink", "paper"), [("light", 0, 255), ("dark", 255, 0)])
def test_ink_and_ground_are_those_of_the_training_images(chromium, tmp_path, ground, ink, paper):
    with shown(chromium, page_file(tmp_path, predictor_of((28, 28, 1), 2, ground=ground))) as (page, _):
        assert page.locator("#try-colour").count() == 0
        draw(page, [[(0.3, 0.5), (0.6, 0.5)]])
        image, _ = seen(page)
        assert image[0, 0, 0] == paper
        assert abs(image[14, 14, 0] - ink) < 10


NAMES = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "티셔츠 & “바지”",
    "a " + "long " * 40 + "name",
]


@pytest.mark.parametrize("n", [4, 1_000])
def test_class_names_are_text(chromium, tmp_path, n):
    names = [*NAMES, *(f"class {i}" for i in range(4, n))]
    samples = [Sample(np.full((6, 5, 1), 60 * i, np.uint8), name) for i, name in enumerate(names[:4])]
    path = page_file(tmp_path, predictor_of((6, 5, 1), 2, names=names, ground="dark"), samples)
    with shown(chromium, path, 390) as (page, events):
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("#try-bars li").count() == min(n, 10)
        for i in range(4):
            page.locator("#try-samples button").nth(i).click()
            assert seen(page)[1] in names
            assert page.inner_text("#try-note") == f"A sample of the class “{' '.join(names[i].split())}”."
        assert set(page.locator("#try-bars .try-name").all_text_contents()) <= set(names)
        shares = [float(text.removesuffix(" %")) for text in page.locator("#try-bars .try-number").all_text_contents()]
        assert n == 4 or shares == sorted(shares, reverse=True)
        assert page.locator("script").count() == 1
        assert events == []


def test_images_of_four_channels_are_chosen(chromium, tmp_path):
    samples = [Sample(np.full((6, 5, 4), (0, 80, 160, 240), np.uint8), "bee")]
    predictor = predictor_of((6, 5, 4), 2)
    with shown(chromium, page_file(tmp_path, predictor, samples)) as (page, events):
        image, label = seen(page)
        assert image[2, 2].tolist() == [120, 120, 120, 255]
        assert label == predictor.class_names[predictor.probabilities(samples[0].pixels[None]).argmax()]
        assert page.locator("input").count() == 0
        assert events == []


def test_without_scripts_the_page_says_what_to_do(chromium, tmp_path):
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto(page_file(tmp_path, predictor_of((6, 5, 1), 2)).resolve().as_uri())
    assert page.locator("noscript p").is_visible()
    assert not page.locator("#try").is_visible()
