"""Links that leave a language's folder, so that one way of writing them works in the repository and on the site.

A page names other files by their relative path. If that leads to a page of the other language, the site has it too; any
other file of the repository is shown by its host.
"""

import os
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[2]
HOST = "https://github.com/golmu/golmu/blob/main"


def lead_outside(app: Sphinx, page: nodes.document) -> None:
    folder = Path(app.env.doc2path(app.env.docname)).parent
    for link in [*page.findall(addnodes.download_reference), *page.findall(addnodes.pending_xref)]:
        if link.get("refdomain") == "doc":  # a page: its path without .md, and the whole path if it lies outside
            file, heading = Path(f"{link['reftarget']}.md"), link["reftargetid"]
        elif isinstance(link, addnodes.download_reference):
            file, heading = Path(os.path.normpath(folder / link["reftarget"])), None
        else:
            continue
        if file.is_absolute() and not file.is_relative_to(app.srcdir):
            address = f"{address_of(file, folder)}#{heading}" if heading else address_of(file, folder)
            link.replace_self(nodes.reference("", "", *link.children, refuri=address, internal=False))


def address_of(file: Path, folder: Path) -> str:
    """Return the address of a file of the repository, from a page in `folder`."""
    if file.suffix == ".md" and file.is_relative_to(ROOT / "docs"):
        return os.path.relpath(file.with_suffix(".html"), folder)
    return f"{HOST}/{file.relative_to(ROOT).as_posix()}"


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", lead_outside, priority=1)  # before Sphinx collects what can be downloaded
    return {"parallel_read_safe": True, "parallel_write_safe": True}
