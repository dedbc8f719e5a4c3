"""The command line. Each command is a thin layer over the library, which is imported when the command runs."""

from __future__ import annotations

import json
import logging
import os
import sys
import warnings
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer

from golmu import __version__
from golmu.errors import GolmuError

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

DataArgument = Annotated[
    str, typer.Argument(metavar="DATA", help="A data set by name (fashion-mnist), a folder of IDX files, or an .npz.")
]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="Folder to look in first for a named data set's files.")
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder that `golmu train` has written.")]
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
            help="A data set by name (fashion-mnist), a folder of IDX files, or an .npz; with --resume the run's own.",
        ),
    ] = None,
    recipe: Annotated[str | None, typer.Option(help="Named settings to start from; by default 'chapter'.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the training images.")] = None,
    n_kernels: Annotated[int | None, typer.Option(help="3x3 convolution kernels.")] = None,
    units: Annotated[int | None, typer.Option(help="Units of the hidden dense layer.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Step size of SGD.")] = None,
    record_loss: Annotated[
        str | None, typer.Option(help="Take a batch's loss 'after' its update, or 'before' it, which is faster.")
    ] = None,
    patience: Annotated[
        int | None,
        typer.Option(help="Stop after so many epochs without a lower validation loss, and keep the best epoch."),
    ] = None,
    engine: Annotated[str, typer.Option(help="What computes: auto, fused or tensorflow.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads at most; by default one for each core.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Fixes the initial weights and the order of the images; by default 42."),
    ] = None,
    run: Annotated[Path | None, typer.Option(help="Folder for the results; by default a new one under runs/.")] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Go on with a run where its checkpoint stands.")
    ] = None,
    allow_inexact: Annotated[
        bool, typer.Option("--allow-inexact", help="Let --resume use another engine, with slightly other bits.")
    ] = False,
    folder: FolderOption = None,
) -> None:
    """Train a network on 80 % of DATA's training images, validate it on the rest, and write a run folder."""
    from golmu.trainer import train_run  # noqa: PLC0415  what it imports takes half a second

    given = {
        "epochs": epochs,
        "n_kernels": n_kernels,
        "units": units,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "record_loss": record_loss,
        "patience": patience,
    }
    status = train_run(
        data, recipe, given, engine=engine, threads=threads, seed=seed, run=run, resume=resume,
        allow_inexact=allow_inexact, folder=folder,
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
) -> None:
    """Score a trained network on test images: loss, accuracy, and each class's precision, recall and F1."""
    from golmu.evaluation import evaluate_run, show  # noqa: PLC0415

    result = evaluate_run(run, data, folder)
    if json_output:
        _print_json(result)
    else:
        show(result)


@app.command()
def predict(
    run: RunArgument,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Image files, or folders of them.")],
    json_output: JsonOption = False,
) -> None:
    """Say what images show: a line for each with its label and probability."""
    from golmu.prediction import predict_files  # noqa: PLC0415

    predictions = predict_files(run, images)
    if json_output:
        _print_json(predictions)
        return
    for prediction in predictions:
        typer.echo(f"{prediction['image']}  {prediction['label']}  {prediction['probability']:.4f}")


@app.command()
def data(name: DataArgument, folder: FolderOption = None) -> None:
    """Fetch and verify a data set, and say where it is and what it holds."""
    from golmu.data import load_dataset  # noqa: PLC0415

    dataset = load_dataset(name, folder=folder)
    typer.echo(f"{dataset.name}: {dataset.source}")
    for part, images in (("train", dataset.train), ("test", dataset.test)):
        if images is not None:
            shape = "x".join(str(size) for size in images.images.shape[1:])
            typer.echo(f"{part:5}  {len(images):,} images of {shape}, {images.images.dtype}")
    typer.echo(f"{len(dataset.class_names)} classes: {', '.join(dataset.class_names)}")


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
