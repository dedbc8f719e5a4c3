"""What waits for a page is sent in the order in which it came to be."""

import asyncio
from contextlib import suppress

from golmu.serve.live.outbox import Outbox


async def drained(outbox, n):
    """The first n messages that are sent."""
    sent = []

    async def send(message):
        sent.append(message)
        if len(sent) == n:
            raise ConnectionError

    with suppress(ConnectionError):
        await outbox.drain(send)
    return sent


def test_what_is_replaced_comes_after_what_was_news_before_it():
    async def talk():
        outbox = Outbox()
        outbox.replace("state", b"trains")
        outbox.replace("frame", b"frame")
        outbox.replace("state", b"is reset")  # else the page would show the frame of a training that is no more
        return await drained(outbox, 2)

    assert asyncio.run(talk()) == [b"frame", b"is reset"]


def test_answers_come_first_and_in_their_order():
    async def talk():
        outbox = Outbox()
        outbox.replace("frame", b"frame")
        outbox.answer(b"one")
        outbox.answer(b"two")
        return await drained(outbox, 3)

    assert asyncio.run(talk()) == [b"one", b"two", b"frame"]
