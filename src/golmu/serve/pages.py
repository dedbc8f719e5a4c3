"""The page that describes the paths, and what the headers of every page say."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from golmu.pages.rendering import render

PAGE_HEADERS = {"Content-Security-Policy": "frame-ancestors 'none'", "Cache-Control": "no-cache"}
"""Headers of every page. What else a page may do it says itself; this is the one thing that it cannot."""

STYLE = """
code, pre { font-family: ui-monospace, monospace; font-size: .9em; }
pre { padding: 10px 14px; border: 1px solid var(--line); border-radius: 8px; overflow-x: auto; }
"""


def reference_page(openapi: dict[str, Any], token: str | None = None) -> str:
    """Return the page that describes the paths, from their OpenAPI description.

    `token` is what the address of the page holds, and its links then hold too.
    """
    query = "" if token is None else "?" + urlencode({"token": token})
    return render("golmu.serve", "reference.html", style=STYLE, openapi=openapi, query=query)
