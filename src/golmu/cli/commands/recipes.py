"""`golmu recipes`: the named recipes, with what was measured for each.

`measured.json` beside this file is written by `make accuracy`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from rich.table import Table

from golmu.cli.console import make_console, print_table
from golmu.recipe import PURPOSES, RECIPES, format_setting

FILE = "measured.json"


def recipe_records() -> list[dict[str, Any]]:
    """Return each recipe's name, purpose and fields, and what was measured (None: nothing yet)."""
    measured = json.loads(files("golmu.cli.commands").joinpath(FILE).read_text(encoding="utf-8"))
    return [
        {"recipe": name, "about": PURPOSES[name], "fields": asdict(recipe), "measured": measured["recipes"].get(name)}
        for name, recipe in RECIPES.items()
    ]


def show_recipes() -> None:
    """Print the recipes as a table."""
    table = Table(box=None, pad_edge=False)
    for column in ("recipe", "kernels", "units", "epochs", "validation", "test", "time"):
        table.add_column(column, justify="right" if column in ("kernels", "units", "epochs", "time") else "left")
    computers, notes = set(), []
    for record in recipe_records():
        fields, measured = record["fields"], record["measured"]
        figures, epochs = ["–", "–", "–"], fields["epochs"]
        if measured is not None:
            figures = [
                over_seeds(measured["validation"]),
                over_seeds(measured["test"]),
                f"{measured['seconds']:.1f} s",
            ]
            epochs = measured["epochs"]
            if epochs != fields["epochs"]:
                notes.append(f"epochs of {record['recipe']}: {epochs} here, up to {fields['epochs']} with fewer images")
            computers.add(f"{measured['cores']} cores of {measured['processor']}")
        sizes = [format_setting(value) for value in (fields["n_kernels"], fields["units"], epochs)]
        table.add_row(record["recipe"], *sizes, *figures)
    console = make_console()
    console.print("accuracy on Fashion-MNIST, mean ± standard deviation over seeds, and time to train:")
    print_table(table)
    for name, purpose in PURPOSES.items():
        console.print(f"{name}: {purpose}")
    for note in notes:
        console.print(note)
    console.print("–: not measured for this table")
    if computers:
        console.print(f"measured on {', '.join(sorted(computers))}")


def over_seeds(figures: Mapping[str, Any]) -> str:
    """Format a mean ± its standard deviation, if there is one."""
    return f"{figures['mean']:.4f}" + ("" if figures["sd"] is None else f" ± {figures['sd']:.4f}")
