"""A trained network scored on test images: what `golmu evaluate` does."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from golmu import inputs, runs
from golmu.console import make_console, print_table
from golmu.data import Dataset, ImageSet
from golmu.data.inversion import opposite_notice
from golmu.data.reading import Reading
from golmu.errors import DataError, GolmuWarning
from golmu.evidence import check_names, check_shape
from golmu.metrics import class_scores, confusion_matrix
from golmu.model import Model
from golmu.prediction import load_predictor
from golmu.progress import load_shown


def evaluate_run(
    run: Path, data: str | None = None, folder: Path | None = None, *, skip_bad: bool = False, label: str | None = None
) -> dict[str, Any]:
    """Loss, accuracy, confusion matrix, and scores by class, on the test images of `data` (by default the run's).

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
    test = _test_images(dataset, data, run)
    images = test.images
    check_shape(dataset, model, run)
    if notice := opposite_notice(images, model.preprocessing.ground):
        warnings.warn(notice, GolmuWarning, stacklevel=2)
    labels = _outputs(dataset, test.labels, model, run)
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


def _test_images(dataset: Dataset, data: str, run: Path) -> ImageSet:
    if dataset.test is not None:
        return dataset.test
    own = runs.read_run(run).get("data")
    if isinstance(own, dict) and own.get("argument") in (data, str(Path(data).resolve())):
        raise DataError(f"{dataset.name} has no test images to evaluate on: name other data")
    return dataset.train


def _outputs(dataset: Dataset, labels: NDArray[np.int64], model: Model, run: Path) -> NDArray[np.int64]:
    """The output of the network for each label of the data: that of the class's name, or of its number.

    Raises
    ------
    DataError
        If a label means no class of the network.
    """
    number = {name: i for i, name in enumerate(model.class_names)}
    names = [dataset.class_names[label] for label in np.unique(labels)]
    if len(number) == len(model.class_names) and set(names) <= set(number):
        return np.array([number.get(name, -1) for name in dataset.class_names], np.int64)[labels]
    check_names(dataset, model, run)
    return inputs.encode(labels, model.classes)


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
