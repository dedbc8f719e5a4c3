"""A trained network scored on test images: what `golmu evaluate` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from golmu import inputs, runs
from golmu.console import make_console, print_table
from golmu.data import load_dataset
from golmu.errors import DataError
from golmu.evidence import check_fits
from golmu.metrics import class_scores, confusion_matrix
from golmu.prediction import load_predictor


def evaluate_run(run: Path, data: str | None = None, folder: Path | None = None) -> dict[str, Any]:
    """Loss, accuracy, confusion matrix, and scores by class, on the test images of `data` (by default the run's).

    Raises
    ------
    GolmuError
        If the run or the data cannot be read, the data has no test images, or does not fit the network.
    """
    predictor = load_predictor(run)
    model, engine = predictor.model, predictor.engine
    if data is None:
        data = runs.run_data(run)
    dataset = load_dataset(data, folder=folder)
    if dataset.test is None:
        raise DataError(f"{dataset.name} has no test images to evaluate on")
    images = dataset.test.images
    check_fits(dataset, model, run)
    labels = inputs.encode(dataset.test.labels, model.classes)
    loss = engine.evaluate(engine.prepare(images, labels)).loss
    class_names = model.class_names
    confusion = confusion_matrix(labels, engine.logits(images).argmax(axis=1), len(class_names))
    precision, recall, f1, support = class_scores(confusion)
    return {
        "run": str(run),
        "data": dataset.name,
        "images": len(images),
        "loss": loss,
        "accuracy": float(np.trace(confusion) / confusion.sum()),
        "classes": [
            {
                "class": name,
                "precision": float(precision[i]),
                "recall": float(recall[i]),
                "f1": float(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(class_names)
        ],
        "confusion_matrix": confusion.tolist(),
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
