"""The figure of a search: a panel for each setting, the best trial marked, and bad trials at the edge."""

import pytest
from drawn import draw

from golmu import plots
from golmu.errors import InputError

LOSSES = [0.5, 0.2, 0.3, 40.0, 0.4]
RATE = plots.SearchedSetting("learning_rate", [0.01, 0.1, 0.05, 1.0, 0.02], 0.75, is_log=True)
KERNELS = plots.SearchedSetting("n_kernels", ["8, 16", 8, 8, 16, 16], choices=[8, 16, "8, 16"])


def test_each_setting_has_a_panel():
    figure = plots.search([RATE, KERNELS], LOSSES, 1)
    draw(figure.axes[0])
    left, right = figure.axes
    assert [axes.get_title() for axes in figure.axes] == ["learning_rate: 75 %", "n_kernels"]
    assert left.get_xscale() == "log"
    assert left.get_ylabel() == "validation loss"
    assert [label.get_text() for label in right.get_xticklabels()] == ["8", "16", "8, 16"]
    best = right.lines[-1]
    assert (list(best.get_xdata()), list(best.get_ydata())) == ([0], [0.2])


def test_a_trial_far_above_the_others_is_at_the_edge():
    axes = plots.search([RATE], LOSSES, 1).axes[0]
    near, far, _ = axes.lines
    assert list(near.get_ydata()) == [0.5, 0.2, 0.3, 0.4]
    assert far.get_marker() == "^"
    assert list(far.get_ydata()) == pytest.approx([0.2 + plots.search.__globals__["SPAN"] * 0.2])


def test_a_legend_says_what_the_marks_mean():
    for losses, far in ((LOSSES, ["a trial with a loss above the axis"]), ([0.5, 0.2, 0.3, 0.4, 0.4], [])):
        (legend,) = plots.search([RATE, KERNELS], losses, 1).legends
        assert [text.get_text() for text in legend.get_texts()] == ["a trial", *far, "the best trial"]


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.01, 0.03, 0.1, 0.3, 1.0], ["0.01", "0.05", "0.2", "1"]),
        ([0.0155, 0.0276, 0.0269, 0.03, 0.03], ["0.015", "0.019", "0.024", "0.03"]),
        ([0.03, 0.03, 0.03, 0.03, 0.03], ["0.03"]),
        ([5, 5, 5, 5, 6], ["5", "5.3", "5.6", "6"]),
    ],
)  # fmt: skip
def test_the_numbers_along_a_logarithmic_axis_differ(values, ticks):
    axes = plots.search([plots.SearchedSetting("rate", values, is_log=True)], LOSSES, 1).axes[0]
    draw(axes)
    assert [label.get_text() for label in axes.get_xticklabels()] == ticks


def test_one_trial_many_settings_and_equal_losses_are_drawn():
    one = plots.SearchedSetting("units", [5], is_log=True)
    assert len(plots.search([one], [0.3], 0).axes) == 1
    assert plots.png(plots.search([one] * 20, [0.3], 0)).startswith(b"\x89PNG")
    same = plots.SearchedSetting("units", [5, 5, 5], is_log=True)
    assert plots.png(plots.search([same], [0.3] * 3, 2)).startswith(b"\x89PNG")


def test_settings_without_a_value_for_each_trial_are_refused():
    for settings in ([], [RATE, plots.SearchedSetting("units", [1])]):
        with pytest.raises(InputError, match=r"^settings must each have 5 values, one for each loss$"):
            plots.search(settings, LOSSES, 0)
