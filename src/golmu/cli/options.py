"""The arguments and options that several commands share, and how their help is laid out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from golmu.about import WHAT_DATA_IS
from golmu.recipe import COMMON, FIELDS, NETWORK, OPTIMISATION, REGULARISATION, RUN
from golmu.system import MAX_THREADS

if TYPE_CHECKING:
    from golmu.data.reading import ReadOptions

DATA, SEARCH, SERVER = "Data", "Search", "Server"
GROUPS = (SEARCH, COMMON, NETWORK, OPTIMISATION, REGULARISATION, DATA, RUN, SERVER)
"""The headings of options, in the order in which help shows them; options without one come last, under "Options"."""

NAME_WIDTH = 26
"""Columns of an option's name in the help; a longer one has a line of its own."""

METAVARS = {int: "N", float: "X", str: "NAME"}
"""What stands for the value of an option of each type in the help."""

PER_BLOCK = "N[,N...]"
"""What stands for a number, or one for each block."""

WHAT_DATA_IS_HELP = WHAT_DATA_IS[0].upper() + WHAT_DATA_IS[1:]


def option(*names: str, help: str, group: str, **settings: Any) -> Any:
    """Declare an option of the group `group`, one of `GROUPS`."""
    return typer.Option(*names, help=help, rich_help_panel=group, **settings)


