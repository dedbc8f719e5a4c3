"""What the server takes at most, and how a request is refused: one status, one sentence, one form of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

MEGABYTE = 10**6

MAX_HELD_BYTES = 256 * MEGABYTE
"""Bytes of all bodies together that are in memory at a time; more requests with large bodies have to come later."""

BODY_SECONDS = 60.0
"""Seconds in which a whole body must arrive: a client that sends a byte now and then would hold its place for ever."""

RETRY_SECONDS = 1
"""Seconds after which a client that came at a busy moment may come again."""


@dataclass(frozen=True)
class Limits:
    """The most that is taken; a request over a limit is refused before it costs more."""

    body_bytes: int = 16 * MEGABYTE
    """Bytes of a request's body."""
    pixels: int = 50_000_000
    """Pixels of one image, as its header declares them."""
    images: int = 64
    """Images in one request."""
    requests: int = 256
    """Requests for predictions at the same time."""


class RefusalError(Exception):
    """A request that is refused.

    Parameters
    ----------
    status
        The HTTP status: 400 to 499.
    detail
        What was expected, what came, and what to do.
    headers
        More headers of the answer.
    """

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers

    def response(self) -> Response:
        """The answer that says so."""
        return refusal_response(self.status, self.detail, self.headers)


def too_busy(what: str) -> RefusalError:
    """The refusal of a request that comes while the server has its hands full."""
    return RefusalError(429, f"{what}: try again in a moment", {"Retry-After": str(RETRY_SECONDS)})


def failure_response(error: Exception) -> Response:
    """The answer where a fault of the server's own came in between."""
    return refusal_response(500, f"the server failed: {type(error).__name__}; its log says where")


def refusal_response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    """The one form of JSON in which every error is answered."""
    content = json.dumps({"status": status, "detail": detail})
    return Response(content, status, dict(headers or {}), "application/json")
