"""The report of a run: one HTML file that holds all it shows, and asks nobody for more.

It answers: how did the training go, how good is the network, where is it wrong, what has it learned. Tables and
pictures are of the validation images, on which training reports and by which settings are chosen; the test images are
scored beside them, for the end.
"""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu import plots
from golmu.analysis.evaluation import MOST_CLASSES, Assessment, assess, mean_activations
from golmu.analysis.labelled_images import Evidence, load_evidence
from golmu.checks import generators
from golmu.cli.commands.predict import Predictor, load_predictor
from golmu.errors import DataError, GolmuWarning, RunError, SaveError
from golmu.metrics import hundredths
from golmu.plots.canvas import DIVERGING, SEQUENTIAL
from golmu.plots.images import as_picture
from golmu.recipe import Recipe
from golmu.report.page import coloured, drawing, picture_uri, render
from golmu.runs import folder as runs
from golmu.runs.reproduce import repeat_code, repeat_command
from golmu.training.loop import History

PICTURES = 18
"""Images in a list of them, at most."""

CONFUSIONS = 8
"""Pairs of classes in the list of the most frequent confusions."""

TABLE = 30
"""Columns up to which a matrix is a table with names and figures; beyond, a picture."""

ROWS = 1000
"""Classes in the table of their scores, at most: those with the lowest F1."""

POINTS = 640
"""Rows and columns of such a picture, at most; a page shows it no larger."""

KERNELS = 128
"""Kernels that are shown, at most."""

SAME = 1e-3
"""Difference, relative to the larger, up to which two losses are of the same images."""


def report_run(run: Path, data: str | None = None, output: Path | None = None, folder: Path | None = None) -> Path:
    """Writes the report of a run, and returns its path.

    Where the run's images cannot be had, the report says why, and shows what needs none.

    Parameters
    ----------
    run
        The run folder.
    data, folder
        As for `golmu.analysis.labelled_images.load_evidence`.
    output
        The HTML file, which is replaced; by default report.html in the run folder.

    Raises
    ------
    GolmuError
        If the run cannot be read; `data` is given and cannot be used; the images cannot be had, and a report is there
        that was perhaps drawn with them; or the report cannot be written.
    """
    output = run / runs.REPORT if output is None else output
    predictor = load_predictor(run)
    try:
        evidence = load_evidence(run, predictor.model, data, folder)
    except (DataError, RunError) as error:
        if data is not None:
            raise
        if output.exists():
            raise RunError(f"{error}. {output}, which may show them, is kept: name another file by --output") from error
        evidence = Evidence(missing=str(error))
    return write_report(run, predictor, evidence, output)


def draw_report(run: Path, evidence: Evidence) -> Path | None:
    """Writes the report of a training that has just ended: what goes wrong is a warning, since the run is whole."""
    try:
        return write_report(run, load_predictor(run), evidence, run / runs.REPORT)
    except Exception as error:  # whatever it is, the training has not failed
        warnings.warn(
            f"the report of {run} could not be written ({error}); golmu report {run} tries again",
            GolmuWarning,
            stacklevel=2,
        )
        return None


def write_report(run: Path, predictor: Predictor, evidence: Evidence, output: Path) -> Path:
    """Draws the report of a run from its files and the images it is judged on."""
    if not output.parent.is_dir():
        raise SaveError(f"the report cannot be written to {output}: there is no folder {output.parent}")
    page = render("report.html", **_content(run, predictor, evidence))
    runs.write(output.parent, output.name, page)
    return output


@dataclass(frozen=True)
class Matrix:
    """A table of numbers with names along its sides, or, where they are too many, a picture of it."""

    rows: list[str]
    columns: list[str]
    values: list[list[float]]
    """From 0 to 1: how dark a cell is."""
    texts: list[list[str]]
    titles: list[list[str]]
    """What each cell says in full."""
    picture: str = ""
    """Data URI; empty where there is a table."""
    step: tuple[int, int] = (1, 1)
    """Rows and columns that make a point of the picture, which shows the largest of their values."""


def _content(run: Path, predictor: Predictor, evidence: Evidence) -> dict[str, Any]:
    record, history = runs.read_run(run), runs.read_history(run)
    recipe = runs.read_recipe(run, record)
    model, engine = predictor.model, predictor.engine
    try:
        facts = _facts(run, record, recipe)
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{run / runs.RUN} does not hold what a report needs: {error!r}") from error
    best = int(np.argmin(history.val_losses)) + 1 if history.val_losses else None
    main = None if evidence.main is None else assess(engine, evidence.main)
    test = evidence.test if evidence.validation is not None else None
    return {
        **facts,
        "architecture": model.architecture,
        "n_parameters": model.architecture.n_parameters,
        "class_names": model.class_names,
        "history": history,
        "best": best,
        "model_epoch": model.epoch,
        "curves": _curves(history, best, recipe, facts["n_train"]),
        "missing": evidence.missing or ("" if main else "it was trained without validation images"),
        "main": main,
        "test": None if test is None else assess(engine, test),
        "is_other": _is_other(main, record, facts["is_finished"]),
        "kernels": _kernels(predictor, facts["seed"]),
        **({} if main is None else _judged(main, predictor)),
    }


