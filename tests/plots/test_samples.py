"""The contact sheet of a data set."""

import logging
import warnings

import numpy as np
import pytest
from matplotlib import font_manager

from golmu.errors import GolmuWarning
from golmu.plots import png, samples


def sheet(n_classes, names=None, shape=(6, 5, 1), n=12, **options):
    """A sheet of classes whose images have their label as the value of every pixel; the empty classes are left out."""
    labels = np.arange(n * n_classes, dtype=np.int64) % n_classes
    images = np.broadcast_to(labels[:, None, None, None], (len(labels), *shape)).astype(np.uint8)
    return samples(images, labels, names or [f"class {i}" for i in range(n_classes)], **options)


def names_of(axes):
    return [text.get_text() for text in axes.texts[1:]]


def test_a_sheet_shows_images_of_each_class_in_a_row_beside_its_name():
    axes = sheet(3, title="shapes")
    assert axes.texts[0].get_text() == "shapes"
    assert names_of(axes) == ["class 0", "class 1", "class 2"]
    assert [int(image.get_array()[0, 0]) for image in axes.images] == [0] * 10 + [1] * 10 + [2] * 10
    rows = [text.get_position()[1] for text in axes.texts[1:]]
    assert all(
        image.get_extent()[3] < rows[number // 10] < image.get_extent()[2] for number, image in enumerate(axes.images)
    )


@pytest.mark.parametrize("n_classes", [1, 2, 25, 26, 60, 100, 130])
def test_nothing_on_a_sheet_overlaps_or_is_cut(n_classes):
    axes = sheet(n_classes, ["W" * (i + 1) for i in range(n_classes)], shape=(4, 7, 3), title="클래스 " + "x" * 60)
    shown = min(n_classes, 100)
    assert len(axes.texts) == shown + 1
    png(axes, dpi=20)
    boxes = [text.get_window_extent() for text in axes.texts] + [image.get_window_extent() for image in axes.images]
    page = axes.figure.bbox
    corners = np.array([[box.x0, box.y0, box.x1, box.y1] for box in boxes])
    assert corners.min() >= 0
    assert (corners[:, 2:] <= [page.width, page.height]).all()
    x0, y0, x1, y1 = (corners[:, None, i] for i in range(4))
    apart = (x1 <= x0.T) | (x0 >= x1.T) | (y1 <= y0.T) | (y0 >= y1.T)
    assert (apart | np.eye(len(boxes), dtype=bool)).all()
    assert ("and 30 more classes" in axes.texts[0].get_text()) == (n_classes == 130)


def test_colours_large_images_and_other_channels():
    for shape, expected in (((6, 5, 3), (6, 5, 3)), ((400, 300, 1), (134, 100)), ((6, 5, 2), (6, 5))):
        assert sheet(2, shape=shape).images[0].get_array().shape == expected


def test_classes_without_images_are_not_on_the_sheet_and_few_images_are_all_there():
    labels = np.array([1, 3, 3])
    axes = samples(np.zeros((3, 4, 4, 1), np.uint8), labels, ["a", "b", "c", "d"])
    assert names_of(axes) == ["b", "d"]
    assert len(axes.images) == 3


def test_names_are_drawn_as_they_are(caplog):
    names = ["$x^2$", r"\\frac", "<b>&amp;", "a\nb", "여우", "long " * 20]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", GolmuWarning)  # fonts may lack here
        axes = sheet(6, names, title="$")
        assert png(axes, dpi=50).startswith(b"\x89PNG")
    shown = names_of(axes)
    assert shown[:4] == ["$x^2$", r"\\frac", "<b>&amp;", "a b"]
    assert len(shown[5]) == 30
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_letters_that_no_font_has_are_boxes_with_one_notice(monkeypatch, caplog):
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        axes = sheet(2, ["여우 1", "fox"], title="동물")
        png(axes, dpi=50)
    assert [str(warning.message) for warning in caught] == [
        "no font here has the letters of some class names, so the picture shows boxes (□): install one, such as "
        "fonts-noto-cjk"
    ]
    assert [text.get_text() for text in axes.texts] == ["□□", "□□ 1", "fox"]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
