"""What outlasts the page: a training as a run folder, its report, and its network in other programs' formats."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from golmu.analysis.labelled_images import LabelledImages
from golmu.errors import InputError, SaveError
from golmu.export.exporting import FORMATS, export_network
from golmu.model.predictor import Predictor
from golmu.names import file_stem
from golmu.report.run_report import write_report
from golmu.runs.folder import REPORT, RUNS
from golmu.runs.job import SplitDataset, TrainingJob
from golmu.runs.run import Run
from golmu.serve.live.live_run import LiveRun
from golmu.training.loop import State

EXPORTS = tuple(FORMATS)
"""What a network can be downloaded as."""


@dataclass(frozen=True, eq=False)
class Kept:
    """A training at one moment, with all that a run folder needs."""

    run: LiveRun
    split: SplitDataset
    state: State

    @property
    def stem(self) -> str:
        """What a file about the training is called, in ASCII."""
        name = f"golmu-{self.run.data_set}-{self.run.recipe_name}-{self.run.number}"
        return file_stem(name)

    def save(self, name: str, runs: Path = RUNS) -> Run:
        """Write a run folder in `runs`; of the name only what may begin a folder's name is taken.

        Raises
        ------
        InputError
            If the name says nothing.
        RunError, SaveError
            If the folder cannot be written.
        """
        stem = file_stem(name.strip())
        if not name.strip():
            raise InputError("the name is empty: give the run a name")
        return self._job().keep(self.state, stem, runs=runs)

    def report(self) -> bytes:
        """Return the report of the training so far, a web page.

        Raises
        ------
        GolmuError
            If it cannot be made.
        """
        with _temporary_folder() as place:
            run = self._job().keep(self.state, runs=place)
            return write_report(run, self.split.images, run.folder / REPORT).read_bytes()

    def _job(self) -> TrainingJob:
        return TrainingJob.from_split(
            self.split, self.run.recipe, recipe_name=self.run.recipe_name, engine="fused", seed=self.run.seed
        )


def zipped_export(predictor: Predictor, to: str, samples: LabelledImages | None) -> bytes:
    """Return a zip file with a network in another program's format, one of `EXPORTS`.

    Raises
    ------
    GolmuError
        If the format is unknown, a package that it needs is not installed, or the network cannot be exported.
    """
    with _temporary_folder() as place:
        folder = place / to
        export_network(predictor, folder, to, samples=samples if to == "page" else None)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted(folder.rglob("*")):
                file.write(path, path.relative_to(folder.parent))
        return packed.getvalue()


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    """Lend a folder for what is made to be sent.

    Raises
    ------
    SaveError
        If there is none, or it cannot be written.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="golmu-") as place:
            yield Path(place)
    except OSError as error:
        raise SaveError(
            f"temporary files cannot be written ({error.strerror or error}): name a folder with room for them in "
            "TMPDIR, and start golmu app again"
        ) from error
