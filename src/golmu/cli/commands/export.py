"""`golmu export`: a network written in the format of another program."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from golmu.cli.console import shell_command
from golmu.cli.places import refuse_in_data
from golmu.cli.progress import ReadingDisplay
from golmu.cli.shipping import open_network, origin_of, samples_of
from golmu.data.shards.loading import PackedDataset
from golmu.errors import InputError, RunError
from golmu.export.exporting import Calibration, Exported, check_format, export_network
from golmu.runs.data_record import DEFAULT_SPLIT
from golmu.runs.held_out import digests
from golmu.runs.images import images_to_evaluate, is_own_data, load_fitted
from golmu.runs.run import Run
from golmu.runs.shards import is_own_shards

EXPORTS = "export"
"""Folder beside the model file for exports whose place the user does not name; each format has a folder in it."""


def export_run(
    network: Path, to: str, output: Path | None = None, *, is_quantized: bool = False, has_card: bool = False,
    data: str | None = None,
) -> Exported:  # fmt: skip
    """Export the network of a run or of a model file.

    Parameters
    ----------
    network
        A run folder, or a model file.
    to
        One of `golmu.export.exporting.FORMATS`.
    output
        The folder to write or replace; by default export/FORMAT in the run folder, or beside the model file; the
        quantized network has export/litert-int8.
    is_quantized, has_card
        Whether to quantize the network, and to write a model card.
    data
        The run's data where they are now; by default where they were.

    Raises
    ------
    GolmuError
        If the network cannot be read or exported, or the data cannot be read that are needed to quantize it.
    """
    check_format(to, is_quantized=is_quantized)
    if data is not None and not (is_quantized or to == "page"):
        raise InputError("--data is for --quantize and for --to page: leave it out")
    predictor, run = open_network(network)
    if run is not None:
        refuse_in_data(output, data or run.record.data.argument or "", "--output", run.folder)
    if output is None:
        output = (network.parent if run is None else network) / EXPORTS / (f"{to}-int8" if is_quantized else to)
    return export_network(
        predictor, output, to, calibration=_calibration(run, network, data) if is_quantized else None,
        has_card=has_card, origin=None if run is None else origin_of(run),
        samples=samples_of(run, data) if to == "page" and run is not None else None,
    )  # fmt: skip


def describe(exported: Exported) -> list[str]:
    """Return what to print: where the network is, how it answered, and what is inside it and what is not."""
    said, check = exported.description, exported.check
    lines = [f"network: {exported.network}"]
    if check is None:  # a page, which does everything itself
        return lines
    runtime = said["check"]["runtime"]
    answers = f"answers to {check.n_images:,} images differ by at most {check.difference:.1e} of a probability"
    if check.accuracy is not None:
        answers = f"accuracy on {check.n_images:,} images {check.accuracy:.4f}, of the network {check.own_accuracy:.4f}"
    return [
        *lines,
        f"check: {answers} ({runtime} {said['versions'].get(runtime, '')})",
        f"inside: {'; '.join(said['inside'])}",
        f"not inside: {'; '.join(said['outside'])}",
        "golmu.fit_image does what is not inside, and model.json says exactly how",
    ]


def _calibration(run: Run | None, network: Path, given: str | None) -> Calibration:
    """Load the training images of a run, without those that it held out, and images to judge the network on."""
    if run is None:
        raise InputError(
            f"--quantize needs training images, and {network} is a model file, which holds none: give its run folder, "
            "or in Python golmu.export(..., quantize=golmu.load_dataset(DATA))"
        )
    if given is None and run.record.data.is_of_arrays:
        raise RunError(
            f"--quantize needs training images, and {run.folder} was trained on arrays, which it does not keep: give "
            "data like them with --data"
        )
    command = shell_command("export", network, "--to", "litert", "--quantize", "--data", "NEW-PLACE")
    options = run.read_options
    with ReadingDisplay() as progress:
        dataset = load_fitted(
            run.predictor, run.find_data(command) if given is None else given, None, skip_bad=options.skip_bad,
            label=options.label, progress=progress, is_own=is_own_data(run, given),
        )  # fmt: skip
    judged = images_to_evaluate(run, dataset, given)
    if isinstance(dataset, PackedDataset) and is_own_shards(run, dataset.index):
        fit, _ = (run.record.data.split or DEFAULT_SPLIT).of(dataset)
        return Calibration(fit.images, judged)
    held_out = set() if run.held_out is None else set(run.held_out.digests)
    is_trained = np.array([digest not in held_out for digest in digests(dataset.train.images)])
    return Calibration(dataset.train.images[is_trained] if is_trained.any() else dataset.train.images, judged)
