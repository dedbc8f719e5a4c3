"""Whether the built pages load anything from elsewhere, and the policy that keeps a browser from doing so."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

LOADING = {
    "audio": "src",
    "embed": "src",
    "iframe": "src",
    "img": "src",
    "input": "src",
    "link": "href",
    "object": "data",
    "script": "src",
    "source": "src",
    "track": "src",
    "video": "src",
}
"""The attribute of each element that a browser loads without being asked."""

NOT_LOADED = {"alternate", "author", "canonical", "help", "index", "license", "next", "prev", "search"}
"""What a link element may name elsewhere: relations that a browser only knows of."""

ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])([^"')]+)""", re.IGNORECASE)
IN_SCRIPT = re.compile(r"""(?:import\s*\(?|importScripts\(|fetch\(|new Worker\()\s*["'`]([^"'`]+)""")

POLICY = (
    "default-src 'none'; script-src 'self' {scripts}; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'"
)


class _Page(HTMLParser):
    """What one page loads, and its own scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.loaded: list[str] = []
        self.inline: dict[str, list[str]] = {"script": [], "style": []}
        self.has_handlers = False
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.has_handlers |= any(name.startswith("on") for name in values)
        self._inside = tag if tag == "style" or (tag == "script" and "src" not in values) else ""
        if self._inside:
            self.inline[tag].append("")
        if not (tag == "link" and values.get("rel", "") in NOT_LOADED):
            self.loaded += [values[LOADING[tag]]] if LOADING.get(tag) in values else []
        self.loaded += re.findall(r"[^\s,]+", values.get("srcset", ""))
        self.loaded += IN_STYLE.findall(values.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.inline[self._inside][-1] += data

    handle_entityref = handle_charref = handle_comment = lambda self, _: None


def outside_sources(text: str, kind: str) -> list[str]:
    """List the addresses elsewhere that a text makes a browser load; its `kind` is html, css or js."""
    if kind == "css":
        loaded = IN_STYLE.findall(text)
    elif kind == "js":
        loaded = IN_SCRIPT.findall(text)
    else:
        page = _Page(text)
        styles, scripts = ("\n".join(page.inline[kind]) for kind in ("style", "script"))
        loaded = page.loaded + IN_STYLE.findall(styles) + IN_SCRIPT.findall(scripts)
    return [address for address in loaded if ELSEWHERE.match(address)]


def has_handlers(text: str) -> bool:
    """Tell whether a page has scripts in attributes, such as `onclick`: its policy would keep them from running."""
    return _Page(text).has_handlers


def secured(text: str) -> str:
    """Return a page with a policy that allows the files beside it, and the scripts inside it by their digest."""
    digests = (hashlib.sha256(script.encode()).digest() for script in _Page(text).inline["script"])
    scripts = " ".join(sorted({f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests}))
    policy = f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(scripts=scripts)}">'
    return re.sub(r"<meta charset=[^>]*>", lambda found: found.group() + policy, text, count=1)


def problems(site: Path) -> list[str]:
    """Name each file of the site that loads something from elsewhere, and each page without a policy."""
    found = []
    for path in sorted(site.rglob("*")):
        kind = path.suffix.removeprefix(".")
        if kind not in {"html", "css", "js"}:
            continue
        text = path.read_text(encoding="utf-8")
        found += [f"{path}: loads {address}" for address in outside_sources(text, kind)]
        if kind == "html" and "Content-Security-Policy" not in text:
            found.append(f"{path}: has no content security policy")
        if kind == "html" and has_handlers(text):
            found.append(f"{path}: has a script in an attribute such as onclick, which the policy keeps from running")
    return found
