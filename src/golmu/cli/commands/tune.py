"""`golmu tune`: a search for better settings, trial by trial, and the best of them as a recipe."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rich.table import Table

from golmu.architecture import Architecture
from golmu.checks import one_of, positive_integer
from golmu.cli.console import make_console, print_table, shell_command
from golmu.cli.extras import refuse_without_extra
from golmu.cli.places import default_place, refuse_in_data
from golmu.cli.progress import TrialDisplay, load_with_bar
from golmu.cli.recipe_choice import check_settings, choose_recipe
from golmu.data.loading import exists
from golmu.data.reading import ReadOptions
from golmu.engines import ENGINE_NAMES, load_ahead
from golmu.errors import InputError, RunError
from golmu.metrics import describe_accuracy
from golmu.pages.rendering import format_duration
from golmu.recipe import Recipe, format_setting
from golmu.runs.checkpoint import refuse_differences
from golmu.runs.data_record import Split
from golmu.runs.folder import RUNS, new_run
from golmu.runs.job import DEFAULT_SEED, SplitDataset, TrainingJob
from golmu.runs.naming import run_name
from golmu.runs.recipe_file import find_recipe
from golmu.runs.reproduce import data_options
from golmu.training.batching import refuse_hiding
from golmu.training.interruption import EXIT_STATUS
from golmu.tune.record import SearchRecord, read_search, write_search
from golmu.tune.results import (
    PICTURE,
    RECIPE,
    TRIALS,
    TrialResult,
    best_of,
    importances,
    last_attempt,
    ranking,
    write_results,
)
from golmu.tune.search import GIVE_THE_SAME, Search
from golmu.tune.space import check_space, default_space, parse_space
from golmu.tune.storage import hide_password, open_database, open_journal

NEEDED, NEEDED_FOR_DATABASES = ("optuna",), ("optuna", "psycopg")
"""What the extra `scale` installs."""

DEFAULT_TRIALS = 50

BEST_SHOWN = 5
"""Trials, at most, in the table at the end."""


@dataclass(frozen=True)
class Request:
    """What a search is asked to be: the arguments of `tune_recipe` that describe it."""

    data: str | None
    recipe_name: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    search: Sequence[str] = ()
    study: str | None = None
    engine: str = "auto"
    seed: int | None = None
    folder: Path | None = None
    read_options: ReadOptions = field(default_factory=ReadOptions)
    validation_share: float | None = None


def tune_recipe(
    request: Request, *, trials: int | None = None, run: Path | None = None, resume: Path | None = None,
    storage: str | None = None, threads: int | None = None,
) -> int:  # fmt: skip
    """Search for the settings with the lowest validation loss; show trials and results on standard output.

    Parameters
    ----------
    request
        The data, what is searched (`golmu.tune.space`; by default a space around the recipe), and what all trials have
        in common: the recipe and the fields of it to replace, the seed, the validation images. With `resume`, what is
        left out is as the search began.
    trials
        How many trials there are to be, of all processes together; by default 50, or with `resume` as many as before.
    run
        Folder for the results, which must be empty; by default a new one under `runs/`.
    resume
        The folder of a search to continue, or to join while other processes run it.
    storage
        The URL of a PostgreSQL database that keeps the trials, for several computers; by default a file in the folder.
    threads
        Threads of each training.

    Returns
    -------
    int
        Exit status: 0, or 130 or 143 if Ctrl-C or SIGTERM ended the search early, whose trials are kept.

    Raises
    ------
    GolmuError
        If the data, the settings, the folder or the storage cannot be used, or no trial comes to its end.
    """
    refuse_without_extra("golmu tune", "scale", NEEDED if storage is None else NEEDED_FOR_DATABASES)
    one_of(request.engine, ENGINE_NAMES, "engine")
    if trials is not None:
        positive_integer(trials, "trials")
    Split.of_share(request.validation_share)
    shown = None if storage is None else hide_password(storage)
    note, begun = "", None
    if resume is not None:
        if run is not None:
            raise InputError("--run is for a new folder, and --resume for a search to continue: give one of them")
        begun = read_search(resume)
        storage = storage or begun.storage
        record, split = _continue(begun, request, resume)
    else:
        if request.study is not None and storage is None:
            raise InputError("--study is the name of a search in a database: give --storage URL too")
        if request.data is None:
            raise InputError(
                "DATA is missing: give a data set, a folder or a file, or continue a search with --resume FOLDER"
            )
        refuse_in_data(run, request.data, "--run")
        record, split, note = _begin(request, trials or DEFAULT_TRIALS, shown, threads)
    with ExitStack() as stack:
        shared = None if storage is None else stack.enter_context(open_database(storage, record.study))
        # A search in a database that is refused leaves no folder.
        search = None if shared is None else Search.join(record, split, shared, threads)
        folder = resume
        if folder is None:
            runs = default_place(RUNS, str(request.data)) if run is None else RUNS
            stem = f"{run_name(split.name, record.recipe_name)}-tune"
            with new_run(run, stem, runs) as folder:
                write_search(folder, record)
        if search is None:
            shared = stack.enter_context(open_journal(folder))
            search = Search.join(record, split, shared, threads)
        if note:
            make_console().print(note)
        return _run(search, folder, trials or record.trials)


def _begin(
    request: Request, trials: int, storage: str | None, threads: int | None
) -> tuple[SearchRecord, SplitDataset, str]:
    """Read the data and choose the recipe and the space; return the record of a new search, the data, and the note."""
    assert request.data is not None
    data, given, seed = request.data, request.given, DEFAULT_SEED if request.seed is None else request.seed
    fixed = [name for name, value in given.items() if value is not None]
    space = parse_space(request.search, fixed)
    n_blocks = check_settings(data, request.recipe_name, given)
    loading = load_ahead(request.engine, n_blocks)
    dataset = load_with_bar(data, request.folder, request.read_options)
    shape, n_images = dataset.train.images.shape[1:], len(dataset.train)
    name, recipe, note = choose_recipe(data, request.recipe_name, given, shape, n_images)
    split = SplitDataset.of(dataset, data, request.read_options, Split.of_share(request.validation_share))
    space = space or default_space(recipe, split.data.n_images, min(shape[:2]), fixed)
    check_space(space, recipe, lambda tried: _check(tried, split))
    loading.join()
    # What there is to say about the data and the engine is said here, once.
    TrainingJob.from_split(split, recipe, engine=request.engine, threads=threads, seed=seed)
    record = SearchRecord(
        request.study or f"{split.name}-{name}", split.record, split.data.fingerprint, recipe, name, space, trials,
        seed, request.engine, storage,
    )  # fmt: skip
    return record, split, note


def _check(recipe: Recipe, split: SplitDataset) -> None:
    """Refuse a recipe that the images are too small for."""
    height, width, channels = split.data.images.shape[1:]
    Architecture(height, width, channels, recipe.n_kernels, recipe.units, len(split.data.classes))
    refuse_hiding((height, width, channels), recipe)


def _continue(begun: SearchRecord, request: Request, folder: Path) -> tuple[SearchRecord, SplitDataset]:
    """Read the data of a search that is to continue; the record that is returned has what is asked for now."""
    recipe = begun.recipe if request.recipe_name is None else find_recipe(request.recipe_name)
    split = begun.data.split or Split.of_share(None)
    differences = begun.data.read_options.differences(request.read_options)
    if request.validation_share not in (None, split.validation):
        differences.append(f"validation_share is {split.validation:g}, not {request.validation_share:g}")
    if request.study not in (None, begun.study):
        differences.append(f"study is {begun.study!r}, not {request.study!r}")
    refuse_differences(folder, differences, GIVE_THE_SAME)
    place = request.data or str(begun.data.argument)
    if request.data is None and not exists(place):
        raise RunError(
            f"the data of {folder} are no longer at {place}: if they have moved, give the new place: "
            f"{shell_command('tune', 'NEW-PLACE', '--resume', folder)}"
        )
    engine = begun.engine if request.engine == "auto" else request.engine
    loading = load_ahead(engine, recipe.n_blocks)
    options = begun.data.read_options
    dataset = load_with_bar(place, request.folder, options, is_known=True)
    data = SplitDataset.of(dataset, place, options, split)
    loading.join()
    return replace(
        begun, data=data.record, fingerprint=data.data.fingerprint, recipe=recipe.override(request.given),
        space=parse_space(request.search) or begun.space, seed=begun.seed if request.seed is None else request.seed,
        engine=engine,
    ), data  # fmt: skip


def _run(search: Search, folder: Path, n_trials: int) -> int:
    """Run the search until there are so many trials, and show what it came to; return the exit status."""
    console, record = make_console(), search.split.record
    console.print(
        f"searching {', '.join(dimension.text for dimension in search.record.space)}; {n_trials} trials on "
        f"{record.train:,} images, each judged on {record.validation:,}; results go to {folder}"
    )
    if begun := search.results():
        n_ended = sum(one.state in ("finished", "pruned", "failed") for one in begun)
        if n_ended:
            console.print(f"{n_ended} trials were there already")
    interruption: KeyboardInterrupt | SystemExit | None = None
    with TrialDisplay(console) as display:
        try:
            search.run(
                n_trials, lambda trial: console.print(_line(trial, n_trials, search.record.recipe.epochs)), [display],
                on_wait=lambda: console.print("waiting for the trials of other processes"), on_begin=display.begin,
            )  # fmt: skip
        except (KeyboardInterrupt, SystemExit) as error:
            interruption = error
    status = 0
    if interruption is not None:
        status = EXIT_STATUS[signal.SIGINT]
        if isinstance(interruption, SystemExit):
            status = int(interruption.code or 0)
    results = search.results()
    if interruption is None or any(one.state == "finished" for one in results):
        _finish(search, folder, results, record.validation)
    if interruption is not None:
        console.print(f"interrupted; continue with: {shell_command('tune', '--resume', folder)}")
    return status


def _line(trial: TrialResult, n_trials: int, epochs: int) -> str:
    """The line about a trial that has ended."""
    parts = [f"trial {trial.number:{len(str(n_trials))}}"]
    parts += [f"{name} {_format(value)}" for name, value in trial.settings.items()]
    if trial.state == "failed":
        return "  ".join([*parts, f"failed: {trial.note}"])
    assert trial.seconds is not None
    parts += [f"val_loss {trial.loss:.4f}", f"val_accuracy {trial.accuracy:.4f}", format_duration(trial.seconds)]
    if trial.state == "pruned":
        parts.append(f"pruned after epoch {trial.epochs} of {trial.settings.get('epochs', epochs)}")
    return "  ".join(parts)


def _finish(search: Search, folder: Path, results: Sequence[TrialResult], n_validation: int) -> None:
    """Write the results, and print the best trials, what mattered, and what to do next."""
    console, record = make_console(), search.record
    best = best_of(results)
    assert best.accuracy is not None
    shares = importances(search.study, record.space)
    write_results(folder, results, best, record.recipe, record.space, shares)
    table = Table(box=None, pad_edge=False)
    for column in ("trial", "val_loss", "val_accuracy", *(dimension.name for dimension in record.space)):
        table.add_column(column, justify="right")
    for one in ranking(results)[:BEST_SHOWN]:
        values = [_format(value) for value in one.settings.values()]
        table.add_row(str(one.number), f"{one.loss:.4f}", f"{one.accuracy:.4f}", *values)
    print_table(table)
    counts = {state: sum(one.state == state for one in results) for state in ("finished", "pruned", "failed")}
    console.print(f"trials: {', '.join(f'{count} {state}' for state, count in counts.items() if count)}")
    if shares:
        console.print(f"what mattered: {', '.join(f'{name} {100 * share:.0f} %' for name, share in shares.items())}")
    first = last_attempt(results, 0)
    if first.state == "finished" and first is not best:
        console.print(
            f"the recipe as it was: val_loss {first.loss:.4f}, val_accuracy {first.accuracy:.4f} (trial {first.number})"
        )
    own = ", the recipe as it was" if best is first else ""
    accuracy = describe_accuracy(best.accuracy, n_validation)
    console.print(
        f"the lowest loss, trial {best.number}{own}: validation accuracy {accuracy}. "
        "These images chose the settings, so expect a little less on others."
    )
    for name in (RECIPE, PICTURE, TRIALS):
        console.print(f"  {folder / name}")
    words = ["train", str(record.data.argument), "--recipe", folder / RECIPE, *data_options(record.data)]
    words += [] if record.seed == DEFAULT_SEED else ["--seed", record.seed]
    console.print(f"train with them: {shell_command(*words)}")


def _format(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else format_setting(value)
