"""`ConvolutionNetwork` beside scikit-learn's `MLPClassifier(hidden_layer_sizes=(100,))`, on the same data.

Both are as a user gets them: the one by a recipe, with the chapter's 10 kernels and with fewer, the other with its
defaults (Adam, batches of 200), and all for equally many epochs. They run one after the other, a round a seed, with
the same threads and a rest between. Medians of the seconds count, which are those of the whole `fit` over its epochs,
and means of the accuracy on images that none has seen: the test images of the digits, and Fashion-MNIST's validation
images.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from datetime import date
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from speed import HERE, REST, describe_machine

from golmu import ConvolutionNetwork, load_dataset
from golmu.data import ImageSet

RESULTS = HERE / "results" / "mlp.json"
EPOCHS = {"digits": 60, "fashion-mnist": 20}
NETWORKS = {
    "digits": [("quick", {"n_kernels": 6}), ("quick", {}), ("any", {})],
    "fashion-mnist": [("quick", {"n_kernels": 6}), ("quick", {})],
}
"""For each data set recipes, and what is changed in them."""

HIDDEN_UNITS = 100


def parts(name: str) -> tuple[ImageSet, ImageSet]:
    """Images to fit on, and to score on."""
    data = load_dataset(name)
    if name == "fashion-mnist":
        return data.split()
    assert data.test is not None
    return data.train, data.test


def run(estimator: Any, fit: tuple[Any, Any], scored: tuple[Any, Any]) -> dict[str, float]:
    """Seconds an epoch, and accuracy."""
    time.sleep(REST)  # the threads of NumPy's BLAS spin for a while after their work
    start = time.perf_counter()
    estimator.fit(*fit)
    seconds = time.perf_counter() - start
    return {
        "seconds_per_epoch": seconds / estimator.n_iter_,
        "epochs": estimator.n_iter_,
        "accuracy": estimator.score(*scored),
    }


def measure(name: str, rounds: int) -> list[dict[str, Any]]:
    """A row for each of the networks, and one for `MLPClassifier`."""
    epochs = EPOCHS[name]
    fit, scored = parts(name)
    flat = [(np.reshape(part.images / np.float32(255), (len(part), -1)), part.labels) for part in (fit, scored)]
    as_they_are = [(part.images, part.labels) for part in (fit, scored)]
    ConvolutionNetwork.from_recipe("quick", epochs=1).fit(*as_they_are[0])  # loads the kernels
    runs: dict[tuple[str, str], list[dict[str, float]]] = {}
    for seed in range(rounds):
        for recipe, changes in NETWORKS[name]:
            network = ConvolutionNetwork.from_recipe(recipe, epochs=epochs, random_state=seed, **changes)
            said = "".join(f", {key}={value}" for key, value in {**changes, "epochs": epochs}.items())
            key = "ConvolutionNetwork", f'from_recipe("{recipe}"{said})'
            runs.setdefault(key, []).append(run(network, *as_they_are))
        mlp = MLPClassifier((HIDDEN_UNITS,), max_iter=epochs, random_state=seed)
        key = "MLPClassifier", f"hidden_layer_sizes=({HIDDEN_UNITS},), max_iter={epochs}"
        runs.setdefault(key, []).append(run(mlp, *flat))
        print(name, seed, [answers[-1] for answers in runs.values()], file=sys.stderr)
    return [
        {
            "data": name,
            "estimator": estimator,
            "settings": settings,
            "seconds_per_epoch": statistics.median(answer["seconds_per_epoch"] for answer in answers),
            "epochs": epochs,
            "accuracy": statistics.mean(answer["accuracy"] for answer in answers),
            "sd": statistics.stdev(answer["accuracy"] for answer in answers) if rounds > 1 else None,
        }
        for (estimator, settings), answers in runs.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = [row for name in EPOCHS for row in measure(name, args.rounds)]
    result = {
        "date": date.today().isoformat(),
        "rounds": args.rounds,
        "machine": describe_machine(),
        "rows": rows,
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    for row in rows:
        print(f"{row['data']}: {row['estimator']}: {row['seconds_per_epoch']:.4f} s/epoch, {row['accuracy']:.4f}")


if __name__ == "__main__":
    main()
