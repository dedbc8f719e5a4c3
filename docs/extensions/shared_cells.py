"""Results of cells that both languages share: they are found by the code alone.

So a cell's options may differ, such as the alternative text of its figure, which each language writes for itself.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jupyter_cache.cache.db import create_db
from jupyter_cache.cache.main import JupyterCacheBase
from myst_nb.core.execute import cache
from nbformat import NotebookNode
from sphinx.application import Sphinx


class CacheByCode(JupyterCacheBase):
    """A cache of executed pages that looks at no cell's options, and leaves each page its own."""

    def create_hashed_notebook(
        self,
        nb: NotebookNode,
        nb_metadata: Iterable[str] | None = ("kernelspec",),
        cell_metadata: Iterable[str] | None = (),
    ) -> tuple[NotebookNode, str]:
        return super().create_hashed_notebook(nb, nb_metadata, cell_metadata)

    def merge_match_into_notebook(
        self,
        nb: NotebookNode,
        nb_meta: Iterable[str] | None = ("kernelspec", "language_info", "widgets"),
        cell_meta: Iterable[str] | None = (),
    ) -> tuple[int, NotebookNode]:
        return super().merge_match_into_notebook(nb, nb_meta, cell_meta)

    def truncate_caches(self) -> None:
        """Keep all: what is to go is found in two steps, and what another reader adds in between would go too."""


def open_cache(path: str | Path) -> CacheByCode:
    return CacheByCode(path)


def begin_cache(app: Sphinx, env: Any, pages: list[str]) -> None:
    """Make the cache's database before pages are read: of several readers that find none, only one can make it."""
    create_db(open_cache(env.mystnb_config.execution_cache_path).path)


def setup(app: Sphinx) -> dict[str, Any]:
    cache.get_cache = open_cache
    app.connect("env-before-read-docs", begin_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
