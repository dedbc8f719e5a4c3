"""The command line: each command's arguments, and how the process ends.

Each command does its work in `golmu.cli.commands`, whose module is imported when the command runs.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golmu.about import VERSION
from golmu.cli.options import (
    DATA,
    SERVER,
    WHAT_DATA_IS_HELP,
    ChannelsOption,
    DataArgument,
    EngineOption,
    FolderOption,
    GroupedCommand,
    HostOption,
    InvertOption,
    JsonOption,
    LabelOption,
    NoTryOption,
    PortOption,
    RecipeOption,
    RunArgument,
    RunOrModelArgument,
    SeedOption,
    SizeOption,
    SkipBadOption,
    ThreadsOption,
    TokenOption,
    ValidationShareOption,
    option,
    with_recipe_options,
)
from golmu.errors import GolmuError
from golmu.names import printable
from golmu.recipe import RUN

if TYPE_CHECKING:
    from golmu.data.reading import ReadOptions

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells expect."""

logger = logging.getLogger("golmu")

app = typer.Typer(
    name="golmu",
    help="Train, explain and ship small convolutional image classifiers on the computer you already have.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"golmu {VERSION}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _global_options(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
) -> None:
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it logs what it then raises
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(2)


@app.command(cls=GroupedCommand, short_help="Train a network on DATA and write a run folder.")
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
    no_try: NoTryOption = False,
) -> None:
    """Train a network on DATA and write a run folder.

    Four fifths of DATA's training images are trained on, unless you give --validation-share; the others validate.
    """
    from golmu.cli.commands.train import train_run  # noqa: PLC0415  what it imports takes half a second

    status = train_run(
        data, recipe, given, engine=engine, threads=threads, seed=seed, run=run, resume=resume,
        allow_inexact=allow_inexact, folder=folder, read_options=_read_options(size, channels, skip_bad, label),
        validation_share=validation_share, with_panel=not no_try,
    )  # fmt: skip
    if status:
        raise typer.Exit(status)


@app.command(cls=GroupedCommand, short_help="Score a trained network on test images.")
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
        _print_json(result)
    else:
        show(result)


@app.command(cls=GroupedCommand, short_help="Say what images show.")
def predict(
    run: RunOrModelArgument,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of image files.")],
    json_output: JsonOption = False,
    skip_bad: SkipBadOption = False,
    invert: InvertOption = "auto",
) -> None:
    """Say what images show: one line each, with the most probable class and its probability."""
    from golmu.cli.commands.predict import predict_files  # noqa: PLC0415

    predictions = predict_files(run, images, skip_bad=skip_bad, invert=invert)
    if json_output:
        _print_json(predictions)
        return
    for prediction in predictions:
        _say(f"{prediction['image']}  {prediction['label']}  {prediction['probability']:.4f}")


@app.command(cls=GroupedCommand, short_help="Write a run's report, a web page.")
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

    _say(f"report: {report_run(run, data, output, folder, with_panel=not no_try)}")


