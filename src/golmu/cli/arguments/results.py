"""The arguments of the commands that show what a trained network does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from golmu.cli.options import (
    DATA,
    FolderOption,
    InvertOption,
    JsonOption,
    LabelOption,
    NoTryOption,
    RunArgument,
    RunOrModelArgument,
    SkipBadOption,
    option,
)
from golmu.cli.output import print_json, say
from golmu.errors import InputError


def evaluate(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA", help="Data whose test images are used, or all if they have none. By default the run's own."
        ),
    ] = None,
    json_output: JsonOption = False,
    folder: FolderOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:
    """Score a trained network on test images: loss, accuracy, and each class's precision, recall and F1.

    Where the run's own data have no test images, its validation images are used, also if you give these data under
    another path.
    """
    from golmu.cli.commands.evaluate import evaluate_run, show  # noqa: PLC0415

    result = evaluate_run(run, data, folder, skip_bad=skip_bad, label=label)
    if json_output:
        print_json(result)
    else:
        show(result)


def predict(
    run: RunOrModelArgument,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="Image files, or folders of image files; with --output also a packed folder or a table, alone.",
        ),
    ],
    json_output: JsonOption = False,
    skip_bad: SkipBadOption = False,
    invert: InvertOption = "auto",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the predictions to a .csv or .parquet file, for any number of images. After an interruption "
            "the same command goes on.",
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="With --output: predict the I-th of N equal parts, for jobs side by side."),
    ] = None,
    probabilities: Annotated[
        bool, typer.Option("--probabilities", help="With --output: add a column for the probability of each class.")
    ] = False,
) -> None:
    """Say what images show: one line each, with the most probable class and its probability."""
    from golmu.cli.commands.predict import predict_files, predict_to_file  # noqa: PLC0415

    if output is not None:
        result = predict_to_file(
            run, images, output, part=part, probabilities=probabilities, skip_bad=skip_bad, invert=invert
        )
        if json_output:
            print_json(result)
        else:
            noun = "image" if result["images"] == 1 else "images"
            say(f"predictions for {result['images']:,} {noun}: {result['output']}")
        return
    if part is not None or probabilities:
        raise InputError(f"--{'part' if part else 'probabilities'} is for a file of predictions: give --output too")
    predictions = predict_files(run, images, skip_bad=skip_bad, invert=invert)
    if json_output:
        print_json(predictions)
        return
    for prediction in predictions:
        say(f"{prediction['image']}  {prediction['label']}  {prediction['probability']:.4f}")


def report(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="The run's data, where they are now. By default where they were."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="HTML", help="File to write or replace. By default report.html in the run folder."),
    ] = None,
    folder: FolderOption = None,
    no_try: NoTryOption = False,
) -> None:
    """Write a run's report: how the training went, how good the network is, where it is wrong, what it learned."""
    from golmu.cli.commands.report import report_run  # noqa: PLC0415

    say(f"report: {report_run(run, data, output, folder, with_panel=not no_try)}")


def explain(
    run: RunArgument,
    image: Annotated[
        str,
        typer.Argument(metavar="IMAGE", help="An image file, or the number of a validation image in the report."),
    ],
    target: Annotated[
        str | None, typer.Option(metavar="CLASS", help="Class to explain. By default the predicted one.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Take IMAGE as the number of a test image (default: a validation image).")
    ] = False,
    data: Annotated[
        str | None,
        option(
            metavar="DATA", group=DATA,
            help="The new place of the run's data, if they have moved. For a run from arrays, data whose test images "
            "are numbered.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="PNG, SVG or PDF file to write or replace. By default explain-FOLDER-IMAGE.png in the run folder.",
        ),
    ] = None,
    json_output: JsonOption = False,
    folder: FolderOption = None,
    invert: InvertOption = "auto",
) -> None:  # fmt: skip
    """Draw an image's way through the network, layer by layer, and where its decision comes from."""
    from golmu.cli.commands.explain import explain_run  # noqa: PLC0415

    result = explain_run(run, image, target=target, test=test, data=data, output=output, folder=folder, invert=invert)
    if json_output:
        print_json(result)
        return
    truth = "" if result["true"] is None else f"  (true class: {result['true']})"
    explained = "" if target is None else f"  (explained: {result['target']})"
    say(f"{result['image']}  {result['label']}  {result['probability']:.4f}{truth}{explained}")
    if result["file"] not in (None, image):
        say(f"file: {result['file']}")
    say(f"figure: {result['figure']}")


def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, at least two.")],
    output: Annotated[Path, typer.Option(metavar="HTML", help="File to write or replace.")] = Path("comparison.html"),
    json_output: JsonOption = False,
) -> None:
    """Put runs side by side: their curves in one figure, the settings in which they differ, and their results."""
    from golmu.cli.commands.compare import compare_runs, show  # noqa: PLC0415

    compared = compare_runs(runs, output)
    if json_output:
        print_json(compared)
        return
    show(compared)
    say(f"page: {compared['page']}")
