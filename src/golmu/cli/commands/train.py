"""One training from a data set's name to a whole run folder: what `golmu train` does."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from math import log
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from golmu.checks import one_of
from golmu.cli.console import make_console, print_table
from golmu.cli.progress import TrainingDisplay
from golmu.data.reading import Reading
from golmu.engines import ENGINE_NAMES
from golmu.errors import InputError, RunError
from golmu.recipe import Recipe, default_recipe, get_recipe
from golmu.runs import folder as runs
from golmu.runs.checkpoint import refuse_differences
from golmu.runs.job import DEFAULT_SEED, Assembly
from golmu.runs.recorder import Keeper, Record, new_record, opened, run_kept
from golmu.training.interruption import EXIT_STATUS, Abandoned


def train_run(
    data: str | None,
    recipe_name: str | None = None,
    given: Mapping[str, Any] | None = None,
    *,
    engine: str = "auto",
    threads: int | None = None,
    seed: int | None = None,
    run: Path | None = None,
    resume: Path | None = None,
    allow_inexact: bool = False,
    folder: Path | None = None,
    reading: Reading | None = None,
) -> int:
    """Trains on `data` and writes the run folder; shows progress and results on standard output.

    Parameters
    ----------
    data
        What `golmu.load_dataset` takes; with `resume` it may be left out.
    recipe_name, given
        The recipe to start from, and fields of it to replace (None: as it is).
    engine, threads, seed
        `engine`, `n_threads` and `random_state` of `ConvolutionNetwork`.
    run
        Folder for the results, which must be empty; by default a new one under `runs/`.
    resume
        A run folder whose training is to go on, with the settings that it began with; more `epochs` may be given,
        unless its schedule or averaging ends with the last.
    allow_inexact
        Whether `resume` may use another engine, so that the bits are not those of an uninterrupted run.
    folder
        Folder to look in first for a named data set's files.
    reading
        How image files are read; with `resume`, as the run began with.

    Returns
    -------
    int
        Exit status: 0, or 130 or 143 if Ctrl-C or SIGTERM ended the training early, which is then kept.

    Raises
    ------
    GolmuError
        If the data, the settings or the folder cannot be used, or the loss stops being finite.
    """
    one_of(engine, ENGINE_NAMES, "engine")
    reading = reading or Reading()
    if resume is None:
        if data is None:
            raise InputError("DATA is missing: name a data set or a folder, or a run to go on with by --resume RUN")
        if allow_inexact:
            raise InputError("--allow-inexact is about going on with a run: give --resume RUN too")
        recipe_name = default_recipe(data) if recipe_name is None else recipe_name
        recipe = get_recipe(recipe_name).override(given or {})
        seed = DEFAULT_SEED if seed is None else seed
        return _Run(data, recipe, engine, threads, seed, folder, reading).start(run, recipe_name)
    if run is not None:
        raise InputError("--run names a new folder, and --resume one to go on in: give one of them")
    with opened(resume) as record:
        begun = _Begun(resume, record)
        recipe = begun.recipe if recipe_name is None else get_recipe(recipe_name)
        recipe = recipe.override({"epochs": begun.recipe.epochs}).override(given or {})
        begun.check(recipe, seed, reading)
        return _Run(
            data or runs.run_data(resume),
            recipe,
            begun.engine if engine == "auto" else engine,
            threads or begun.threads,
            begun.seed,
            folder,
            begun.reading,
        ).go_on(resume, record, allow_inexact)


NO_BETTER = 1.1
"""Times the accuracy of a guess up to which a network has learned nothing."""

LEARNING = 0.99
"""Times the loss of a guess below which a network has begun to learn."""


class _Begun:
    """What run.json says that a run began with."""

    def __init__(self, folder: Path, record: Record) -> None:
        self._folder = folder
        self.reading = runs.run_reading(folder)
        try:
            self.recipe = runs.read_recipe(folder, record)
            settings = record["settings"]
            self.engine, self.threads, self.seed = str(settings["engine"]), settings["threads"], settings["seed"]
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{folder / runs.RUN} does not hold the settings of the run: {error}") from error

    def check(self, recipe: Recipe, seed: int | None, reading: Reading) -> None:
        """Raises `RunError` if what is asked for now differs in more than the number of epochs."""
        differences = self.recipe.differences(recipe)
        if seed is not None and seed != self.seed:
            differences.append(f"seed is {self.seed}, not {seed}")
        differences += self.reading.differences(reading)
        refuse_differences(self._folder, differences)


class _Run(Assembly):
    """A training that is made ready, and its folder."""

    def start(self, folder: Path | None, recipe_name: str) -> int:
        folder = runs.create_run(folder, f"{self.dataset_name}-{recipe_name}")
        with runs.locked(folder):
            record = new_record(self.record_data, recipe_name, self.settings)
            keeper = Keeper(folder, self.training, self.setup, record)
            keeper.begin()
            return self._run(keeper, "training")

    def go_on(self, folder: Path, record: Record, allow_inexact: bool) -> int:
        keeper = Keeper(folder, self.training, self.setup, record)
        keeper.resume(allow_inexact=allow_inexact)
        epoch = self.training.epoch
        if epoch == self.recipe.epochs or self.training.has_stalled:
            return self._run(keeper, f"nothing is left to do after epoch {epoch}: trained")
        return self._run(keeper, f"going on at epoch {epoch + 1}, batch {self.training.batch + 1}:")

    def _run(self, keeper: Keeper, doing: str) -> int:
        console = make_console()
        console.print(
            f"{doing} on {len(self.data):,} images, validating on {len(self.validation):,}; "
            f"results go to {keeper.folder}"
        )
        status, has_results = 0, True
        try:
            with TrainingDisplay(console) as display:
                run_kept(keeper, self.training, self.data, self.validation, self.recipe.epochs, [display])
        except KeyboardInterrupt as interruption:
            has_results = not isinstance(interruption, Abandoned)
            status = EXIT_STATUS[signal.SIGINT]
        except SystemExit as stopped:
            status = int(stopped.code or 0)
        if status:
            console.print(f"interrupted; go on with: golmu train --resume {keeper.folder}")
            if has_results:
                console.print(f"its page so far: golmu report {keeper.folder}")
        if has_results:
            from golmu.report.run_report import draw_report  # noqa: PLC0415  Jinja2

            report = None if status else draw_report(keeper.folder, self.evidence)
            _show_results(console, keeper.folder, keeper.record, report)
            accuracy = keeper.record["results"]["val_accuracy"]
            if accuracy is not None and accuracy <= NO_BETTER / self.setup.architecture.n_classes:
                console.print(f"The network is no better than chance: {self._why()}")
        return status

    def _why(self) -> str:
        """The most likely reason of a network that guesses: one that has begun to learn has a lower loss than that."""
        of_a_guess = log(self.setup.architecture.n_classes)
        if self.training.history.losses[-1] < LEARNING * of_a_guess:
            return "its loss has begun to fall, so that it most likely wants more epochs, or more images."
        return (
            f"most likely learning_rate={self.recipe.learning_rate:g} is too large for these settings. golmu find-lr "
            "looks for another. Or the images are nearly black, which golmu data says."
        )


def _show_results(console: Console, folder: Path, record: Record, report: Path | None) -> None:
    results = record["results"]
    table = Table(show_header=False, box=None, pad_edge=False)
    rows = {
        "validation accuracy": _figure(results["val_accuracy"], ".4f"),
        "validation loss": _figure(results["val_loss"], ".4f"),
        "training loss": _figure(results["train_loss"], ".4f"),
        "epochs": str(results["epochs"]),
        "time": f"{record['seconds']:.1f} s ({_figure(results['seconds_per_epoch'], '.2f')} s an epoch)",
        "engine": record["engine"],
        "parameters": f"{results['n_parameters']:,}",
        "curves": str(folder / runs.CURVES),
        "model": str(folder / runs.MODEL),
    }
    if report is not None:
        rows["report"] = str(report)
    if results["model_epoch"] != results["epochs"]:
        rows["epochs"] += f" (the model is of epoch {results['model_epoch']}, the best)"
    for row in rows.items():
        table.add_row(*row)
    print_table(table)


def _figure(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
