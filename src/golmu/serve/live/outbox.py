"""What waits to be sent to a page: all answers, in their order, and of everything else only the newest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

MAX_ANSWERS = 32
"""Answers that may wait before the next message of a page is read."""


class Outbox:
    """Messages of one connection; a slow client makes it hold no more than a few."""

    def __init__(self) -> None:
        self._answers: deque[bytes] = deque()
        self._newest: dict[str, bytes] = {}
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def answer(self, message: bytes) -> None:
        """Send a message."""
        self._answers.append(message)
        if len(self._answers) >= MAX_ANSWERS:
            self._room.clear()
        self._news.set()

    def replace(self, kind: str, message: bytes) -> None:
        """Send a message in place of one of the same kind that still waits, after all that came before it."""
        self._newest.pop(kind, None)
        self._newest[kind] = message
        self._news.set()

    async def has_room(self) -> None:
        """Wait until more answers may come: who asks and does not read is not heard until it reads."""
        await self._room.wait()

    async def drain(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what comes, until that fails."""
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                while self._answers or self._newest:
                    await send(self._next())
        finally:
            self._room.set()  # so that the end of the connection is heard

    def _next(self) -> bytes:
        if not self._answers:
            return self._newest.pop(next(iter(self._newest)))
        if len(self._answers) <= MAX_ANSWERS:
            self._room.set()
        return self._answers.popleft()
