"""A run folder, opened once: its record, history and settings, and its network, ready to answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from golmu.checks import as_path
from golmu.data.loading import exists
from golmu.data.reading import ReadOptions, format_size
from golmu.errors import RunError, warn
from golmu.model.model import ImageFileOptions, Model, load_model
from golmu.model.predictor import Predictor
from golmu.recipe import Recipe
from golmu.runs.checkpoint import Checkpoint, load_checkpoint
from golmu.runs.folder import CHECKPOINT, MODEL, RUN, is_in_use
from golmu.runs.held_out import HeldOut, read_held_out
from golmu.runs.history_file import read_history
from golmu.runs.record import RunRecord, read_record
from golmu.runs.results import Results
from golmu.training.history import History


@dataclass(frozen=True, eq=False)
class Run:
    """A training on disk.

    Examples
    --------
    >>> import golmu
    >>> digits = golmu.load_dataset("digits").train
    >>> network = golmu.ConvolutionNetwork(n_kernels=4, units=20, random_state=0)
    >>> network = network.fit(digits.images, digits.labels, epochs=2, run="runs/digits")
    >>> run = golmu.Run.open("runs/digits")
    >>> run
    <Run: runs/digits, finished>
    >>> len(run.history.losses), run.recipe.units
    (2, 20)
    """

    folder: Path
    record: RunRecord
    """The content of run.json, read once."""

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Open a run folder.

        Raises
        ------
        RunError
            If there is no such run, or its run.json is damaged or incomplete.
        """
        place = as_path(folder, "folder")
        return cls(place, read_record(place))

    def __repr__(self) -> str:
        return f"<Run: {self.folder}, {self.record.status}>"

    @property
    def recipe(self) -> Recipe:
        """How the network was trained."""
        return self.record.recipe

    @property
    def read_options(self) -> ReadOptions:
        """How the image files of the run's data are read."""
        return self.record.data.read_options

    @property
    def data(self) -> str:
        """Name or path of the data that the run was trained on.

        Raises
        ------
        RunError
            If it was trained on arrays, which a run does not keep.
        """
        argument = self.record.data.argument
        if argument is None:
            raise RunError(f"{self.folder} was trained on arrays, and does not keep them: give the data (DATA)")
        return argument

    @property
    def has_lost_data(self) -> bool:
        """Whether the data that the run was trained on are no longer where they were."""
        return self.record.data.argument is not None and not exists(self.record.data.argument)

    def find_data(self, command: str) -> str:
        """Return `data` if they are still there; `command` is what to type where they have moved.

        Raises
        ------
        RunError
            If they are gone, or the run was trained on arrays.
        """
        if self.has_lost_data:
            raise RunError(
                f"the data of {self.folder} are no longer at {self.data}: if they have moved, give the new place: "
                f"{command}"
            )
        return self.data

    @cached_property
    def history(self) -> History:
        """Losses, accuracies and seconds of each epoch, of history.csv, or of the checkpoint of a training cut off.

        Raises
        ------
        RunError, CheckpointError
            If the file is missing or damaged.
        """
        if self._is_cut_off and self.checkpoint is not None:
            return self.checkpoint.state.history
        return read_history(self.folder)

    @property
    def results(self) -> Results:
        """What the training came to, or of a training cut off, what it has come to so far.

        Raises
        ------
        RunError
            If there is neither.
        """
        if self.record.results is not None:
            return self.record.results
        if not self._is_cut_off:
            raise self.lacking("results")
        return Results.of(self.history, len(self.history.losses), self.predictor.model.architecture.n_parameters)

    @cached_property
    def checkpoint(self) -> Checkpoint | None:
        """The last checkpoint; None where there is none.

        Raises
        ------
        CheckpointError
            If it is damaged.
        """
        path = self.folder / CHECKPOINT
        return load_checkpoint(path) if path.exists() else None

    @cached_property
    def held_out(self) -> HeldOut | None:
        """Which images were held out for validation; None without any, and in runs of earlier versions.

        Raises
        ------
        RunError
            If the file is damaged.
        """
        return read_held_out(self.folder)

    @cached_property
    def predictor(self) -> Predictor:
        """The trained network: of the model file, or of the last checkpoint where the training did not end.

        Raises
        ------
        RunError, CheckpointError
            If the run holds no network yet, or its file is damaged.
        """
        return self._predictor("auto")

    def lacking(self, what: str) -> RunError:
        """The error of a run without something that a training leaves at its end, such as "model"."""
        status = self.record.status
        if status == "failed":
            return RunError(
                f"the run {self.folder} holds no {what}, since its training failed: train again with other settings"
            )
        if status == "running" and is_in_use(self.folder):
            return RunError(f"the run {self.folder} holds no {what} yet, since its training is running: let it end")
        why = "was interrupted" if status in ("running", "interrupted") else f"is {status}"
        return RunError(
            f"the run {self.folder} holds no {what}, and its training {why}: continue it with "
            f"`golmu train --resume {self.folder}`"
        )

    def _predictor(self, engine: str) -> Predictor:
        path = self.folder / MODEL
        if self._is_cut_off:
            model = self._model_of_checkpoint()
        elif path.exists():
            model = load_model(path)
        else:
            raise self.lacking("model")
        names, size = self.record.data.class_names, self.record.data.size
        shape = model.architecture.image_shape
        if (size not in (None, shape[:2])) or (names and not set(model.class_names) <= set(names)):
            raise RunError(
                f"{path} is not the model of this run, which was trained on images of {format_size(size)} with other "
                f"classes or of another size: put the run's own model back, or load the file by its own path"
            )
        return Predictor.of(with_image_files(model, self.record), engine=engine, name=str(self.folder))

    @cached_property
    def _is_cut_off(self) -> bool:
        """Whether the training did not come to write its results, and has a checkpoint of trained weights."""
        has_model = (self.folder / MODEL).exists()
        is_old = self.record.status in ("running", "failed") or (self.record.status == "interrupted" and not has_model)
        return is_old and self.checkpoint is not None and self.checkpoint.is_trained

    def _model_of_checkpoint(self) -> Model:
        assert self.checkpoint is not None
        model = self.checkpoint.model
        state, hint = "did not end", f"; `golmu train --resume {self.folder}` continues it"
        if self.record.status == "failed":
            state = f"failed ({self.record.error})"
        if is_in_use(self.folder):
            state, hint = "is still running", ""
        warn(
            f"the training of {self.folder} {state}: the weights are those of its last checkpoint, after "
            f"{model.epoch} of {self.recipe.epochs} epochs{hint}"
        )
        return model


