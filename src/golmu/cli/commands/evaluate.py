"""`golmu evaluate`: a trained network scored on test images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from golmu.analysis.evaluation import evaluate_images
from golmu.analysis.labelled_images import test_images
from golmu.cli.console import make_console, print_table
from golmu.cli.progress import ReadingDisplay
from golmu.data.readers.inversion import opposite_notice
from golmu.errors import warn
from golmu.runs.images import is_own_data, load_fitted
from golmu.runs.run import Run


def evaluate_run(
    run: Path, data: str | None = None, folder: Path | None = None, *, skip_bad: bool = False, label: str | None = None
) -> dict[str, Any]:
    """Return loss, accuracy, confusion matrix and scores by class on the test images of `data`, by default the run's.

    Image files are fitted to the network; `label` is the column of a table that holds the labels. Data other than the
    run's that have no test images are tested as a whole. For over
    `golmu.analysis.evaluation.MAX_CONFUSION_CLASSES` classes the confusion matrix is None.

    Raises
    ------
    GolmuError
        If the run or the data cannot be read, the data has no test images, or does not fit the network.
    """
    opened = Run.open(run)
    predictor = opened.predictor
    is_own = is_own_data(opened, data)
    if data is None:
        options = opened.read_options
        data, skip_bad, label = opened.data, skip_bad or options.skip_bad, label or options.label
    with ReadingDisplay() as progress:
        dataset = load_fitted(predictor, data, folder, skip_bad=skip_bad, label=label, progress=progress)
    images = test_images(dataset, predictor, is_own=is_own)
    if notice := opposite_notice(images.images, predictor.model.preprocessing.ground):
        warn(notice)
    evaluation = evaluate_images(predictor, images)
    precision, recall, f1, support = evaluation.scores
    return {
        "run": str(run),
        "data": dataset.name,
        "images": len(images),
        "loss": evaluation.loss,
        "accuracy": evaluation.accuracy,
        "classes": [
            {
                "class": name,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(predictor.class_names)
        ],
        "confusion_matrix": None if evaluation.confusion is None else evaluation.confusion.tolist(),
    }


def show(result: dict[str, Any]) -> None:
    """Print the result of `evaluate_run` as a table."""
    make_console().print(
        f"{result['images']:,} test images of {result['data']}: "
        f"loss {result['loss']:.4f}, accuracy {result['accuracy']:.4f}"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("class")
    for column in ("precision", "recall", "f1", "support"):
        table.add_column(column, justify="right")
    for row in result["classes"]:
        scores = (f"{row[column]:.4f}" for column in ("precision", "recall", "f1"))
        table.add_row(row["class"], *scores, f"{row['support']:,}")
    print_table(table)