def _facts(run: Path, record: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    """What run.json says, as the page needs it."""
    data, settings = record["data"], record["settings"]
    is_named = "argument" in data
    return {
        "name": run.resolve().name,
        "status": str(record["status"]),
        "is_finished": record["status"] == "finished",
        "started": str(record["started"]).replace("T", " ").split("+")[0],
        "data": data["name"],
        "n_train": int(data["train"]),
        "n_validation": int(data["validation"]),
        "recipe_name": record["recipe"],
        "recipe": recipe,
        "epochs": int(record["results"]["epochs"]),
        "seconds": float(record["seconds"]),
        "engine": str(record["engine"]),
        "seed": settings["seed"],
        "settings": {**asdict(recipe), **{name: settings[name] for name in ("engine", "threads", "seed")}},
        "versions": dict(record["versions"]),
        "machine": dict(record["machine"]),
        "is_named": is_named,
        "repeat": repeat_command(record, recipe) if is_named else repeat_code(record, recipe),
    }


def _is_other(main: Assessment | None, record: dict[str, Any], is_finished: bool) -> bool:
    """Whether the validation images are clearly not those on which the training reported."""
    told = record["results"].get("val_loss")
    if main is None or main.part.name != "validation" or told is None or not is_finished:
        return False
    return bool(abs(main.loss - told) > SAME * max(main.loss, told))


def _curves(history: History, best: int | None, recipe: Recipe, n_train: int) -> dict[str, str]:
    """SVG elements; empty text where there is nothing to draw."""
    n = len(history.losses)
    return {
        "loss": drawing(lambda axes: plots.curves(history, axes, best=best)) if n else "",
        "accuracy": drawing(lambda axes: plots.accuracies(history, axes, best=best)) if best else "",
        "rate": drawing(lambda axes: plots.learning_rates(recipe, n_train, n, axes)) if n else "",
    }


def _judged(main: Assessment, predictor: Predictor) -> dict[str, Any]:
    """What is shown of the answers to the images."""
    names = predictor.model.class_names
    means, n_images = mean_activations(predictor.engine, main.part)
    precision, recall, f1, support = main.scores
    begin = np.floor(10 * min(precision.min(), recall.min(), 0.9)) / 10
    places = [(100 * (score - begin) / (1 - begin)).tolist() for score in (precision, recall, f1)]
    return {
        "confusion": None if main.confusion is None else _confusion_table(main.confusion, names),
        "most_classes": MOST_CLASSES,
        "confusions": [
            {
                "true": names[i],
                "predicted": names[j],
                "n": n,
                "share": n / support[i],
            }
            for i, j, n in main.frequent_confusions(CONFUSIONS)
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
            for i in sorted(np.argsort(f1, kind="stable")[:ROWS].tolist())
        ],
        "scores_begin": begin,
        "reliability": drawing(lambda axes: plots.reliability(main.reliability, axes), (4.6, 4.2)),
        "mistakes": [_picture(main, i, names) for i in main.confident_mistakes(PICTURES)],
        "unsure": [_picture(main, i, names) for i in main.unsure(PICTURES)],
        "activations": _activation_table(means, names),
        "n_activations": n_images,
    }


def _picture(main: Assessment, number: int, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "number": number,
        "uri": picture_uri(as_picture(main.part.images[number])),
        "predicted": names[main.predictions[number]],
        "true": names[main.part.labels[number]],
        "is_right": bool(main.predictions[number] == main.part.labels[number]),
        "confidence": float(main.confidence[number]),
    }


def _confusion_table(counts: NDArray[np.int64], names: tuple[str, ...]) -> Matrix:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    if len(names) > TABLE:
        return _as_picture(shares)
    titles = [
        [f"{true}, predicted {predicted}: {counts[i, j]:,} of {counts[i].sum():,}" for j, predicted in enumerate(names)]
        for i, true in enumerate(names)
    ]
    texts = [[str(n or "") for n in hundredths(row)] for row in counts]
    return Matrix(list(names), list(names), shares.tolist(), texts, titles)


def _activation_table(means: NDArray[np.float64], names: tuple[str, ...]) -> Matrix:
    values = means / (means.max() or 1.0)
    if len(names) > TABLE or len(means) > KERNELS:  # many rows can be scrolled, many columns not read
        return _as_picture(values)
    titles = [[f"kernel {k + 1}, {name}: {means[k, i]:.4g}" for i, name in enumerate(names)] for k in range(len(means))]
    texts = [[f"{value:.2f}" for value in row] for row in means.tolist()]
    return Matrix([str(k + 1) for k in range(len(means))], list(names), values.tolist(), texts, titles)


def _as_picture(values: NDArray[np.float64]) -> Matrix:
    rows, columns = step = (-(-values.shape[0] // POINTS), -(-values.shape[1] // POINTS))
    values = np.maximum.reduceat(values, np.arange(0, values.shape[0], rows), axis=0)
    values = np.maximum.reduceat(values, np.arange(0, values.shape[1], columns), axis=1)
    return Matrix([], [], [], [], [], picture_uri(coloured(values, SEQUENTIAL, 0, 1), None), step)


def _kernels(predictor: Predictor, seed: Any) -> list[dict[str, str]]:
    """Data URIs of each kernel at the end, and at the start where the seed gives it again."""
    a, end = predictor.model.architecture, predictor.model.weights["conv_w"]
    start = a.initial_weights(generators(seed)[0])["conv_w"] if isinstance(seed, int) else None
    shown = [end] if start is None else [start, end]
    if a.channels != 3:
        shown = [weights.sum(axis=2, keepdims=True) for weights in shown]
    reach = max(float(np.abs(weights).max()) for weights in shown) or 1.0

    def uri(weights: NDArray[np.float32]) -> str:
        if weights.shape[2] == 3:
            return picture_uri(as_picture(0.5 + weights / (2 * reach)))
        return picture_uri(coloured(weights[..., 0], DIVERGING, -reach, reach))

    return [
        {"start": "" if start is None else uri(shown[0][..., k]), "end": uri(shown[-1][..., k])}
        for k in range(min(a.n_kernels, KERNELS))
    ]
