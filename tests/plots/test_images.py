"""Figures of scores and of images: their data, read back from Matplotlib's own objects."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure
from small_network import X, Y, network

from golmu import ConvolutionNetwork, NotFittedError, explain, metrics, plots
from golmu.errors import InputError
from golmu.plots import fonts
from golmu.plots.images import as_picture, tiles

KOREAN = "티셔츠"


@pytest.fixture(scope="module")
def fitted():
    return network(units=30).fit(X, Y, 3)


@pytest.fixture(scope="module")
def found(fitted):
    return explain(fitted, X[0], class_names=["ant", "<b>bee</b>", KOREAN])


def shown(axes):
    return axes.images[0].get_array()


def words(labels):
    return [label.get_text() for label in labels]


def draw(axes):
    """Lays the figure out and draws it, with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plots.png(axes, dpi=40).startswith(b"\x89PNG")


MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def test_confusion_is_shown_by_row():
    axes = plots.confusion(MATRIX, ["ant", "bee", "cat"])
    assert shown(axes).tolist() == [[0.8, 0.2, 0], [0.25, 0.75, 0], [0, 0, 0]]
    assert shown(axes).sum(axis=1).tolist() == [1, 1, 0]
    assert words(axes.texts) == ["80", "20", "25", "75"]
    assert words(axes.get_yticklabels()) == words(axes.get_xticklabels()) == ["ant", "bee", "cat"]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true class", "predicted class")
    draw(axes)


def test_a_large_confusion_has_no_figures_and_some_names():
    axes = plots.confusion(np.eye(120, dtype=int))
    assert not axes.texts
    assert words(axes.get_yticklabels())[:3] == ["0", "3", "6"]
    assert axes.get_yticks()[:3].tolist() == [0, 3, 6]
    draw(axes)


def test_class_scores_are_a_row_a_class():
    scores = metrics.class_scores(np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0]), 3)
    axes = plots.class_scores(scores, ["ant", "bee", "cat"])
    drawn = {line.get_label(): line for line in axes.lines}
    assert list(drawn) == words(axes.get_legend().get_texts()) == ["precision", "recall", "F1"]
    for line, values in zip(drawn.values(), scores, strict=False):
        assert line.get_xdata().tolist() == values.tolist()
        assert line.get_ydata().tolist() == [0, 1, 2]
    assert words(axes.get_yticklabels()) == ["ant", "bee", "cat"]
    assert axes.get_xlim()[0] == pytest.approx(-0.02)
    assert axes.yaxis_inverted()
    draw(axes)


def test_of_very_many_classes_the_scores_of_the_weakest_are_shown():
    rng = np.random.default_rng(0)
    labels = np.arange(1000) % 100
    scores = metrics.class_scores(labels, np.where(rng.random(1000) < 0.9, labels, 0), 100)
    axes = plots.class_scores(scores)
    shown_classes = [int(name) for name in words(axes.get_yticklabels())]
    assert shown_classes == sorted(np.argsort(scores.f1, kind="stable")[:60])
    assert axes.lines[2].get_xdata().tolist() == scores.f1[shown_classes].tolist()
    assert axes.get_xlabel() == "the 60 classes of 100 with the lowest F1"
    assert plots.class_scores(metrics.ClassScores(*np.ones((3, 2)), np.array([4, 5]))).get_xlim()[0] == 0.898
    draw(axes)


def test_reliability_shows_each_bins_accuracy_and_the_gap():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1], 400)
    found = metrics.reliability(probabilities, rng.integers(0, 2, 400), 10)
    axes = plots.reliability(found)
    accuracy, gap = axes.containers
    filled = found.support > 0
    assert [bar.get_height() for bar in accuracy] == found.accuracy[filled].tolist()
    tops = [bar.get_y() + bar.get_height() for bar in gap]
    assert tops == pytest.approx(found.confidence[filled].tolist())
    assert [bar.get_x() for bar in accuracy] == found.edges[:-1][filled].tolist()
    assert (
        f"ECE {found.calibration_error:.3f}"
        in words(axes.get_legend().get_texts())[1] + words(axes.get_legend().get_texts())[2]
    )
    draw(axes)


def test_class_activations_are_a_row_a_kernel():
    means = np.array([[1.0, 0.5, 0.0], [0.25, 2.0, 0.75]])
    axes = plots.class_activations(means, ["ant", "bee", "cat"])
    assert np.array_equal(shown(axes), means)
    assert words(axes.get_yticklabels()) == ["1", "2"]
    assert words(axes.get_xticklabels()) == ["ant", "bee", "cat"]
    draw(axes)


