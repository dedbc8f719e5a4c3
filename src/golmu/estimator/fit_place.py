"""Where `fit` records its training: in a new run folder, in that of a run to continue, or nowhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from golmu.checks import boolean
from golmu.errors import InputTypeError
from golmu.preprocessing import Preprocessing
from golmu.runs.checkpoint import load_checkpoint
from golmu.runs.folder import CHECKPOINT
from golmu.runs.job import Outcome, TrainingJob, open_to_resume
from golmu.training.history import Callback


@dataclass(frozen=True)
class FitPlace:
    """Where a training is recorded: a new run folder, that of a run to continue, or nowhere."""

    run: Path | None
    resume: Path | None
    allow_inexact: bool

    @classmethod
    def of(cls, run: Any, resume: Any, allow_inexact: Any) -> FitPlace:
        """Check the arguments of `fit`."""
        boolean(allow_inexact, "allow_inexact")
        place = cls(_as_folder(run, "run"), _as_folder(resume, "resume"), allow_inexact)
        if run is not None and resume is not None:
            raise InputTypeError("run is for a new folder, and resume for a run to continue: give one of them")
        return place

    @property
    def preprocessing(self) -> Preprocessing | None:
        """The preprocessing of the run to continue; None if there is none, or its checkpoint does not say."""
        path = None if self.resume is None else self.resume / CHECKPOINT
        return None if path is None or not path.exists() else load_checkpoint(path).identity.preprocessing

    def train(self, job: TrainingJob, callbacks: list[Callback]) -> None:
        """Run the training here. What interrupts it is raised when everything is recorded."""
        if self.resume is not None:
            with open_to_resume(self.resume) as run:
                _finish(job.resume(run, callbacks, allow_inexact=self.allow_inexact), job)
        elif self.run is not None:
            _finish(job.start(self.run, callbacks), job)
        else:
            job.run(callbacks)


def _finish(outcome: Outcome, job: TrainingJob) -> None:
    """Raise what interrupted the training; else write the report now, since a run keeps no arrays."""
    if outcome.interruption is not None:
        raise outcome.interruption
    from golmu.report.run_report import draw_report  # noqa: PLC0415  Jinja2

    draw_report(outcome.run, job.images)


def _as_folder(value: Any, argument: str) -> Path | None:
    if value is None:
        return None
    if not isinstance(value, str | Path) or not str(value):
        raise InputTypeError(f"{argument} must be a folder's path, got {value!r}")
    return Path(value)
