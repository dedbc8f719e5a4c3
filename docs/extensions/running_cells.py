"""How cells run: what one prints in pieces is joined, and one that fails ends the build and is named.

MyST-NB would end each piece with a line, and its own error names only the page: what it logs besides is lost where
pages are read in parallel.
"""

import os
import re
from functools import partial
from typing import Any

from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.execute import cache
from myst_nb.core.execute.base import ExecutionError
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

COLOUR = re.compile(r"\x1b\[[\d;]*m")


class CellError(ExecutionError, SphinxError):
    """A cell of a page has failed; the cause is an error that holds the cell, and what it printed and raised."""

    category = "A cell has failed"

    def __str__(self) -> str:
        return f"{os.path.relpath(self.args[0])}: {COLOUR.sub('', str(self.__cause__))}"


def setup(app: Sphinx) -> dict[str, Any]:
    cache.single_nb_execution = partial(single_nb_execution, coalesce_streams=True)
    cache.ExecutionError = CellError
    return {"parallel_read_safe": True, "parallel_write_safe": True}