def test_every_function_draws_on_the_axis_given(fitted, found):
    reliability = metrics.reliability(np.eye(2), np.array([0, 1]))
    drawings = {
        plots.confusion: MATRIX, plots.class_activations: np.ones((2, 3)), plots.reliability: reliability,
        plots.class_scores: metrics.class_scores(Y, Y[::-1], 3),
        plots.image: X[0], plots.kernels: fitted, plots.feature_maps: found.maps, plots.heat: found.saliency,
        plots.occlusion: found.occlusion, plots.probabilities: found, plots.units: found, plots.curves: fitted,
        plots.accuracies: fitted.history_,
    }  # fmt: skip
    for function, data in drawings.items():
        left, right = Figure(layout="constrained").subplots(1, 2)
        assert function(data, axes=right) is right
        assert not any(left.lines) | any(left.images) | any(left.patches)
        draw(right)


def test_kernels_are_the_networks_in_a_grid(fitted):
    grid = shown(plots.kernels(fitted))
    for k in range(3):
        top, left = 4 * (k // 2), 4 * (k % 2)
        patch = grid[top : top + 3, left : left + 3]
        assert np.allclose(patch, fitted.conv_w[..., k].sum(axis=2))
    assert np.ma.getmaskarray(grid)[3].all()
    assert plots.kernels(fitted.conv_w, columns=3).images[0].get_array().shape == (3, 11)
    with pytest.raises(NotFittedError, match="this ConvolutionNetwork has no weights yet"):
        plots.kernels(ConvolutionNetwork())


def test_values_of_both_signs_have_white_at_zero(found):
    for axes in (plots.kernels(found.kernels), plots.feature_maps(found.maps), plots.occlusion(found.occlusion)):
        low, high = axes.images[0].get_clim()
        assert low == -high
        assert high == pytest.approx(np.abs(np.ma.compressed(np.ma.masked_invalid(shown(axes)))).max())


def test_maps_are_shown_as_they_are(found):
    assert np.array_equal(shown(plots.heat(found.saliency)), found.saliency)
    assert np.array_equal(shown(plots.occlusion(found.occlusion)), found.occlusion)
    assert np.array_equal(shown(plots.feature_maps(found.maps[..., :1])), found.maps[..., 0])
    draw(plots.heat(np.zeros((3, 3))))


def test_probabilities_are_bars_from_the_largest(found):
    axes = plots.probabilities(found)
    order = np.argsort(-found.probabilities)
    assert [bar.get_width() for bar in axes.patches] == found.probabilities[order].tolist()
    assert words(axes.get_yticklabels()) == [fonts.shown(found.class_names[i], f"#{i}")[0] for i in order]
    draw(axes)


def test_units_show_what_each_adds_to_each_class(found):
    axes = plots.units(found)
    assert np.array_equal(shown(axes), found.unit_outputs)
    assert words(axes.get_yticklabels()) == [f"unit {unit + 1}" for unit in found.units]
    draw(axes)


@pytest.mark.parametrize(("top", "written"), [(12.34, "12.3"), (0.5, "0.50"), (0.034, "0.034"), (3e-6, "0.0000")])
def test_as_many_decimals_as_tell_the_values_apart(found, top, written):
    outputs = found.unit_outputs / np.abs(found.unit_outputs).max() * top
    texts = [text.get_text() for text in plots.units(replace(found, unit_outputs=outputs)).texts]
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
    (weighed,) = (axes for axes in figure.axes if axes.get_title().startswith("the strongest"))
    for row, axes in enumerate(seen):
        y = axes.get_window_extent().get_points()[:, 1].mean()
        assert weighed.transData.inverted().transform((0, y))[1] == pytest.approx(row, abs=0.3)
    assert len(seen) > 1


@pytest.mark.parametrize("classes", [2, 3, 30])
def test_the_whole_figure_is_drawn_without_a_warning(classes):
    x, y = np.tile(X, (2, 1, 1, 1))[:60], np.arange(60) % classes
    made = network(n_kernels=12).fit(x, y, 1)
    for image in (x[0], np.zeros_like(x[0])):
        figure = plots.explanation(explain(made, image), "image 0")
        draw(figure)
        titles = [axes.get_title() for axes in figure.axes]
        assert {"input", "saliency", "SmoothGrad", "occlusion", "kernel", "after ReLU", "after pooling"} <= set(titles)


def test_the_heading_names_image_prediction_target_and_truth(found):
    def heading(*arguments):
        return plots.explanation(*arguments).get_suptitle()

    predicted = found.class_names[found.prediction]
    assert heading(found) == f"predicted {predicted}"
    assert heading(found, "$image$ 3", 0) == f"$image$ 3     predicted {predicted}     true class ant"
    other = explain(network().fit(X, Y, 1), X[0], target=(found.prediction + 1) % 3)
    if other.target != other.prediction:
        assert heading(other).endswith(f"explained {other.target}")


def test_a_network_whose_hidden_units_are_all_zero_is_drawn_too():
    made = network().fit(X, Y, 1)
    made.set_weights({**made.get_weights(), "b1": np.full(5, -1e6)})
    found = explain(made, X[0])
    assert len(found.units) == 0
    draw(plots.explanation(found))
    draw(plots.units(found))


# Pictures


def test_pictures_are_bytes_grey_or_rgb():
    rng = np.random.default_rng(0)
    grey, rgb, two = (rng.integers(0, 256, (4, 5, c), np.uint8) for c in (1, 3, 2))
    assert np.array_equal(as_picture(grey), grey[..., 0])
    assert np.array_equal(as_picture(grey[..., 0]), grey[..., 0])
    assert np.array_equal(as_picture(rgb), rgb)
    assert np.array_equal(as_picture(two), two.mean(axis=2).astype(np.uint8))
    assert np.array_equal(as_picture(rgb / np.float32(255)), rgb)
    assert as_picture(np.array([[-1.0, 0.0, 1.0]])).tolist() == [[0, 128, 255]]
    assert as_picture(np.array([[0.0, 200.0]])).tolist() == [[0, 255]]
    with pytest.raises(InputError, match=r"an image must have shape \(h, w, c\) or \(h, w\), got \(3,\)"):
        as_picture(np.zeros(3))


def test_tiles_lie_in_rows():
    maps = np.arange(2 * 2 * 5).reshape(2, 2, 5)
    grid = tiles(maps, 3)
    assert grid.shape == (5, 8)
    assert np.array_equal(grid[3:, 3:5], maps[..., 4])
    assert np.isnan(grid[2]).all()
    assert np.isnan(grid[3:, 6:]).all()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: plots.confusion(np.ones((2, 3))), r"matrix must have shape \(C, C\), got \(2, 3\)"),
        (lambda: plots.confusion(MATRIX, ["a"]), "class_names has 1 names for 3 classes"),
        (lambda: plots.class_activations(np.ones(3)), r"means must have shape \(K, C\), got \(3,\)"),
        (lambda: plots.kernels(np.ones(3)), r"kernels must have shape \(3, 3, c, K\), got \(3,\)"),
        (lambda: plots.feature_maps(np.ones((2, 2))), r"maps must have shape \(h, w, K\), got \(2, 2\)"),
        (lambda: plots.heat(np.ones(3)), r"a map must have shape \(h, w\), got \(3,\)"),
    ],
)
def test_wrong_shapes_are_said(call, text):
    with pytest.raises(InputError, match=f"^{text}$"):
        call()


