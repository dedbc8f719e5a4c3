"""The labels of a data set checked: networks are trained over folds, and say which labels they do not believe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from golmu import plots
from golmu.analysis.label_check import LabelCheck, check_labels
from golmu.cli.console import make_console, print_table
from golmu.cli.progress import TrainingDisplay
from golmu.cli.recipe_choice import recipe_for_labels
from golmu.data import Dataset
from golmu.engines import load_ahead
from golmu.runs.data_record import Split
from golmu.runs.folds import FoldedTraining, out_of_fold_probabilities
from golmu.system import write_file

N_FOLDS = 5
"""Folds of the check: each network is trained on four fifths of the images."""

MAX_LISTED = 20
"""Doubtful images that are listed on standard output, at most."""

MAX_DRAWN = 64
"""Doubtful images in the contact sheet, at most."""


def find_doubtful_labels(dataset: Dataset, data: str, sheet: Path) -> dict[str, Any]:
    """Check the labels of the training images, and draw those that are doubtful, the least believable first.

    Parameters
    ----------
    dataset, data
        The data set, and the name or path by which it was loaded.
    sheet
        PNG file for the contact sheet, written or replaced where there are doubtful labels.

    Returns
    -------
    dict
        `folds`, `recipe`, `epochs`: how the networks were trained; `accuracy`, out of fold, by the given labels;
        `sheet`, the path or None; and `doubtful`, a list with `image`, its number among the training images, counted
        from 0, `file` or None, the `given` and the `suggested` class, and the probability of each, `believability` and
        `probability`.

    Raises
    ------
    GolmuError
        If the data cannot be trained on, or the sheet cannot be written.
    """
    name, recipe = recipe_for_labels(dataset.train.images.shape[1:], len(dataset.train))
    loading = load_ahead("auto", recipe.n_blocks)
    folded = FoldedTraining(dataset, data, recipe, Split.of_folds(N_FOLDS))
    with TrainingDisplay(make_console(stderr=True)) as display:

        def begin(fold: int) -> None:
            loading.join()
            display.next(f"checking labels, fold {fold}/{N_FOLDS}, ", has_lines=False)

        probabilities, labels = out_of_fold_probabilities(folded, [display], begin)
    checked = check_labels(probabilities, labels)
    doubtful = _describe(checked, dataset)
    if doubtful:
        _draw(checked, doubtful, dataset, sheet)
    return {
        "folds": N_FOLDS,
        "recipe": name,
        "epochs": recipe.epochs,
        "accuracy": float((probabilities.argmax(axis=1) == labels).mean()),
        "doubtful": doubtful,
        "sheet": str(sheet) if doubtful else None,
    }


def _describe(checked: LabelCheck, dataset: Dataset) -> list[dict[str, Any]]:
    files, classes = dataset.train.files, np.unique(dataset.train.labels).tolist()
    return [
        {
            "image": i,
            "file": None if files is None else files[i],
            "given": dataset.class_names[classes[checked.labels[i]]],
            "suggested": dataset.class_names[classes[checked.suggested[i]]],
            "believability": float(checked.believability[i]),
            "probability": float(checked.probability[i]),
        }
        for i in checked.doubtful.tolist()
    ]


def _draw(checked: LabelCheck, doubtful: list[dict[str, Any]], dataset: Dataset, sheet: Path) -> None:
    shown = doubtful[:MAX_DRAWN]
    number = f"{len(doubtful):,}" if len(shown) == len(doubtful) else f"{len(shown)} of {len(doubtful):,}"
    figure = plots.doubtful_labels(
        dataset.train.images[checked.doubtful[:MAX_DRAWN]], [one["given"] for one in shown],
        [one["suggested"] for one in shown], [_name(one).rpartition("/")[2] for one in shown],
        title=f"{dataset.name}: {number} doubtful {'label' if len(doubtful) == 1 else 'labels'}",
    )  # fmt: skip
    write_file(sheet, plots.png(figure), "the sheet of doubtful labels")


def show_doubtful_labels(result: dict[str, Any], n_images: int) -> None:
    """Print the result of `find_doubtful_labels`."""
    console, doubtful = make_console(), result["doubtful"]
    console.print(
        f"labels: {len(doubtful):,} of {n_images:,} {'is' if len(doubtful) == 1 else 'are'} doubtful, by "
        f"{result['folds']} networks that had not seen the image (their accuracy: {result['accuracy']:.4f})"
    )
    if not doubtful:
        return
    table = Table(box=None, pad_edge=False)
    for column in ("image", "given", "suggested"):
        table.add_column(column)
    table.add_column("probability of each", justify="right")
    for one in doubtful[:MAX_LISTED]:
        probabilities = f"{one['believability']:.3f}  {one['probability']:.3f}"
        table.add_row(_name(one), one["given"], one["suggested"], probabilities)
    print_table(table)
    if len(doubtful) > MAX_LISTED:
        console.print(f"and {len(doubtful) - MAX_LISTED:,} more: --json lists all")
    console.print(f"doubtful labels: {result['sheet']}")


def _name(one: dict[str, Any]) -> str:
    """What an image is called: its file, or its number."""
    return str(one["file"]) if one["file"] is not None else f"image {one['image']}"
