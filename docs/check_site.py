"""Whether the built pages load anything from elsewhere, and the policy that keeps a browser from doing so."""

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

LOADING = {"src", "srcset", "imagesrcset", "poster", "background", "data", "href", "xlink:href", "manifest"}
"""Attributes that a browser loads without being asked."""

NAMING = {"a", "area", "base"}
"""Elements whose `href` only leads elsewhere; the policy forbids `base` altogether."""

NOT_LOADED = {"alternate", "author", "canonical", "help", "index", "license", "next", "prev", "search"}
"""What a link element may name elsewhere: relations that a browser only knows of."""

ELSEWHERE = re.compile(r"[\s\x00-\x1f]*(?:(?:https?|ftp|wss?):|[/\\\\]{2})", re.IGNORECASE)
IN_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s*["']|image-set\(\s*["'])([^"')]+)""", re.IGNORECASE)
IN_SCRIPT = re.compile(
    r"""(?:\b(?:import|from)\s*\(?|\b(?:importScripts|fetch|WebSocket|EventSource|Worker|SharedWorker|sendBeacon)\s*\()"""
    r"""\s*["'`]([^"'`]+)"""
)
STYLE_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
KINDS = {"html": "html", "htm": "html", "svg": "html", "css": "css", "js": "js", "mjs": "js"}
"""How the files of a site are read, by their endings."""

PLURAL_RULE = re.compile(r"new Function\(\s*\"n\",\s*`[^`]*`,?\s*\)")
EVALUATION = re.compile(r"""\bnew Function\((?!["']return this["']\))|[^.\w]eval\(""")
"""A script that runs a text, but for an old way to find the global object, which browsers of today do not need."""

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
        self.has_handlers = self.has_policy = False
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values: dict[str, str] = {}
        for name, value in attributes:
            values.setdefault(name, value or "")  # the first counts, as in a browser
        self.has_handlers |= any(name.startswith("on") for name in values)
        self.has_policy |= values.get("http-equiv", "").lower() == "content-security-policy"
        if values.get("http-equiv", "").lower() == "refresh":
            self.loaded.append(values.get("content", "").partition("=")[2].strip(" '\""))
        self._inside = tag if tag == "style" or (tag == "script" and "src" not in values) else ""
        if self._inside:
            self.inline[tag].append("")
        names = LOADING if tag not in NAMING else LOADING - {"href"}
        if not (tag == "link" and values.get("rel", "") in NOT_LOADED):
            for name in names & values.keys():
                self.loaded += values[name].split(",") if name.endswith("srcset") else [values[name]]
        self.loaded += IN_STYLE.findall(values.get("style", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.inline[self._inside][-1] += data

    handle_entityref = handle_charref = handle_comment = lambda self, _: None

    def addresses(self) -> list[str]:
        """List all addresses that the page loads."""
        styles, scripts = ("\n".join(self.inline[kind]) for kind in ("style", "script"))
        return self.loaded + IN_STYLE.findall(STYLE_COMMENT.sub("", styles)) + IN_SCRIPT.findall(scripts)


def outside_sources(text: str, kind: str) -> list[str]:
    """List the addresses elsewhere that a text makes a browser load; its `kind` is html, css or js."""
    if kind == "css":
        loaded = IN_STYLE.findall(STYLE_COMMENT.sub("", text))
    elif kind == "js":
        loaded = IN_SCRIPT.findall(text)
    else:
        loaded = _Page(text).addresses()
    return _elsewhere(loaded)


def _elsewhere(addresses: list[str]) -> list[str]:
    return [address for address in addresses if ELSEWHERE.match(address)]


def without_evaluation(script: str) -> str:
    """Return Sphinx's script without the function that it makes of a text, which the policy forbids.

    It is the rule for plurals of a translation. Korean has one form for all numbers.
    """
    return PLURAL_RULE.sub("() => 0", script)


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
        kind = KINDS.get(path.suffix.removeprefix(".").lower())
        if kind is None or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        page = _Page(text) if kind == "html" else None
        loaded = outside_sources(text, kind) if page is None else _elsewhere(page.addresses())
        found += [f"{path}: loads {address.strip()}" for address in loaded]
        if kind == "js" and EVALUATION.search(text):
            found.append(f"{path}: runs a text as a script, which the policy forbids")
        if page is None or path.suffix.lower() == ".svg":
            continue
        if not page.has_policy:
            found.append(f"{path}: has no content security policy")
        if page.has_handlers:
            found.append(f"{path}: has a script in an attribute such as onclick, which the policy keeps from running")
    return found
