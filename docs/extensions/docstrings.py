"""Docstrings as people read them in `help()`, for the site: `names` in single backticks, and `Returns` as a text.

Sphinx would want names between two backticks, and a type in the first line of `Returns`.
"""

import re
from typing import Any

from sphinx.application import Sphinx

NAME = re.compile(r"(?<![`:\\])`([^`\n]+)`(?![`_])")
RULE = re.compile(r"-{3,}$")


def as_literals(text: str) -> str:
    """Put names between two backticks, unless they are already, or belong to a role."""
    return NAME.sub(r"``\1``", text)


def with_plain_returns(lines: list[str]) -> list[str]:
    """Put what `Returns` says into a field, where it is a text and not a type with a description."""
    for number in range(len(lines) - 2):
        first = number + 2
        if lines[number] == "Returns" and RULE.match(lines[number + 1]) and not is_typed(lines[first:]):
            end = next((i for i in range(first, len(lines)) if not lines[i].strip()), len(lines))
            text = " ".join(lines[first:end])
            return [*lines[:number], "", "", f":returns: {text}", "", *lines[end:]]  # two empty lines end a section
    return lines


def is_typed(body: list[str]) -> bool:
    """Whether a section begins with a type, and goes on with an indented description."""
    return len(body) > 1 and body[1].startswith(" ")


def prepare(app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    lines[:] = with_plain_returns([as_literals(line) for line in lines])


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("autodoc-process-docstring", prepare, priority=400)  # before napoleon
    return {"parallel_read_safe": True, "parallel_write_safe": True}
