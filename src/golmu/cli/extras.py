"""What commands need beside Golmu itself."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from golmu.errors import EngineError


def refuse_without_extra(command: str, extra: str, needed: Iterable[str]) -> None:
    """Raise `EngineError` if a package that a command needs of an extra is not installed."""
    for name in needed:
        if importlib.util.find_spec(name) is None:
            raise EngineError(f'{command} needs {name}, which is not installed: pip install "golmu[{extra}]"')
