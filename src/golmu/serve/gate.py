"""What every request passes before it is heard: who may ask, how many at a time, and what is counted."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Collection, Mapping
from functools import lru_cache
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from golmu.serve.limits import Limits, RefusalError, failure_response, too_busy
from golmu.serve.metrics import Metrics

OPEN_PATHS = ("/health",)
"""What needs no token: whoever watches over a server asks it."""

SECURITY_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]
"""Headers of every answer."""


class Gate:
    """An ASGI application around another one.

    Parameters
    ----------
    app
        The application inside.
    direct
        What answers some methods and paths without going through `app`; of these, only so many requests are answered
        at the same time.
    paths
        All paths that are answered; requests for others are counted together.
    limits, metrics
        How many at the same time, and where requests are counted.
    open_paths
        Paths that need no token.
    token
        What a client must show; None: nothing, but it must have called this server by a name of this computer, since a
        page from elsewhere that a browser shows may have pointed a name of its own to it.
    """

    def __init__(
        self, app: ASGIApp, *, direct: Mapping[tuple[str, str], ASGIApp], paths: Collection[str], limits: Limits,
        metrics: Metrics, token: str | None, open_paths: Collection[str] = OPEN_PATHS,
    ) -> None:  # fmt: skip
        self._app, self._direct, self._paths, self._limits, self._metrics = app, direct, paths, limits, metrics
        self._token = None if token is None else token.encode()
        self._open_paths = frozenset(open_paths)
        self._n_in_progress = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
            return
        if scope["type"] == "websocket":
            try:
                self._check_caller(scope)
                check_origin(scope)
            except RefusalError as refusal:
                await WebSocket(scope, receive, send).send_denial_response(refusal.response())
                return
        await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, path = perf_counter(), scope["path"]
        status: int | None = None
        direct = self._direct.get((scope["method"], path))

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *SECURITY_HEADERS]
            await send(message)

        if direct is not None:
            self._n_in_progress += 1
            self._metrics.in_progress.set(self._n_in_progress)
        try:
            self._check_caller(scope)
            if direct is None:
                await self._app(scope, receive, send_and_note)
            elif self._n_in_progress > self._limits.requests:
                raise too_busy(f"{self._limits.requests} requests are being answered, the most at a time")
            else:
                await direct(scope, receive, send_and_note)
        except RefusalError as refusal:
            await refusal.response()(scope, receive, send_and_note)
        except asyncio.CancelledError:  # the server stops, and this request has had its time
            if status is not None:
                raise
            stopping = RefusalError(503, "the server is stopping: send the request again when it is back")
            await stopping.response()(scope, receive, send_and_note)
        except Exception as error:
            if status is None:
                await failure_response(error)(scope, receive, send_and_note)
            raise  # to the log
        finally:
            if direct is not None:
                self._n_in_progress -= 1
                self._metrics.in_progress.set(self._n_in_progress)
            self._metrics.answered(path if path in self._paths else "other", status or 500, perf_counter() - started)

    def _check_caller(self, scope: Scope) -> None:
        """Refuse a client that may not ask."""
        if self._token is None:
            host = _header(scope, b"host")
            if not is_local(host):
                raise RefusalError(
                    421,
                    f"this server answers to names of this computer, such as 127.0.0.1, and was called {host!r}: start "
                    "it with --host and a token to be called by others",
                )
        elif scope["path"] not in self._open_paths and not self._has_token(scope):
            raise RefusalError(
                401,
                "a token is needed: send the header 'Authorization: Bearer TOKEN', or in a browser add ?token=TOKEN",
                {"WWW-Authenticate": "Bearer"},
            )

    def _has_token(self, scope: Scope) -> bool:
        assert self._token is not None
        scheme, _, given = _header(scope, b"authorization").partition(" ")
        shown = [given.strip()] if scheme.lower() == "bearer" else []
        shown += parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return any(hmac.compare_digest(one.encode("utf-8", "surrogatepass"), self._token) for one in shown)


def check_origin(scope: Scope) -> None:
    """Raise `RefusalError` if a browser says that a page from elsewhere asks; other clients say nothing of it."""
    origin, host = _header(scope, b"origin"), _header(scope, b"host")
    try:
        is_own = not origin or urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:  # brackets that enclose no address
        is_own = False
    if not is_own:
        raise RefusalError(
            403, f"only this server's own page may do this, at {host!r}, and a page of {origin!r} has asked: open this "
            "server's page"
        )  # fmt: skip


@lru_cache(maxsize=64)
def is_local(host: str) -> bool:
    """Whether the name by which a client calls a server is this computer's own: localhost, or a loopback address.

    A client that gives no name, which no browser does, is told apart by nothing.
    """
    head, colon, port = host.rpartition(":")
    name = head if colon and port.isdecimal() else host
    try:
        return name.lower() in ("", "localhost") or ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _header(scope: Scope, name: bytes) -> str:
    """Return the value of a header, "" without one."""
    values: Any = scope["headers"]
    return next((value.decode("latin-1") for one, value in values if one == name), "")
