"""What it would gain to share the steps of one training among computers: time of a step against time on the network.

`python benchmarks/scaling.py` measures a step of each network, in all of its threads, and writes
`results/scaling-FAMILY-MODEL.json`; `readme.py` puts the table into docs/en/explanation/scaling.md. Run it alone.
"""

from __future__ import annotations

import json
import statistics
import time
from datetime import date
from typing import Any

import numpy as np
from speed import describe_machine, recording_path

from golmu.architecture import Architecture
from golmu.engines.contract import Batches
from golmu.recipe import RECIPES
from golmu.training.loop import begin

NETWORKS = {
    "chapter": ("chapter", (28, 28, 1), {"record_loss": "before"}),
    "any": ("any", (28, 28, 1), {}),
    "deep": ("deep", (28, 28, 1), {}),
    "wide": ("wide", (28, 28, 1), {}),
    "color": ("color", (32, 32, 3), {}),
    "color with 32, 64 and 128 kernels": ("color", (32, 32, 3), {"n_kernels": (32, 64, 128)}),
}
"""What is measured: a recipe, the shape of an image, and other settings."""

STEPS, ROUNDS = 100, 7


def main() -> None:
    result: dict[str, Any] = {"machine": describe_machine(), "date": str(date.today()), "rounds": ROUNDS, "rows": []}
    for name, (recipe_name, shape, own) in NETWORKS.items():
        recipe = RECIPES[recipe_name].override(own)
        architecture = Architecture(*shape, recipe.n_kernels, recipe.units, 10)
        engine, rng = begin(architecture, "fused", None, 0)
        n = STEPS * recipe.batch_size
        data = engine.prepare(rng.integers(0, 256, (n, *shape), np.uint8), np.arange(n) % 10)
        order = np.arange(n).reshape(STEPS, recipe.batch_size)
        seconds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            engine.train(data, Batches.at(0.001, order), recipe.method)
            seconds.append((time.perf_counter() - started) / STEPS)
        row = {
            "network": name,
            "batch_size": recipe.batch_size,
            "n_parameters": architecture.n_parameters,
            "seconds_per_step": statistics.median(seconds),
        }
        print(row)
        result["rows"].append(row)
    path = recording_path("scaling", result["machine"]["processor"])
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
