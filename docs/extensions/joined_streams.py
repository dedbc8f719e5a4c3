"""Joins the pieces in which a cell's output arrives, a hundred bytes each from a shell, and adds no line to them."""

from typing import Any

from myst_nb.core import render
from sphinx.application import Sphinx

finish = render.coalesce_streams


def join(outputs: list[Any]) -> list[Any]:
    """Return the outputs with one stream for each name, then finished by MyST-NB."""
    joined, streams = [], {}
    for output in outputs:
        if output["output_type"] != "stream":
            joined.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output.copy()
            joined.append(streams[output["name"]])
    return finish(joined)


def setup(app: Sphinx) -> dict[str, Any]:
    render.coalesce_streams = join
    return {"parallel_read_safe": True, "parallel_write_safe": True}
