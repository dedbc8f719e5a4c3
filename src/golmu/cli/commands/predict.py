"""`golmu predict`: a trained network applied to image files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from golmu.checks import one_of
from golmu.cli.progress import ReadingDisplay
from golmu.preprocessing import INVERSIONS
from golmu.runs.run import load

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
    predictor = load(network)
    with ReadingDisplay() as progress:
        predictions = predictor.predict(list(paths), invert=invert, skip_bad=skip_bad, progress=progress)
    return [{name: asdict(one)[name] for name in ORDER} for one in predictions]
