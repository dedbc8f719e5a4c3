"""`golmu compare`: runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from golmu.cli.console import print_table
from golmu.cli.output import say
from golmu.report import comparison
from golmu.report.comparison import format_value
from golmu.runs.run import Run


def compare_runs(folders: Sequence[Path], output: Path) -> dict[str, Any]:
    """Compare the runs in these folders: see `golmu.report.comparison.compare_runs`."""
    return comparison.compare_runs([Run.open(folder) for folder in folders], output)


def show(compared: dict[str, Any]) -> None:
    """Print the result of `compare_runs` as a table."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for name in compared["runs"]:
        table.add_column(name, justify="right")
    for part in ("settings", "results"):
        for name, values in compared[part].items():
            table.add_row(name, *(format_value(name, value) for value in values))
        if part == "settings" and compared[part]:
            table.add_row()
    print_table(table)
    if not compared["same_images"]:
        say("notice: the runs were judged on different images: their results cannot be compared")
