"""The report of a run: one HTML file that holds all it shows, and loads nothing.

It answers: how did the training go, how good is the network, where is it wrong, what has it learned. Its tables and
images are about the validation images, which training reports on and which settings are chosen by; the test images
are scored once, beside them. After a training over folds they are about all images, each judged by the network of the
fold that it was held out from.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu import plots
from golmu.analysis.dead_kernels import advice_on_dead_kernels, dead_kernels
from golmu.analysis.evaluation import MAX_CONFUSION_CLASSES, Evaluation, evaluate_images, mean_activations
from golmu.analysis.grad_cam import enlarge_map, grad_cam
from golmu.analysis.labelled_images import JudgedImages
from golmu.errors import warn
from golmu.export.page import choose_samples, try_it
from golmu.metrics import hundredths
from golmu.model.predictor import Predictor
from golmu.names import join_words
from golmu.pages.rendering import check_page, render
from golmu.plots.canvas import DIVERGING, SEQUENTIAL
from golmu.plots.fonts import shorten_path
from golmu.plots.images import overlay, to_displayable
from golmu.recipe import Recipe
from golmu.report.page import apply_colours, image_uri, render_drawing
from golmu.runs.folder import REPORT, fold_folder
from golmu.runs.record import RunRecord, read_record
from golmu.runs.reproduce import reproduce_code, reproduce_command
from golmu.runs.run import Run
from golmu.system import write_file
from golmu.training.batching import generators
from golmu.training.history import History

MAX_IMAGES = 18
"""Images in a list of them, at most."""

MAX_CONFUSIONS = 8
"""Pairs of classes in the list of the most frequent confusions."""

MAX_TABLE_COLUMNS = 30
"""Columns up to which a matrix is a table with names and figures; beyond, an image."""

MAX_SCORE_ROWS = 1000
"""Classes in the table of their scores, at most: those with the lowest F1."""

MAX_MATRIX_SIDE = 640
"""Rows and columns of the image of a matrix, at most; a page shows it no larger."""

MAX_KERNELS_NAMED = 20
"""Kernels that never fire whose numbers are named, at most."""

MAX_FILE_WIDTH = 24
"""The largest width of a file's name under an image, as `golmu.plots.fonts.text_width` counts it."""

MAX_KERNELS = 128
"""Kernels that are shown, at most."""

LEAST_PATIENCE = 5
"""The patience that is offered, at least: with fewer epochs, other seeds would stop too early."""

LOSS_TOLERANCE = 1e-3
"""Difference, relative to the larger, up to which two losses are of the same images."""


def draw_report(run: Run, images: JudgedImages, *, with_panel: bool = True) -> Path | None:
    """Write the report of a training that has just ended: a failure is a warning, since the run itself is whole."""
    try:
        return write_report(run, images, run.folder / REPORT, with_panel=with_panel)
    except Exception as error:  # whatever it is, the training has not failed
        warn(f"the report of {run.folder} could not be written ({error}); `golmu report {run.folder}` tries again")
        return None


def write_report(run: Run, images: JudgedImages, output: Path, *, with_panel: bool = True) -> Path:
    """Write the report of a run from its files and the images that it is judged on.

    Parameters
    ----------
    run, images
        The run, and the images.
    output
        The HTML file to write or replace.
    with_panel
        Whether the report has the panel on which the network can be tried, with the network inside.

    Raises
    ------
    GolmuError
        If a file of the run is missing or damaged, or the report cannot be written.
    """
    check_page(output, "the report")
    panel = try_it(run.predictor, choose_samples(images.primary, run.predictor.class_names)) if with_panel else None
    style, script, html = ("", "", "") if panel is None else (panel.style, panel.script, panel.html)
    content = _content(run, images)
    write_file(
        output, render("golmu.report", "report.html", style=style, script=script, panel=html, **content), "the report"
    )
    return output


