"""What waits to be sent to a page: all answers, in their order, and of everything else only the newest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable


class Outbox:
    """Messages of one connection; a slow client makes it hold no more than a few."""

    def __init__(self) -> None:
        self._answers: deque[bytes] = deque()
        self._newest: dict[str, bytes] = {}
        self._news = asyncio.Event()

    def answer(self, message: bytes) -> None:
        """Send a message."""
        self._answers.append(message)
        self._news.set()

    def replace(self, kind: str, message: bytes) -> None:
        """Send a message in place of one of the same kind that still waits."""
        self._newest[kind] = message
        self._news.set()

    async def drain(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what comes, for ever."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._answers or self._newest:
                message = self._answers.popleft() if self._answers else self._newest.pop(next(iter(self._newest)))
                await send(message)
