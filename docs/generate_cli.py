"""Writes docs/cli.md from the command line itself: python docs/generate_cli.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from golmu.cli import app

PATH = Path(__file__).parent / "cli.md"


def page() -> str:
    """The page as it should be."""
    group: Any = typer.main.get_command(app)
    lines = ["# The command line", "", "This page is written by `python docs/generate_cli.py`.", ""]
    lines += [f"{group.help} `golmu --version` prints the version, and `--help` after any command its help."]
    for name, command in group.commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
        words = [p.metavar if p.required else f"[{p.metavar}]" for p in arguments]
        lines += ["", f"## golmu {name}", "", f"`golmu {' '.join([name, *words])}`", "", command.help, ""]
        lines += ["| | | default |", "|---|---|---|"]
        lines += [f"| `{p.metavar}` | {p.help} | |" for p in arguments]
        for p in options:
            shown = "" if p.default is None or p.default is False else f"`{p.default}`"
            lines.append(f"| `{', '.join([*p.opts, *p.secondary_opts])}` | {p.help} | {shown} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")
