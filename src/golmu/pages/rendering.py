"""Web pages in one file: a Jinja template, the style of all pages, and a policy under which they load nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from golmu.about import VERSION
from golmu.errors import InputError
from golmu.names import printable
from golmu.pages.policy import policy, styles_as_classes
from golmu.system import check_writable

PAGE_SUFFIXES = (".html", ".htm")
"""Endings of the names of pages, so that no page replaces a file of another kind."""

STYLE = Path(__file__).parent / "static" / "base.css"


def check_page(path: Path, what: str) -> None:
    """Raise `InputError` if a page may not be called so, or `SaveError` if there is no such folder."""
    if path.suffix.lower() not in PAGE_SUFFIXES:
        raise InputError(f"output must name a .html file, got {path}")
    check_writable(path, what)


def render(package: str, template: str, *, style: str = "", script: str = "", **content: Any) -> str:
    """Fill in a template, and return the page.

    Everything but `Markup` is escaped, and printable; a missing value is an error.

    Parameters
    ----------
    package
        The package in whose folder `templates` the template is. It may extend base.html.
    template
        The template's name.
    style
        CSS to add to that of all pages.
    script
        JavaScript to run at the end of the page; it may hold neither "</script" nor "<!--".
    content
        What the template names.
    """
    text = render_part(package, template, golmu=VERSION, **content)
    text, rules = styles_as_classes(text)
    style = STYLE.read_text(encoding="utf-8") + style + rules
    # What a user has named cannot be taken for one of these marks, since its < is escaped.
    text = text.replace("<!--policy-->", policy(style, script), 1).replace("<!--style-->", style, 1)
    return text.replace("<!--script-->", f"<script>{script}</script>" if script else "", 1)


def render_part(package: str, template: str, **content: Any) -> str:
    """Fill in a template that is a part of a page; the rest is as for `render`."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415

    pages = Environment(
        loader=ChoiceLoader([PackageLoader(package), PackageLoader("golmu.pages")]), autoescape=True,
        undefined=StrictUndefined, finalize=lambda value: printable(value) if type(value) is str else value,
    )  # fmt: skip
    pages.filters["duration"] = format_duration
    return pages.get_template(template).render(**content)


def format_duration(seconds: float) -> str:
    """Format seconds for people: in milliseconds, seconds, minutes or hours."""
    if seconds < 0.1:
        return f"{1000 * seconds:.{1 if seconds < 0.01 else 0}f} ms"
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
