"""One image followed through the network of a run, as a figure: what `golmu explain` does."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from golmu import plots
from golmu.analysis.explanation import explained, one_image
from golmu.analysis.labelled_images import load_evidence
from golmu.checks import one_of
from golmu.cli.commands.predict import load_predictor
from golmu.data.readers.image_files import read_image
from golmu.data.readers.inversion import INVERSIONS, Inversion
from golmu.errors import GolmuWarning, InputError, SaveError
from golmu.model.model import Model
from golmu.plots.canvas import picture
from golmu.runs import folder as runs

FORMATS = (".png", ".svg", ".pdf")
"""What a figure may be written as."""


def explain_run(
    run: Path,
    image: str,
    *,
    target: str | None = None,
    test: bool = False,
    data: str | None = None,
    output: Path | None = None,
    folder: Path | None = None,
    invert: str = "auto",
) -> dict[str, Any]:
    """Explains one image, and draws it to a file.

    Parameters
    ----------
    run
        The run folder.
    image
        The path of an image file; or, all in digits, the number of a validation image of the run, counted from 0, or
        of a test image of `data` where the run was trained on arrays.
    target
        Name of the class to explain; by default the predicted one.
    test
        Whether a number counts the test images of the run's data.
    data
        Whose images a number counts, as for `golmu.analysis.labelled_images.load_evidence`.
    output
        A .png, .svg or .pdf file for the figure, which is replaced; by default one in the run folder.
    folder
        Folder to look in first for a named data set's files.
    invert
        Whether an image file is inverted, as `golmu.cli.commands.predict.predict_files` takes it.

    Returns
    -------
    dict
        `image`, what it is called; `label` and `probability`, the prediction; `target`; `true`, the class that it shows
        or None; and `figure`, the path.

    Raises
    ------
    GolmuError
        If the run, the image or the class cannot be used, or the figure cannot be written.
    """
    one_of(invert, INVERSIONS, "invert")
    predictor = load_predictor(run)
    model = predictor.model
    index = None if target is None else model.class_names.index(one_of(target, model.class_names, "target"))
    if image.isascii() and image.isdigit():
        if invert != "auto":
            raise InputError(f"--invert is about image files, got the number {image}: leave it out, or name ./{image}")
        title, pixels, truth = _numbered(run, model, int(image), test, data, folder)
    elif test or data is not None:
        raise InputError(f"--{'test' if test else 'data'} is about the number of an image, got {image}: leave it out")
    else:
        inversion = Inversion(model.preprocessing.ground, invert)
        pixels = read_image(Path(image), model.architecture.image_shape, inversion)
        title, truth = Path(image).name, None
        if inversion.notice:
            warnings.warn(inversion.notice, GolmuWarning, stacklevel=2)
    if output is None:
        output = run / f"explain-{title.replace(' image ', '-') if truth is not None else _stem(Path(image))}.png"
    if output.suffix.lower() not in FORMATS:
        raise InputError(f"output must name a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} file, got {output}")
    if not output.parent.is_dir():
        raise SaveError(f"the figure cannot be written to {output}: there is no folder {output.parent}")

    found = explained(predictor.engine, model.class_names, one_image(pixels, model.architecture.image_shape), index)
    figure = plots.explanation(found, title, truth)
    runs.write(output.parent, output.name, picture(figure, output.suffix.lower()[1:], dpi=110))
    return {
        "image": title,
        "label": model.class_names[found.prediction],
        "probability": float(found.probabilities[found.prediction]),
        "target": model.class_names[found.target],
        "true": None if truth is None else model.class_names[truth],
        "figure": str(output),
    }


def _stem(image: Path) -> str:
    """The file's name with that of its folder, so that images of one name in two folders have two figures."""
    folder = image.parent.name
    return image.stem if folder in ("", "..") else f"{folder}-{image.stem}"


def _numbered(
    run: Path, model: Model, number: int, test: bool, data: str | None, folder: Path | None
) -> tuple[str, Any, int]:
    """What an image of the run's data is called, its pixels, and the class that it shows."""
    evidence = load_evidence(run, model, data, folder, remedy="name data like them by --data, or an image file")
    part = evidence.test if test else evidence.main
    if part is None:
        raise InputError(f"the data of {run} have no test images")
    if number >= len(part):
        raise InputError(
            f"there is no {part.name} image {number}: they are counted from 0 to {len(part) - 1:,}; "
            f"a file of this name is ./{number}"
        )
    return f"{part.name} image {number}", np.ascontiguousarray(part.images[number]), int(part.labels[number])
