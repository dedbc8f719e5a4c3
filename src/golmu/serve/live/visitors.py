"""Who visits: a name for each, which brings back a visitor whose connection has broken."""

from __future__ import annotations

import asyncio
import secrets

from golmu.serve.limits import RefusalError
from golmu.serve.live.hall import Hall
from golmu.serve.live.visitor import KEPT_SECONDS, Visitor

NAME_BYTES = 16

MAX_VISITORS = 200
"""Visitors at the same time, at most, those that may come back to a training among them."""

CLOSING_SECONDS = 5.0
"""Seconds in which trainings that run have to end with the server."""


class Visitors:
    """All visitors; one event loop uses them."""

    def __init__(self, hall: Hall) -> None:
        self._hall = hall
        self._visitors: dict[str, Visitor] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}  # of those that may come back

    def __len__(self) -> int:
        """Return how many there are, those that may come back among them."""
        return len(self._visitors)

    def enter(self, name: str | None) -> Visitor:
        """Return the visitor of this name, or else a new one.

        A name is known to its page alone. So one who is thought to be connected has lost that connection, and the
        server has not noticed yet.

        Raises
        ------
        RefusalError
            If there are too many.
        """
        if name is not None and (known := self._visitors.get(name)):
            if timer := self._timers.pop(name, None):
                timer.cancel()
            else:
                known.disconnect()
            return known
        if len(self._visitors) >= MAX_VISITORS:
            raise RefusalError(429, f"{MAX_VISITORS} visitors are here, the most at a time: come again later")
        visitor = Visitor(secrets.token_urlsafe(NAME_BYTES), self._hall)
        self._visitors[visitor.name] = visitor
        return visitor

    def find(self, name: str | None) -> Visitor:
        """Return the visitor of this name.

        Raises
        ------
        RefusalError
            If there is none.
        """
        if name is None or name not in self._visitors:
            raise RefusalError(404, "there is no such visitor: open the page, and ask from there")
        return self._visitors[name]

    def leave(self, visitor: Visitor, *, is_goodbye: bool) -> None:
        """Free a visitor at once who says goodbye or has no training; keep one whose connection has broken."""
        if is_goodbye or not visitor.has_training:
            del self._visitors[visitor.name]
            visitor.close()
        else:
            visitor.disconnect()
            loop = asyncio.get_running_loop()
            self._timers[visitor.name] = loop.call_later(KEPT_SECONDS, self._forget, visitor.name)

    async def close(self) -> None:
        """End everything."""
        for timer in self._timers.values():
            timer.cancel()
        visitors = list(self._visitors.values())
        self._visitors.clear()
        self._timers.clear()
        await asyncio.gather(*(visitor.closed(CLOSING_SECONDS) for visitor in visitors))

    def _forget(self, name: str) -> None:
        self._timers.pop(name).cancel()
        self._visitors.pop(name).close()
