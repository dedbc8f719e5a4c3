"""The pages that a browser shows. Each holds all that it needs."""

from __future__ import annotations

from typing import Any

from golmu.about import VERSION
from golmu.names import printable

PAGE_HEADERS = {"Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": "no-cache"}
"""Headers of every page. What else a page may do it says itself; this is the one thing that it cannot."""


def reference_page(openapi: dict[str, Any]) -> str:
    """Return the page that describes the paths, from their OpenAPI description."""
    return _render("reference.html", openapi=openapi)


def _render(template: str, **content: Any) -> str:
    """Fill in a template. Everything is escaped, and printable; a missing value is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  most servers show no page

    pages = Environment(
        loader=PackageLoader("golmu.serve"), autoescape=True, undefined=StrictUndefined,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )  # fmt: skip
    return pages.get_template(template).render(golmu=VERSION, **content)
