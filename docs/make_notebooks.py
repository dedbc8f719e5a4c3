"""Builds the chapter's notebooks in examples/ from its pages, and runs them: python docs/make_notebooks.py.

Both languages have the same code cells, so that they run once, in one kernel, and both notebooks show what they gave.
"""

import json
import os
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
NOTEBOOKS = {"en": ROOT / "examples" / "chapter.ipynb", "ko": ROOT / "examples" / "chapter.ko.ipynb"}
HOST = "https://github.com/golmu/golmu/blob/main"

FRONT_MATTER = re.compile(r"\A---\n.*?^---\n", re.DOTALL | re.MULTILINE)
CELL = re.compile(r"^```\{code-cell\}.*?\n(---\n.*?^---\n)?(.*?)^```$", re.DOTALL | re.MULTILINE)
STEP = re.compile(r"^\d+\. \[[^\]]*\]\(([^)\s]+)\)", re.MULTILINE)
LINK = re.compile(r"(\[[^\]]*\])\((?![a-z]+:)([^)\s#]+)((?:#[^)\s]*)?)\)")

TIMEOUT = 300
"""Seconds that one cell may take."""


class Cell(NamedTuple):
    """A cell of a notebook."""

    kind: str
    """"markdown" or "code"."""
    source: str
    is_folded: bool = False
    """Whether its source is hidden until the reader asks for it, as on the page."""


def cells_of(language: str) -> list[Cell]:
    """Return the cells of the notebook in a language: the beginning of the chapter's first page, then all its steps."""
    chapter = DOCS / language / "chapter"
    index = (chapter / "index.md").read_text(encoding="utf-8")
    cells = [Cell("markdown", with_addresses(index.split("\n## ")[0].strip(), chapter))]
    for name in STEP.findall(index):
        cells += cells_of_page(chapter / name)
    return cells


def cells_of_page(page: Path) -> list[Cell]:
    """Return the cells of one page."""
    text = FRONT_MATTER.sub("", page.read_text(encoding="utf-8"))
    prose, *rest = CELL.split(text)
    cells = [Cell("markdown", prose)]
    for options, code, following in zip(rest[::3], rest[1::3], rest[2::3], strict=True):
        cells += [Cell("code", code, "remove-input" in (options or "")), Cell("markdown", following)]
    return [
        Cell(kind, source.strip() if kind == "code" else with_addresses(source.strip(), page.parent), is_folded)
        for kind, source, is_folded in cells
        if source.strip()
    ]


def with_addresses(text: str, folder: Path) -> str:
    """Return Markdown of a page in `folder` with links that lead to the repository from anywhere."""

    def with_address(link: re.Match[str]) -> str:
        path = Path(os.path.normpath(folder / link[2])).relative_to(ROOT).as_posix()
        return f"{link[1]}({HOST}/{path}{link[3]})"

    return LINK.sub(with_address, text)


def notebook_of(cells: list[Cell]) -> dict:
    """Return a notebook that has not run."""
    return {
        "cells": [
            {
                "cell_type": cell.kind,
                "id": f"cell-{number}",
                "metadata": {"jupyter": {"source_hidden": True}} if cell.is_folded else {},
                "source": cell.source.splitlines(keepends=True),
            }
            | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {})
            for number, cell in enumerate(cells, start=1)
        ],
        "metadata": {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def run(notebook: dict) -> dict:
    """Return the notebook with the outputs of its cells, which run in an empty folder; an error in one is raised."""
    import nbformat  # noqa: PLC0415  the tests read this file where neither is installed
    from build import environment  # noqa: PLC0415
    from nbclient import NotebookClient  # noqa: PLC0415

    ready = nbformat.reads(json.dumps(notebook), as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(ready, timeout=TIMEOUT, kernel_name="python3", resources=resources, record_timing=False)
        client.execute(env=environment())
    ready.metadata = notebook["metadata"]
    return json.loads(nbformat.writes(ready))


def joined(outputs: list[dict]) -> list[dict]:
    """Return a cell's outputs with what it printed in one piece, and without messages, as the pages show them.

    How printed text is cut differs from run to run, and messages from computer to computer.
    """
    kept: list[dict] = []
    for output in outputs:
        if output.get("name") == "stderr":
            continue
        if output.get("name") == "stdout" and kept and kept[-1].get("name") == "stdout":
            kept[-1]["text"] = kept[-1]["text"] + output["text"]
        else:
            kept.append(dict(output))
    return kept


def main() -> None:
    notebooks = {language: notebook_of(cells_of(language)) for language in NOTEBOOKS}
    done = run(notebooks["en"])
    ran = [cell for cell in done["cells"] if cell["cell_type"] == "code"]
    for language, path in NOTEBOOKS.items():
        code = [cell for cell in notebooks[language]["cells"] if cell["cell_type"] == "code"]
        for cell, same in zip(code, ran, strict=True):
            cell.update(outputs=joined(same["outputs"]), execution_count=same["execution_count"])
        text = json.dumps(notebooks[language], indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")
        print(f"{path.relative_to(ROOT)}: {len(text) / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
