"""The learning-rate range test: what `golmu find-lr` does.

Training begins with a rate far too small, which grows by one factor a step until the loss gives way: Smith, "Cyclical
Learning Rates for Training Neural Networks", 2017, section 3.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu import plots
from golmu.checks import one_of, positive_integer, positive_number
from golmu.data.reading import Reading
from golmu.engines import ENGINE_NAMES
from golmu.engines.contract import Batches, Engine, Prepared
from golmu.errors import InputError, SaveError, TrainingError
from golmu.recipe import Recipe, default_recipe, get_recipe
from golmu.runs.job import DEFAULT_SEED, Assembly
from golmu.system import write_atomically
from golmu.training.loop import epoch_order

MEMORY = 0.95
"""Share of the smoothed loss that stays from step to step."""

GIVEN_WAY = 3.0
"""The test ends when the smoothed loss is this many times its lowest."""

SAFETY = 10.0
"""The suggestion is the rate with the lowest smoothed loss, divided by this: there the loss has not yet begun to give
way, and a schedule spends a long time at its highest rate."""

LEAST, MOST = 1e-30, 1e30
"""Learning rates that a float32 can hold, and its products too."""

A_FALL = 0.98
"""The lowest smoothed loss is at most this share of that in the first steps, or nothing was learned."""

SLICE = 10
"""Steps between two looks at the loss."""


def find_learning_rate(
    data: str, recipe_name: str | None, given: Mapping[str, Any], *,
    low: float, high: float, steps: int, plot: Path,
    engine: str = "auto", threads: int | None = None, seed: int | None = None, folder: Path | None = None,
    reading: Reading | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Tests `steps` rates from `low` to `high` on the training images of `data`, and draws them to `plot`.

    Returns
    -------
    dict
        `rates` and `losses`, the smoothed loss at each; `lowest`, the rate where that is lowest; and `suggestion`.

    Raises
    ------
    GolmuError
        If the data or the settings cannot be used, the plot cannot be written, or the loss was lowest at an end of the
        range, so that nothing can be suggested.
    """
    one_of(engine, ENGINE_NAMES, "engine")
    positive_integer(steps, "steps")
    positive_number(low, "low")
    positive_number(high, "high")
    if not LEAST <= low < high <= MOST:
        raise InputError(f"low must be below high, and both from {LEAST:g} to {MOST:g}, got {low:g} and {high:g}")
    if plot.suffix.lower() != ".png":
        raise InputError(f"plot must name a .png file, got {plot}")
    if not plot.parent.is_dir():  # better said before the test than after it
        raise SaveError(f"the curve cannot be written to {plot}: there is no folder {plot.parent}")
    recipe = get_recipe(default_recipe(data) if recipe_name is None else recipe_name).override(given)
    seed = DEFAULT_SEED if seed is None else seed
    assembly = Assembly(data, recipe, engine, threads, seed, folder, reading or Reading())
    rates, losses = sweep(
        assembly.training.engine, assembly.data, recipe, np.geomspace(low, high, steps), np.random.default_rng(seed)
    )
    at = int(np.argmin(losses))
    lowest = float(rates[at])
    suggestion = lowest / SAFETY
    if losses[at] > A_FALL * losses[:SLICE].mean():
        raise InputError(f"the loss does not fall between low={low:g} and high={high:g}: give others (--low, --high)")
    if suggestion < low:
        raise InputError(
            f"the loss is lowest at {lowest:.2g}, too near low={low:g} to suggest a rate: give a lower one"
        )
    if at == steps - 1:
        raise InputError(f"the loss still falls at high={high:g}: give a higher one (--high)")
    try:
        write_atomically(plot, plots.png(plots.range_test(rates, losses, suggestion)))
    except OSError as error:
        raise SaveError(f"the curve cannot be written to {plot}: {error.strerror or error}") from error
    return {"suggestion": suggestion, "lowest": lowest, "rates": rates.tolist(), "losses": losses.tolist()}


def sweep(
    engine: Engine, data: Prepared, recipe: Recipe, rates: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One step at each of the rates, until the loss gives way: the rates tried, and the smoothed loss at each.

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
    while len(raw) < len(rates):
        raw = np.concatenate([raw, engine.train(data, batches.part(len(raw), SLICE), method)])
        smoothed = smooth(raw)
        if not (smoothed[-1] <= GIVEN_WAY * np.fmin.reduce(smoothed)):  # the lowest there is; NaN is not at most that
            break
    finite = np.isfinite(smoothed)
    n = len(smoothed) if finite.all() else int(np.argmin(finite))
    if n == 0:
        raise TrainingError(f"the loss is {raw[0]} at once: see that float pixels lie in [0, 1]")
    return rates[:n], smoothed[:n]


def smooth(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """The losses' exponential moving average, each divided by the sum of its weights, as Adam does with its moments."""
    total, out = 0.0, np.empty(len(losses))
    for step, loss in enumerate(losses):
        total = MEMORY * total + (1 - MEMORY) * loss
        out[step] = total / (1 - MEMORY ** (step + 1))
    return out
