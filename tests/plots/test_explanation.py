"""Figures of how a network decides about an image: their data, read back from Matplotlib's own objects."""

from dataclasses import replace

import numpy as np
import pytest
from drawn import draw, values_of, words
from small_network import X, Y, network

from golmu import ConvolutionNetwork, explain, plots
from golmu.analysis.grad_cam import enlarge_map
from golmu.plots import fonts
from golmu.plots.images import to_displayable

pytestmark = pytest.mark.filterwarnings("ignore:no font here:golmu.errors.GolmuWarning")  # the names are Korean too


def test_probabilities_are_bars_from_the_largest(explained):
    axes = plots.probabilities(explained)
    order = np.argsort(-explained.probabilities)
    assert [bar.get_width() for bar in axes.patches] == explained.probabilities[order].tolist()
    assert words(axes.get_yticklabels()) == [fonts.readable_name(explained.class_names[i], f"#{i}")[0] for i in order]
    draw(axes)


def test_units_show_what_each_adds_to_each_class(explained):
    axes = plots.units(explained)
    assert np.array_equal(values_of(axes), explained.unit_outputs)
    assert words(axes.get_yticklabels()) == [f"unit {unit + 1}" for unit in explained.units]
    draw(axes)


@pytest.mark.parametrize(("top", "written"), [(12.34, "12.3"), (0.5, "0.50"), (0.034, "0.034"), (3e-6, "0.0000")])
def test_as_many_decimals_as_tell_the_values_apart(explained, top, written):
    outputs = explained.unit_outputs / np.abs(explained.unit_outputs).max() * top
    texts = [text.get_text() for text in plots.units(replace(explained, unit_outputs=outputs)).texts]
    assert written in [text.lstrip("-") for text in texts]
    assert not any(float(text) == 0 and text.startswith("-") for text in texts)


def test_what_a_unit_sees_stands_beside_its_row():
    x = np.random.default_rng(0).random((1, 4, 14, 3), np.float32)
    made = ConvolutionNetwork(3, 12, random_state=0)
    made.init_weights(x.shape, 3)
    explained = explain(made, x[0])
    figure = plots.explanation(explained)
    draw(figure)
    seen = [axes for axes in figure.axes if axes.images and axes.images[0].get_array().shape == (2, 7)]
    seen = seen[-len(explained.units) :]
    (weighed,) = (axes for axes in figure.axes if axes.get_title().startswith("strongest"))
    for row, axes in enumerate(seen):
        y = axes.get_window_extent().get_points()[:, 1].mean()
        assert weighed.transData.inverted().transform((0, y))[1] == pytest.approx(row, abs=0.3)
    assert len(seen) > 1


@pytest.mark.parametrize(
    ("shape", "n_kernels"),
    [
        ((4, 30, 3), (3, 20)),
        ((30, 4, 1), (12, 5)),
        ((9, 8, 2), (12, 1, 40)),
        ((16, 17, 3), (1, 5, 9, 30)),
    ],
)
def test_further_blocks_are_grids_of_their_most_active_maps(shape, n_kernels):
    made = network(n_kernels=n_kernels)
    made.init_weights(shape, 3)
    explained = explain(made, np.random.default_rng(0).random(shape, np.float32), n_samples=1)
    figure = plots.explanation(explained)
    draw(figure)
    grids = [axes for axes in figure.axes if axes.get_title().startswith("block ")]
    assert len(grids) == len(n_kernels) - 1
    assert "Grad-CAM" in [axes.get_title() for axes in figure.axes]
    for number, (block, axes) in enumerate(zip(explained.blocks[1:], grids, strict=True), start=2):
        order = np.argsort(-block.activations.mean(axis=(0, 1)), kind="stable")[:16]
        n = block.maps.shape[2]
        shown = f": the 16 most active of {n} kernels" if n > 16 else ""
        assert axes.get_title() == f"block {number}{shown}, after ReLU"
        assert [int(text.get_text()) for text in axes.texts] == (order + 1).tolist()
        height, width, _ = block.maps.shape
        pixels = values_of(axes).filled(np.nan)
        for text, k in zip(axes.texts, order, strict=True):  # each number stands above its map
            x, y = text.get_position()
            left, top = round(x - (width - 1) / 2), round(y + 0.7)
            one = block.activations[..., k]
            assert np.allclose(pixels[top : top + height, left : left + width], one / (one.max() or 1), atol=1e-6)
            assert np.isnan(pixels[:top, left]).any()
    first = (
        f"block 1: the {10 - 2 * (len(n_kernels) - 1)} most active of 12 kernels" if n_kernels[0] == 12 else "block 1"
    )
    assert first in [part.get_suptitle() for one in figure.subfigs for part in one.subfigs]