# Names


def test_names_in_latin_need_no_other_font():
    assert fonts.shown("T-shirt/top", "#0") == ("T-shirt/top", [])
    assert fonts.shown("black-footed albatross, adult male", "#0") == ("black-footed alba…ult male", [])


@pytest.fixture
def no_fonts(monkeypatch):
    """A computer that has Matplotlib's own fonts only."""
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    fonts.families_for.cache_clear()
    yield
    fonts.families_for.cache_clear()


@pytest.mark.usefixtures("no_fonts")
def test_without_a_font_for_it_the_number_stands_for_a_name_and_nothing_is_warned_of():
    axes = plots.confusion(MATRIX, ["ant", KOREAN, "cat"])
    assert words(axes.get_yticklabels()) == ["ant", "#1", "cat"]
    draw(axes)


@pytest.mark.skipif(fonts.families_for(frozenset(KOREAN)) is None, reason="no font with Korean is installed")
def test_korean_is_drawn_where_there_is_a_font():
    axes = plots.confusion(MATRIX, ["ant", KOREAN, "cat"])
    assert words(axes.get_yticklabels()) == ["ant", KOREAN, "cat"]
    draw(axes)


def test_signs_of_mathematics_are_taken_as_they_are():
    axes = plots.confusion(MATRIX, ["$x", "$x^2$", r"$\frac{$"])
    assert words(axes.get_yticklabels()) == ["$x", "$x^2$", r"$\frac{$"]
    draw(axes)
