"""`golmu find-lr`: a learning rate suggested by a range test, with the curve that suggests it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from golmu import plots
from golmu.checks import one_of, positive_integer, positive_number
from golmu.cli.places import default_place, refuse_in_data
from golmu.cli.progress import load_with_bar
from golmu.cli.recipe_choice import check_settings, choose_recipe
from golmu.data.reading import ReadOptions
from golmu.engines import ENGINE_NAMES, load_ahead
from golmu.engines.contract import Prepared
from golmu.errors import InputError
from golmu.runs.job import DEFAULT_SEED, TrainingJob
from golmu.system import check_writable, write_file
from golmu.training.lr_range_test import range_test

MIN_RATE, MAX_RATE = 1e-30, 1e30
"""Learning rates that a float32 can hold, and its products too."""


def find_learning_rate(
    data: str, recipe_name: str | None, given: Mapping[str, Any], *,
    low: float, high: float, steps: int, plot: Path | None = None,
    engine: str = "auto", threads: int | None = None, seed: int | None = None, folder: Path | None = None,
    read_options: ReadOptions | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Test `steps` rates from `low` to `high` on the training images of `data`, and draw them to `plot`.

    By default that is learning-rates.png in the current folder.

    Returns
    -------
    dict
        `recipe`, the name of the recipe, and `note`, why it was taken, "" if it was asked for; `rates` and `losses`,
        the smoothed loss at each; `lowest`, the rate where that is lowest; `suggestion`; and `curve`, the path of the
        plot.

    Raises
    ------
    GolmuError
        If the data or the settings cannot be used, the plot cannot be written, or nothing can be suggested.
    """
    one_of(engine, ENGINE_NAMES, "engine")
    positive_integer(steps, "steps")
    positive_number(low, "low")
    positive_number(high, "high")
    if not MIN_RATE <= low < high <= MAX_RATE:
        raise InputError(
            f"low must be below high, and both from {MIN_RATE:g} to {MAX_RATE:g}, got {low:g} and {high:g}"
        )
    refuse_in_data(plot, data, "--plot")
    plot = default_place(Path("learning-rates.png"), data) if plot is None else plot
    if plot.suffix.lower() != ".png":
        raise InputError(f"plot must name a .png file, got {plot}")
    check_writable(plot, "the curve")
    n_blocks = check_settings(data, recipe_name, given)
    seed = DEFAULT_SEED if seed is None else seed
    read_options = read_options or ReadOptions()
    loading = load_ahead(engine, n_blocks)
    dataset = load_with_bar(data, folder, read_options)
    name, recipe, note = choose_recipe(data, recipe_name, given, dataset.train.images.shape[1:])
    if n_blocks is None:
        loading = load_ahead(engine, recipe.n_blocks)
    job = TrainingJob.from_dataset(dataset, data, recipe, engine=engine, threads=threads, seed=seed)
    loading.join()
    rates, images = np.geomspace(low, high, steps), job.prepared[0]
    assert isinstance(images, Prepared)
    result = range_test(job.training.engine, images, recipe, rates, np.random.default_rng(seed))
    suggestion = result.suggestion()
    write_file(plot, plots.png(plots.range_test(result.rates, result.losses, suggestion)), "the curve")
    return {
        "recipe": name,
        "note": note,
        "suggestion": suggestion,
        "lowest": result.lowest,
        "rates": result.rates.tolist(),
        "losses": result.losses.tolist(),
        "curve": str(plot),
    }
