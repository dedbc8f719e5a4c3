"""Accuracy of a recipe on images that Golmu does not bring along, over several seeds.

`python benchmarks/other_data.py cifar10.npz color --flip --n-kernels 32,64,128 --name cifar10-wide` reads x_train,
y_train, x_test and y_test from an .npz file. Each seed draws its own stratified fifth of the training images for
validation, and scores the test images once, when it is trained. The result goes to `results/accuracy-NAME.json`.

With --one-view, networks that train and answer with mirror images (`--flip`) are scored once more, answering without
(`--no-test-flip`, which the training does not see): `results/accuracy-NAME-one-view.json`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from typing import Any

from accuracy import RESULTS, one_run, summary

from golmu import RECIPES, ConvolutionNetwork, ImageSet, Predictor, load_dataset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="an .npz file, or the name of a data set")
    parser.add_argument("recipe", choices=RECIPES)
    parser.add_argument("--name", required=True, help="what the result is called")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--flip", action="store_true")
    parser.add_argument("--one-view", action="store_true")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--n-kernels", type=lambda text: tuple(int(number) for number in text.split(",")))
    parser.add_argument("--threads", type=int, help="by default one for each core")
    args = parser.parse_args()
    dataset = load_dataset(args.data)
    own = {"flip": args.flip or None, "epochs": args.epochs, "n_kernels": args.n_kernels}
    own = {name: value for name, value in own.items() if value is not None}
    assert dataset.test is not None
    runs, runs_of_one = [], []
    for seed in args.seeds:
        network = ConvolutionNetwork.from_recipe(
            args.recipe, engine="fused", n_threads=args.threads, random_state=seed, **own
        )
        train, validation = dataset.split(random_state=seed)
        runs.append(one_run(network, train, validation, dataset.test))
        if args.one_view:
            runs_of_one.append(runs[-1] | scores_of_one_view(network, validation, dataset.test))
    record(args, args.name, own, runs)
    if args.one_view:
        record(args, f"{args.name}-one-view", own | {"test_flip": False}, runs_of_one)


def scores_of_one_view(network: ConvolutionNetwork, validation: ImageSet, test: ImageSet) -> dict[str, float]:
    """The accuracies of a trained network that looks at no mirror images."""
    model = network.predictor_.model
    alone = Predictor.of(replace(model, preprocessing=replace(model.preprocessing, test_flip=False)), engine="fused")
    val_accuracy, test_accuracy = (
        float((model.classes[alone.logits(one.images).argmax(axis=1)] == one.labels).mean())
        for one in (validation, test)
    )
    return {"val_accuracy": val_accuracy, "test_accuracy": test_accuracy}


def record(args: argparse.Namespace, name: str, own: dict[str, Any], runs: list[dict[str, Any]]) -> None:
    """Writes what came of the runs with these settings."""
    result = summary(args.recipe, replace(RECIPES[args.recipe], **own), runs) | {"own": own, "threads": args.threads}
    (RESULTS / f"accuracy-{name}.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
