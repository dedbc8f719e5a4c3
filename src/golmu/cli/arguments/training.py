"""The arguments of the commands that train, and of those that say what to train on and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from golmu.cli.options import (
    SEARCH,
    WHAT_DATA_IS_HELP,
    ChannelsOption,
    ClassWeightOption,
    DataArgument,
    EngineOption,
    FolderOption,
    FoldsOption,
    JsonOption,
    LabelOption,
    NoTryOption,
    RecipeOption,
    SeedOption,
    SizeOption,
    SkipBadOption,
    ThreadsOption,
    ValidationShareOption,
    option,
    read_options,
    with_recipe_options,
)
from golmu.cli.output import print_json, say
from golmu.recipe import RUN


@with_recipe_options()
def train(
    given: dict[str, Any],
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help=f"{WHAT_DATA_IS_HELP}. With --resume, the run's own data.")
    ] = None,
    recipe: RecipeOption = None,
    engine: EngineOption = "auto",
    threads: ThreadsOption = None,
    seed: SeedOption = None,
    run: Annotated[
        Path | None,
        option(metavar="FOLDER", help="Folder for the results. By default a new one under runs/.", group=RUN),
    ] = None,
    resume: Annotated[
        Path | None, option(metavar="RUN", help="Continue a run from its last checkpoint.", group=RUN)
    ] = None,
    allow_inexact: Annotated[
        bool,
        option("--allow-inexact", help="Let --resume use another engine; results will differ slightly.", group=RUN),
    ] = False,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
    validation_share: ValidationShareOption = None,
    folds: FoldsOption = None,
    class_weight: ClassWeightOption = None,
    no_try: NoTryOption = False,
) -> None:
    """Train a network on DATA and write a run folder.

    Four fifths of DATA's training images are trained on, unless you give --validation-share; the others validate. With
    --folds, each image validates once.
    """
    from golmu.cli.commands.train import train_run  # noqa: PLC0415  what it imports takes half a second

    status = train_run(
        data, recipe, given, engine=engine, threads=threads, seed=seed, run=run, resume=resume,
        allow_inexact=allow_inexact, folder=folder, read_options=read_options(size, channels, skip_bad, label),
        validation_share=validation_share, folds=folds, class_weight=class_weight, with_panel=not no_try,
    )  # fmt: skip
    if status:
        raise typer.Exit(status)


@with_recipe_options("n_kernels", "units", "batch_size", "optimizer", "momentum")
def find_lr(
    given: dict[str, Any],
    data: DataArgument,
    recipe: RecipeOption = None,
    low: Annotated[float, typer.Option(metavar="X", help="The lowest learning rate to try.")] = 1e-5,
    high: Annotated[
        float,
        typer.Option(
            metavar="X", help="The highest learning rate to try; the test stops earlier if the loss diverges."
        ),
    ] = 10.0,
    steps: Annotated[
        int, typer.Option(metavar="N", min=10, help="Training steps from the lowest to the highest.")
    ] = 300,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="File for the curve, written or replaced. By default learning-rates.png in the current folder.",
        ),
    ] = None,
    engine: EngineOption = "auto",
    threads: ThreadsOption = None,
    seed: SeedOption = None,
    json_output: JsonOption = False,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:
    """Suggest a learning rate: try growing rates on DATA, and draw the loss against them."""
    from golmu.cli.commands.find_lr import find_learning_rate  # noqa: PLC0415

    result = find_learning_rate(
        data, recipe, given, low=low, high=high, steps=steps, plot=plot, engine=engine, threads=threads, seed=seed,
        folder=folder, read_options=read_options(size, channels, skip_bad, label),
    )  # fmt: skip
    if json_output:
        print_json(result)
        return
    if result["note"]:
        say(result["note"])
    say(f"suggested learning rate: {result['suggestion']:.2g} (the loss was lowest at {result['lowest']:.2g})")
    say(f"curve: {result['curve']}")


@with_recipe_options()
def tune(
    given: dict[str, Any],
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help=f"{WHAT_DATA_IS_HELP}. With --resume, the search's own data.")
    ] = None,
    trials: Annotated[
        int | None,
        option(
            metavar="N", min=1, group=SEARCH,
            help="Trials in all, those of all processes together. By default 50, with --resume as many as before.",
        ),
    ] = None,
    search: Annotated[
        list[str] | None,
        option(
            metavar="NAME=RANGE", group=SEARCH,
            help="A setting to search, and where: log:0.01:0.3, float:0:0.5, int:50:400, or a list such as 8,16,32 "
            "(for several blocks 16,16-32). Give it several times. By default the settings that matter most.",
        ),
    ] = None,
    storage: Annotated[
        str | None,
        option(
            metavar="URL", envvar="GOLMU_STORAGE", show_envvar=False, group=SEARCH,
            help="A PostgreSQL database that keeps the trials, so that several computers share them, such as "
            "postgresql+psycopg://USER@HOST/DATABASE; or give it as the environment variable GOLMU_STORAGE. By "
            "default a file in the folder.",
        ),
    ] = None,
    study: Annotated[
        str | None,
        option(
            metavar="NAME", group=SEARCH,
            help="The search's name in the database. By default the names of the data and the recipe.",
        ),
    ] = None,
    recipe: RecipeOption = None,
    engine: EngineOption = "auto",
    threads: ThreadsOption = None,
    seed: SeedOption = None,
    run: Annotated[
        Path | None,
        option(metavar="FOLDER", help="Folder for the results. By default a new one under runs/.", group=RUN),
    ] = None,
    resume: Annotated[
        Path | None,
        option(metavar="FOLDER", help="Continue the search in this folder, or join it while it runs.", group=RUN),
    ] = None,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
    validation_share: ValidationShareOption = None,
) -> None:  # fmt: skip
    """Search for better settings: train with many, and write the best as a recipe for `golmu train`.

    Trials are compared by the loss on the validation images, and a trial that falls behind ends early.
    """
    from golmu.cli.commands.tune import Request, tune_recipe  # noqa: PLC0415

    request = Request(
        data, recipe, given, search or (), study, engine, seed, folder, read_options(size, channels, skip_bad, label),
        validation_share,
    )  # fmt: skip
    status = tune_recipe(request, trials=trials, run=run, resume=resume, storage=storage, threads=threads)
    if status:
        raise typer.Exit(status)


def data(
    name: DataArgument,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="File for samples of each class, written or replaced. By default NAME-samples.png in the current "
            "folder.",
        ),
    ] = None,
    check_labels: Annotated[
        bool,
        typer.Option(
            "--check-labels",
            help="Train networks over five folds, and list the images whose labels are least believable.",
        ),
    ] = False,
    json_output: JsonOption = False,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:
    """Inspect a data set: check its files, count its classes, report problems, and draw samples of each class."""
    from golmu.cli.commands.data import inspect_data, show_data  # noqa: PLC0415

    result = inspect_data(name, folder, read_options(size, channels, skip_bad, label), sheet, with_labels=check_labels)
    if json_output:
        print_json(result)
    else:
        show_data(result)


def pack(
    name: DataArgument,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            metavar="FOLDER",
            help="Folder for the shards: a new or empty one, or one in which the same data were being packed.",
        ),
    ],
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, help="Seed of the order of the images. By default 42."),
    ] = None,
    json_output: JsonOption = False,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:
    """Write a data set of any size as shards, to train on more than fits into memory.

    The images are shuffled once as they are written. A process that was interrupted goes on with the same command.
    """
    from golmu.cli.commands.pack import pack_data, show_packed  # noqa: PLC0415

    result = pack_data(
        name, output, seed=seed, folder=folder, read_options=read_options(size, channels, skip_bad, label)
    )
    if json_output:
        print_json(result)
    else:
        show_packed(result)


def recipes(json_output: JsonOption = False) -> None:
    """List the named recipes, with the accuracy and the training time measured for each."""
    from golmu.cli.commands.recipes import recipe_records, show_recipes  # noqa: PLC0415

    if json_output:
        print_json(recipe_records())
    else:
        show_recipes()
