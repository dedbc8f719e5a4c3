"""Standard output, as every command writes to it."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from golmu.names import printable
from golmu.system import join_command

UNBOUNDED = 10_000
"""Width of a console, in columns, on which no table of ours is squeezed."""


class SafeConsole(Console):
    """A console on which nothing that is printed steers the terminal (`golmu.names.printable`)."""

    keep = "\n\t"
    """Control characters that are printed."""

    def render_str(self, text: str, **settings: Any) -> Text:
        """Make text, also that of a table's cell, ready to be printed."""
        return super().render_str(printable(text, self.keep), **settings)


def make_console(width: int | None = None, *, stderr: bool = False) -> SafeConsole:
    """A console on standard output, or on standard error, that shows text as it is.

    A folder named `run[2]` is no markup, `:smile:` in a name no emoji, and a path is broken nowhere, neither on a
    narrow terminal nor where there is none. Notebooks set `FORCE_COLOR` for the commands in their cells, which Rich
    takes for a terminal, and would draw each bar over and over: then the stream decides.
    """
    is_terminal = _is_terminal(sys.stderr if stderr else sys.stdout) if "FORCE_COLOR" in os.environ else None
    return SafeConsole(
        width=width, stderr=stderr, force_terminal=is_terminal, markup=False, emoji=False, highlight=False,
        soft_wrap=True,
    )  # fmt: skip


def _is_terminal(stream: Any) -> bool:
    """Whether a stream is a terminal; one that is closed, or that there is not, is none."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def print_table(table: Table) -> None:
    """Print `table` as wide as its content, without spaces at the end of its lines."""
    console = make_console(UNBOUNDED)
    console.keep = ""  # a name with a line break in it would take two rows
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        console.print(line.rstrip())


def shell_command(*words: object) -> str:
    """Return the command line of `golmu WORDS` that works as typed, in the way in which this one was started.

    A `Path` among the words that begins with a hyphen is written so that it is no option.
    """
    return join_command([*_program(), *map(_word, words)])


def _word(word: object) -> str:
    return f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)


def _program() -> list[str]:
    """The words that started golmu: its own name, a path to it such as .venv/bin/golmu, or Python with -m."""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        usual = "python" if os.name == "nt" else "python3"
        is_found = Path(shutil.which(usual) or "").absolute().parent == Path(sys.executable).parent
        return [usual if is_found else sys.executable, "-m", "golmu"]
    is_path = started.stem == "golmu" and started.name != sys.argv[0]
    is_found = str(started.absolute().parent) in os.environ.get("PATH", "").split(os.pathsep)
    return [sys.argv[0]] if is_path and not is_found else ["golmu"]
