"""What a command prints, line by line or as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

from golmu.names import printable


def say(line: str, *, is_error: bool = False) -> None:
    """Print one line, whatever the names in it hold."""
    stream = sys.stderr if is_error else sys.stdout
    if stream is not None:  # closed by whoever started golmu
        print(printable(line, keep=""), file=stream, flush=True)  # flushed, so that a program may wait for it


def print_json(value: Any) -> None:
    """Print a value as JSON that every console can show."""
    text = printable(json.dumps(value, indent=2, ensure_ascii=False))
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # what the console lacks would come out in a form that JSON does not have
        text = json.dumps(value, indent=2)
    if sys.stdout is not None:
        print(text, flush=True)
