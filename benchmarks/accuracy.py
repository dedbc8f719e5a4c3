"""Accuracy and time of the named recipes over several seeds, on Fashion-MNIST (`make accuracy`).

The seed fixes the initial weights and all that is left to chance; the split (48,000 and 12,000 images, stratified,
random_state=42) is the same for all. Recipes were chosen by the validation images alone. The test images are scored
once by each seed's network, when it is trained. What is found goes to `results/accuracy-RECIPE.json`, and in short
into the package, for `golmu recipes`.
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
from typing import Any

from speed import describe_machine

from golmu import ConvolutionNetwork, ImageSet, load_dataset
from golmu.cli.commands import recipes as measured
from golmu.recipe import RECIPES, Recipe, epochs_for

RESULTS = Path(__file__).parent / "results"
PACKAGED = Path(measured.__file__).with_name(measured.FILE)

SEEDS = {"chapter": 10, "quick": 10, "best": 5, "wide": 3, "any": 3, "deep": 3}
"""How many there are, by default, for each recipe: fewer where one takes minutes. `color` is not for grey images."""


N_IMAGES = 60_000
"""Images of Fashion-MNIST to train and to validate on."""


def recipe_here(name: str) -> Recipe:
    """The recipe called `name` with as many epochs as `golmu train fashion-mnist` gives it."""
    return RECIPES[name].override({"epochs": epochs_for(name, N_IMAGES)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", nargs="+", choices=SEEDS, default=list(SEEDS))
    parser.add_argument("--seeds", type=int, help="instead of those of each recipe")
    parser.add_argument("--engine", default="auto")
    args = parser.parse_args()
    dataset = load_dataset("fashion-mnist")
    assert dataset.test is not None
    assert len(dataset.train) == N_IMAGES
    RESULTS.mkdir(exist_ok=True)
    for name in args.recipes:
        print(name, file=sys.stderr)
        recipe = recipe_here(name)
        runs = [
            one_run(
                ConvolutionNetwork.from_recipe(name, engine=args.engine, random_state=seed, epochs=recipe.epochs),
                *dataset.split(),
                dataset.test,
            )
            for seed in range(args.seeds or SEEDS[name])
        ]
        result = summary(name, recipe, runs)
        (RESULTS / f"accuracy-{name}.json").write_text(json.dumps(result, indent=2) + "\n")
    write_packaged()


def one_run(network: ConvolutionNetwork, train: ImageSet, validation: ImageSet, test: ImageSet) -> dict[str, Any]:
    """Trains a network, scores the test images once, and tells what came of it."""
    started, processor_started = time.perf_counter(), time.process_time()
    network.fit(train.images, train.labels, x_val=validation.images, y_val=validation.labels)
    seconds, processor_seconds = time.perf_counter() - started, time.process_time() - processor_started
    history = network.history_
    test_accuracy = network.score(test.images, test.labels)
    print(f"seed {network.random_state}: {history.val_accuracies[-1]:.4f} in {seconds:.1f} s", file=sys.stderr)
    return {
        "seed": network.random_state,
        "engine": network.engine_,
        "n_parameters": network.architecture_.n_parameters,
        "val_accuracy": history.val_accuracies[-1],
        "test_accuracy": test_accuracy,
        "val_loss": history.val_losses[-1],
        "train_loss": history.losses[-1],
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "val_accuracies": history.val_accuracies,
    }


def summary(recipe: str, settings: Recipe, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What is recorded of the runs of a recipe. Processor time counts where other trainings ran beside them."""
    return {
        "recipe": recipe,
        "settings": asdict(settings),
        "date": date.today().isoformat(),
        "machine": describe_machine(),
        "validation": over_seeds([run["val_accuracy"] for run in runs]),
        "test": over_seeds([run["test_accuracy"] for run in runs]),
        "seconds": statistics.mean(run["seconds"] for run in runs),
        "processor_seconds": statistics.mean(run["processor_seconds"] for run in runs),
        "n_parameters": runs[0]["n_parameters"],
        "runs": runs,
    }


def over_seeds(values: list[float]) -> dict[str, float | None]:
    """Mean, standard deviation and range."""
    sd = statistics.stdev(values) if len(values) > 1 else None
    return {"mean": statistics.mean(values), "sd": sd, "min": min(values), "max": max(values)}


def write_packaged() -> None:
    """Puts what `golmu recipes` shows into the package, from all results there are of the present recipes."""
    kept = {}
    for name in RECIPES:
        path = RESULTS / f"accuracy-{name}.json"
        result = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        # Nothing of what a recipe was once.
        if result and Recipe(**result["settings"]).settled() == recipe_here(name).settled():
            kept[name] = {key: result[key] for key in ("date", "validation", "test", "seconds")}
            kept[name] |= {"epochs": result["settings"]["epochs"]}
            kept[name] |= {key: result["machine"][key] for key in ("processor", "cores")}
    PACKAGED.write_text(json.dumps({"recipes": kept}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
