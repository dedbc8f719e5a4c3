"""`golmu train`: from a data set's name to a whole run folder, shown on standard output."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import log
from pathlib import Path
from typing import Any

from rich.table import Table

from golmu.analysis.dead_kernels import advice_on_dead_kernels, dead_kernels
from golmu.checks import one_of
from golmu.cli.console import make_console, print_table, shell_command
from golmu.cli.places import default_place, refuse_in_data
from golmu.cli.progress import TrainingDisplay, load_with_bar
from golmu.cli.recipe_choice import ChosenRecipe, check_settings, choose_recipe
from golmu.data.reading import ReadOptions
from golmu.engines import ENGINE_NAMES, load_ahead
from golmu.errors import InputError
from golmu.metrics import describe_accuracy, wilson_interval
from golmu.recipe import Recipe
from golmu.runs.checkpoint import refuse_differences
from golmu.runs.folder import CURVES, MODEL, RUNS
from golmu.runs.job import DEFAULT_SEED, Outcome, TrainingJob, open_to_resume
from golmu.runs.recipe_file import find_recipe
from golmu.runs.record import DEFAULT_SPLIT, Split
from golmu.runs.run import Run
from golmu.training.interruption import EXIT_STATUS

CHANCE_FACTOR = 1.1
"""Times the accuracy of a guess up to which a network has learned nothing."""

FEW_STEPS = 100
"""Training steps below which a network may not have had the time to learn anything."""

DIVERGING_FACTOR = 2
"""Times the loss of a guess from which on the steps are too large, however few there were."""

LEARNING_FACTOR = 0.99
"""Times the loss of a guess below which a network has begun to learn."""


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
    read_options: ReadOptions | None = None,
    validation_share: float | None = None,
    with_panel: bool = True,
) -> int:
    """Train on `data` and write the run folder; show progress and results on standard output.

    Parameters
    ----------
    data
        What `golmu.load_dataset` takes; with `resume` it may be left out.
    recipe_name, given
        The name or the file of the recipe to start from, by default one that suits the data
        (`golmu.cli.recipe_choice`), and fields of it to replace (None: keep the recipe's value).
    engine, threads, seed
        `engine`, `n_threads` and `random_state` of `ConvolutionNetwork`.
    run
        Folder for the results, which must be empty; by default a new one under `runs/` in the current folder, or beside
        the data where that lies in them.
    resume
        A run folder whose training is to continue, with the settings that it began with; more `epochs` may be given,
        unless its schedule or averaging ends with the last.
    allow_inexact
        Whether `resume` may use another engine, so that the bits are not those of an uninterrupted run.
    folder
        Folder to look in first for a named data set's files.
    read_options
        How image files are read; with `resume`, as the run began with.
    validation_share
        Share of the training images held out for validation; with `resume`, as the run began with.
    with_panel
        Whether the report has the panel on which the network can be tried.

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
    split = Split.of(validation_share)
    read_options = read_options or ReadOptions()
    if resume is not None:
        if run is not None:
            raise InputError("--run is for a new folder, and --resume for a run to continue: give one of them")
        with open_to_resume(resume) as begun:
            recipe = _recipe_to_resume(begun, recipe_name, given or {})
            _refuse_other_settings(begun, recipe, seed, read_options, validation_share)
            job, _ = _make_job(
                data or begun.find_data(shell_command("train", "NEW-PLACE", "--resume", resume)),
                lambda *_: ChosenRecipe(begun.record.recipe_name, recipe), recipe.n_blocks,
                begun.record.engine if engine == "auto" else engine, threads or begun.record.threads,
                begun.record.seed if begun.record.seed is not None else DEFAULT_SEED, folder, begun.read_options,
                begun.record.data.split or DEFAULT_SPLIT, is_known=True,
            )  # fmt: skip
            return _train(job, None, begun, allow_inexact=allow_inexact, with_panel=with_panel)
    if data is None:
        raise InputError("DATA is missing: give a data set, a folder or a file, or continue a run with --resume RUN")
    if allow_inexact:
        raise InputError("--allow-inexact is for continuing a run: give --resume RUN too")
    refuse_in_data(run, data, "--run")
    n_blocks = check_settings(data, recipe_name, given or {})
    seed = DEFAULT_SEED if seed is None else seed
    choose = partial(choose_recipe, data, recipe_name, given or {})
    job, note = _make_job(data, choose, n_blocks, engine, threads, seed, folder, read_options, split)
    runs = default_place(RUNS, data) if run is None else RUNS
    return _train(job, run, None, note=note, runs=runs, with_panel=with_panel)


def _recipe_to_resume(begun: Run, recipe_name: str | None, given: Mapping[str, Any]) -> Recipe:
    recipe = begun.recipe if recipe_name is None else find_recipe(recipe_name)
    return recipe.override({"epochs": begun.recipe.epochs}).override(given)


def _refuse_other_settings(
    begun: Run, recipe: Recipe, seed: int | None, read_options: ReadOptions, validation_share: float | None
) -> None:
    """Raise `RunError` if what is asked for now differs from what the run began with in more than its epochs."""
    differences = begun.recipe.differences(recipe)
    if seed is not None and seed != begun.record.seed:
        differences.append(f"seed is {begun.record.seed}, not {seed}")
    share = (begun.record.data.split or DEFAULT_SPLIT).validation
    if validation_share not in (None, share):
        differences.append(f"validation_share is {share:g}, not {validation_share:g}")
    refuse_differences(begun.folder, differences + begun.read_options.differences(read_options))


def _make_job(
    data: str, choose: Callable[[tuple[int, ...], int], ChosenRecipe], n_blocks: int | None, engine: str,
    threads: int | None, seed: int, folder: Path | None, read_options: ReadOptions, split: Split, *,
    is_known: bool = False,
) -> tuple[TrainingJob, str]:  # fmt: skip
    """Read the data and choose a recipe by the images' shape (h, w, c) and number; return the job and the note on it.

    `n_blocks` is the number of the network's blocks, where the images have no say in it.
    """
    loading = load_ahead(engine, n_blocks)
    dataset = load_with_bar(data, folder, read_options, is_known=is_known)
    chosen = choose(dataset.train.images.shape[1:], len(dataset.train))
    if n_blocks is None:  # the kernels load while the data are split
        loading = load_ahead(engine, chosen.recipe.n_blocks)
    job = TrainingJob.from_dataset(
        dataset, data, chosen.recipe, recipe_name=chosen.name, engine=engine, threads=threads, seed=seed,
        read_options=read_options, split=split,
    )  # fmt: skip
    loading.join()  # else the first epoch would take the blame for a compilation
    return job, chosen.note


def _train(
    job: TrainingJob, folder: Path | None, begun: Run | None, *, allow_inexact: bool = False, note: str = "",
    runs: Path = RUNS, with_panel: bool = True,
) -> int:  # fmt: skip
    console = make_console()

    def announce(folder: Path) -> None:
        data, validation = job.prepared
        assert validation is not None
        epoch = job.training.epoch
        if begun is not None and job.is_done:
            console.print(
                f"the run is finished, after epoch {epoch}: nothing is left to train; results stay in {folder}"
            )
            return
        if note:
            console.print(note)
        doing = "training"
        if begun is not None:
            doing = f"continuing at epoch {epoch + 1}, batch {job.training.batch + 1}:"
        console.print(f"{doing} on {len(data):,} images, validating on {len(validation):,}; results go to {folder}")
        if loss_note := job.training.recipe.loss_note:
            console.print(loss_note)

    with TrainingDisplay(console) as display:
        if begun is None:
            outcome = job.start(folder, [display], announce, runs=runs)
        else:
            outcome = job.resume(begun, [display], announce, allow_inexact=allow_inexact)
    return _show_outcome(outcome, job, with_panel=with_panel)


def _show_outcome(outcome: Outcome, job: TrainingJob, *, with_panel: bool) -> int:
    """Print how a training ended and what to do next; return the exit status."""
    console, run = make_console(), outcome.run
    if outcome.interruption is not None:
        if outcome.has_results:
            _show_results(run, None)
            _show_advice(run, job)
            console.print(f"for a report so far: {shell_command('report', run.folder)}")
        console.print(f"interrupted; continue with: {shell_command('train', '--resume', run.folder)}")
        if isinstance(outcome.interruption, SystemExit):
            return int(outcome.interruption.code or 0)
        return EXIT_STATUS[signal.SIGINT]
    from golmu.report.run_report import draw_report  # noqa: PLC0415  Jinja2

    report = draw_report(run, job.images, with_panel=with_panel)
    _show_results(run, report)
    _show_advice(run, job)
    for step in _next_steps(run, report):
        console.print(step)
    return 0


def _show_results(run: Run, report: Path | None) -> None:
    record, results = run.record, run.record.results
    assert results is not None
    assert record.seconds is not None
    rows = {
        "validation accuracy": (
            "–" if results.val_accuracy is None else describe_accuracy(results.val_accuracy, record.data.validation)
        ),
        "validation loss": _format_number(results.val_loss, ".4f"),
        "training loss": _format_number(results.train_loss, ".4f"),
        "epochs": str(results.epochs),
        "time": f"{record.seconds:.1f} s in all, {_format_number(results.seconds_per_epoch, '.2f')} s per epoch",
        "engine": str(record.engine_used),
        "parameters": f"{results.n_parameters:,}",
        "curves": str(run.folder / CURVES),
        "model": str(run.folder / MODEL),
    }
    if report is not None:
        rows["report"] = str(report)
    if results.model_epoch != results.epochs:
        rows["epochs"] += f" (the model is that of epoch {results.model_epoch}, the best)"
    table = Table(show_header=False, box=None, pad_edge=False)
    for row in rows.items():
        table.add_row(*row)
    print_table(table)


def _show_advice(run: Run, job: TrainingJob) -> None:
    """Print what to know and to try where images are trained on too, kernels never fire, or the accuracy tells little.

    Each is a line, and most trainings have none.
    """
    console, images = make_console(), job.images.validation
    if note := run.record.data.copies_note:
        console.print(f"{note}.")
    if images is not None:
        dead = dead_kernels(run.predictor, images.images)
        if advice := advice_on_dead_kernels(dead, run.predictor.model.architecture.kernels, run.recipe):
            console.print(f"{advice}.")
    if advice := _advice_on_accuracy(run, job):
        console.print(advice)


def _advice_on_accuracy(run: Run, job: TrainingJob) -> str:
    """What to say about an accuracy that is measured on too few images, or is that of a guess; else ""."""
    results, chance, n = run.record.results, 1 / len(job.data.classes), run.record.data.validation
    if results is None or results.val_accuracy is None:
        return ""
    low, high = wilson_interval(round(results.val_accuracy * n), n)
    if low <= chance and high >= (1 + chance) / 2:  # it may be a guess, or a network that has learned half of it all
        return f"With {n} validation {'image' if n == 1 else 'images'} the accuracy says little: add images."
    if results.val_accuracy > CHANCE_FACTOR * chance:
        return ""
    losses, guess = job.training.history.losses, -log(chance)
    steps = results.epochs * -(-len(job.data.labels) // run.recipe.batch_size)
    # A network that has begun to learn has a lower loss than a guess; steps that are too large have taken it far above.
    if losses[-1] < LEARNING_FACTOR * guess:
        cause = "its loss has begun to fall, so it most likely needs more epochs or more images."
    elif steps < FEW_STEPS and max(losses) < DIVERGING_FACTOR * guess:
        taken = f"{steps} training {'step' if steps == 1 else 'steps'}"
        cause = f"it has taken only {taken}, so it most likely needs more epochs."
    else:
        cause = (
            f"most likely learning_rate={run.recipe.learning_rate:g} is too large for these settings; find another "
            "with golmu find-lr. Or the images are nearly black, which golmu data reports."
        )
    return f"The network is no better than chance: {cause}"


def _next_steps(run: Run, report: Path | None) -> Sequence[str]:
    """What to do after a training that ended, each with a command that works as typed."""
    steps = [] if report is None else [f"open {report} in a browser"]
    steps.append(f"predict: {shell_command('predict', run.folder, 'IMAGE')}")
    if run.recipe.fixes_epochs:
        return ["next:", *(f"  {step}" for step in steps)]
    more = 2 * run.recipe.epochs
    steps.append(f"train longer: {shell_command('train', '--resume', run.folder, '--epochs', more)}")
    return ["next:", *(f"  {step}" for step in steps)]


def _format_number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