@pytest.mark.parametrize(("n_kernels", "said"), [(10, ""), (11, "the 10 most active of 11 kernels")])
def test_one_block_says_which_of_its_kernels_are_shown(n_kernels, said):
    made = network(n_kernels=n_kernels)
    made.init_weights((6, 6, 1), 3)
    figure = plots.explanation(explain(made, np.random.default_rng(0).random((6, 6, 1), np.float32), n_samples=1))
    draw(figure)
    assert figure.subfigs[1].get_suptitle() == said


@pytest.mark.parametrize(("shape", "n_kernels"), [((7, 6, 2), 3), ((9, 9, 3), (3, 4)), ((4, 4, 1), (3, 4))])
def test_grad_cam_is_the_grey_image_under_the_enlarged_map(shape, n_kernels):
    made = network(n_kernels=n_kernels)
    made.init_weights(shape, 3)
    explained = explain(made, np.random.default_rng(0).random(shape, np.float32), n_samples=1)
    drawn = np.asarray(values_of(plots.grad_cam(explained)), int)
    assert drawn.shape == (*shape[:2], 3)
    cam = enlarge_map(explained.grad_cam, len(explained.blocks), shape[:2])
    assert drawn.sum(axis=2).flat[cam.argmax()] > np.median(drawn.sum(axis=2))
    nothing = values_of(plots.grad_cam(replace(explained, grad_cam=np.zeros_like(explained.grad_cam))))
    grey = to_displayable(explained.image)
    grey = grey if grey.ndim == 2 else grey.mean(axis=2)
    assert np.abs(nothing[..., 0] - 0.4 * grey).max() <= 1  # under black


@pytest.mark.parametrize("classes", [2, 3, 30])
def test_the_whole_figure_is_drawn_without_a_warning(classes):
    x, y = np.tile(X, (2, 1, 1, 1))[:60], np.arange(60) % classes
    made = network(n_kernels=12).fit(x, y, 1)
    for image in (x[0], np.zeros_like(x[0])):
        figure = plots.explanation(explain(made, image), "image 0")
        draw(figure)
        titles = [axes.get_title() for axes in figure.axes]
        assert {"input", "saliency", "SmoothGrad", "occlusion", "kernel", "after ReLU", "after pooling"} <= set(titles)
        assert "Grad-CAM" not in titles


def test_the_heading_names_image_prediction_target_and_truth(explained):
    def heading(*arguments):
        return plots.explanation(*arguments).get_suptitle()

    predicted = explained.class_names[explained.prediction]
    assert heading(explained) == f"predicted: {predicted}"
    assert heading(explained, "$image$ 3", 0) == f"$image$ 3     predicted: {predicted}     true class: ant"
    other = explain(network().fit(X, Y, 1), X[0], target=(explained.prediction + 1) % 3)
    if other.target != other.prediction:
        assert heading(other).endswith(f"explained: {other.target}")


def test_a_network_whose_hidden_units_are_all_zero_is_drawn_too():
    made = network().fit(X, Y, 1)
    made.set_weights({**made.get_weights(), "b1": np.full(5, -1e6)})
    explained = explain(made, X[0])
    assert len(explained.units) == 0
    draw(plots.explanation(explained))
    draw(plots.units(explained))
