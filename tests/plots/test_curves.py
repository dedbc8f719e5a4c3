"""Figures of a training: what they show, read back from Matplotlib's own objects."""

import numpy as np
import pytest
from matplotlib.figure import Figure
from small_network import X, Y, network

from golmu import ConvolutionNetwork, NotFittedError, Recipe
from golmu.plots import accuracies, curves, learning_rates, png, range_test
from golmu.schedule import Schedule
from golmu.training.history import History

HISTORY = History([2.0, 1.5, 1.25], [1.9, 1.6, 1.4], [0.3, 0.5, 0.6], [1.0, 1.0, 1.0])


def legend_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_curves_show_both_losses_against_the_epoch():
    axes = curves(HISTORY)
    assert [line.get_label() for line in axes.lines] == ["training", "validation"]
    for line, losses in zip(axes.lines, (HISTORY.losses, HISTORY.val_losses), strict=True):
        assert line.get_xdata().tolist() == [1, 2, 3]
        assert line.get_ydata().tolist() == losses
    assert legend_of(axes) == ["training", "validation"]
    assert axes.get_xlabel() == "epoch"
    assert axes.get_ylabel() == "loss (cross-entropy)"
    assert all(tick == round(tick) for tick in axes.get_xticks())


def test_the_two_curves_differ_without_colour_too():
    train, validation = curves(HISTORY).lines
    assert (train.get_linestyle(), validation.get_linestyle()) == ("-", "--")
    assert train.get_marker() != validation.get_marker()


def test_the_accuracy_is_dashed_as_all_of_validation_is():
    axes = accuracies(HISTORY)
    assert axes.lines[0].get_linestyle() == "--"
    assert legend_of(axes) == ["validation"]


def test_without_validation_there_is_one_curve():
    axes = curves(History([2.0, 1.5]))
    assert [line.get_label() for line in axes.lines] == ["training"]
    assert legend_of(axes) == ["training"]


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


def test_curves_of_a_network_are_those_of_its_history():
    fitted = network().fit(X, Y, 3, X, Y)
    axes = curves(fitted)
    assert [line.get_ydata().tolist() for line in axes.lines] == [fitted.losses, fitted.val_losses]
    assert accuracies(fitted).lines[0].get_ydata().tolist() == fitted.history_.val_accuracies


@pytest.mark.parametrize("draw", [curves, accuracies])
def test_a_network_without_weights_is_refused(draw):
    with pytest.raises(NotFittedError, match="this ConvolutionNetwork has no weights yet"):
        draw(ConvolutionNetwork())


@pytest.mark.parametrize("draw", [curves, accuracies])
def test_the_best_epoch_is_marked_where_it_is_asked_for(draw):
    axes = draw(HISTORY, best=2)
    assert axes.lines[-1].get_xdata() == [2, 2]
    assert legend_of(axes)[-1] == "best epoch: 2"
    assert draw(HISTORY).lines[-1].get_xdata().tolist() == [1, 2, 3]


def test_accuracies_lie_against_the_epoch():
    axes = accuracies(HISTORY)
    (line,) = axes.lines
    assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([1, 2, 3], [0.3, 0.5, 0.6])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("epoch", "accuracy")
    assert not accuracies(History([2.0])).lines


def test_many_epochs_have_few_markers():
    losses = np.linspace(2, 1, 200).tolist()
    line = curves(History(losses)).lines[0]
    assert line.get_ydata().tolist() == losses
    assert line.get_markevery() == 8


RECIPE = Recipe(
    n_kernels=2, units=2, batch_size=10, learning_rate=0.5, epochs=4, schedule="triangular", warmup=0.25,
    final_batch_size=20,
)  # fmt: skip


def test_learning_rates_are_the_schedules():
    line = learning_rates(RECIPE, 205).lines[0]
    schedule = Schedule(RECIPE, 205)
    steps = np.arange(schedule.first_step(4))
    assert np.array_equal(line.get_ydata(), schedule.learning_rates(steps))
    for epoch in range(4):
        assert line.get_xdata()[schedule.first_step(epoch)] == epoch
    assert (np.diff(line.get_xdata()) > 0).all()


def test_learning_rates_of_a_long_training_are_a_choice_of_its_steps():
    recipe = Recipe(n_kernels=2, units=2, batch_size=2, learning_rate=0.5, epochs=30, schedule="cosine")
    line = learning_rates(recipe, 1000, 20).lines[0]
    assert len(line.get_xdata()) == 500
    assert line.get_xdata()[0] == 0
    assert line.get_xdata()[-1] == pytest.approx(20 - 1 / 500)
    assert line.get_ydata()[-1] == Schedule(recipe, 1000).learning_rates(np.array([20 * 500 - 1]))[0]


def test_points_stand_at_their_own_epochs():
    made = network(warm_start=True).fit(X, Y, 2).partial_fit(X, Y).fit(X, Y, 2, X, Y).partial_fit(X, Y)
    training_line, validation = curves(made).lines
    assert training_line.get_xdata().tolist() == [1, 2, 3, 4, 5, 6]
    (accuracy,) = accuracies(made).lines
    for line in (validation, accuracy):
        drawn = np.isfinite(line.get_ydata())
        assert line.get_xdata()[drawn].tolist() == [4, 5]
    assert validation.get_ydata()[4] == pytest.approx(made.val_losses[-1])


def test_the_plot_shows_curve_and_suggestion():
    rates, losses = np.geomspace(1e-3, 1, 50), np.linspace(2, 1, 50)
    axes = range_test(rates, losses, 0.1)
    curve, line = axes.lines
    assert curve.get_xdata().tolist() == rates.tolist()
    assert curve.get_ydata().tolist() == losses.tolist()
    assert line.get_xdata() == [0.1, 0.1]
    assert line.get_linestyle() == ":", "a dashed line is one of validation"
    assert axes.get_xscale() == "log"
    assert "suggested: 0.1" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_a_note_is_written_below_the_losses():
    history = History([2.0, 1.0], [1.5, 1.2], [0.5, 0.6], [1, 1])
    assert [text.get_text() for text in curves(history).texts] == []
    (note,) = curves(history, note="word " * 30).texts
    assert "\n" in note.get_text()
    assert png(note.axes).startswith(b"\x89PNG")
