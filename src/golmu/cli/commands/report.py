"""`golmu report`: the report of a run, written again."""

from __future__ import annotations

from pathlib import Path

from golmu.analysis.labelled_images import JudgedImages
from golmu.cli.console import shell_command
from golmu.cli.places import refuse_in_data
from golmu.cli.progress import ReadingDisplay
from golmu.errors import DataError, RunError
from golmu.report.run_report import write_report
from golmu.runs.folder import REPORT
from golmu.runs.images import judged_images
from golmu.runs.run import Run
from golmu.runs.sharded_data import sample_judged


def report_run(
    run: Path,
    data: str | None = None,
    output: Path | None = None,
    folder: Path | None = None,
    *,
    with_panel: bool = True,
) -> Path:
    """Write the report of a run, and return its path.

    Where the run's images cannot be had, the report says why, and shows what needs none.

    Parameters
    ----------
    run
        The run folder.
    data, folder
        As for `golmu.runs.images.judged_images`.
    output
        The HTML file to write or replace; by default report.html in the run folder.
    with_panel
        As for `golmu.report.run_report.write_report`.

    Raises
    ------
    GolmuError
        If the run cannot be read; `data` is given and cannot be used; the images cannot be had, and a report is there
        that may show them; or the report cannot be written.
    """
    opened = Run.open(run)
    refuse_in_data(output, data or opened.record.data.argument or "", "--output", run)
    output = run / REPORT if output is None else output
    _ = opened.predictor  # a run without a network has no report
    try:
        with ReadingDisplay() as progress:
            command = shell_command("report", run, "NEW-PLACE")
            images = sample_judged(judged_images(opened, data, folder, command=command, progress=progress))
    except (DataError, RunError) as error:
        if data is not None or (opened.has_lost_data and output.exists()):
            raise
        if output.exists():
            raise RunError(
                f"{error}. {output}, which may show them, is kept: give another file with --output"
            ) from error
        images = JudgedImages(missing=str(error))
    return write_report(opened, images, output, with_panel=with_panel)