@app.command(cls=GroupedCommand, short_help="Write a network in another program's format.")
def export(
    run: RunOrModelArgument,
    to: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="keras, onnx, litert (TensorFlow Lite, for phones and small devices), saved-model (TensorFlow "
            "Serving), or page (a web page that runs the network).",
        ),
    ] = "keras",
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder to write, or to replace if an export wrote it. By default export/FORMAT in the run folder, or "
            "beside the model file.",
        ),
    ] = None,
    quantize: Annotated[
        bool,
        typer.Option(
            "--quantize", help="With --to litert: quantize it to 8 bits, calibrated on the run's training images; the "
            "folder is export/litert-int8."
        ),
    ] = False,
    card: Annotated[bool, typer.Option("--card", help="Write a model card, README.md, too.")] = False,
    data: Annotated[
        str | None,
        option(
            metavar="DATA", group=DATA, help="With --quantize or --to page: the new place of the run's data, if they "
            "have moved.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """Write a network in another program's format, and check in that program that it gives the same answers.

    The export is a folder with the network, labels.txt (the names of the classes) and model.json (input, output,
    accuracy, versions). Inside the network are the scaling of pixels from 0 to 255, standardisation, the mirror image
    where the recipe has one, and softmax. Not inside are turning an image file upright, making it grey or RGB, fitting
    it to the network's size and inverting it: golmu.fit_image does that, and model.json says exactly how. A page does
    all of it.
    """
    from golmu.cli.commands.export import describe, export_run  # noqa: PLC0415

    exported = export_run(run, to, output, is_quantized=quantize, has_card=card, data=data)
    for line in describe(exported):
        _say(line)


@app.command(cls=GroupedCommand, short_help="Answer requests over HTTP with a network.")
def serve(
    run: RunOrModelArgument,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    token: TokenOption = None,
    max_megabytes: Annotated[
        int, option("--max-megabytes", metavar="N", help="Megabytes of a request's body at most.", group=SERVER)
    ] = 16,
    max_pixels: Annotated[
        int, option("--max-pixels", metavar="N", help="Pixels of an image at most.", group=SERVER)
    ] = 50_000_000,
    max_images: Annotated[
        int, option("--max-images", metavar="N", help="Images per request at most.", group=SERVER)
    ] = 64,
    max_requests: Annotated[
        int, option("--max-requests", metavar="N", help="Requests at the same time at most.", group=SERVER)
    ] = 256,
    invert: InvertOption = "auto",
) -> None:  # fmt: skip
    """Answer requests over HTTP with a network: an image file as the body of POST /predict, and a page to try it on."""
    from golmu.cli.commands.serve import serve_network  # noqa: PLC0415

    serve_network(
        run, host=host, port=port, token=token, invert=invert, max_megabytes=max_megabytes, max_pixels=max_pixels,
        max_images=max_images, max_requests=max_requests, say=_say,
    )  # fmt: skip


@app.command("app", cls=GroupedCommand, short_help="Open a page on which networks are trained in sight.")
def open_page(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="RUN", help="A run folder to open: its curves, its network and its images."),
    ] = None,
    data: Annotated[
        str | None,
        option(
            "--data", metavar="DATA", group=DATA,
            help="Your own data to train on, or with RUN, the new place of its data if they have moved.",
        ),
    ] = None,
    no_open: Annotated[bool, option("--no-open", help="Do not open the page in the browser.", group=SERVER)] = False,
    trainings: Annotated[
        int | None,
        option(
            "--trainings", metavar="N", min=1, group=SERVER,
            help="Trainings at the same time at most; others wait. By default one per core.",
        ),
    ] = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    token: TokenOption = None,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:  # fmt: skip
    """Open a page in the browser on which networks are trained in sight: watch, look inside, draw, understand.

    Other computers reach the page with --host 0.0.0.0 and the token in the address that is printed.
    """
    from golmu.cli.commands.app import serve_page  # noqa: PLC0415

    serve_page(
        run, data, folder=folder, read_options=_read_options(size, channels, skip_bad, label), host=host, port=port,
        token=token, trainings=trainings, opens_browser=not no_open, say=_say,
    )  # fmt: skip


@app.command(cls=GroupedCommand, short_help="Put runs side by side.")
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, at least two.")],
    output: Annotated[Path, typer.Option(metavar="HTML", help="File to write or replace.")] = Path("comparison.html"),
    json_output: JsonOption = False,
) -> None:
    """Put runs side by side: their curves in one figure, the settings in which they differ, and their results."""
    from golmu.cli.commands.compare import compare_runs, show  # noqa: PLC0415

    compared = compare_runs(runs, output)
    if json_output:
        _print_json(compared)
        return
    show(compared)
    _say(f"page: {compared['page']}")


@app.command(cls=GroupedCommand, short_help="Draw an image's way through the network.")
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
        _print_json(result)
        return
    truth = "" if result["true"] is None else f"  (true class: {result['true']})"
    explained = "" if target is None else f"  (explained: {result['target']})"
    _say(f"{result['image']}  {result['label']}  {result['probability']:.4f}{truth}{explained}")
    if result["file"] not in (None, image):
        _say(f"file: {result['file']}")
    _say(f"figure: {result['figure']}")


@app.command(cls=GroupedCommand, short_help="List the named recipes, with measured results.")
def recipes(json_output: JsonOption = False) -> None:
    """List the named recipes, with the accuracy and the training time measured for each."""
    from golmu.cli.commands.recipes import recipe_records, show_recipes  # noqa: PLC0415

    if json_output:
        _print_json(recipe_records())
    else:
        show_recipes()


@app.command(cls=GroupedCommand, short_help="Suggest a learning rate.")
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
        folder=folder, read_options=_read_options(size, channels, skip_bad, label),
    )  # fmt: skip
    if json_output:
        _print_json(result)
        return
    if result["note"]:
        _say(result["note"])
    _say(f"suggested learning rate: {result['suggestion']:.2g} (the loss was lowest at {result['lowest']:.2g})")
    _say(f"curve: {result['curve']}")


@app.command(cls=GroupedCommand, short_help="Inspect a data set.")
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
    json_output: JsonOption = False,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:
    """Inspect a data set: check its files, count its classes, report problems, and draw samples of each class."""
    from golmu.cli.commands.data import inspect_data, show_data  # noqa: PLC0415

    result = inspect_data(name, folder, _read_options(size, channels, skip_bad, label), sheet)
    if json_output:
        _print_json(result)
    else:
        show_data(result)


def _read_options(size: str | None, channels: int | None, skip_bad: bool, label: str | None) -> ReadOptions:
    from golmu.data.reading import ReadOptions, parse_size  # noqa: PLC0415

    return ReadOptions(None if size is None else parse_size(size), channels, skip_bad, label)


def _say(line: str, *, is_error: bool = False) -> None:
    """Print one line, whatever the names in it hold."""
    typer.echo(printable(line, keep=""), err=is_error)  # it is flushed, so that a program may wait for it


def _print_json(value: Any) -> None:
    text = printable(json.dumps(value, indent=2, ensure_ascii=False))
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # what the console lacks would come out in a form that JSON does not have
        text = json.dumps(value, indent=2)
    typer.echo(text)


def main() -> None:
    """Run the console command; whatever goes wrong is one line on standard error and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to lose a run.
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *_: f"golmu: warning: {printable(str(message))}\n"
    try:
        status = app(standalone_mode=False, prog_name="golmu")
        if sys.stdout is not None:  # closed by whoever started golmu
            sys.stdout.flush()
    except typer.TyperException as error:
        _fail(error.format_message(), error.exit_code)
    except GolmuError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of the output, such as `head`, has closed it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python reports it at its end
        sys.exit(1)
    except OSError as error:
        _fail(str(error), 1)
    except MemoryError as error:
        _fail(f"out of memory: {error}", 1)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> None:
    """End the process with the message on one line."""
    logger.debug("", exc_info=True)  # with --debug, the traceback
    _say(f"golmu: error: {' '.join(message.splitlines())}", is_error=True)
    sys.exit(status)