@dataclass(frozen=True)
class Matrix:
    """A table of numbers with names along its sides, or an image of it where there are too many."""

    rows: list[str]
    columns: list[str]
    values: list[list[float]]
    """From 0 to 1: how dark a cell is."""
    texts: list[list[str]]
    titles: list[list[str]]
    """The full text of each cell, shown under the pointer."""
    picture: str = ""
    """Data URI of an image of the matrix; empty where there is a table."""
    step: tuple[int, int] = (1, 1)
    """Rows and columns that make a pixel of the image, which shows the largest of their values."""


def _content(run: Run, images: JudgedImages) -> dict[str, Any]:
    """The values that the template report.html needs."""
    record, history, predictor = run.record, run.history, run.predictor
    model = predictor.model
    best = int(np.argmin(history.val_losses)) + 1 if history.val_losses else None
    main = None if images.primary is None else evaluate_images(predictor, images.primary)
    test = images.test if images.validation is not None else None
    is_other = not images.notes and _is_other(main, record)
    if is_other:
        warn(f"the loss on the validation images of {run.folder} is not that of its training: the data have changed")
    return {
        **_facts(run, record, record.recipe),
        "architecture": model.architecture,
        "kernels_in_words": join_words([str(n) for n in model.architecture.kernels]),
        "n_parameters": model.architecture.n_parameters,
        "class_names": model.class_names,
        "history": history,
        "best": best,
        "model_epoch": model.epoch,
        "patience": _patience(record.recipe, history, model.epoch),
        "curves": _curves(history, best, record.recipe, record.data.train),
        "missing": images.missing or ("" if main else "it was trained without validation images"),
        "main": main,
        "test": None if test is None else evaluate_images(predictor, test),
        "notes": images.notes,
        "copies": record.data.copies_note if main is not None and main.images.name != "test" else "",
        "folds": _folds(run) if main is not None and main.images.name == "out-of-fold" else None,
        "is_other": is_other,
        "dead": "" if main is None else _dead(predictor, main, record.recipe),
        "kernels": _kernels(predictor, record.seed),
        **({} if main is None else _judged(main, predictor)),
    }


def _patience(recipe: Recipe, history: History, model_epoch: int) -> int | None:
    """Return a patience that would have kept a better epoch than the model's, or None.

    The least that does is the longest wait for a lower validation loss on the way to the best epoch.
    """
    lowest = np.minimum.accumulate([inf, *history.val_losses])
    improved = np.flatnonzero(np.diff(lowest) < 0) + 1
    if not len(improved) or improved[-1] == model_epoch or recipe.patience is not None or recipe.average_epochs:
        return None
    waits: list[int] = np.diff(improved).tolist()
    return max([LEAST_PATIENCE, *waits])


def _dead(predictor: Predictor, main: Evaluation, recipe: Recipe) -> str:
    """Which kernels never fire on the validation images or those of all folds, with what to try; "" if all do."""
    if main.images.name == "test":
        return ""
    dead, kernels = dead_kernels(predictor, main.images.images), predictor.model.architecture.kernels
    if not (advice := advice_on_dead_kernels(dead, kernels, recipe, f"{main.images.name} images")):
        return ""
    sentences = [f"{advice}."]
    for number, numbers in enumerate(dead, start=1):
        block = f" of block {number}" if len(dead) > 1 else ""
        named = ", ".join(str(kernel + 1) for kernel in numbers[:MAX_KERNELS_NAMED])
        more = " and others" if len(numbers) > MAX_KERNELS_NAMED else ""
        if numbers:
            sentences.append(f"Kernels {named}{more}{block}.")
    return " ".join(sentences)


