"""Figures of several trainings: what they show, read back from Matplotlib's own objects."""

import math

import pytest
from matplotlib.colors import to_hex
from small_network import X, Y, network

from golmu.plots import compared, png
from golmu.plots.comparison import legend_height, style
from golmu.training.history import History

HISTORY = History([2.0, 1.5, 1.25], [1.9, 1.6, 1.4], [0.3, 0.5, 0.6], [1.0, 1.0, 1.0])
LOSSES = [2.0, 0.6, 0.5, 0.4, 0.35, 0.3]


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_losses_and_accuracies_of_runs_are_in_one_figure():
    histories = [HISTORY, History([2.0, 1.0]), History([3.0], [2.5], [0.5], [1.0])]
    names = ["first", "$second$", "third"]
    axes = compared(histories, names)
    assert [line.get_ydata().tolist() for line in axes.lines] == [
        HISTORY.losses, HISTORY.val_losses, [2.0, 1.0], [3.0], [2.5],
    ]  # fmt: skip
    assert legend_of(axes) == [*names, "training", "validation"]
    axes = compared(histories, names, accuracy=True)
    assert [line.get_ydata().tolist() for line in axes.lines] == [HISTORY.val_accuracies, [0.5]]
    assert legend_of(axes) == [*names, "validation"]
    assert png(axes, dpi=30).startswith(b"\x89PNG")


def test_a_colour_is_a_run_and_a_dash_is_validation():
    axes = compared([HISTORY, HISTORY], ["first", "second"])
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--", "-", "--"]
    first, _, second, _ = colours = [to_hex(line.get_color()) for line in axes.lines]
    assert colours == [first, first, second, second]
    assert first != second
    handles = axes.get_legend().get_lines()
    assert [to_hex(handle.get_color()) for handle in handles[:2]] == [first, second]
    assert [handle.get_linestyle() for handle in handles] == ["None", "None", "-", "--"]


def test_a_run_without_a_name_has_its_number():
    assert legend_of(compared([HISTORY, HISTORY], ["", ""], accuracy=True)) == ["1", "2", "validation"]


def test_trainings_without_validation_have_solid_lines():
    axes = compared([History([2.0, 1.0]), History([2.0, 1.5])], ["first", "second"])
    assert [line.get_linestyle() for line in axes.lines] == ["-", "-"]
    assert legend_of(axes) == ["first", "second", "training"]


def test_sixteen_runs_differ_without_colour_too():
    axes = compared([History([2.0, 1.0])] * 16, [str(i) for i in range(16)])
    drawn = [(line.get_marker(), line.get_fillstyle()) for line in axes.lines]
    assert len(set(drawn)) == 16


def test_points_stand_at_their_own_epochs():
    made = network(warm_start=True).fit(X, Y, 2).partial_fit(X, Y).fit(X, Y, 2, X, Y).partial_fit(X, Y)
    line = compared([made.history_], [""]).lines[1]
    assert [x for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True) if math.isfinite(y)] == [4, 5]


# The limits of the axis


def ends(*losses, accuracy=False):
    histories = [History(values, val_accuracies=values if accuracy else []) for values in losses]
    return compared(histories, [""] * len(losses), accuracy=accuracy).get_ylim()


def test_a_first_epoch_does_not_flatten_the_later_ones():
    low, high = ends(LOSSES, [1.8, 0.7, 0.6, 0.5, 0.45, 0.4])
    assert (0.25 < low < 0.3, 0.7 < high < 0.8) == (True, True)
    low, high = ends([0.2, 0.8, 0.85, 0.86, 0.88, 0.9], accuracy=True)
    assert (0.75 < low < 0.8, 0.9 < high < 0.95) == (True, True)


@pytest.mark.parametrize(
    "losses",
    [[2.0, 0.6, 0.5, 0.4, 0.35, 5.0], [2.0, 0.6, 0.5, 4.0, math.inf, math.nan], [2.0, 2.1, 2.2, 2.5, 3.0, 4.0]],
    ids=["at the end", "to infinity", "from the start"],
)
def test_a_loss_that_rises_is_drawn_whole(losses):
    _, high = ends(LOSSES, losses)
    assert high > max(filter(math.isfinite, losses))


def test_a_short_training_is_drawn_whole():
    assert ends(LOSSES[:5])[1] > 2
    assert ends(LOSSES, [1.5])[1] > 1.5


def test_a_first_epoch_that_takes_little_room_is_drawn():
    assert ends([0.65, 0.6, 0.5, 0.4, 0.3, 0.2])[1] > 0.65


def test_a_loss_that_never_changes_has_an_axis():
    low, high = ends([2.3, *[1.5] * 5])
    assert (low < 1.5, high > 2.3) == (True, True)


def test_no_two_of_many_runs_look_alike():
    assert len({style(number) for number in range(64)}) == 64


def test_the_legend_of_many_runs_leaves_the_curves_alone():
    history = History([1.0, 0.5], [1.0, 0.5], [0.5, 0.6], [1.0, 1.0])
    for n_runs, is_inside in ((2, True), (9, False)):
        axes = compared([history] * n_runs, [f"run {number}" for number in range(n_runs)])
        axes.figure.draw_without_rendering()
        legend = axes.get_legend().get_window_extent()
        assert bool(legend.overlaps(axes.get_window_extent())) == is_inside
    assert legend_height(9) > legend_height(2) == 0
