"""What a page allows itself: its own style sheet, its own script if it has one, and nothing else.

A page loads nothing, so its content security policy names the two by their hashes, and forbids the rest. Styles need no
`unsafe-inline` either: the style attribute of an element, which only that would allow, becomes a class of the sheet.
"""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html import unescape

_STYLED = re.compile(r'<[A-Za-z][^<>]*?(\sstyle="([^"]*)")[^<>]*>')
"""A tag with a style attribute; a page's attributes hold neither < nor >, which are escaped in them."""


def policy(style: str, script: str) -> str:
    """Return the content security policy of a page with this style sheet and this script; "" is none."""
    return "; ".join(
        (
            "default-src 'none'", "img-src data:", f"style-src {_hash_source(style)}",
            f"script-src {_hash_source(script)}", "connect-src 'none'", "base-uri 'none'", "form-action 'none'",
        )
    )  # fmt: skip


def _hash_source(content: str) -> str:
    """Return how a policy names the content of an element, as it stands between its tags."""
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'" if content else "'none'"


def styles_as_classes(html: str) -> tuple[str, str]:
    """Replace the style attributes of a page by classes; return the page, and the rules of these classes.

    A rule is as strong as an attribute was: `:not(#_)` lends it the weight of an id.
    """
    names: dict[str, str] = {}

    def with_class(found: re.Match[str]) -> str:
        name = names.setdefault(found[2], f"s{len(names)}")
        tag = found[0].replace(found[1], "", 1)
        if ' class="' in tag:
            return tag.replace(' class="', f' class="{name} ', 1)
        end = "/>" if tag.endswith("/>") else ">"
        return f'{tag.removesuffix(end).rstrip()} class="{name}"{end}'

    html = _STYLED.sub(with_class, html)
    rules = (f".{name}:not(#_) {{ {unescape(style)} }}\n" for style, name in names.items())
    return html, "".join(rules).replace("<", r"\3c ")