def load(path: str | Path, *, engine: str = "auto") -> Predictor:
    """Load a trained network, ready to answer.

    Parameters
    ----------
    path
        A run folder, or a model file such as the model.safetensors of a run. A run that was interrupted is taken with
        its last checkpoint.
    engine
        What computes: see `golmu.engines`.

    Raises
    ------
    RunError, CheckpointError
        If there is no such run or file, the run holds no network yet, or a file is damaged.
    InputError, InputTypeError, EngineError
        If an argument cannot be used, or the engine cannot run here.

    Examples
    --------
    >>> import golmu
    >>> digits = golmu.load_dataset("digits").train
    >>> network = golmu.ConvolutionNetwork(n_kernels=4, random_state=0).fit(digits.images, digits.labels, epochs=1)
    >>> network.save("digits.safetensors")
    >>> golmu.load("digits.safetensors")
    <Predictor: digits.safetensors, images of 8x8x1, 10 classes>
    """
    path = as_path(path, "path")
    if not is_model_file(path):
        return Run.open(path)._predictor(engine)
    model = load_model(path)
    if model.image_files is None and (path.parent / RUN).is_file():
        model = with_image_files(model, read_record(path.parent))
    return Predictor.of(model, engine=engine, name=str(path))


def is_model_file(path: Path) -> bool:
    """Whether `path` is a file, and so no run folder."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a null byte
        return False


def with_image_files(model: Model, record: RunRecord) -> Model:
    """The model with the options of image files, which an older file lacks, from the record of its run."""
    a, data = model.architecture, record.data
    if model.image_files is not None or (data.size, data.channels) != ((a.height, a.width), a.channels):
        return model
    return replace(model, image_files=ImageFileOptions.of(a, model.preprocessing))
