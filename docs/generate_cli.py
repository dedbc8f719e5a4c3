"""Writes docs/en/reference/cli.md from the command line itself: python docs/generate_cli.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from golmu.cli import app

PATH = Path(__file__).parent / "en" / "reference" / "cli.md"


def page() -> str:
    """The page as it should be."""
    group: Any = typer.main.get_command(app)
    lines = [
        "# The command line",
        "",
        "Every command and every option. `python docs/generate_cli.py` writes this page from the program itself.",
        "",
        f"{_line(group.help)} `golmu --version` prints the version, and `golmu COMMAND --help` describes a command.",
    ]
    for name, command in group.commands.items():
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        options = [p for p in command.params if p.param_type_name == "option" and p.name != "help" and not p.hidden]
        words = [p.metavar if p.required else f"[{p.metavar}]" for p in arguments]
        lines += ["", f"## golmu {name}", "", f"`golmu {' '.join([name, *words])}`", "", _line(command.help)]
        if arguments:
            lines += ["", "| argument | |", "|---|---|"]
            lines += [f"| `{_cell(p.metavar)}` | {_cell(p.help)} |" for p in arguments]
        for panel, some in _by_panel(options).items():
            lines += ["", f"| {panel.lower()} | | default |", "|---|---|---|", *map(_row, some)]
    return "\n".join(lines) + "\n"


def _by_panel(options: list[Any]) -> dict[str, list[Any]]:
    """The options under the headings that `--help` shows them under."""
    panels: dict[str, list[Any]] = {}
    for option in options:
        panels.setdefault(getattr(option, "rich_help_panel", None) or "Options", []).append(option)
    return panels


def _row(option: Any) -> str:
    # A default that the help text does not show is none that a user types.
    default = "" if option.default in (None, False) or not option.show_default else f"`{option.default}`"
    return f"| `{', '.join([*option.opts, *option.secondary_opts])}` | {_cell(option.help)} | {default} |"


def _line(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str | None) -> str:
    """A text that does not end its cell."""
    return _line(text).replace("|", "\\|")


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")
