"""Fonts for figures: names in any script, in a font of this computer that has its letters."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from unicodedata import east_asian_width

PREFERRED = ("NotoSansCJK", "NotoSansKR", "NanumGothic", "malgun", "AppleSDGothicNeo", "AppleGothic", "UnDotum", "Noto")
"""How the names of font files begin that are tried first."""

UNKNOWN, CUT = "□", "…"
"""Stand for a letter that no font has, and for the middle of a name that is too long."""


def fonts_for(texts: Iterable[str]) -> tuple[list[str], frozenset[str]]:
    """Families to give Matplotlib for the texts, its own first, and the letters that none of them has.

    Fonts are looked for on the disk and not in Matplotlib's list of them, which may be older than they are.
    """
    from matplotlib import font_manager, rcParams  # noqa: PLC0415  a second to import

    own = rcParams["font.sans-serif"][0]
    missing = set("".join(texts)) - _letters(font_manager.findfont(own))
    families = [own]
    if missing:
        paths = font_manager.findSystemFonts()
        for path in sorted(paths, key=_rank):
            if found := missing & _letters(path):
                font_manager.fontManager.addfont(path)
                families.append(font_manager.get_font(path).family_name)
                missing -= found
            if not missing:
                break
    return families, frozenset(missing)


def _rank(path: str) -> tuple[int, bool, str]:
    """Sorts files of fonts by preference; of a family's, the upright one of middle weight comes first."""
    name = Path(path).stem
    place = next((number for number, start in enumerate(PREFERRED) if name.startswith(start)), len(PREFERRED))
    return place, "-" in name and "Regular" not in name, path


@cache
def _letters(path: str) -> set[str]:
    """The letters that a font file has; none if it cannot be read."""
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415

    try:
        return {chr(code) for code in FT2Font(path).get_charmap()}
    except (OSError, RuntimeError, ValueError):
        return set()


def width(text: str) -> int:
    """About how wide the text is, in halves of a Korean syllable's width."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def shortened(text: str, longest: int) -> str:
    """The text on one line, its middle cut out if it is wider than `longest`: the end of a name may tell as much."""
    text = " ".join(text.split())
    if width(text) <= longest:
        return text
    start, end = text, text
    while width(start) > longest * 2 // 3:
        start = start[:-1]
    while width(end) > longest - width(start) - 1:
        end = end[1:]
    return start + CUT + end
