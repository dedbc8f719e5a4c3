"""What a cell prints comes in pieces, which MyST-NB would each end with a line: they are joined as they are."""

from typing import Any

from myst_nb.core import render
from nbformat import NotebookNode
from sphinx.application import Sphinx

merge_streams = render.coalesce_streams


def join_pieces(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join the pieces of each stream of a cell at the place of its first piece, then merge them as MyST-NB does."""
    joined: list[NotebookNode] = []
    first: dict[str, NotebookNode] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            joined.append(output)
        elif output["name"] in first:
            first[output["name"]]["text"] += output["text"]
        else:
            first[output["name"]] = NotebookNode(output)
            joined.append(first[output["name"]])
    return merge_streams(joined)


def setup(app: Sphinx) -> dict[str, Any]:
    render.coalesce_streams = join_pieces
    return {"parallel_read_safe": True, "parallel_write_safe": True}
