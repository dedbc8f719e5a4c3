"""Accuracy of a recipe on images that Golmu does not bring along, over several seeds.

`python benchmarks/other_data.py cifar10.npz color --flip --n-kernels 32,64,128 --name cifar10-wide` reads x_train,
y_train, x_test and y_test from an .npz file. Each seed draws its own stratified fifth of the training images for
validation, and scores the test images once, when it is trained. The result goes to `results/accuracy-NAME.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from datetime import date
from typing import Any

from accuracy import RESULTS, over_seeds
from speed import describe_machine

from golmu import RECIPES, ConvolutionNetwork, Dataset, load_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="an .npz file, or the name of a data set")
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--name", required=True, help="what the result is called")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--flip", action="store_true")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--n-kernels", type=lambda text: tuple(int(number) for number in text.split(",")))
    parser.add_argument("--threads", type=int, help="by default one for each core")
    args = parser.parse_args()
    dataset = load_dataset(args.data)
    own = {"flip": args.flip or None, "epochs": args.epochs, "n_kernels": args.n_kernels}
    own = {name: value for name, value in own.items() if value is not None}
    runs = [one_run(dataset, args.recipe, seed, args.threads, own) for seed in args.seeds]
    result = {
        "recipe": args.recipe,
        "own": own,
        "settings": asdict(replace(RECIPES[args.recipe], **own)),
        "date": date.today().isoformat(),
        "machine": describe_machine(),
        "threads": args.threads,
        "validation": over_seeds([run["val_accuracy"] for run in runs]),
        "test": over_seeds([run["test_accuracy"] for run in runs]),
        "processor_seconds": over_seeds([run["processor_seconds"] for run in runs])["mean"],
        "n_parameters": runs[0]["n_parameters"],
        "runs": runs,
    }
    (RESULTS / f"accuracy-{args.name}.json").write_text(json.dumps(result, indent=2) + "\n")


def one_run(dataset: Dataset, recipe: str, seed: int, threads: int | None, own: dict[str, Any]) -> dict[str, Any]:
    """A network trained from one seed."""
    train, validation = dataset.split(random_state=seed)
    assert dataset.test is not None
    network = ConvolutionNetwork.from_recipe(recipe, engine="fused", n_threads=threads, random_state=seed, **own)
    started = time.process_time()  # other trainings may run beside it
    network.fit(train.images, train.labels, x_val=validation.images, y_val=validation.labels)
    seconds = time.process_time() - started
    history = network.history_
    test_accuracy = network.score(dataset.test.images, dataset.test.labels)
    print(f"{recipe}, seed {seed}: {history.val_accuracies[-1]:.4f} in {seconds:.1f} s", file=sys.stderr)
    return {
        "seed": seed,
        "n_parameters": network.architecture_.n_parameters,
        "val_accuracy": history.val_accuracies[-1],
        "test_accuracy": test_accuracy,
        "processor_seconds": seconds,
        "val_accuracies": history.val_accuracies,
    }


if __name__ == "__main__":
    main()
