"""Names that people give to classes and files, in any script, as text of a figure, in fonts that have its letters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import east_asian_width

from golmu.errors import warn

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.text import Text

PREFERRED_FONTS = (
    "NotoSansCJK", "NotoSansKR", "NanumGothic", "malgun", "AppleSDGothicNeo", "AppleGothic", "UnDotum", "Noto",
)  # fmt: skip
"""Beginnings of the names of the font files that are tried first."""

SUGGESTED_FONTS = "fonts-noto-cjk"
"""A package of fonts with the letters of Chinese, Japanese and Korean."""

UNKNOWN_LETTER = "□"
"""Stands for a letter that no font has."""

ELLIPSIS = "…"
"""Stands for the middle of a name that is too long."""

MAX_NAME_WIDTH = 26
"""The largest width of a name in a figure, as `text_width` counts it."""


# Names in a figure


def readable_name(name: str, stand_in: str) -> tuple[str, list[str]]:
    """Return the text of a figure for a name, and the fonts that it needs; none if Matplotlib's own has its letters.

    If no installed font has them, the text is `stand_in`, such as `#3` for the class of that number: empty boxes, and
    a warning for each, would tell less.
    """
    short = shorten(name, MAX_NAME_WIDTH)
    families = families_for(frozenset(short))
    return (stand_in, []) if families is None else (short, families)


def write_name(text: Text, name: str, stand_in: str) -> None:
    """Put a name into a text of a figure."""
    short, families = readable_name(name, stand_in)
    text.set_text(short)
    set_fonts(text, families)


def write_ticks(axis: Axis, places: Sequence[int], names: Sequence[str], numbers: Sequence[int]) -> None:
    """Put names at places along an axis; `numbers` are those of their classes."""
    readable = [readable_name(name, f"#{number}") for name, number in zip(names, numbers, strict=True)]
    axis.set_ticks(places, labels=[text for text, _ in readable])
    for label, (_, families) in zip(axis.get_ticklabels(), readable, strict=True):
        set_fonts(label, families)


def set_fonts(text: Text, families: list[str]) -> None:
    """Give a text the fonts that its name needs, and let dollar signs be dollar signs rather than mathematics."""
    text.set_parse_math(False)
    if families:
        text.set_fontfamily(families)


def has_letters(name: str) -> bool:
    """Return whether the installed fonts have the letters of a name, as far as a figure shows it."""
    return families_for(frozenset(shorten(name, MAX_NAME_WIDTH))) is not None


def warn_of_missing_font(shown: str) -> None:
    """Warn that class names have letters that no font has; `shown` is what stands in their place."""
    warn(
        f"no font here has the letters of some class names, so the picture shows {shown}: install one, such as "
        f"{SUGGESTED_FONTS}"
    )


# Fonts


@cache
def families_for(characters: frozenset[str]) -> list[str] | None:
    """Return font families that have all the characters together: [] if Matplotlib's own has, None if no font has."""
    families, unknown = find_fonts(character for character in characters if not character.isspace())
    return None if unknown else families if len(families) > 1 else []


def find_fonts(texts: Iterable[str]) -> tuple[list[str], frozenset[str]]:
    """Find font families for the texts, Matplotlib's own first, and the letters that no font has.

    Fonts are searched on the disk and not in Matplotlib's list of them, which may be out of date.
    """
    from matplotlib import font_manager, rcParams  # noqa: PLC0415  a second to import

    own = rcParams["font.sans-serif"][0]
    missing = set("".join(texts)) - _letters_in(font_manager.findfont(own))
    families = [own]
    if missing:
        paths = font_manager.findSystemFonts()
        for path in sorted(paths, key=_preference):
            if letters := missing & _letters_in(path):
                font_manager.fontManager.addfont(path)
                families.append(font_manager.get_font(path).family_name)
                missing -= letters
            if not missing:
                break
    return families, frozenset(missing)


def _preference(path: str) -> tuple[int, bool, str]:
    """Return a key that sorts font files by preference, and within a family the upright one of middle weight first."""
    name = Path(path).stem
    place = next((i for i, start in enumerate(PREFERRED_FONTS) if name.startswith(start)), len(PREFERRED_FONTS))
    return place, "-" in name and "Regular" not in name, path


@cache
def _letters_in(path: str) -> set[str]:
    """Return the letters that a font file has; none if it cannot be read."""
    from matplotlib.ft2font import FT2Font  # noqa: PLC0415

    try:
        return {chr(code) for code in FT2Font(path).get_charmap()}
    except (OSError, RuntimeError, ValueError):
        return set()


# Lengths


def text_width(text: str) -> int:
    """Return the approximate width of a text, in halves of the width of a Korean syllable."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def shorten_path(path: str, max_width: int) -> str:
    """Return a path with slashes on one line; if it is too wide, its folders are shortened before the file's name."""
    path = " ".join(path.split())
    folder, _, name = path.rpartition("/")
    room = max_width - text_width(name) - 1
    if text_width(path) <= max_width or room < 0:
        return shorten(path if room >= 0 else name, max_width)
    return f"{shorten(folder, room)}/{name}" if room else name


def shorten(text: str, max_width: int) -> str:
    """Return the text on one line, without its middle if it is too wide: the end of a name may tell as much."""
    text = " ".join(text.split())
    if text_width(text) <= max_width:
        return text
    start, end = text, text
    while text_width(start) > max_width * 2 // 3:
        start = start[:-1]
    while text_width(end) > max_width - text_width(start) - 1:
        end = end[1:]
    return start + ELLIPSIS + end
