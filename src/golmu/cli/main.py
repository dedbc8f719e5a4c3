"""The command line. Each command is a thin layer over the library, which is imported when the command runs."""

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

from golmu import __version__
from golmu.errors import GolmuError

if TYPE_CHECKING:
    from golmu.data.reading import Reading

INTERRUPTED = 130
"""Exit status after Ctrl-C: 128 + SIGINT, as shells expect."""

logger = logging.getLogger("golmu")

app = typer.Typer(
    name="golmu",
    help="Train, explain and ship small convolutional image classifiers on the computer you already have.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

WHAT_DATA_IS = (
    "A data set by name (fashion-mnist, digits), a folder of class folders of images, of IDX files or of tables, or an "
    ".npz, .parquet or .csv file"
)
"""As `golmu.data.loading` says it in errors."""

DataArgument = Annotated[str, typer.Argument(metavar="DATA", help=f"{WHAT_DATA_IS}.")]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Folder to look in first for a named data set's files.")
]
SizeOption = Annotated[
    str | None,
    typer.Option(
        "--size",
        metavar="SIDE|HxW",
        help="Height and width in pixels that image files are fitted to; by default theirs if all have one, else 28.",
    ),
]
ChannelsOption = Annotated[
    int | None,
    typer.Option("--channels", help="Image files are made grey (1) or RGB (3); by default RGB if any has colours."),
]
SkipBadOption = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out image files that cannot be read, with a warning.")
]
LabelOption = Annotated[
    str | None,
    typer.Option(
        "--label",
        help="Column of a table that holds the labels; by default the only one that may, or that is called so.",
    ),
]
InvertOption = Annotated[
    str,
    typer.Option(
        "--invert",
        help="Invert image files: auto (those that are dark on light where the training images are light on dark, or "
        "the other way round), yes or no.",
    ),
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder that `golmu train` has written.")]
RecipeOption = Annotated[
    str | None,
    typer.Option(
        help="Named settings to start from, see `golmu recipes`; by default 'chapter' for fashion-mnist, else 'any'."
    ),
]
KernelsOption = Annotated[int | None, typer.Option("--n-kernels", help="3x3 convolution kernels.")]
UnitsOption = Annotated[int | None, typer.Option("--units", help="Units of the hidden dense layer.")]
BatchOption = Annotated[int | None, typer.Option("--batch-size", help="Images a step.")]
OptimizerOption = Annotated[
    str | None, typer.Option("--optimizer", help="How a step is made: sgd, nesterov, adam or adamw.")
]
MomentumOption = Annotated[
    float | None, typer.Option("--momentum", help="Share of the velocity that stays, of nesterov, adam and adamw.")
]
EngineOption = Annotated[str, typer.Option("--engine", help="What computes: auto, fused or tensorflow.")]
ThreadsOption = Annotated[
    int | None, typer.Option("--threads", min=1, help="Threads at most; by default one for each core.")
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed", min=0, help="Fixes the initial weights, the order of the images, and all other chance; by default 42."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"golmu {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the whole traceback of an error.")] = False,
) -> None:
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # it logs what it then raises


@app.command()
def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help=f"{WHAT_DATA_IS}; with --resume the run's own.",
        ),
    ] = None,
    recipe: RecipeOption = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    n_kernels: KernelsOption = None,
    units: UnitsOption = None,
    batch_size: BatchOption = None,
    learning_rate: Annotated[float | None, typer.Option(help="Step size, at its highest.")] = None,
    optimizer: OptimizerOption = None,
    momentum: MomentumOption = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Share of each weight that a step takes away, times the learning rate.")
    ] = None,
    schedule: Annotated[
        str | None,
        typer.Option(help="The learning rate after the warm-up: constant, triangular or cosine."),
    ] = None,
    warmup: Annotated[
        float | None, typer.Option(help="Share of all steps in which the learning rate grows from zero.")
    ] = None,
    final_rate: Annotated[
        float | None, typer.Option(help="Share of the learning rate that is left at the end of its schedule.")
    ] = None,
    final_batch_size: Annotated[
        int | None, typer.Option(help="Images a step in the last epoch; they grow to it by one factor an epoch.")
    ] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(help="Share of the target that is spread over all classes.")
    ] = None,
    feature_dropout: Annotated[
        float | None, typer.Option(help="Probability of dropping a pooled activation before the hidden layer.")
    ] = None,
    hidden_dropout: Annotated[
        float | None, typer.Option(help="Probability of dropping a hidden activation before the output layer.")
    ] = None,
    flip: Annotated[bool | None, typer.Option(help="Mirror half of the images, by chance.")] = None,
    shift: Annotated[int | None, typer.Option(help="Pixels, at most, by which images are moved, by chance.")] = None,
    erase: Annotated[int | None, typer.Option(help="Side of the square that is erased anywhere in an image.")] = None,
    ema: Annotated[
        float | None, typer.Option(help="Share of the average of the weights that stays from step to step.")
    ] = None,
    average_epochs: Annotated[
        int | None, typer.Option(help="Last epochs over whose steps the weights are averaged evenly.")
    ] = None,
    test_flip: Annotated[
        bool | None, typer.Option(help="Answer with the mean of the logits of an image and of its mirror image.")
    ] = None,
    standardize: Annotated[
        bool | None, typer.Option(help="Bring the pixels to mean 0 and standard deviation 1 over the training images.")
    ] = None,
    record_loss: Annotated[
        str | None, typer.Option(help="Take a batch's loss 'after' its update, or 'before' it, which is faster.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after so many epochs without a lower validation loss, and keep the best epoch."),
    ] = None,
    engine: EngineOption = "auto",
    threads: ThreadsOption = None,
    seed: SeedOption = None,
    run: Annotated[Path | None, typer.Option(help="Folder for the results; by default a new one under runs/.")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a run where its checkpoint stands.")
    ] = None,
    allow_inexact: Annotated[
        bool, typer.Option("--allow-inexact", help="Let --resume use another engine, with slightly other bits.")
    ] = False,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:
    """Train a network on 80 % of DATA's training images, validate it on the rest, and write a run folder."""
    options = locals()
    from golmu.cli.commands.train import train_run  # noqa: PLC0415  what it imports takes half a second
    from golmu.recipe import FIELDS  # noqa: PLC0415

    given = {name: options[name] for name in FIELDS}
    status = train_run(
        data, recipe, given, engine=engine, threads=threads, seed=seed, run=run, resume=resume,
        allow_inexact=allow_inexact, folder=folder, reading=_reading(size, channels, skip_bad, label),
    )  # fmt: skip
    if status:
        raise typer.Exit(status)


