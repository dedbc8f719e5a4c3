"""Accuracy of a recipe on images that Golmu does not bring along, over several seeds.

`python benchmarks/other_data.py cifar10.npz color --flip --n-kernels 32,64,128 --name cifar10-wide` reads x_train,
y_train, x_test and y_test from an .npz file. Each seed draws its own stratified fifth of the training images for
validation, and scores the test images once, when it is trained. The result goes to `results/accuracy-NAME.json`.

With --two-views the same networks are scored once more, answering with the mean over an image and its mirror image
(`test_flip`, which the training does not see): `results/accuracy-NAME-two-views.json`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

from accuracy import RESULTS, one_run, summary
from sklearn.base import clone

from golmu import RECIPES, ConvolutionNetwork, ImageSet, load_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="an .npz file, or the name of a data set")
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--name", required=True, help="what the result is called")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--flip", action="store_true")
    parser.add_argument("--two-views", action="store_true")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--n-kernels", type=lambda text: tuple(int(number) for number in text.split(",")))
    parser.add_argument("--threads", type=int, help="by default one for each core")
    args = parser.parse_args()
    dataset = load_dataset(args.data)
    own = {"flip": args.flip or None, "epochs": args.epochs, "n_kernels": args.n_kernels}
    own = {name: value for name, value in own.items() if value is not None}
    assert dataset.test is not None
    runs, runs_of_two = [], []
    for seed in args.seeds:
        network = ConvolutionNetwork.from_recipe(
            args.recipe, engine="fused", n_threads=args.threads, random_state=seed, **own
        )
        train, validation = dataset.split(random_state=seed)
        runs.append(one_run(network, train, validation, dataset.test))
        if args.two_views:
            runs_of_two.append(runs[-1] | scores_of_two_views(network, validation, dataset.test))
    record(args, args.name, own, runs)
    if args.two_views:
        record(args, f"{args.name}-two-views", own | {"test_flip": True}, runs_of_two)


def scores_of_two_views(network: ConvolutionNetwork, validation: ImageSet, test: ImageSet) -> dict[str, float]:
    """The accuracies of a trained network that also looks at the mirror images."""
    assert not network.standardize  # the preprocessing begins anew here
    other = clone(network).set_params(test_flip=True)
    other.init_weights(validation.images.shape[1:], len(network.classes_))
    other.set_weights(network.get_weights())
    return {
        "val_accuracy": other.score(validation.images, validation.labels),
        "test_accuracy": other.score(test.images, test.labels),
    }


def record(args: argparse.Namespace, name: str, own: dict[str, Any], runs: list[dict[str, Any]]) -> None:
    """Writes what came of the runs with these settings."""
    result = summary(args.recipe, replace(RECIPES[args.recipe], **own), runs) | {"own": own, "threads": args.threads}
    (RESULTS / f"accuracy-{name}.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
