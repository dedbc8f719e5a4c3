"""Names that people give to classes and files, in any script, as text of a figure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.text import Text

LONGEST = 26
"""Characters of a name that a figure shows."""

FALLBACKS = (
    "NotoSansCJK-Regular", "NotoSansCJKkr-Regular", "NotoSansKR-Regular", "NanumGothic", "AppleSDGothicNeo", "malgun",
    "UnDotum", "DroidSansFallbackFull", "DroidSansFallback", "wqy-microhei", "wqy-zenhei", "Arial Unicode", "PingFang",
    "msyh", "YuGothM", "Hiragino Sans GB",
)  # fmt: skip
"""Files, without suffix, of fonts with Korean, Chinese or Japanese, as systems have them; the first that serves."""


def shown(name: str, stand_in: str) -> tuple[str, list[str]]:
    """What a figure says for a name, and the fonts that it needs; none: those of the figure do.

    Where no font that is installed has its characters, something else stands for it, as `#3` for the class of that
    number: empty boxes, and a warning for each, would say less.
    """
    short = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
    families = _families(frozenset(short))
    return (stand_in, []) if families is None else (short, families)


def write(text: Text, name: str, stand_in: str) -> None:
    """Puts a name into a text of a figure."""
    short, families = shown(name, stand_in)
    text.set_text(short)
    dress(text, families)


def write_ticks(axis: Axis, places: Sequence[int], names: Sequence[str], numbers: Sequence[int]) -> None:
    """Puts names at places along an axis; `numbers` are those of their classes."""
    short = [shown(name, f"#{number}") for name, number in zip(names, numbers, strict=True)]
    axis.set_ticks(places, labels=[text for text, _ in short])
    for label, (_, families) in zip(axis.get_ticklabels(), short, strict=True):
        dress(label, families)


def dress(text: Text, families: list[str]) -> None:
    """Gives a text the fonts that its name needs, and takes dollar signs as they are."""
    text.set_parse_math(False)
    if families:
        text.set_fontfamily(families)


def _families(characters: frozenset[str]) -> list[str] | None:
    """Fonts, one after the other, that have all the characters; [] if the present one has; None if there are none."""
    from matplotlib import font_manager, rcParams  # noqa: PLC0415

    present = font_manager.findfont(font_manager.FontProperties())
    missing = {character for character in characters if not character.isspace()} - _characters(present)
    if not missing:
        return []
    for family, path in fallbacks():
        if missing <= _characters(path):
            return [*rcParams["font.family"], family]
    return None


@cache
def _characters(path: str) -> frozenset[str]:
    from matplotlib.font_manager import get_font  # noqa: PLC0415

    return frozenset(map(chr, get_font(path).get_charmap()))


@cache
def fallbacks() -> tuple[tuple[str, str], ...]:
    """Family and path of each of `FALLBACKS` that is installed."""
    from matplotlib import font_manager  # noqa: PLC0415

    # Matplotlib's own list is of the day on which it was first used; a font that came later is not in it.
    installed = {Path(path).stem: path for path in font_manager.findSystemFonts()}
    found = []
    for stem in FALLBACKS:
        if stem in installed:
            font_manager.fontManager.addfont(installed[stem])
            found.append((font_manager.get_font(installed[stem]).family_name, installed[stem]))
    return tuple(found)
