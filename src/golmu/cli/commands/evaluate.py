"""A trained network scored on test images: what `golmu evaluate` does."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from rich.table import Table

from golmu.analysis.evaluation import assess
from golmu.analysis.labelled_images import test_part
from golmu.cli.commands.predict import load_predictor
from golmu.cli.console import make_console, print_table
from golmu.cli.progress import load_shown
from golmu.data.readers.inversion import opposite_notice
from golmu.data.reading import Reading
from golmu.errors import GolmuWarning
from golmu.runs import folder as runs


def evaluate_run(
    run: Path, data: str | None = None, folder: Path | None = None, *, skip_bad: bool = False, label: str | None = None
) -> dict[str, Any]:
    """Loss, accuracy, confusion matrix, and scores by class, on the test images of `data` (by default the run's).

    Of more than `golmu.analysis.evaluation.MOST_CLASSES` classes the confusion matrix is None.
    Image files are fitted to the network; `label` is the column of a table that holds the labels. Other data than the
    run's, that have no test images, are tested as a whole.

    Raises
    ------
    GolmuError
        If the run or the data cannot be read, the data has no test images, or does not fit the network.
    """
    predictor = load_predictor(run)
    model, engine = predictor.model, predictor.engine
    if data is None:
        begun = runs.run_reading(run)
        data, skip_bad, label = runs.run_data(run), skip_bad or begun.skip_bad, label or begun.label
    dataset = load_shown(data, folder, Reading.like(model.architecture.image_shape, skip_bad=skip_bad, label=label))
    part = test_part(dataset, data, model, run)
    if notice := opposite_notice(part.images, model.preprocessing.ground):
        warnings.warn(notice, GolmuWarning, stacklevel=2)
    judged = assess(engine, part)
    precision, recall, f1, support = judged.scores
    return {
        "run": str(run),
        "data": dataset.name,
        "images": len(judged.part),
        "loss": judged.loss,
        "accuracy": judged.accuracy,
        "classes": [
            {
                "class": name,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(model.class_names)
        ],
        "confusion_matrix": None if judged.confusion is None else judged.confusion.tolist(),
    }


def show(result: dict[str, Any]) -> None:
    """Prints what `evaluate_run` gives as a table."""
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
