"""The report in a browser: nothing is asked for, nothing is wider than the screen, nothing is cut."""

import json
import re
import shutil
from base64 import b64encode

import numpy as np
import pytest
from browser import needs_browser, opened
from command import SETTINGS, main

import golmu
from golmu import ConvolutionNetwork

pytestmark = needs_browser

NAMES = ["<script>alert('x')</script>", "티셔츠", "a class with " + "quite " * 8 + "a long name"]

PAGES = ("fashion", "hard", "two", "many", "deep")

OUTSIDE = """() => [...document.querySelectorAll("figure.chart svg")].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter(text => {
    const one = text.getBoundingClientRect();
    return one.left < box.left - 1 || one.right > box.right + 1 || one.top < box.top - 1 || one.bottom > box.bottom + 1;
  }).map(text => text.textContent);
})"""

SMALLEST = """() => Math.min(...[...document.querySelectorAll("svg text, td, th, p, figcaption, span")]
  .filter(one => one.textContent.trim()).map(one => {
    const svg = one.closest("svg");
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    return parseFloat(getComputedStyle(one).fontSize) * scale;
  }))"""

CONTRAST = """() => {
  const light = colour => { const [r, g, b] = colour.match(/[\\d.]+/g).map(value => {
      const share = value / 255; return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const page = light(getComputedStyle(document.body).backgroundColor);
  return Math.min(...[...document.querySelectorAll("p, .soft, figcaption, svg text, .list td")].map(one => {
    const style = getComputedStyle(one), mine = light(one.closest("svg") ? style.fill : style.color);
    return (Math.max(mine, page) + 0.05) / (Math.min(mine, page) + 0.05); }));
}"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory, fashion_mnist):
    """Reports by name: of Fashion-MNIST, of a few colour images with names that are hard, and of two classes."""
    folder = tmp_path_factory.mktemp("pages")
    rng = np.random.default_rng(0)
    np.savez(
        folder / "hard.npz", x=rng.integers(0, 256, (90, 9, 40, 3), np.uint8), y=np.array(NAMES)[np.arange(90) % 3]
    )
    np.savez(folder / "two.npz", x=rng.integers(0, 256, (60, 4, 4), np.uint8), y=np.arange(60) % 2)
    np.savez(folder / "many.npz", x=rng.integers(0, 256, (600, 6, 6), np.uint8), y=np.arange(600) % 60)
    for name, words in {
        "fashion": ["fashion-mnist", "--recipe=quick"],
        "hard": [folder / "hard.npz", *SETTINGS],
        "two": [folder / "two.npz", *SETTINGS],
        "many": [folder / "many.npz", *SETTINGS, "--n-kernels=40"],
    }.items():
        assert main("train", *words, "--run", folder / name) == 0
        assert main("report", folder / name) == 0
    deep = ConvolutionNetwork((40, 3, 130), 8, random_state=0)
    x, y = rng.integers(0, 256, (90, 17, 9, 3), np.uint8), np.array(NAMES)[np.arange(90) % 3]
    deep.fit(x, y, 1, x, y, run=folder / "deep")
    return {name: folder / name / "report.html" for name in PAGES}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_stands_alone_fits_and_can_be_read(pages, name, width, scheme):
    with opened(pages[name], width, scheme) as (page, events):
        assert events == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
        assert page.evaluate(OUTSIDE) == []
        assert page.evaluate(SMALLEST) >= 9
        assert page.evaluate(CONTRAST) >= 4.5
    assert pages[name].stat().st_size < 2_000_000


def test_the_network_in_a_report_answers_as_the_engine_does(pages, fashion_mnist):
    images = fashion_mnist.test.images[:200]
    predict = """([found, pixels]) => {
      const made = new Network(found), bytes = new Uint8ClampedArray(decodeBase64(pixels));
      return Array.from({ length: bytes.length / 784 }, (_, i) =>
        Array.from(made.predict(bytes.subarray(784 * i, 784 * (i + 1))).probabilities));
    }"""
    content = json.loads(re.search(r"startTryIt\((\{.*\})\);</script>", pages["fashion"].read_text())[1])
    with opened(pages["fashion"]) as (page, events):
        found = np.array(page.evaluate(predict, [content["network"], b64encode(images.tobytes()).decode()]))
        assert events == []
    expected = golmu.load(pages["fashion"].parent).probabilities(images)
    assert np.abs(found - expected).max() < 5e-3  # weights of 16 bits
    clear = np.diff(np.sort(expected, axis=1)[:, -2:], axis=1)[:, 0] > 0.01
    assert (found.argmax(axis=1) == expected.argmax(axis=1))[clear].all()
    assert clear.sum() >= 190


def test_names_are_text_of_the_page(pages):
    with opened(pages["hard"]) as (page, events):
        for name in NAMES:
            assert page.get_by_role("cell", name=name, exact=True).count() > 0, name
        assert events == []


def test_a_page_opens_from_anywhere(pages, tmp_path):
    shutil.copy(pages["two"], tmp_path / "다른 이름 #1.html")
    with opened(tmp_path / "다른 이름 #1.html") as (page, events):
        assert page.title() == "two: report"
        assert events == []


def test_a_page_prints_dark_on_white_from_a_dark_screen_too(pages, tmp_path):
    with opened(pages["fashion"], scheme="dark") as (page, events):
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate(CONTRAST) >= 4.5
        page.pdf(path=tmp_path / "page.pdf", format="A4")
        assert events == []
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
