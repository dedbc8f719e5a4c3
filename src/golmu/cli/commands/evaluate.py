"""`golmu evaluate`: a trained network scored on images that it was not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from golmu.analysis.evaluation import evaluate_images
from golmu.cli.console import make_console, print_table, shell_command
from golmu.cli.progress import ReadingDisplay
from golmu.data.readers.inversion import opposite_notice
from golmu.errors import warn
from golmu.metrics import describe_accuracy
from golmu.runs.images import load_to_evaluate
from golmu.runs.run import Run


def evaluate_run(
    run: Path, data: str | None = None, folder: Path | None = None, *, skip_bad: bool = False, label: str | None = None
) -> dict[str, Any]:
    """Return loss, accuracy, confusion matrix and scores by class on the test images of `data`, by default the run's.

    Image files are fitted to the network; `label` is the column of a table that holds the labels. Where there are no
    test images, the run's own data are judged by the validation images, and other data as a whole: `part` says which.
    For over
    `golmu.analysis.evaluation.MAX_CONFUSION_CLASSES` classes the confusion matrix is None.

    Raises
    ------
    GolmuError
        If the run or the data cannot be read, or the data do not fit the network.
    """
    opened = Run.open(run)
    predictor = opened.predictor
    given = data
    if data is None:
        options = opened.read_options
        data = opened.find_data(shell_command("evaluate", run, "NEW-PLACE"))
        skip_bad, label = skip_bad or options.skip_bad, label or options.label
    with ReadingDisplay() as progress:
        name, images = load_to_evaluate(opened, given, data, folder, skip_bad=skip_bad, label=label, progress=progress)
    if notice := opposite_notice(images.images, predictor.model.preprocessing.ground):
        warn(notice)
    evaluation = evaluate_images(predictor, images)
    precision, recall, f1, support = evaluation.scores
    return {
        "run": str(run),
        "data": name,
        "part": images.name,
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
        f"{result['images']:,} {result['part']} images of {result['data']}: "
        f"loss {result['loss']:.4f}, accuracy {describe_accuracy(result['accuracy'], result['images'])}"
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("class")
    for column in ("precision", "recall", "f1", "support"):
        table.add_column(column, justify="right")
    for row in result["classes"]:
        scores = (f"{row[column]:.4f}" for column in ("precision", "recall", "f1"))
        table.add_row(row["class"], *scores, f"{row['support']:,}")
    print_table(table)
