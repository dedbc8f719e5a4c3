"""What was measured with each named recipe, and what `golmu recipes` shows of it.

`measured.json` beside this file is written by `make accuracy`.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.resources import files
from typing import Any

from rich.table import Table

from golmu.architecture import Architecture
from golmu.console import make_console, print_table
from golmu.recipes import ABOUT, RECIPES

FILE = "measured.json"


def recipe_records() -> list[dict[str, Any]]:
    """For each recipe its name, what it is for, its fields, and what was measured (None: nothing yet)."""
    measured = json.loads(files("golmu").joinpath(FILE).read_text(encoding="utf-8"))
    return [
        {"recipe": name, "about": ABOUT[name], "fields": asdict(recipe), "measured": measured["recipes"].get(name)}
        for name, recipe in RECIPES.items()
    ]


def show_recipes() -> None:
    """Prints the recipes as a table."""
    table = Table(box=None, pad_edge=False)
    for column in ("recipe", "network", "parameters", "epochs", "validation", "test", "time", "for"):
        table.add_column(column, justify="right" if column in ("parameters", "epochs") else "left")
    for record in recipe_records():
        recipe, measured = RECIPES[record["recipe"]], record["measured"]
        parameters = Architecture(28, 28, 1, recipe.n_kernels, recipe.units, 10).n_parameters
        figures = ("–", "–", "–") if measured is None else (
            f"{measured['validation']['mean']:.4f} ± {measured['validation']['sd']:.4f}",
            f"{measured['test']['mean']:.4f} ± {measured['test']['sd']:.4f}",
            f"{measured['seconds']:.1f} s",
        )  # fmt: skip
        table.add_row(
            record["recipe"], f"{recipe.n_kernels} kernels, {recipe.units} units", f"{parameters:,}",
            str(recipe.epochs), *figures, record["about"],
        )  # fmt: skip
    make_console().print("accuracy on Fashion-MNIST, mean ± standard deviation over seeds; time of the training")
    print_table(table)
