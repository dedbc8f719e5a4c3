"""The server's process: its address, its token, and how it starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import logging
import os
import secrets
import signal
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from golmu.checks import integer_within
from golmu.errors import InputError

STOP_SECONDS = 30
"""Seconds that requests which have begun have left when the server is to stop."""

TOKEN_BYTES = 24

MIN_TOKEN_LENGTH = 8
"""Characters of a token, at least: fewer are guessed."""

MAX_HEAD_BYTES = 2**17
"""Bytes of a request's head, at most; browsers and proxies send a few thousand. One chunk from the network may be half
of it."""

MAX_LINE_BYTES = 8000
"""Bytes of the address of a WebSocket, or of a header, at most: longer ones would be waited for without an end."""

SOCKET_HEADERS = (b"host", b"origin", b"authorization", b"upgrade", b"connection")
"""Headers that a WebSocket is asked for with, beside those of its own; others, such as the cookies of all servers of
this computer, may be too many or too long."""

MAX_SOCKET_HEADERS = 100
"""Of these headers, at most."""

HEAD_SECONDS = 30.0
"""Seconds in which the head of a request must have come, from the connection or from its first byte: a process has few
connections, and those that ask for nothing would keep others out."""

PING_SECONDS = 5.0
"""Seconds between two questions whether the other end of a WebSocket is there, and until it must have answered."""

WAITING_CONNECTIONS = 2048
"""Connections that the system holds until the server takes them."""


class Address(NamedTuple):
    """Where a server listens."""

    listener: socket.socket
    url: str
    is_local: bool
    """Whether only this computer reaches it."""


def listen(host: str, port: int) -> Address:
    """Bind the address, so that it is known to be free before the network is loaded.

    Parameters
    ----------
    host
        A name or a numeric address of this computer.
    port
        The port; 0: any that is free.

    Raises
    ------
    InputError
        If it cannot be bound.
    """
    integer_within(port, "port", 0, 65_535)
    try:
        (family, _, _, _, place), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        listener = socket.create_server(place[:2], family=family, backlog=WAITING_CONNECTIONS)
    except (OSError, UnicodeError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno and error.errno > 0 else error
        raise InputError(
            f"the server cannot listen at {host}, port {port} ({reason}): give another --port (0 takes any free one), "
            "or an address of this computer as --host"
        ) from error
    bound, port = listener.getsockname()[:2]
    shown = f"[{bound}]" if family == socket.AF_INET6 else bound
    return Address(listener, f"http://{shown}:{port}", ipaddress.ip_address(bound.partition("%")[0]).is_loopback)


def choose_token(token: str | None, *, is_local: bool) -> str | None:
    """Return what a client must show: the token given, or a new one if other computers reach the server.

    Raises
    ------
    InputError
        If the token given is too short, or cannot stand in a header.
    """
    if token is None:
        return None if is_local else secrets.token_urlsafe(TOKEN_BYTES)
    if len(token) < MIN_TOKEN_LENGTH or not (token.isascii() and token.isprintable()) or " " in token:
        raise InputError(
            f"the token must have at least {MIN_TOKEN_LENGTH} ASCII characters and no space, got {len(token)}"
        )
    return token


class _Protocol(HttpToolsProtocol):
    """HTTP as uvicorn speaks it, with an end to the head of a request, for which it would wait, and read, for ever."""

    _n_head_bytes: int | None = 0
    """Bytes that have come of the head of a request; None while a body comes."""

    _head_timer: asyncio.TimerHandle | None = None
    """Ends the wait for a head."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._n_head_bytes is not None:
            self._n_head_bytes += len(data)
        super().data_received(data)
        if self._n_head_bytes is not None and self._n_head_bytes > MAX_HEAD_BYTES:
            self.transport.close()
        elif self._n_head_bytes and self._head_timer is None:
            self._wait_for_head()

    def _wait_for_head(self) -> None:
        self._head_timer = asyncio.get_running_loop().call_later(HEAD_SECONDS, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:  # there is an answer to be sent first
            self._wait_for_head()

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_headers_complete(self) -> None:
        self._n_head_bytes = None
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._n_head_bytes = 0
        super().on_message_complete()

    def handle_websocket_upgrade(self) -> None:
        headers = [
            (name, value)
            for name, value in self.scope["headers"]
            if name in SOCKET_HEADERS or name.startswith(b"sec-websocket-")
        ]
        n_most = max(len(self.url), *(len(name) + len(value) for name, value in headers))
        if n_most > MAX_LINE_BYTES or len(headers) > MAX_SOCKET_HEADERS:
            self.send_400_response("The address or a header of the WebSocket is too long.")
            return
        self.scope["headers"] = headers
        super().handle_websocket_upgrade()


def run(app: ASGIApp, listener: socket.socket, *, max_message_bytes: int | None = None) -> None:
    """Answer requests until the process is told to stop (Ctrl-C, SIGTERM); then answer those that have begun.

    Parameters
    ----------
    app
        The application.
    listener
        The socket that `listen` has bound.
    max_message_bytes
        Bytes of a message over a WebSocket at most; None: the application has none.
    """
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)  # it logs what it then raises
    # What is here by now stays: the garbage collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    server = uvicorn.Server(configure(app, max_message_bytes))
    # A second Ctrl-C cuts off what is under way, and each of it would be logged as a failure.
    logging.getLogger("uvicorn.error").addFilter(lambda _: not server.force_exit)
    with _stopping_quietly(), listener:
        server.run(sockets=[listener])


def configure(app: ASGIApp, max_message_bytes: int | None = None) -> uvicorn.Config:
    """Return how uvicorn runs an application, for `run`, or for a thread of a program that has another purpose."""
    sockets: Any = "none"
    if max_message_bytes is not None:
        from golmu.serve.sockets import SocketProtocol  # noqa: PLC0415  golmu serve has none

        sockets = SocketProtocol
    return uvicorn.Config(
        app, http=_Protocol, log_config=None, log_level=logging.ERROR, access_log=False, lifespan="on",
        ws=sockets, ws_max_size=max_message_bytes or 0,
        ws_ping_interval=PING_SECONDS, ws_ping_timeout=PING_SECONDS, ws_per_message_deflate=False,
        server_header=False, proxy_headers=False, timeout_graceful_shutdown=STOP_SECONDS,
    )  # fmt: skip


@contextlib.contextmanager
def _stopping_quietly() -> Iterator[None]:
    """Let the process end as one that did what it was told.

    uvicorn raises the signal that has stopped it once more when all is done.
    """
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        signal.signal(signal.SIGTERM, before)