DataArgument = Annotated[str, typer.Argument(metavar="DATA", help=f"{WHAT_DATA_IS_HELP}.")]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder written by `golmu train`.")]
RunOrModelArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder written by `golmu train`, or a model file.")
]
FolderOption = Annotated[
    Path | None,
    option("--folder", metavar="FOLDER", help="Folder to look in first for a named data set's files.", group=DATA),
]
SizeOption = Annotated[
    str | None,
    option(
        "--size", metavar="SIDE|HxW", group=DATA,
        help="Height and width in pixels that image files are fitted to. By default their own size if all have the "
        "same, else 28.",
    ),
]  # fmt: skip
ChannelsOption = Annotated[
    int | None,
    option(
        "--channels", metavar="1|3", group=DATA,
        help="Make image files grey (1) or RGB (3). By default RGB if any of them has colours.",
    ),
]  # fmt: skip
SkipBadOption = Annotated[
    bool, option("--skip-bad", help="Skip image files that cannot be read, with a warning.", group=DATA)
]
LabelOption = Annotated[
    str | None,
    option(
        "--label", metavar="COLUMN", group=DATA,
        help='Column of a table that holds the labels. By default the column named "label", or the only possible one.',
    ),
]  # fmt: skip
ValidationShareOption = Annotated[
    float | None,
    option(
        "--validation-share", metavar="X", group=DATA,
        help="Share of the training images held out to validate on, at least one of each class. By default 0.2.",
    ),
]  # fmt: skip
FoldsOption = Annotated[
    int | None,
    option(
        "--folds", metavar="N", group=DATA,
        help="Split the training images into N folds, 2 to 20. Train a network for each, which is judged on the images "
        "of its fold, then one on all images.",
    ),
]  # fmt: skip
ClassWeightOption = Annotated[
    str | None,
    option(
        "--class-weight", metavar="NAME", group=DATA,
        help="'balanced': each class counts alike, whatever its number of images. By default each image does.",
    ),
]  # fmt: skip
InvertOption = Annotated[
    str,
    option(
        "--invert", metavar="WHICH", group=DATA,
        help="Invert image files: yes, no, or auto (those that are dark on light where the training images are light "
        "on dark, or the other way round).",
    ),
]  # fmt: skip
RecipeOption = Annotated[
    str | None,
    option(
        "--recipe", metavar="NAME|FILE", group=COMMON,
        help="Settings to start from: a name, which `golmu recipes` lists, or a .json file, as `golmu tune` writes it. "
        "By default 'chapter' for fashion-mnist, and for your own data 'color' if the images have colours and are "
        "large enough for it, else 'any'.",
    ),
]  # fmt: skip
EngineOption = Annotated[
    str,
    option(
        "--engine",
        metavar="NAME",
        help="Engine: fused, tensorflow, or auto (tensorflow where it is installed and finds a GPU, else fused).",
        group=RUN,
    ),
]
ThreadsOption = Annotated[
    int | None,
    option(
        "--threads", metavar="N", min=1, max=MAX_THREADS, help="Threads at most. By default one per core.", group=RUN
    ),
]
SeedOption = Annotated[
    int | None,
    option(
        "--seed", metavar="N", min=0, group=RUN,
        help="Seed of everything random: initial weights, order of the images, augmentation. By default 42.",
    ),
]  # fmt: skip
NoTryOption = Annotated[
    bool, option("--no-try", help='Leave "Try it" out of the report; this panel holds the network itself.', group=RUN)
]
HostOption = Annotated[
    str,
    option(
        "--host", metavar="ADDRESS", group=SERVER,
        help="Address to listen at. Others than this computer reach only an address such as 0.0.0.0, which needs a "
        "token.",
    ),
]  # fmt: skip
PortOption = Annotated[
    int, option("--port", metavar="N", min=0, max=65_535, help="Port to listen at; 0: any free one.", group=SERVER)
]
TokenOption = Annotated[
    str | None,
    option(
        "--token", metavar="TEXT", envvar="GOLMU_TOKEN", show_envvar=False, group=SERVER,
        help="What clients must show; better given as the environment variable GOLMU_TOKEN. By default nothing if "
        "only this computer reaches the server, else a new token, which is printed.",
    ),
]  # fmt: skip
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def with_recipe_options(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command an option for each of these fields of a recipe; it receives them as a dict, `given`.

    Parameters
    ----------
    names
        Names of fields; none: all fields.
    """
    chosen = names or tuple(FIELDS)

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        def run(**arguments: Any) -> Any:
            given = {name: arguments.pop(name) for name in chosen}
            return command(**arguments, given=given)

        hints = get_type_hints(command, include_extras=True)
        options = [_recipe_option(name) for name in chosen]
        parameters = [
            one.replace(annotation=hints[one.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for one in inspect.signature(command).parameters.values()
            if one.name != "given"
        ]
        parameters = [*parameters, *options]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return run

    return decorate


def _recipe_option(name: str) -> inspect.Parameter:
    """The option of a field of a recipe: None, which is its default, leaves the field as the recipe has it."""
    said = FIELDS[name].metadata
    kind: Any = said["kind"]
    shown: dict[str, Any] = {"metavar": METAVARS.get(kind)}
    if said["is_per_block"]:
        kind, shown = Any, {"metavar": PER_BLOCK, "parser": numbers_per_block}
    declared = option(**shown, help=said["help"], group=said["group"])
    annotation = Annotated[kind | None, declared]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def numbers_per_block(text: str) -> int | tuple[int, ...]:
    """Return what `16` or `16,32,64` says: an integer, or one for each block.

    Raises
    ------
    typer.BadParameter
        If a part is no integer.
    """
    try:
        numbers = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(
            f"must be an integer, or one for each block without spaces, such as 16,32,64, got {text!r}"
        ) from error
    return numbers if len(numbers) > 1 else numbers[0]


class GroupedCommand(TyperCommand):
    """A command whose help lists its options under headings, in 80 columns."""

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """List what follows the command's name: the options, then each argument, an optional one in brackets."""
        arguments = [one for one in self.get_params(ctx) if one.param_type_name == "argument"]
        return ["[OPTIONS]", *(str(one.metavar) if one.required else f"[{one.metavar}]" for one in arguments)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options, those of each group under its heading."""
        rows: dict[str, list[tuple[str, str]]] = {}
        parameters: list[Any] = self.get_params(ctx)
        for parameter in parameters:
            if parameter.param_type_name == "argument":
                rows.setdefault("Arguments", []).append((parameter.metavar or parameter.name, parameter.help or ""))
            elif record := parameter.get_help_record(ctx):
                group = getattr(parameter, "rich_help_panel", None) or "Options"
                rows.setdefault(group, []).append(record)
        for group in ("Arguments", *GROUPS, "Options"):
            if group in rows:
                with formatter.section(group):
                    formatter.write_dl(rows[group], col_max=NAME_WIDTH)


def read_options(size: str | None, channels: int | None, skip_bad: bool, label: str | None) -> ReadOptions:
    """Return how images are read, as these options say."""
    from golmu.data.reading import ReadOptions, parse_size  # noqa: PLC0415  it imports NumPy

    return ReadOptions(None if size is None else parse_size(size), channels, skip_bad, label)