@app.command()
def evaluate(
    run: RunArgument,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="Data whose test images are used; by default the run's own.")
    ] = None,
    json_output: JsonOption = False,
    folder: FolderOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:
    """Score a trained network on test images: loss, accuracy, and each class's precision, recall and F1."""
    from golmu.cli.commands.evaluate import evaluate_run, show  # noqa: PLC0415

    result = evaluate_run(run, data, folder, skip_bad=skip_bad, label=label)
    if json_output:
        _print_json(result)
    else:
        show(result)


@app.command()
def predict(
    run: RunArgument,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of them.")],
    json_output: JsonOption = False,
    skip_bad: SkipBadOption = False,
    invert: InvertOption = "auto",
) -> None:
    """Say what images show: a line for each with its label and probability."""
    from golmu.cli.commands.predict import predict_files  # noqa: PLC0415

    predictions = predict_files(run, images, skip_bad=skip_bad, invert=invert)
    if json_output:
        _print_json(predictions)
        return
    for prediction in predictions:
        typer.echo(f"{prediction['image']}  {prediction['label']}  {prediction['probability']:.4f}")


@app.command()
def report(
    run: RunArgument,
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="The run's data, where they are now; by default where they were."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="HTML file, which is replaced; by default report.html in the run folder.")
    ] = None,
    folder: FolderOption = None,
) -> None:
    """Write the page of a run: how it went, how good the network is, where it is wrong, what it has learned."""
    from golmu.report.run_report import report_run  # noqa: PLC0415

    typer.echo(f"report: {report_run(run, data, output, folder)}")


@app.command()
def export(
    run: RunArgument,
    output: Annotated[
        Path | None, typer.Option(help="Keras file, which is replaced; by default network.keras in the run folder.")
    ] = None,
) -> None:
    """Write the network of a run as a Keras model, with all that is done to an image inside, and check its answers."""
    from golmu.export.keras import export_run  # noqa: PLC0415

    typer.echo(f"network: {export_run(run, output)}")


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders, at least two.")],
    output: Annotated[Path, typer.Option(help="HTML file, which is replaced.")] = Path("comparison.html"),
    json_output: JsonOption = False,
) -> None:
    """Put runs side by side: their curves in one figure, the settings in which they differ, and their results."""
    from golmu.report.comparison import compare_runs, show  # noqa: PLC0415

    compared = compare_runs(runs, output)
    if json_output:
        _print_json(compared)
        return
    show(compared)
    typer.echo(f"page: {compared['page']}")


