"""Names of classes, data sets and files: one rule for what a name is, and one for how it is shown.

A name is Unicode in normal form C, without spaces around it, so that an archive made on a Mac and one made elsewhere
have the same classes. Bytes that are not UTF-8 are decoded as Korean Windows writes names (CP949), or else stand as
escapes. Nothing else is changed: `cat` and `Cat`, `7` and `07` are two names, and `look_alike_notice` says so.
`docs/en/reference/names.md` states the rule for users.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

MAX_NAMED = 3
"""Groups of names, at most, that a notice names."""

MAX_STEM_BYTES = 120
"""Bytes of UTF-8 that a file's name takes from a name at most; systems allow 255 for the whole."""

PLAIN_INTEGER = re.compile(r"-?[1-9][0-9]*|0")
"""A name that is a number too: ASCII digits without leading zeros."""

DEVICES = re.compile(r"(?i)(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?")
"""Names that Windows keeps for devices, whatever their ending."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb]")
_UNSAFE_IN_FILES = re.compile(r'[<>:"/\\|?*]|' + _UNPRINTABLE.pattern)
_AROUND = " \t\r\n\f\v\xa0\u200b\u2060\u3000\ufeff"


def clean_name(text: str) -> str:
    """Return a name as the rule has it; one of nothing but spaces becomes "".

    Bytes that are not UTF-8 are expected as Python gives names of files: as lone surrogates (`os.fsdecode`).
    """
    if any("\udc80" <= character <= "\udcff" for character in text):
        text = decode_name(text.encode("utf-8", "surrogateescape"))
    return unicodedata.normalize("NFC", text).strip().strip(_AROUND)


def decode_name(raw: bytes, otherwise: Callable[[bytes], str] | None = None) -> str:
    r"""Decode a name: as UTF-8, or as CP949, or by `otherwise`; by default with each strange byte as `\xNN`."""
    for encoding in ("utf-8", "cp949"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("utf-8", "backslashreplace") if otherwise is None else otherwise(raw)


def are_integers(names: Iterable[str]) -> bool:
    """Return whether all names are numbers too, so that they may be sorted as numbers."""
    return all(PLAIN_INTEGER.fullmatch(name) for name in names)


def sort_names(names: Iterable[str]) -> list[str]:
    """Sort the distinct names: as numbers if all of them are, else as text."""
    distinct = set(names)
    if not are_integers(distinct):
        return sorted(distinct)
    return sorted(distinct, key=Decimal)  # int refuses very many digits


def merge_notice(written: Iterable[str]) -> list[str]:
    """Return a sentence if some names differ only in what the rule takes away, so that they are one class."""
    groups: dict[str, list[str]] = {}
    for name in sorted(set(written)):
        groups.setdefault(clean_name(name), []).append(name)
    merged = [group for group in groups.values() if len(group) > 1]
    if not merged:
        return []
    return [f"names that differ only in spaces around them or in their Unicode form are one class: {_quote(merged)}"]


def look_alikes(names: Iterable[str]) -> list[list[str]]:
    """Group those of the different names that look alike, by case, width, leading zeros or spaces."""
    groups: dict[str, list[str]] = {}
    for name in sorted(names):
        groups.setdefault(_appearance(name), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def look_alike_notice(names: Iterable[str]) -> list[str]:
    """Return a sentence if some of the different names look alike."""
    if not (alike := look_alikes(names)):
        return []
    return [f"these names look alike, but are different classes: {_quote(alike)}; if they are one, give them one name"]


def _appearance(name: str) -> str:
    """Return what a name has in common with those that look like it."""
    text = unicodedata.normalize("NFKC", name)
    if len(text) > 1:  # `A` and `a` are two letters
        text = text.casefold()
    text = "".join(one for one in text if not one.isspace() and unicodedata.category(one)[0] != "C")
    return re.sub(r"(?<!\d)0+(?=\d)", "", text)


def _quote(groups: Iterable[Sequence[str]]) -> str:
    return list_names([" and ".join(f"'{name}'" for name in group) for group in groups], MAX_NAMED)


def list_names(names: Sequence[str], most: int) -> str:
    """Return the first names, at most `most`, for a sentence."""
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")


def join_words(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: "16, 32 and 64"."""
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def printable(text: str, keep: str = "\n\t") -> str:
    r"""Return text as it may go to a terminal or a page.

    Characters that steer a terminal or reorder the text (control characters, ESC, bidirectional overrides, half
    surrogates) become `\uNNNN`, which is an escape of JSON too; those in `keep` stay.
    """
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in keep else f"\\u{ord(found[0]):04x}", text)


def file_stem(name: str) -> str:
    """Return a name as the beginning of a file's name on every system: no separators, no device, not too long."""
    stem = _UNSAFE_IN_FILES.sub("_", name).encode()[:MAX_STEM_BYTES].decode(errors="ignore").strip(" .") or "_"
    return f"_{stem}" if DEVICES.fullmatch(stem) else stem
