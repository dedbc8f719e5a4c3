"""Values out of JSON that somebody may have edited: each is of the kind that is expected, or one error names it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from sys import float_info
from typing import Any

Json = dict[str, Any]
"""An object of JSON."""

MAX_COUNT = 2**40
"""A count of images, epochs or pixels that is larger is none: products of two of them stay integers of 64 bits."""

MAX_SHOWN = 40
"""Characters of a wrong value that an error shows."""

REQUIRED: Any = object()


@dataclass(frozen=True)
class Kind:
    """What a value must be."""

    wanted: str
    """The kind as an error says it, such as "a list of texts"."""
    includes: Callable[[Any], bool]

    @property
    def list(self) -> Kind:
        """Lists of such values."""
        return Kind(f"a list, each {self.wanted}", lambda v: isinstance(v, list) and all(map(self.includes, v)))

    def check(self, value: Any, name: str) -> Any:
        """Return `value` if it is of this kind.

        Raises
        ------
        ValueError
            If it is not.
        """
        if not self.includes(value):
            raise ValueError(f"'{name}' must be {self.wanted}, got {str(value)[:MAX_SHOWN]!r}")
        return value


def integer(low: int, high: int | None = MAX_COUNT) -> Kind:
    """The integers from `low` to `high`, or without an end."""
    wanted = f"an integer of at least {low}" if high in (None, MAX_COUNT) else f"an integer from {low} to {high}"
    return Kind(wanted, lambda v: type(v) is int and low <= v and (high is None or v <= high))


def number(low: float = -float_info.max, high: float = float_info.max) -> Kind:
    """The finite numbers from `low` to `high`."""
    wanted = "a finite number"
    if high < float_info.max:
        wanted = f"from {low:g} to {high:g}"
    elif low > -float_info.max:
        wanted = f"a finite number of at least {low:g}"
    return Kind(wanted, lambda v: type(v) in (int, float) and low <= v <= high)


TEXT = Kind("text", lambda v: isinstance(v, str))
FLAG = Kind("true or false", lambda v: isinstance(v, bool))
OBJECT = Kind("an object", lambda v: isinstance(v, dict))
COUNT = integer(0)


def take(said: Mapping[str, Any], name: str, kind: Kind, default: Any = REQUIRED) -> Any:
    """Return the value called `name`; `default`, if there is one, where it is missing or null.

    Raises
    ------
    KeyError
        If it is missing and has no default.
    ValueError
        If it is not of this kind.
    """
    if default is not REQUIRED and said.get(name) is None:
        return default
    return kind.check(said[name], name)