@app.command()
def explain(
    run: RunArgument,
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="An image file, or the number of a validation image, as the report gives it."
        ),
    ],
    target: Annotated[str | None, typer.Option(help="Class to explain; by default the predicted one.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Let the number count the test images.")] = False,
    data: Annotated[
        str | None,
        typer.Option(
            help="The run's data, where they are now; or data whose test images are counted, for a run from arrays."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="PNG, SVG or PDF file, which is replaced; by default explain-FOLDER-IMAGE.png in RUN."),
    ] = None,
    json_output: JsonOption = False,
    folder: FolderOption = None,
    invert: InvertOption = "auto",
) -> None:
    """Draw what the network makes of an image, from layer to layer, and where its decision comes from."""
    from golmu.cli.commands.explain import explain_run  # noqa: PLC0415

    found = explain_run(run, image, target=target, test=test, data=data, output=output, folder=folder, invert=invert)
    if json_output:
        _print_json(found)
        return
    truth = "" if found["true"] is None else f"  (true class: {found['true']})"
    typer.echo(f"{found['image']}  {found['label']}  {found['probability']:.4f}{truth}")
    typer.echo(f"figure: {found['figure']}")


@app.command()
def recipes(json_output: JsonOption = False) -> None:
    """List the named settings for training, with the accuracy and the time that were measured with each."""
    from golmu.cli.commands.recipes import recipe_records, show_recipes  # noqa: PLC0415

    if json_output:
        _print_json(recipe_records())
    else:
        show_recipes()


@app.command()
def find_lr(
    data: DataArgument,
    recipe: RecipeOption = None,
    n_kernels: KernelsOption = None,
    units: UnitsOption = None,
    batch_size: BatchOption = None,
    optimizer: OptimizerOption = None,
    momentum: MomentumOption = None,
    low: Annotated[float, typer.Option(help="The learning rate to begin with.")] = 1e-5,
    high: Annotated[float, typer.Option(help="The learning rate to end with, if the loss lives so long.")] = 10.0,
    steps: Annotated[int, typer.Option(min=10, help="Steps from the one to the other.")] = 300,
    plot: Annotated[Path, typer.Option(help="PNG file for the curve; one that is there is replaced.")] = Path(
        "learning-rates.png"
    ),
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
    """Try growing learning rates on DATA, draw the loss against them, and suggest one."""
    from golmu.cli.commands.find_lr import find_learning_rate  # noqa: PLC0415

    given = {
        "n_kernels": n_kernels, "units": units, "batch_size": batch_size, "optimizer": optimizer, "momentum": momentum,
    }  # fmt: skip
    found = find_learning_rate(
        data, recipe, given, low=low, high=high, steps=steps, plot=plot, engine=engine, threads=threads, seed=seed,
        folder=folder, reading=_reading(size, channels, skip_bad, label),
    )  # fmt: skip
    if json_output:
        _print_json(found)
        return
    typer.echo(f"suggested learning rate: {found['suggestion']:.2g} (the loss was lowest at {found['lowest']:.2g})")
    typer.echo(f"curve: {plot}")


@app.command()
def data(
    name: DataArgument,
    sheet: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG",
            help="File for samples of each class; one that is there is replaced; by default "
            "NAME-samples.png in the current folder.",
        ),
    ] = None,
    json_output: JsonOption = False,
    folder: FolderOption = None,
    size: SizeOption = None,
    channels: ChannelsOption = None,
    skip_bad: SkipBadOption = False,
    label: LabelOption = None,
) -> None:
    """Look at a data set: fetch and check it, count its classes, say what is remarkable, and draw samples of each."""
    from golmu.cli.commands.data import inspect_data, show_data  # noqa: PLC0415

    found = inspect_data(name, folder, _reading(size, channels, skip_bad, label), sheet)
    if json_output:
        _print_json(found)
    else:
        show_data(found)


def _reading(size: str | None, channels: int | None, skip_bad: bool, label: str | None) -> Reading:
    from golmu.data.reading import Reading, parse_size  # noqa: PLC0415

    return Reading(None if size is None else parse_size(size), channels, skip_bad, label)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def main() -> None:
    """The console command: one line on standard error and an exit status for whatever goes wrong."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to lose a run.
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *_: f"golmu: warning: {message}\n"
    try:
        status = app(standalone_mode=False, prog_name="golmu")
        sys.stdout.flush()
    except typer.TyperException as error:
        _fail(error.format_message(), error.exit_code)
    except GolmuError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # whoever reads, as `head`, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python reports it at its end
        sys.exit(1)
    except OSError as error:
        _fail(str(error), 1)
    except MemoryError as error:
        _fail(f"out of memory: {error}", 1)
    sys.exit(status if isinstance(status, int) else 0)


def _fail(message: str, status: int) -> None:
    """Ends the process with the message on one line; without one, as after the help that stands for it, silently."""
    logger.debug("", exc_info=True)  # with --debug, the traceback
    line = " ".join(message.splitlines())
    if line:
        typer.echo(f"golmu: error: {line}", err=True)
    sys.exit(status)
