"""`golmu explain`: one image followed through the network of a run, as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from golmu import plots
from golmu.analysis.explanation import explain_image
from golmu.checks import one_of
from golmu.cli.console import shell_command
from golmu.cli.places import refuse_in_data, refuse_to_replace
from golmu.cli.progress import ReadingDisplay
from golmu.data.readers.image_files import read_image
from golmu.data.readers.inversion import Inversion
from golmu.errors import InputError, warn
from golmu.model.predictor import Predictor
from golmu.names import clean_name, file_stem
from golmu.plots.canvas import render
from golmu.preprocessing import INVERSIONS
from golmu.runs.images import judged_images
from golmu.runs.run import Run
from golmu.system import check_writable, write_file

FIGURE_SUFFIXES = (".png", ".svg", ".pdf")
"""Files that a figure may be written to."""


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
    """Explain one image, and draw it to a file.

    Parameters
    ----------
    run
        The run folder.
    image
        The path of an image file; or, all in digits, the number of a validation image of the run, counted from 0, or
        of a test image of `data` where the run was trained on arrays. Of a run over folds, it is the number of an image
        of all folds, and the network is that of its fold.
    target
        Name of the class to explain; by default the predicted one.
    test
        Whether a number is that of a test image of the run's data.
    data, folder
        Whose images are numbered, as for `golmu.runs.images.judged_images`.
    output
        A .png, .svg or .pdf file to write or replace; by default one in the run folder.
    invert
        Whether an image file is inverted, as `golmu.Predictor.predict` takes it.

    Returns
    -------
    dict
        `image`, what it is called; `file`, the image's file, as given or from the data's own folder on, or None;
        `label` and `probability`, the prediction; `target`; `true`, the class that it shows
        or None; and `figure`, the path.

    Raises
    ------
    GolmuError
        If the run, the image or the class cannot be used, or the figure cannot be written.
    """
    one_of(invert, INVERSIONS, "invert")
    opened = Run.open(run)
    predictor = opened.predictor
    names = predictor.class_names
    index = None if target is None else names.index(one_of(clean_name(target), names, "target"))
    if image.isascii() and image.isdigit():
        if invert != "auto":
            raise InputError(
                f"--invert is for image files, got the number {image}: leave it out, or write ./{image} for a file"
            )
        refuse_in_data(output, data or opened.record.data.argument or "", "--output", run)
        predictor, title, file, pixels, truth = _read_numbered(opened, int(image), test, data, folder)
        stem = title.replace(" image ", "-")
    elif test or data is not None:
        raise InputError(f"--{'test' if test else 'data'} is for the number of an image, got {image}: leave it out")
    else:
        refuse_to_replace(output, [Path(image)])
        inversion = Inversion(predictor.image_files.ground, invert)
        pixels, truth = read_image(Path(image), predictor.image_shape, inversion), None
        title, file, stem = Path(image).name, image, _stem(Path(image))
        if inversion.notice:
            warn(inversion.notice)
    output = run / f"explain-{stem}.png" if output is None else output
    if output.suffix.lower() not in FIGURE_SUFFIXES:
        raise InputError(f"output must name a .png, .svg or .pdf file, got {output}")
    check_writable(output, "the figure")

    explanation = explain_image(predictor, pixels, index)
    figure = plots.explanation(explanation, title, truth, "" if file in (None, image) else file)
    write_file(output, render(figure, output.suffix.lower()[1:], dpi=110), "the figure")
    return {
        "image": title,
        "file": file,
        "label": names[explanation.prediction],
        "probability": float(explanation.probabilities[explanation.prediction]),
        "target": names[explanation.target],
        "true": None if truth is None else names[truth],
        "figure": str(output),
    }


def _stem(image: Path) -> str:
    """The file's name with that of its folder, so that images of one name in two folders have two figures."""
    folder = image.parent.name
    return file_stem(image.stem if folder in ("", "..") else f"{folder}-{image.stem}")


def _read_numbered(
    run: Run, number: int, test: bool, data: str | None, folder: Path | None
) -> tuple[Predictor, str, str | None, Any, int]:
    """The network that judges an image of the run's data, what it is called, its file, its pixels, and its class."""
    with ReadingDisplay() as progress:
        judged = judged_images(
            run, data, folder, hint="give data of the same kind with --data, or an image file",
            command=shell_command("explain", run.folder, number, *(["--test"] if test else []), "--data", "NEW-PLACE"),
            progress=progress,
        )  # fmt: skip
    images = judged.test if test else judged.primary
    if images is None:
        raise InputError(f"the data of {run.folder} have no test images")
    index = images.index_of(number)
    if index is None:
        if run.held_out is not None and images.name == "validation" and number < len(run.held_out):
            raise InputError(f"validation image {number} is no longer in the data, or has changed")
        last = images.number(len(images) - 1)
        raise InputError(
            f"there is no {images.name} image {number}: they are numbered from 0 to {last:,}; "
            f"write ./{number} for a file of this name"
        )
    pixels, judge = np.ascontiguousarray(images.images[index]), images.judge(index, run.predictor)
    return judge, f"{images.name} image {number}", images.file(index), pixels, int(images.labels[index])
