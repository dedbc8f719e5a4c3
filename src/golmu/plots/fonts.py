"""Names that people give to classes and files, in any script, as text of a figure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from golmu.plots.lettering import fonts_for, shortened

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.text import Text

LONGEST = 26
"""How wide a name in a figure may be, as `shortened` counts."""


def shown(name: str, stand_in: str) -> tuple[str, list[str]]:
    """What a figure says for a name, and the fonts that it needs; none: those of the figure do.

    Where no font that is installed has its characters, something else stands for it, as `#3` for the class of that
    number: empty boxes, and a warning for each, would say less.
    """
    short = shortened(name, LONGEST)
    families = families_for(frozenset(short))
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


@cache
def families_for(characters: frozenset[str]) -> list[str] | None:
    """Fonts, one after the other, that have all the characters; [] if the present one has; None if there are none."""
    families, unknown = fonts_for(character for character in characters if not character.isspace())
    return None if unknown else families if len(families) > 1 else []
