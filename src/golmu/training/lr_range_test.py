"""The learning-rate range test: the loss at growing learning rates, and the rate that it suggests.

Training begins with a rate far too small, which grows by a constant factor per step until the loss diverges: Smith,
"Cyclical Learning Rates for Training Neural Networks", 2017, section 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golmu.engines.contract import Batches, Engine, Prepared
from golmu.errors import InputError, TrainingError
from golmu.recipe import Recipe
from golmu.training.batching import epoch_order

SMOOTHING = 0.95
"""Share of the smoothed loss that remains from step to step."""

DIVERGENCE_FACTOR = 3.0
"""The test ends when the smoothed loss is this many times its lowest."""

SAFETY_FACTOR = 10.0
"""The suggestion is the rate with the lowest smoothed loss, divided by this: there the loss is still far from
diverging, and a schedule spends a long time at its highest rate."""

LEARNING_SHARE = 0.98
"""The lowest smoothed loss is at most this share of that in the first steps, or nothing was learned."""

STEPS_PER_SLICE = 10
"""Steps between two checks of the loss; also the first steps, with whose loss the lowest is compared."""


@dataclass(frozen=True)
class RangeTest:
    """The rates tried, and the smoothed loss at each, (m,) each."""

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    steps: int
    """Steps asked for; fewer were made where the loss diverged."""

    @property
    def lowest(self) -> float:
        """The rate at which the smoothed loss is lowest."""
        return float(self.rates[np.argmin(self.losses)])

    def suggestion(self) -> float:
        """Return a learning rate for training.

        Raises
        ------
        InputError
            If the loss does not fall, or is lowest at an end of the range, so that nothing can be suggested.
        """
        at, low, high = int(np.argmin(self.losses)), float(self.rates[0]), float(self.rates[-1])
        suggestion = self.lowest / SAFETY_FACTOR
        if self.losses[at] > LEARNING_SHARE * self.losses[:STEPS_PER_SLICE].mean():
            raise InputError(
                f"the loss does not fall between low={low:g} and high={high:g}: give others (--low, --high)"
            )
        if suggestion < low:
            raise InputError(
                f"the loss is lowest at {self.lowest:.2g}, too near low={low:g} to suggest a rate: give a lower one "
                "(--low)"
            )
        if at == self.steps - 1:
            raise InputError(f"the loss still falls at high={high:g}: give a higher one (--high)")
        return suggestion


def range_test(
    engine: Engine, data: Prepared, recipe: Recipe, rates: NDArray[np.float64], rng: np.random.Generator
) -> RangeTest:
    """Make one step at each of the rates, until the loss diverges.

    Raises
    ------
    TrainingError
        If the loss is not finite from the first step.
    """
    order = epoch_order(len(data), recipe.batch_size, rng)
    while len(order) < len(rates):
        order = np.concatenate([order, epoch_order(len(data), recipe.batch_size, rng)])
    batches = Batches(order[: len(rates)], rates.astype(np.float32), seed=int(rng.integers(2**32)))
    method = recipe.override({"record_loss": "before"}).method
    raw, smoothed = np.empty(0), np.empty(0)
    while len(raw) < len(rates) and not _has_diverged(smoothed):
        raw = np.concatenate([raw, engine.train(data, batches.part(len(raw), STEPS_PER_SLICE), method)])
        smoothed = smooth(raw)
    finite = np.isfinite(smoothed)
    n = len(smoothed) if finite.all() else int(np.argmin(finite))
    if n == 0:
        raise TrainingError(f"the loss is {raw[0]} from the first step: check that float pixels lie in [0, 1]")
    return RangeTest(rates[:n], smoothed[:n], len(rates))


def smooth(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the losses' exponential moving average, each value divided by the sum of its weights, as in Adam."""
    total, out = 0.0, np.empty(len(losses))
    for step, loss in enumerate(losses):
        total = SMOOTHING * total + (1 - SMOOTHING) * loss
        out[step] = total / (1 - SMOOTHING ** (step + 1))
    return out


def _has_diverged(smoothed: NDArray[np.float64]) -> bool:
    if len(smoothed) == 0:
        return False
    last, finite = smoothed[-1], smoothed[~np.isnan(smoothed)]
    return bool(np.isnan(last) or last > DIVERGENCE_FACTOR * finite.min())
