"""The cells of the site's pages."""

import re

CELL = re.compile(r"^(`{3,})\{code-cell\}.*?\n(.*?)^\1$", re.DOTALL | re.MULTILINE)


def cells(path):
    """Everything between the fences of each cell of a page: its options, and its code."""
    return [cell for _, cell in CELL.findall(path.read_text(encoding="utf-8"))]


def python_cells(path):
    """The code of each cell that is shown and holds Python."""
    return [cell for cell in cells(path) if not cell.startswith(("%%bash", ":tags:", "---"))]
