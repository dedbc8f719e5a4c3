"""The learning-rate range test: its steps, its smoothing, and where it ends."""

import numpy as np
import pytest
from engine_cases import make_case

from golmu.errors import TrainingError
from golmu.recipe import RECIPES
from golmu.training.loop import begin
from golmu.training.lr_range_test import SMOOTHING, range_test, smooth

SMALL = ("--steps", 60, "--batch-size", 16, "--n-kernels", 2, "--units", 8)


def test_smoothing_is_a_weighted_mean():
    losses = np.random.default_rng(0).random(30)
    for step, value in enumerate(smooth(losses)):
        weights = SMOOTHING ** np.arange(step, -1, -1)
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
    result = range_test(
        engine, range(1000), RECIPES["chapter"], np.geomspace(1e-4, 10, steps), np.random.default_rng(0)
    )
    rates, losses = result.rates, result.losses
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
    with pytest.raises(
        TrainingError, match=r"^the loss is nan from the first step: check that float pixels lie in \[0, 1\]$"
    ):
        swept(lambda _: np.nan)


@pytest.mark.parametrize("engine_name", ["fused", "tensorflow"])
def test_a_real_sweep_finds_where_training_works(engine_name):
    architecture, images, labels, _ = make_case((8, 8, 1, 3, 12, 3, 400), np.uint8)
    images[labels == 1, :4], images[labels == 2, 4:] = 0, 0
    engine, rng = begin(architecture, engine_name, None, 0)
    recipe = RECIPES["chapter"].override({"batch_size": 40})
    result = range_test(engine, engine.prepare(images, labels), recipe, np.geomspace(1e-4, 100, 100), rng)
    rates, losses = result.rates, result.losses
    assert 0.001 < rates[losses.argmin()] < 20
    assert losses.min() < 0.9 * losses[0]
