"""What goes over the connection of a visitor: packed messages to the page, checked ones from it.

To the page goes one binary message each: the length n of a JSON text (uint32, little-endian), the text, padded with
spaces so that 4 + n is a multiple of 8, and the arrays, each padded to 8 bytes. The text holds `kind`, the values, and
`arrays`: for each its `dtype`, `shape` and `offset`, counted in bytes from the end of the text. So the page can lay
typed arrays over the message without a copy.

From the page comes JSON: `do` says what, and `ask`, a number, marks a question whose answer carries the same number.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.checks import integer_within
from golmu.errors import InputError, InputTypeError

MAX_MESSAGE_BYTES = 64_000
"""Bytes of a message from the page, at most; a longer one closes the connection."""

ALIGNMENT = 8
"""Bytes of which offsets are multiples, so that any typed array may begin there."""

DTYPES = ("float32", "uint8", "int32")
"""Types of the arrays, as the page names them too."""

MAX_WORD = 200
"""Characters of a text in a message, at most."""

NO_DEFAULT: Any = object()


def pack(kind: str, values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]] | None = None) -> bytes:
    """Return a message to the page; numbers that are not finite become null in the JSON."""
    described, parts, offset = {}, [], 0
    for name, array in (arrays or {}).items():
        assert str(array.dtype) in DTYPES, array.dtype
        content = np.ascontiguousarray(array).tobytes()
        described[name] = {"dtype": str(array.dtype), "shape": list(array.shape), "offset": offset}
        content += bytes(-len(content) % ALIGNMENT)
        parts.append(content)
        offset += len(content)
    text = json.dumps(
        finite({"kind": kind, **values, "arrays": described}), separators=(",", ":"), allow_nan=False
    ).encode()  # fmt: skip
    text += b" " * (-(4 + len(text)) % ALIGNMENT)
    return b"".join([struct.pack("<I", len(text)), text, *parts])


def finite(value: Any) -> Any:
    """Return a value as JSON may hold it: NaN and infinity become None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return value


class Request:
    """A message from the page, whose parts are checked as they are taken.

    Raises
    ------
    InputError
        If it is no JSON object, or says nothing that is to be done.
    """

    def __init__(self, text: str) -> None:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"a message must be a JSON object with 'do', got no JSON: {error}") from error
        if not isinstance(content, dict):
            raise InputError(f"a message must be a JSON object with 'do', got {type(content).__name__}")
        self._content: dict[str, Any] = content
        ask = content.get("ask")
        self.ask = ask if isinstance(ask, int) and not isinstance(ask, bool) else None
        """The number of the question; None: no answer is wanted."""

    @property
    def do(self) -> str:
        """What is to be done."""
        return str(self.word("do"))

    def word(self, name: str, default: Any = NO_DEFAULT) -> Any:
        """Return a short text, or `default` where there is none."""
        value = self._content.get(name)
        if value is None and default is not NO_DEFAULT:
            return default
        if not isinstance(value, str) or len(value) > MAX_WORD:
            raise InputTypeError(f"{name} must be a text of at most {MAX_WORD} characters, got {_shown(value)}")
        return value

    def number(self, name: str, low: int, high: int | None, default: Any = NO_DEFAULT) -> Any:
        """Return an integer from `low` to `high`, or `default` where there is none."""
        value = self._content.get(name)
        if value is None and default is not NO_DEFAULT:
            return default
        if not isinstance(value, int):
            raise InputTypeError(f"{name} must be an integer, got {_shown(value)}")
        return integer_within(value, name, low, high)

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object, empty where there is none."""
        value = self._content.get(name, {})
        if not isinstance(value, dict):
            raise InputTypeError(f"{name} must be an object, got {_shown(value)}")
        return value


def _shown(value: Any) -> str:
    """A value as an error shows it: not more than the beginning."""
    text = repr(value)
    return text if len(text) <= MAX_WORD else f"{text[:MAX_WORD]}…"
