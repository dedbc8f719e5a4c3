"""`golmu predict`: a trained network applied to image files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from golmu.checks import one_of
from golmu.cli.console import shell_command
from golmu.cli.output import say
from golmu.cli.places import refuse_in_data, refuse_to_replace
from golmu.cli.progress import ReadingDisplay
from golmu.data.readers.table_folders import is_table_name
from golmu.data.shards.index import is_packed
from golmu.errors import InputError, warn
from golmu.preprocessing import INVERSIONS
from golmu.runs.folder import HELD_OUT, HISTORY, RUN
from golmu.runs.run import Run, load

ORDER = ("image", "label", "probability", "inverted", "probabilities")


def predict_files(
    network: Path, paths: Sequence[Path], *, skip_bad: bool = False, invert: str = "auto"
) -> list[dict[str, Any]]:
    """Return, for each image file among `paths` and in the folders among them, what it shows.

    Parameters
    ----------
    network
        A run folder, or a model file.
    paths
        Image files, or folders of them.
    skip_bad, invert
        As for `golmu.Predictor.predict`.

    Returns
    -------
    list of dict
        `image`, `label`, `probability`, `inverted`, and `probabilities` by class name.

    Raises
    ------
    GolmuError
        If the network or an image cannot be read, or with `skip_bad` none can.
    """
    one_of(invert, INVERSIONS, "invert")
    for path in paths:
        if is_packed(path) or (is_table_name(path.name) and path.is_file()):
            raise InputError(
                f"{path} holds many images: name a file for the predictions, --output FILE.csv or .parquet"
            )
    _refuse_numbers(network, paths)
    predictor = load(network)
    with ReadingDisplay() as progress:
        predictions = predictor.predict(list(paths), invert=invert, skip_bad=skip_bad, progress=progress)
    return [{name: asdict(one)[name] for name in ORDER} for one in predictions]


def predict_to_file(
    network: Path, paths: Sequence[Path], output: Path, *, part: str | None = None, probabilities: bool = False,
    skip_bad: bool = False, invert: str = "auto",
) -> dict[str, Any]:  # fmt: skip
    """Predict any number of images, and write a file with a row for each.

    Parameters
    ----------
    network
        A run folder, or a model file.
    paths
        Image files and folders of them; or one packed folder, or one table.
    output
        A .csv or .parquet file, written or replaced.
    part
        "2/8": predict the second of eight equal parts of the images.
    probabilities
        Whether the file has a column for the probability of each class.
    skip_bad, invert
        As for `golmu.Predictor.predict`.

    Returns
    -------
    dict
        `output`, the file; `images`, its rows; `skipped`, images that could not be read.

    Raises
    ------
    GolmuError
        If the network or an image cannot be read, or the file cannot be written or would replace what is read.
    """
    from golmu.model.bulk.image_sources import open_images  # noqa: PLC0415  readers of every kind
    from golmu.model.bulk.prediction_file import check_prediction_file, write_predictions  # noqa: PLC0415

    one_of(invert, INVERSIONS, "invert")
    check_prediction_file(output)
    refuse_to_replace(output, [*paths, network / HISTORY, network / HELD_OUT])
    for path in paths:
        refuse_in_data(output, str(path), "--output")
    _refuse_numbers(network, paths)
    share = parse_part(part)
    predictor = load(network)
    try:
        with ReadingDisplay(doing="predicting") as progress:
            written = write_predictions(
                predictor, lambda scratch: open_images(predictor, paths, invert, scratch), output, share=share,
                with_probabilities=probabilities, skip_bad=skip_bad, progress=progress,
            )  # fmt: skip
    except KeyboardInterrupt:
        say("interrupted; the same command goes on from here", is_error=True)
        raise
    if written.bad:
        images = "image cannot be read and has" if written.bad == 1 else "images cannot be read and have"
        more = "; ..." if written.bad > len(written.reasons) else ""
        warn(f"{written.bad:,} {images} no row: {'; '.join(written.reasons)}{more}")
    return {"output": str(output), "images": written.images, "skipped": written.bad}


def _refuse_numbers(network: Path, paths: Sequence[Path]) -> None:
    """Raise `InputError` if the number of an image is given, which `golmu explain` takes, and no file is called so."""
    for path in paths:
        if re.fullmatch("[0-9]+", str(path)) and not path.exists() and (network / RUN).is_file():
            what = "images of a run are known by their numbers to golmu explain"
            if _can_explain(network, int(str(path))):
                what = f"for image {path} of those that judged the run, type {shell_command('explain', network, path)}"
            raise InputError(f"there is no image file {path}: {what}")


def _can_explain(folder: Path, number: int) -> bool:
    """Whether `golmu explain` finds this image of a run again."""
    data = Run.open(folder).record.data
    return not data.is_of_arrays and number < data.validation


def parse_part(text: str | None) -> tuple[int, int]:
    """Return (i, n) from "i/n", counted from 1; None is all.

    Raises
    ------
    InputError
        If it is not of this form, or i is not from 1 to n.
    """
    if text is None:
        return 1, 1
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--part must be i/n, such as 2/8 for the second of eight parts, got {text!r}")
    return int(match[1]), int(match[2])
