"""Validation accuracy of a named recipe over several seeds, on Fashion-MNIST (`make accuracy`).

The seed fixes the initial weights and the order of the samples; the split (48,000 and 12,000 images, stratified,
random_state=42) is the same for all. The test images are scored once, by the first seed's network.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

from speed import describe_machine

from golmu import ConvolutionNetwork, load_dataset
from golmu.recipe import RECIPES, get_recipe

RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=RECIPES, default=list(RECIPES))
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--engine", default="auto")
    args = parser.parse_args()
    dataset = load_dataset("fashion-mnist")
    train, validation = dataset.split()
    assert dataset.test is not None
    for name in args.recipes:
        recipe = get_recipe(name)
        runs, test_accuracy = [], None
        for seed in range(args.seeds):
            network = ConvolutionNetwork(
                recipe.n_kernels, recipe.units, recipe.batch_size, recipe.learning_rate,
                engine=args.engine, random_state=seed, record_loss=recipe.record_loss,
            )  # fmt: skip
            started = time.perf_counter()
            network.fit(train.images, train.labels, recipe.epochs, validation.images, validation.labels)
            seconds = time.perf_counter() - started
            history = network.history_
            runs.append(
                {
                    "seed": seed,
                    "val_accuracy": history.val_accuracies[-1],
                    "val_accuracies": history.val_accuracies,
                    "val_loss": history.val_losses[-1],
                    "train_loss": history.losses[-1],
                    "seconds": seconds,
                }
            )
            if seed == 0:
                test_accuracy = network.score(dataset.test.images, dataset.test.labels)
            print(f"{name}, seed {seed}: {history.val_accuracies[-1]:.4f} in {seconds:.1f} s", file=sys.stderr)
        accuracies = [run["val_accuracy"] for run in runs]
        result = {
            "recipe": name,
            "settings": asdict(recipe),
            "date": date.today().isoformat(),
            "engine": network.engine_,
            "n_parameters": network.architecture_.n_parameters,
            "machine": describe_machine(),
            "mean": statistics.mean(accuracies),
            "sd": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
            "min": min(accuracies),
            "max": max(accuracies),
            "test_accuracy_of_seed_0": test_accuracy,
            "mean_seconds": statistics.mean(run["seconds"] for run in runs),
            "runs": runs,
        }
        print(json.dumps({key: result[key] for key in ("recipe", "engine", "mean", "sd", "min", "max")}))
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"accuracy-{name}.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
