"""Standard output, as every command writes to it."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

UNBOUNDED = 10_000
"""Width of a console, in columns, on which no table of ours is squeezed."""


def make_console(width: int | None = None) -> Console:
    """A console that shows text as it is.

    A folder named `run[2]` is no markup, `:smile:` in a name no emoji, and a path is broken nowhere, neither on a
    narrow terminal nor where there is none.
    """
    return Console(width=width, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_table(table: Table) -> None:
    """Prints `table` as wide as its content."""
    make_console(UNBOUNDED).print(table)
