"""The application of the live page: its files, its connection, uploads and downloads."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from golmu.checks import one_of
from golmu.data.readers.image_files import quiet_pillow
from golmu.engines import load_ahead
from golmu.errors import GolmuError
from golmu.serve.bodies import BodyReader, image_of_body
from golmu.serve.fitting import Fitter
from golmu.serve.gate import OPEN_PATHS, Gate, check_origin
from golmu.serve.limits import Limits, RefusalError, failure_response, refusal_response, too_busy
from golmu.serve.live.assets import Asset, load_assets
from golmu.serve.live.hall import Hall
from golmu.serve.live.messages import MAX_MESSAGE_BYTES
from golmu.serve.live.visitors import Visitors
from golmu.serve.metrics import Metrics

SOCKET, FIT, REPORT, EXPORT = "/socket", "/fit", "/report", "/export/{to}"

POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data: blob:",
        "connect-src 'self'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
    )
)  # fmt: skip
"""The content security policy of the page: nothing from elsewhere."""

GOODBYE = (1000, 1001)
"""Codes with which a page closes its connection that is left."""

TOO_LONG, NOT_TEXT, REPLACED = 1009, 1003, 4000
"""Codes with which a connection is closed whose messages cannot be taken."""

MAX_DOWNLOADS = 2
"""Reports and exports that are made at the same time, at most."""


def create_live_application(hall: Hall, *, limits: Limits | None = None, token: str | None = None) -> ASGIApp:
    """Make the ASGI application of the live page.

    Parameters
    ----------
    hall
        What all visitors share.
    limits
        The most that an upload may be.
    token
        What a client must show; None: nothing, and then only requests to names of this computer are answered.
    """
    page = _LivePage(hall, limits or Limits())
    assets = load_assets()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        load_ahead("fused", 1)  # only now, so that the page is there first
        with quiet_pillow:  # which each image would enter otherwise
            yield
        await page.close()

    app = Starlette(
        routes=[
            *(Route(path, _sender(path, asset)) for path, asset in assets.items()),
            WebSocketRoute(SOCKET, page.talk),
            Route(FIT, page.fit, methods=["POST"]),
            Route(REPORT, page.report),
            Route(EXPORT, page.export),
            Route("/health", _health),
        ],
        exception_handlers={
            RefusalError: _answer_refusal, GolmuError: _answer_error, HTTPException: _answer_wrong_path,
            Exception: _answer_failure,
        },
        lifespan=lifespan,
    )  # fmt: skip
    return Gate(
        app, direct={}, paths=("/", FIT, REPORT), limits=page.limits, metrics=Metrics(), token=token,
        open_paths=(*OPEN_PATHS, *(path for path in assets if path != "/")),
    )  # fmt: skip


class _LivePage:
    """What the paths of the page do."""

    def __init__(self, hall: Hall, limits: Limits) -> None:
        self.limits = limits
        self._hall, self._visitors, self._reader = hall, Visitors(hall), BodyReader(limits)
        self._n_downloads = 0

    async def close(self) -> None:
        """End all trainings, and the threads that answer."""
        await self._visitors.close()
        self._hall.close()

    async def talk(self, websocket: WebSocket) -> None:
        """Hold a visitor's connection until it ends."""
        try:
            visitor = self._visitors.enter(websocket.query_params.get("visitor"))
        except RefusalError as refusal:
            await websocket.send_denial_response(refusal.response())
            return
        code, outbox = 0, visitor.connect()
        sending: asyncio.Task[None] | None = None
        try:
            await websocket.accept()
            sending = asyncio.create_task(outbox.drain(websocket.send_bytes))
            while not code:
                await outbox.has_room()
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    code = message.get("code") or 1006
                elif visitor.outbox is not outbox:
                    code = REPLACED
                    await websocket.close(code, "the page has another connection")
                elif (text := message.get("text")) is None or len(text.encode()) > MAX_MESSAGE_BYTES:
                    code = NOT_TEXT if text is None else TOO_LONG
                    await websocket.close(code, "messages are JSON of at most 64,000 bytes")
                else:
                    visitor.hear(text)
        except (OSError, WebSocketDisconnect):  # it has gone before it was greeted, or told why it has to go
            pass
        finally:
            if sending is not None:
                sending.cancel()
                # uvicorn says by RuntimeError that it has closed the connection, for an error of the client's.
                with suppress(asyncio.CancelledError, WebSocketDisconnect, RuntimeError):
                    await sending
            if visitor.outbox is outbox:
                self._visitors.leave(visitor, is_goodbye=code in GOODBYE)

    async def fit(self, request: Request) -> Response:
        """Fit an uploaded image to a visitor's network, exactly as `golmu predict` does."""
        check_origin(request.scope)
        visitor = self._visitors.find(request.query_params.get("visitor"))
        async with self._reader.body(request) as body:
            source = image_of_body(body)
            snapshot = await visitor.questions.needed_snapshot()
            fitter = Fitter(snapshot.predictor, self.limits, snapshot.predictor.image_files.inversion)
            fitted = await self._hall.compute(fitter.fit, [source])
        height, width, channels = fitted.images.shape[1:]
        content = {
            "height": height,
            "width": width,
            "channels": channels,
            "pixels": b64encode(fitted.images[0].tobytes()).decode(),
            "inverted": fitted.are_inverted[0],
        }
        return Response(json.dumps(content), media_type="application/json")

    async def report(self, request: Request) -> Response:
        """Make the report of a visitor's training so far."""
        visitor = self._visitors.find(request.query_params.get("visitor"))
        kept = await visitor.questions.kept()
        return await self._download(f"{kept.stem}.html", "text/html; charset=utf-8", kept.report)

    async def export(self, request: Request) -> Response:
        """Export a visitor's network."""
        from golmu.serve.live.keeping import EXPORTS, zipped_export  # noqa: PLC0415  imports Matplotlib

        to = one_of(request.path_params["to"], EXPORTS, "the format")
        visitor = self._visitors.find(request.query_params.get("visitor"))
        snapshot = await visitor.questions.needed_snapshot()
        return await self._download(
            f"golmu-{to}.zip", "application/zip", lambda: zipped_export(snapshot.predictor, to, snapshot.images)
        )

    async def _download(self, name: str, media_type: str, make: Callable[[], bytes]) -> Response:
        if self._n_downloads >= MAX_DOWNLOADS:
            raise too_busy(f"{self._n_downloads} reports or exports are being made, the most at a time")
        self._n_downloads += 1
        try:
            content = await self._hall.compute(make)
        finally:
            self._n_downloads -= 1
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(content, headers=headers, media_type=media_type)


def _sender(path: str, asset: Asset) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with a file of the page."""
    headers = {"ETag": asset.tag, "Cache-Control": "no-cache"}
    if path == "/":
        headers["Content-Security-Policy"] = POLICY

    async def send(request: Request) -> Response:
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, headers=headers, media_type=asset.media_type)

    return send


async def _health(_: Request) -> Response:
    return Response('{"status": "ok"}', media_type="application/json")


async def _answer_refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusalError)
    return error.response()


async def _answer_error(_: Request, error: Exception) -> Response:
    return refusal_response(422, str(error))


async def _answer_wrong_path(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return refusal_response(error.status_code, "there is nothing under this path for this method: open /")


async def _answer_failure(_: Request, error: Exception) -> Response:
    return failure_response(error)
