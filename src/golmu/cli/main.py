"""The command line: its commands, the options of all of them, and how the process ends."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from io import TextIOWrapper
from typing import Annotated

import typer

from golmu.about import VERSION
from golmu.cli.arguments.results import compare, evaluate, explain, predict, report
from golmu.cli.arguments.shipping import export, open_page, serve
from golmu.cli.arguments.training import data, find_lr, pack, recipes, train, tune
from golmu.cli.options import GroupedCommand
from golmu.cli.output import say
from golmu.errors import GolmuError, InputError
from golmu.names import printable

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


for _name, _command, _help in (
    ("train", train, "Train a network on DATA and write a run folder."),
    ("evaluate", evaluate, "Score a trained network on test images."),
    ("predict", predict, "Say what images show."),
    ("report", report, "Write a run's report, a web page."),
    ("export", export, "Write a network in another program's format."),
    ("serve", serve, "Answer requests over HTTP with a network."),
    ("app", open_page, "Open a page on which networks are trained in sight."),
    ("compare", compare, "Put runs side by side."),
    ("explain", explain, "Draw an image's way through the network."),
    ("recipes", recipes, "List the named recipes, with measured results."),
    ("tune", tune, "Search for better settings."),
    ("find-lr", find_lr, "Suggest a learning rate."),
    ("data", data, "Inspect a data set."),
    ("pack", pack, "Write a data set of any size as shards to train on."),
):
    app.command(_name, cls=GroupedCommand, short_help=_help)(_command)


def main() -> None:
    """Run the console command; whatever goes wrong is one line on standard error and an exit status."""
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding lacks is no reason to lose a run.
        if isinstance(stream, TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = lambda message, *_: f"golmu: warning: {printable(str(message))}\n"
    try:
        _refuse_empty(sys.argv[1:])
        status = app(standalone_mode=False, prog_name="golmu")
        if sys.stdout is not None:  # closed by whoever started golmu
            sys.stdout.flush()
    except typer.TyperException as error:
        message = error.format_message()
        if "unexpected extra argument" in message:
            message += ": put quotes around a value with spaces, and commas between several numbers, such as 16,32"
        _fail(message, error.exit_code)
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


def _refuse_empty(words: list[str]) -> None:
    """Raise `InputError` if an argument is empty: as a path it would be the current folder."""
    for number, word in enumerate(words, 1):
        if not word.strip():
            before = f" behind {printable(words[number - 2], keep='')}" if number > 1 else ""
            raise InputError(
                f"argument {number}{before} must not be empty, got {word!r}: give its value, or leave it out; "
                "a variable of the shell that is not set is empty too"
            )


def _fail(message: str, status: int) -> None:
    """End the process with the message on one line."""
    logger.debug("", exc_info=True)  # with --debug, the traceback
    say(f"golmu: error: {' '.join(message.splitlines())}", is_error=True)
    sys.exit(status)
