"""WebSocket as uvicorn speaks it, with an end to connections whose other end is no longer there."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol

_Protocol: Any = AutoWebSocketsProtocol


class SocketProtocol(_Protocol):  # type: ignore[misc]
    """A connection that ends at once when its client does not answer a ping.

    uvicorn waits until all that was written has been sent, and to a computer that sleeps that is never.
    """

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if self.transport.is_closing():
            self.handshake_complete = True  # else each client that is refused, or has gone, would be logged as an error
