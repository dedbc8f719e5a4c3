"""The body of a request: read within its limits, in memory alone, and taken apart into the images that it holds."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from PIL import Image
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from golmu.data.readers.image_files import Encoded, Opened
from golmu.names import printable
from golmu.serve.limits import BODY_SECONDS, MAX_HELD_BYTES, MEGABYTE, Limits, RefusalError, too_busy

JSON_FORM = '{"images": [...]}, each an image file in base64, or rows of pixels from 0 to 255'
"""What a body in JSON must be, as errors say it."""

MAX_DISCARDED_BYTES = 64 * MEGABYTE
"""Bytes of a refused body that are read and thrown away: many clients hear an answer only once they have sent all."""

ImageInBody = Encoded | Opened
"""An image that a body holds: an encoded file, or pixels."""


class BodyReader:
    """Reads bodies; all requests share one, since what they hold together is limited too."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._n_held = 0

    @asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Lend the whole body of a request.

        Raises
        ------
        RefusalError
            If it is larger than the limit or does not come whole and in time, or too many large ones are here already.
        """
        body = await self._read(request)
        self._n_held += len(body)
        try:
            yield body
        finally:
            self._n_held -= len(body)

    async def _read(self, request: Request) -> bytes:
        async with _deadline(BODY_SECONDS):
            return await self._read_whole(request)

    async def _read_whole(self, request: Request) -> bytes:
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limits.body_bytes:
            await self._discard(request, int(declared))
            raise self._too_large(f"{int(declared):,}")
        message = await request.receive()
        if message["type"] == "http.request" and not message.get("more_body", False):  # most bodies are small
            body: bytes = message.get("body", b"")
            if len(body) > self._limits.body_bytes:
                raise self._too_large(f"{len(body):,}")
            return body
        return await self._read_parts(request, message)

    async def _read_parts(self, request: Request, message: Any) -> bytes:
        """Return a body that comes in several messages, of which `message` is the first."""
        parts: list[bytes] = []
        n = 0
        try:
            while True:
                if message["type"] == "http.disconnect":
                    raise RefusalError(400, "the connection was closed before the whole body had come")
                part = message.get("body", b"")
                if n + len(part) > self._limits.body_bytes:
                    parts.clear()
                    await self._discard(request, MAX_DISCARDED_BYTES)
                    raise self._too_large("more")
                if self._n_held + len(part) > MAX_HELD_BYTES:
                    raise too_busy("too many large bodies are here at the same time")
                parts.append(part)
                n += len(part)
                self._n_held += len(part)
                if not message.get("more_body", False):
                    return b"".join(parts)
                message = await request.receive()
        finally:
            self._n_held -= n

    async def _discard(self, request: Request, n_bytes: int) -> None:
        """Read what is left of a body that is refused, if it is not endless."""
        n = 0
        if n_bytes > MAX_DISCARDED_BYTES:
            return
        while n <= MAX_DISCARDED_BYTES:
            message = await request.receive()
            n += len(message.get("body", b""))
            if not message.get("more_body", False):
                return

    def _too_large(self, came: str) -> RefusalError:
        return RefusalError(
            413,
            f"the body must be at most {self._limits.body_bytes:,} bytes, got {came}: send a smaller image, or fewer "
            "at a time",
            {"Connection": "close"},
        )


@asynccontextmanager
async def _deadline(seconds: float) -> AsyncIterator[None]:
    """Refuse a request whose body has not come when the time is up.

    `asyncio.wait_for` would make a task for each body, most of which are here already; `asyncio.timeout` does as this
    does, from Python 3.11 on.
    """
    task, is_late = asyncio.current_task(), False
    assert task is not None

    def cancel() -> None:
        nonlocal is_late
        is_late = True
        task.cancel()

    timer = asyncio.get_running_loop().call_later(seconds, cancel)
    try:
        yield
    except asyncio.CancelledError:
        if not is_late:
            raise
        if sys.version_info >= (3, 11):
            task.uncancel()
        raise RefusalError(
            408,
            f"the body did not arrive within {seconds:g} seconds: send it faster, or a smaller one",
            {"Connection": "close"},
        ) from None
    finally:
        timer.cancel()


def image_of_body(body: bytes) -> ImageInBody:
    """Return the image that a body is.

    Raises
    ------
    RefusalError
        If it is empty.
    """
    if not body:
        raise RefusalError(422, "the body is empty: send an image file, as curl --data-binary @photo.jpg")
    return Encoded(body, "the body")


class _FormParser(MultiPartParser):
    """A parser that knows whether the form has come to its end; what it has read by then is all that it says."""

    is_whole = False

    def on_end(self) -> None:
        self.is_whole = True


async def images_of_form(headers: Headers, body: bytes, limits: Limits) -> list[ImageInBody]:
    """Return the files of a form (multipart/form-data).

    Raises
    ------
    RefusalError
        If it is damaged, or holds no file or too many.
    """

    async def stream() -> Any:
        yield body

    # One more than is allowed, so that too many are refused by our own sentence.
    parser = _FormParser(headers, stream(), max_files=limits.images + 1, max_fields=limits.images)
    parser.spool_max_size = len(body) + 1  # a file that outgrows this would go to the disk, and none can
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, ValueError) as error:
        if "Too many files" in str(error):
            raise _too_many_images(limits) from error
        raise RefusalError(422, f"the form cannot be read: {error}") from error
    if not parser.is_whole:
        raise RefusalError(422, "the form has no end: send it whole, with its last boundary")
    files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
    _check_number(len(files), limits, "the form holds no file: send each image as a file, as curl -F file=@photo.jpg")
    return [Encoded(await one.read(), _file_name(one.filename, i)) for i, one in enumerate(files)]


def images_of_json(body: bytes, limits: Limits) -> list[ImageInBody]:
    """Return the images of a body in JSON.

    Raises
    ------
    RefusalError
        If it is not of the form that the description gives.
    """
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusalError(422, f"the body is not JSON ({error}): send {JSON_FORM}") from error
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise RefusalError(422, f"the JSON must be {JSON_FORM}")
    if isinstance(content, dict) and (unknown := sorted(set(content) - {"images"})):
        raise RefusalError(
            422, f"the JSON holds {printable(unknown[0][:100], keep='')!r}, which is unknown: send {JSON_FORM}"
        )
    _check_number(len(images), limits, f"images is empty: send {JSON_FORM}")
    return [_image_of_json(image, f"image {number}") for number, image in enumerate(images)]


def _image_of_json(image: Any, name: str) -> ImageInBody:
    if isinstance(image, str):
        try:
            return Encoded(base64.b64decode(image, validate=True), name)
        except (binascii.Error, ValueError) as error:
            raise RefusalError(422, f"{name} is not base64: {error}") from error
    pixels = _pixels(image)
    if pixels is None:
        raise RefusalError(
            422, f"{name} must be an image file in base64, or rows of pixels from 0 to 255, (h, w) or (h, w, c)"
        )
    return Opened(Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels), name, is_named=False)


def _pixels(rows: Any) -> Any:
    """Return rows of pixels as uint8 (h, w), (h, w, 1), (h, w, 3) or (h, w, 4); None if they are something else."""
    if not isinstance(rows, list):
        return None
    try:
        array = np.array(rows, object)  # as objects: of texts, each cell would be as wide as the longest
    except ValueError:
        return None
    is_image = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))
    if not is_image or set(map(type, array.flat)) != {int} or array.min() < 0 or array.max() > 255:
        return None
    return array.astype(np.uint8)


def _file_name(given: str | None, number: int) -> str:
    """Return what a file is called: by its own name, without folders, or by its number."""
    name = printable((given or "").replace("\\", "/").rpartition("/")[2], keep="")
    return name or f"image {number}"


def _check_number(n: int, limits: Limits, otherwise: str) -> None:
    if n == 0:
        raise RefusalError(422, otherwise)
    if n > limits.images:
        raise _too_many_images(limits)


def _too_many_images(limits: Limits) -> RefusalError:
    return RefusalError(422, f"a request must hold at most {limits.images} images: send the others in further requests")