def _facts(run: Run, record: RunRecord, recipe: Recipe) -> dict[str, Any]:
    """The facts of run.json that the page shows."""
    data, results, weights = record.data, run.results, record.fit.weights_in_words
    return {
        "name": run.folder.resolve().name,
        "status": record.status,
        "is_finished": record.status == "finished",
        "started": record.started.replace("T", " ").split("+")[0],
        "data": data.name,
        "n_train": data.train,
        "n_validation": data.validation,
        "recipe_name": record.recipe_name,
        "recipe": recipe,
        "epochs": results.epochs,
        "seconds": record.seconds or sum(run.history.seconds),
        "engine": record.engine_used or record.engine,
        "seed": record.seed,
        "settings": {
            **{name: value for name, value in asdict(recipe).items() if name not in recipe.idle},
            **({} if weights is None else {"class_weight": weights}),
            "engine": record.engine,
            "threads": record.threads,
            "seed": record.seed,
        },
        "versions": dict(record.versions),
        "machine": dict(record.machine),
        "is_named": not data.is_of_arrays,
        "repeat": reproduce_code(record) if data.is_of_arrays else reproduce_command(record),
    }


def _folds(run: Run) -> dict[str, Any] | None:
    """What the training of each fold came to, and all of them together; None where they have not ended."""
    results = run.record.folds
    if results is None:
        return None
    rows = []
    for fold in range(1, len(results.accuracies) + 1):
        record = read_record(fold_folder(run.folder, fold))
        if record.results is not None:
            rows.append({"fold": fold, "data": record.data, "seconds": record.seconds or 0.0, **asdict(record.results)})
    return {"rows": rows, "spread": results.spread, "patience": results.patience}


def _is_other(main: Evaluation | None, record: RunRecord) -> bool:
    """Whether the validation images are clearly not those on which the training reported."""
    reported = None if record.results is None else record.results.val_loss
    if main is None or main.images.name != "validation" or reported is None or record.status != "finished":
        return False
    return bool(abs(main.loss - reported) > LOSS_TOLERANCE * max(main.loss, reported))


def _curves(history: History, best: int | None, recipe: Recipe, n_train: int) -> dict[str, str]:
    """The figures of the training as SVG elements; empty text where there is nothing to draw."""
    n = len(history.losses)
    return {
        "loss": render_drawing(lambda axes: plots.curves(history, axes, best=best)) if n else "",
        "accuracy": render_drawing(lambda axes: plots.accuracies(history, axes, best=best)) if best else "",
        "rate": render_drawing(lambda axes: plots.learning_rates(recipe, n_train, n, axes)) if n else "",
    }


def _judged(main: Evaluation, predictor: Predictor) -> dict[str, Any]:
    """The values that show the network's answers to the images."""
    names = predictor.model.class_names
    means, n_images = mean_activations(predictor, main.images)
    precision, recall, f1, support = main.scores
    begin = np.floor(10 * min(precision.min(), recall.min(), 0.9)) / 10
    places = [(100 * (score - begin) / (1 - begin)).tolist() for score in (precision, recall, f1)]
    return {
        "confusion": None if main.confusion is None else _confusion_table(main.confusion, names),
        "most_classes": MAX_CONFUSION_CLASSES,
        "confusions": [
            {
                "true": names[i],
                "predicted": names[j],
                "n": n,
                "share": n / support[i],
            }
            for i, j, n in main.frequent_confusions(MAX_CONFUSIONS)
        ],
        "scores": [
            {
                "name": names[i],
                "precision": precision[i],
                "recall": recall[i],
                "f1": f1[i],
                "support": int(support[i]),
                "places": [place[i] for place in places],
            }
            for i in sorted(np.argsort(f1, kind="stable")[:MAX_SCORE_ROWS].tolist())
        ],
        "scores_begin": begin,
        "reliability": render_drawing(lambda axes: plots.reliability(main.reliability, axes), (4.6, 4.2)),
        "mistakes": [_labelled_image(main, i, predictor) for i in main.confident_mistakes(MAX_IMAGES)],
        "unsure": [_labelled_image(main, i, predictor) for i in main.unsure(MAX_IMAGES)],
        "activations": _activation_table(means, names),
        "n_activations": n_images,
    }


