"""Figures: what they show, read back from Matplotlib's own objects."""

from io import BytesIO

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from golmu.plots import curves, png
from golmu.training import History

HISTORY = History([2.0, 1.5, 1.25], [1.9, 1.6, 1.4], [0.3, 0.5, 0.6], [1.0, 1.0, 1.0])


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_curves_show_both_losses_against_the_epoch():
    axes = curves(HISTORY)
    assert [line.get_label() for line in axes.lines] == ["train_loss", "val_loss"]
    for line, losses in zip(axes.lines, (HISTORY.losses, HISTORY.val_losses), strict=True):
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert line.get_ydata().tolist() == losses
    assert legend_of(axes) == ["train_loss", "val_loss"]
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "loss (cross-entropy)"
    assert all(tick == round(tick) for tick in axes.get_xticks())


def test_the_two_curves_differ_without_colour_too():
    train, validation = curves(HISTORY).lines
    assert train.get_linestyle() != validation.get_linestyle()
    assert train.get_marker() != validation.get_marker()


def test_without_validation_there_is_one_curve():
    axes = curves(History([2.0, 1.5]))
    assert [line.get_label() for line in axes.lines] == ["train_loss"]
    assert legend_of(axes) == ["train_loss"]


def test_before_the_first_epoch_there_is_an_empty_figure():
    axes = curves(History())
    assert not axes.lines
    assert axes.get_legend() is None
    assert png(axes, dpi=30).startswith(b"\x89PNG")


def test_curves_are_drawn_on_the_axes_given():
    left, right = Figure().subplots(1, 2)
    assert curves(HISTORY, right) is right
    assert not left.lines
    assert len(right.lines) == 2


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
