"""A link on each page to the same page in the other language, or to that language's first page."""

from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

NAMES = {"en": "English", "ko": "한국어"}


def add_switch(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    other = next(language for language in NAMES if language != app.config.language)
    target = page if (Path(app.srcdir).parent / other / f"{page}.md").exists() else "index"
    up = "../" * (page.count("/") + 1)
    context["switch"] = {"url": f"{up}{other}/{target}.html", "language": other, "name": NAMES[other]}


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("html-page-context", add_switch)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
