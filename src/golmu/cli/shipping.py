"""What a run knows of its network that goes with it when it is exported or served."""

from __future__ import annotations

from pathlib import Path

from golmu.analysis.labelled_images import LabelledImages
from golmu.cli.progress import ReadingDisplay
from golmu.errors import CheckpointError, DataError, RunError
from golmu.export.description import Origin
from golmu.model.predictor import Predictor
from golmu.runs.images import judged_images
from golmu.runs.run import Run, is_model_file, load
from golmu.runs.sharded_data import sample_judged


def open_network(path: Path) -> tuple[Predictor, Run | None]:
    """Load the network of a run folder or of a model file, and open the run if it is one.

    Raises
    ------
    GolmuError
        If it cannot be read.
    """
    if is_model_file(path):
        return load(path), None
    run = Run.open(path)
    return run.predictor, run


def origin_of(run: Run) -> Origin:
    """Return what the record of a run knows of its training."""
    data, recipe = run.record.data, run.record.recipe_name or ""
    try:
        results = run.results
    except (RunError, CheckpointError):  # it ended without them
        return Origin(data.name or "", data.train, data.validation, recipe=recipe)
    folds = run.record.folds
    return Origin(
        data.name or "", data.train, data.validation, results.val_accuracy if folds is None else folds.spread.mean,
        results.val_loss, results.model_epoch, recipe, data.copies_note, () if folds is None else folds.accuracies,
    )  # fmt: skip


def samples_of(run: Run, given: str | None = None) -> LabelledImages | None:
    """Load the images on which a run is judged, for a page to show some of them; None if they cannot be had.

    Parameters
    ----------
    run
        The run.
    given
        Its data where they are now; by default where they were.

    Raises
    ------
    DataError, RunError
        If the data are given, and cannot be read or are not the network's.
    """
    try:
        with ReadingDisplay() as progress:
            judged = sample_judged(judged_images(run, given, progress=progress))
    except (DataError, RunError):
        if given is not None:
            raise
        return None
    return judged.test or judged.validation
