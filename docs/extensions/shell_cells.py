"""Cells that begin with `%%bash` are shown as the commands that a reader types: without that line, as shell."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

MAGIC = "%%bash\n"


def show_commands(app: Sphinx, page: nodes.document) -> None:
    for block in page.findall(nodes.literal_block):
        if block.astext().startswith(MAGIC):
            commands = block.astext().removeprefix(MAGIC)
            block.replace_self(nodes.literal_block(commands, commands, language="bash", classes=block["classes"]))


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", show_commands)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
