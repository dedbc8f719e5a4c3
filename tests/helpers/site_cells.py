"""The cells of the site's pages."""

import re

CELL = re.compile(r"^(`{3,})\{code-cell\}.*?\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
COMMANDS = re.compile(r"^(`{3,})(?:\{code-cell\}|sh$).*?\n(.*?)^\1$", re.DOTALL | re.MULTILINE)
FENCE = re.compile(r"^(`{3,}).*?\n.*?^\1$", re.DOTALL | re.MULTILINE)
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


def commands(path):
    """All that stands in the cells and the blocks of shell of a page, as one line."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return " ".join(" ".join(block for _, block in COMMANDS.findall(text)).split())


def spans(path):
    """What stands between backticks in the running text and the tables of a page."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", path.read_text(encoding="utf-8")))


def python_cells(path):
    """The code of each cell that is shown and holds Python."""
    return [cell for cell in cells(path) if not cell.startswith(("%%bash", ":tags:", "---"))]