def _labelled_image(main: Evaluation, number: int, predictor: Predictor) -> dict[str, Any]:
    file, names = main.images.file(number), predictor.model.class_names
    return {
        "number": main.images.number(number),
        "file": file or "",
        "short_file": shorten_path(file or "", MAX_FILE_WIDTH),
        "uri": image_uri(to_displayable(main.images.images[number])),
        "cam_uri": _grad_cam_uri(main, number, predictor),
        "predicted": names[main.predictions[number]],
        "true": names[main.images.labels[number]],
        "is_right": bool(main.predictions[number] == main.images.labels[number]),
        "confidence": float(main.confidence[number]),
    }


def _grad_cam_uri(main: Evaluation, number: int, predictor: Predictor) -> str:
    """Data URI of the image under its Grad-CAM for the predicted class; "" for one block, as in `plots.explanation`."""
    a, image = predictor.model.architecture, np.ascontiguousarray(main.images.images[number])
    if a.n_blocks == 1:
        return ""
    judge = main.images.judge(number, predictor)
    cam = grad_cam(judge.engine, image, int(main.predictions[number]))
    return image_uri(overlay(image, enlarge_map(cam, a.n_blocks, (a.height, a.width))))


def _confusion_table(counts: NDArray[np.int64], names: tuple[str, ...]) -> Matrix:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    if len(names) > MAX_TABLE_COLUMNS:
        return _as_image(shares)
    titles = [
        [f"{true}, predicted {predicted}: {counts[i, j]:,} of {counts[i].sum():,}" for j, predicted in enumerate(names)]
        for i, true in enumerate(names)
    ]
    texts = [[str(n or "") for n in hundredths(row)] for row in counts]
    return Matrix(list(names), list(names), shares.tolist(), texts, titles)


def _activation_table(means: NDArray[np.float64], names: tuple[str, ...]) -> Matrix:
    values = means / (means.max() or 1.0)
    if len(names) > MAX_TABLE_COLUMNS or len(means) > MAX_KERNELS:  # many rows can be scrolled, many columns not read
        return _as_image(values)
    titles = [[f"kernel {k + 1}, {name}: {means[k, i]:.4g}" for i, name in enumerate(names)] for k in range(len(means))]
    texts = [[f"{value:.2f}" for value in row] for row in means.tolist()]
    return Matrix([str(k + 1) for k in range(len(means))], list(names), values.tolist(), texts, titles)


def _as_image(values: NDArray[np.float64]) -> Matrix:
    rows, columns = step = (-(-values.shape[0] // MAX_MATRIX_SIDE), -(-values.shape[1] // MAX_MATRIX_SIDE))
    values = np.maximum.reduceat(values, np.arange(0, values.shape[0], rows), axis=0)
    values = np.maximum.reduceat(values, np.arange(0, values.shape[1], columns), axis=1)
    return Matrix([], [], [], [], [], image_uri(apply_colours(values, SEQUENTIAL, 0, 1), None), step)


def _kernels(predictor: Predictor, seed: Any) -> list[dict[str, str]]:
    """Data URIs of each kernel of the first block at the end of training, and at the start if the seed tells it."""
    a, end = predictor.model.architecture, predictor.model.weights["conv_w"]
    start = a.initial_weights(generators(seed)[0])["conv_w"] if isinstance(seed, int) else None
    shown = [end] if start is None else [start, end]
    if a.channels != 3:
        shown = [weights.sum(axis=2, keepdims=True) for weights in shown]
    reach = max(float(np.abs(weights).max()) for weights in shown) or 1.0

    def uri(weights: NDArray[np.float32]) -> str:
        if weights.shape[2] == 3:
            return image_uri(to_displayable(0.5 + weights / (2 * reach)))
        return image_uri(apply_colours(weights[..., 0], DIVERGING, -reach, reach))

    return [
        {"start": "" if start is None else uri(shown[0][..., k]), "end": uri(shown[-1][..., k])}
        for k in range(min(a.kernels[0], MAX_KERNELS))
    ]
