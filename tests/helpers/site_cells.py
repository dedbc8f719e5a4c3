"""The cells of the site's pages."""

import re

CELL = re.compile(r"^(`{3,})\{code-cell\}.*?\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
ALT = re.compile(r"^    alt: (.+)\n", re.MULTILINE)
"""The alternative text of a cell's figure: the one part that each language writes for itself."""


def cells(path):
    """Everything between the fences of each cell of a page: its options, and its code."""
    return [cell for _, cell in CELL.findall(path.read_text(encoding="utf-8"))]


def shared_cells(path):
    """The cells without the alternative texts of their figures."""
    return [ALT.sub("    alt:\n", cell) for cell in cells(path)]


def alternative_texts(path):
    return [text for cell in cells(path) for text in ALT.findall(cell)]


def python_cells(path):
    """The code of each cell that is shown and holds Python."""
    return [cell for cell in cells(path) if not cell.startswith(("%%bash", ":tags:", "---"))]
