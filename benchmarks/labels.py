"""How many wrong labels `golmu data --check-labels` finds among the training images of digits and Fashion-MNIST.

Of 3 % of the images, drawn at random, the label becomes another one, each with the same probability. Precision and
recall are counted against these; wrong labels that the data had before count as right, so both are a little too low.
Results go to `results/labels.json`. The first 3 % of the ranking are as many images as have another label, so that
their precision is their recall.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import date
from typing import Any

import numpy as np
from speed import HERE, describe_machine

from golmu import Dataset, ImageSet, load_dataset
from golmu.analysis.label_check import check_labels
from golmu.cli.label_check import N_FOLDS
from golmu.cli.recipe_choice import recipe_for_labels
from golmu.runs.data_record import Split
from golmu.runs.folds import FoldedTraining, out_of_fold_probabilities

RESULTS = HERE / "results" / "labels.json"
SHARE = 0.03
SEEDS = {"digits": 5, "fashion-mnist": 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", choices=SEEDS, default=list(SEEDS))
    args = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in args.data:
        runs = [one_run(name, seed) for seed in range(SEEDS[name])]
        means = {key: statistics.mean(run[key] for run in runs) for key in runs[0]}
        results[name] = {"date": date.today().isoformat(), "machine": describe_machine(), "runs": runs, "mean": means}
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        print(name, json.dumps(means))


def one_run(name: str, seed: int) -> dict[str, Any]:
    """Change labels, check them, and count what is found."""
    dataset, rng = load_dataset(name), np.random.default_rng(seed)
    labels, n = dataset.train.labels.copy(), len(dataset.train)
    n_classes, n_changed = len(dataset.class_names), round(SHARE * n)
    changed = np.zeros(n, bool)
    changed[rng.choice(n, n_changed, replace=False)] = True
    labels[changed] = (labels[changed] + rng.integers(1, n_classes, n_changed)) % n_classes
    noisy = Dataset(name, ImageSet(dataset.train.images, labels), None, dataset.class_names, dataset.source)
    recipe_name, recipe = recipe_for_labels(noisy.train.images.shape[1:], n)
    started = time.perf_counter()
    folded = FoldedTraining(noisy, name, recipe, Split.of_folds(N_FOLDS), seed=seed)
    probabilities, outputs = out_of_fold_probabilities(folded)
    found = check_labels(probabilities, outputs)
    first, doubtful = found.order[:n_changed], found.doubtful
    print(recipe_name, recipe.epochs, flush=True)
    return {
        "seed": seed,
        "images": n,
        "changed": n_changed,
        "epochs": recipe.epochs,
        "accuracy": float((probabilities.argmax(axis=1) == outputs).mean()),
        "precision_of_first": float(changed[first].mean()),
        "doubtful": len(doubtful),
        "precision_of_doubtful": float(changed[doubtful].mean()),
        "recall_of_doubtful": float(changed[doubtful].sum() / n_changed),
        "suggested_right": float((found.suggested[changed] == dataset.train.labels[changed]).mean()),
        "seconds": time.perf_counter() - started,
    }


if __name__ == "__main__":
    main()
