"""`golmu train`: from a data set's name to a whole run folder, shown on standard output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from golmu.checks import integer_within, one_of
from golmu.cli.commands.train_folds import train_over_folds
from golmu.cli.console import make_console, shell_command
from golmu.cli.places import default_place, refuse_in_data
from golmu.cli.progress import TrainingDisplay, load_to_train, load_with_bar
from golmu.cli.recipe_choice import ChosenRecipe, check_settings, choose_recipe
from golmu.cli.training_results import show_outcome
from golmu.data.dataset import MAX_FOLDS
from golmu.data.reading import ReadOptions
from golmu.data.sample_weight import BALANCED
from golmu.data.shards.index import ShardIndex
from golmu.engines import ENGINE_NAMES, load_ahead
from golmu.errors import InputError
from golmu.recipe import Recipe
from golmu.runs.checkpoint import refuse_differences
from golmu.runs.data_record import DEFAULT_SPLIT, Split
from golmu.runs.folder import RUNS
from golmu.runs.folds import FoldedTraining
from golmu.runs.job import DEFAULT_SEED, SplitDataset, TrainingJob, open_to_resume
from golmu.runs.recipe_file import find_recipe
from golmu.runs.run import Run


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
    folds: int | None = None,
    class_weight: str | None = None,
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
    folds
        Number of folds: a network is trained for each, then one on all images; with `resume`, as the run began with.
    class_weight
        "balanced", by which each class counts alike; with `resume`, as the run began with.
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
    split = Split.of_share(validation_share)
    if folds is not None:
        integer_within(folds, "folds", 2, MAX_FOLDS)
        if validation_share is not None:
            raise InputError(
                "--folds holds out each image once, and --validation-share a part of them: give one of them"
            )
        split = Split.of_folds(folds)
    if class_weight is not None:
        one_of(class_weight, (BALANCED,), "class_weight")
    read_options = read_options or ReadOptions()
    if resume is not None:
        if run is not None:
            raise InputError("--run is for a new folder, and --resume for a run to continue: give one of them")
        with open_to_resume(resume) as begun:
            recipe = _recipe_to_resume(begun, recipe_name, given or {})
            _refuse_other_settings(begun, recipe, seed, read_options, validation_share, folds, class_weight)
            job, _ = _make_job(
                data or begun.find_data(shell_command("train", "NEW-PLACE", "--resume", resume)),
                lambda *_: ChosenRecipe(begun.record.recipe_name, recipe), recipe.n_blocks,
                begun.record.engine if engine == "auto" else engine, threads or begun.record.threads,
                begun.record.seed if begun.record.seed is not None else DEFAULT_SEED, folder, begun.read_options,
                begun.record.data.split or DEFAULT_SPLIT, begun.record.fit.balance, is_known=True,
            )  # fmt: skip
            if isinstance(job, FoldedTraining):
                return train_over_folds(job, None, begun, allow_inexact=allow_inexact, with_panel=with_panel)
            return _train(job, None, begun, allow_inexact=allow_inexact, with_panel=with_panel)
    if data is None:
        raise InputError("DATA is missing: give a data set, a folder or a file, or continue a run with --resume RUN")
    if allow_inexact:
        raise InputError("--allow-inexact is for continuing a run: give --resume RUN too")
    refuse_in_data(run, data, "--run")
    n_blocks = check_settings(data, recipe_name, given or {})
    seed = DEFAULT_SEED if seed is None else seed
    choose = partial(choose_recipe, data, recipe_name, given or {})
    job, note = _make_job(data, choose, n_blocks, engine, threads, seed, folder, read_options, split, class_weight)
    runs = default_place(RUNS, data) if run is None else RUNS
    if isinstance(job, FoldedTraining):
        return train_over_folds(job, run, None, note=note, runs=runs, with_panel=with_panel)
    return _train(job, run, None, note=note, runs=runs, with_panel=with_panel)


def _recipe_to_resume(begun: Run, recipe_name: str | None, given: Mapping[str, Any]) -> Recipe:
    asked = begun.record.asked_recipe
    recipe = asked if recipe_name is None else find_recipe(recipe_name)
    recipe = recipe.override({"epochs": asked.epochs}).override(given)
    # In runs of earlier versions test_flip did not follow flip. What is not said is as the run has it.
    follows = recipe.test_flip is None and recipe.flip == asked.flip
    return replace(recipe, test_flip=asked.test_flip) if follows else recipe


def _refuse_other_settings(
    begun: Run, recipe: Recipe, seed: int | None, read_options: ReadOptions, validation_share: float | None,
    folds: int | None, class_weight: str | None,
) -> None:  # fmt: skip
    """Raise `RunError` if what is asked for now differs from what the run began with in more than its epochs."""
    differences = begun.record.asked_recipe.differences(recipe)
    if seed is not None and seed != begun.record.seed:
        differences.append(f"seed is {begun.record.seed}, not {seed}")
    split = begun.record.data.split or DEFAULT_SPLIT
    if folds not in (None, split.folds):
        differences.append(f"folds is {split.folds}, not {folds}")
    if validation_share not in (None, split.validation):
        differences.append(f"validation_share is {split.validation:g}, not {validation_share:g}")
    if class_weight not in (None, begun.record.fit.balance):
        differences.append(f"class_weight is {begun.record.fit.balance}, not {class_weight}")
    refuse_differences(begun.folder, differences + begun.read_options.differences(read_options))


def _make_job(
    data: str, choose: Callable[[tuple[int, ...], int], ChosenRecipe], n_blocks: int | None, engine: str,
    threads: int | None, seed: int, folder: Path | None, read_options: ReadOptions, split: Split,
    class_weight: str | None, *, is_known: bool = False,
) -> tuple[TrainingJob | FoldedTraining, str]:  # fmt: skip
    """Read the data and choose a recipe by the images' shape (h, w, c) and number; return the job and the note on it.

    `n_blocks` is the number of the network's blocks, where the images have no say in it.
    """
    loading = load_ahead(engine, n_blocks)
    load = load_with_bar if split.is_over_folds else load_to_train
    loaded = load(data, folder, read_options, is_known=is_known)
    image_shape = loaded.image_shape if isinstance(loaded, ShardIndex) else loaded.train.images.shape[1:]
    chosen = choose(image_shape, len(loaded.train))
    if n_blocks is None:  # the kernels load while the data are split
        loading = load_ahead(engine, chosen.recipe.n_blocks)
    job: TrainingJob | FoldedTraining
    if isinstance(loaded, ShardIndex):
        shards = SplitDataset.of_shards(loaded, split, class_weight)
        job = TrainingJob.from_split(
            shards, chosen.recipe, recipe_name=chosen.name, engine=engine, threads=threads, seed=seed
        )
    else:
        make = FoldedTraining if split.is_over_folds else TrainingJob.from_dataset
        job = make(
            loaded, data, chosen.recipe, recipe_name=chosen.name, engine=engine, threads=threads, seed=seed,
            read_options=read_options, split=split, class_weight=class_weight,
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
    return show_outcome(outcome, job, job.images, with_panel=with_panel)
