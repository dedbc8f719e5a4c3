"""Figures as the content of files, and as elements of a page."""

import re
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from golmu.plots import accuracies, canvas, curves, png, svg
from golmu.training.history import History

HISTORY = History([2.0, 1.5, 1.25], [1.9, 1.6, 1.4], [0.3, 0.5, 0.6], [1.0, 1.0, 1.0])


def test_png_is_a_picture_of_the_whole_figure():
    picture = Image.open(BytesIO(png(curves(HISTORY), dpi=100)))
    assert picture.format == "PNG"
    assert picture.size == (700, 420)
    pixels = np.asarray(picture.convert("RGB"))
    assert (pixels[0, 0] == 255).all()
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 50


def test_drawing_leaves_pyplot_alone():
    from matplotlib import pyplot

    curves(HISTORY)
    assert pyplot.get_fignums() == []


def test_svg_is_an_element_in_the_pages_colours():
    text = svg(lambda axes: curves(HISTORY, axes))
    root = ElementTree.fromstring(text)
    assert root.tag.endswith("svg")
    words = [element.text.strip() for element in root.iter() if element.tag.endswith("text")]
    assert {"epoch", "loss (cross-entropy)", "train_loss", "val_loss"} <= set(words)
    assert "currentColor" in text
    assert "var(--blue)" in text
    assert "var(--orange)" in text
    assert set(re.findall("#[0-9a-f]{6}", text)) == {canvas.GREY}
    assert not re.search(r"https?://(?!www\.w3\.org/)", text)
    assert text == svg(lambda axes: curves(HISTORY, axes))


def test_two_elements_share_no_identifier_but_for_the_same_thing():
    first, second = (svg(lambda axes, draw=draw: draw(HISTORY, axes)) for draw in (curves, accuracies))

    def parts(text):
        elements = ElementTree.fromstring(text).iter()
        return {element.get("id"): ElementTree.tostring(element) for element in elements if element.get("id")}

    for name in parts(first).keys() & parts(second).keys():
        assert parts(first)[name] == parts(second)[name]
