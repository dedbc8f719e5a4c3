"""The learning-rate range test: its sweep, its suggestion, its plot, and the command."""

import json

import numpy as np
import pytest
from engine_cases import make_case
from PIL import Image

from golmu import plots
from golmu.cli.commands import find_lr as finder
from golmu.errors import TrainingError
from golmu.recipe import RECIPES
from golmu.training.loop import begin

SMALL = ("--steps", 60, "--batch-size", 16, "--n-kernels", 2, "--units", 8)


def test_smoothing_is_a_weighted_mean():
    losses = np.random.default_rng(0).random(30)
    for step, value in enumerate(finder.smooth(losses)):
        weights = finder.MEMORY ** np.arange(step, -1, -1)
        assert value == pytest.approx((weights * losses[: step + 1]).sum() / weights.sum())


class Scripted:
    """An engine whose losses are a function of the learning rate."""

    def __init__(self, loss_of):
        self.loss_of, self.rates = loss_of, []

    def train(self, data, batches, method):
        assert method.record_loss == "before"
        assert batches.order.shape == (len(batches.learning_rates), 128)
        self.rates += batches.learning_rates.tolist()
        return np.array([self.loss_of(rate) for rate in batches.learning_rates])


def swept(loss_of, steps=100):
    engine = Scripted(loss_of)
    rates, losses = finder.sweep(
        engine, range(1000), RECIPES["chapter"], np.geomspace(1e-4, 10, steps), np.random.default_rng(0)
    )
    assert len(rates) == len(losses)
    assert np.allclose(rates, engine.rates[: len(rates)])
    return rates, losses


def test_a_sweep_goes_to_the_end_where_nothing_gives_way():
    rates, losses = swept(lambda _: 2.0)
    assert rates[-1] == pytest.approx(10)
    assert np.allclose(losses, 2)


def test_a_sweep_ends_where_the_loss_gives_way():
    rates, _ = swept(lambda rate: 1.0 if rate < 0.1 else 100.0)
    assert 0.1 < rates[-1] < 1


def test_a_sweep_ends_before_what_is_not_finite():
    rates, losses = swept(lambda rate: 1.0 if rate < 0.1 else np.nan)
    assert rates[-1] < 0.1
    assert np.isfinite(losses).all()


def test_a_loss_that_is_never_finite():
    with pytest.raises(TrainingError, match=r"^the loss is nan at once: see that float pixels lie in \[0, 1\]$"):
        swept(lambda _: np.nan)


@pytest.mark.parametrize("engine_name", ["fused", "tensorflow"])
def test_a_real_sweep_finds_where_training_works(engine_name):
    architecture, images, labels, _ = make_case((8, 8, 1, 3, 12, 3, 400), np.uint8)
    images[labels == 1, :4], images[labels == 2, 4:] = 0, 0
    engine, rng = begin(architecture, engine_name, None, 0)
    recipe = RECIPES["chapter"].override({"batch_size": 40})
    rates, losses = finder.sweep(engine, engine.prepare(images, labels), recipe, np.geomspace(1e-4, 100, 100), rng)
    assert 0.001 < rates[losses.argmin()] < 20
    assert losses.min() < 0.9 * losses[0]


def test_the_plot_shows_curve_and_suggestion():
    rates, losses = np.geomspace(1e-3, 1, 50), np.linspace(2, 1, 50)
    axes = plots.range_test(rates, losses, 0.1)
    curve, line = axes.lines
    assert curve.get_xdata().tolist() == rates.tolist()
    assert curve.get_ydata().tolist() == losses.tolist()
    assert line.get_xdata() == [0.1, 0.1]
    assert axes.get_xscale() == "log"
    assert "suggested: 0.1" in [text.get_text() for text in axes.get_legend().get_texts()]


def test_the_command(run, data, tmp_path):
    plot = tmp_path / "rates.png"
    words = ("find-lr", data, "--plot", plot, *SMALL)
    status, out, err = run(*words)
    assert (status, err) == (0, "")
    assert out[0].startswith("suggested learning rate: ")
    assert out[1] == f"curve: {plot}"
    assert Image.open(plot).size[0] > 500
    status, out, _ = run(*words, "--json", "--seed", 3)
    found = json.loads("\n".join(out))
    assert found["suggestion"] == found["lowest"] / finder.SAFETY
    assert len(found["rates"]) == len(found["losses"]) <= 60
    assert run(*words, "--json", "--seed", 3)[1] == out


def test_a_plot_that_cannot_be_written(run, data, tmp_path):
    status, _, err = run("find-lr", data, "--plot", tmp_path / "no" / "where.png")
    assert status == 1
    assert err == (
        f"golmu: error: the curve cannot be written to {tmp_path}/no/where.png: there is no folder {tmp_path}/no\n"
    )
    (tmp_path / "folder.png").mkdir()
    status, _, err = run("find-lr", data, "--plot", tmp_path / "folder.png", *SMALL)
    assert status == 1
    assert err.startswith(f"golmu: error: the curve cannot be written to {tmp_path}/folder.png: ")


def test_what_is_lowest_at_an_end_suggests_nothing(run, data, tmp_path):
    plot = ("--plot", tmp_path / "curve.png", "--batch-size", 16)
    for low, high, text in [
        (20, 40, "the loss is lowest at 20, too near low=20 to suggest a rate: give a lower one"),
        (1e-9, 1e-8, "the loss does not fall between low=1e-09 and high=1e-08: give others (--low, --high)"),
        (1e-300, 1e300, "low must be below high, and both from 1e-30 to 1e+30, got 1e-300 and 1e+300"),
    ]:
        assert run("find-lr", data, "--low", low, "--high", high, *plot)[::2] == (2, f"golmu: error: {text}\n")
    assert run("find-lr", data, "--plot", "curve.jpg")[::2] == (
        2, "golmu: error: plot must name a .png file, got curve.jpg\n"
    )  # fmt: skip
    assert not (tmp_path / "curve.png").exists()
