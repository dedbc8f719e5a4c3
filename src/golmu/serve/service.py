"""A network that answers requests: from a body to the answer in JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST

from golmu.about import VERSION
from golmu.errors import GolmuError
from golmu.export.description import Origin, describe_accuracy, describe_image_files, weights_digest
from golmu.export.page import Sample, page_of
from golmu.metrics import softmax
from golmu.model.predictor import Predictor
from golmu.serve.answer import AnswerWriter
from golmu.serve.batches import MAX_BATCH, Batches, Pixels, Probabilities
from golmu.serve.bodies import BodyReader, image_of_body, images_of_form, images_of_json
from golmu.serve.fitting import Fitter
from golmu.serve.limits import Limits, refusal_response
from golmu.serve.metrics import Metrics
from golmu.serve.pages import PAGE_HEADERS
from golmu.system import usable_cores

JSON_TYPE, FORM_TYPE = "application/json", "multipart/form-data"

T = TypeVar("T")

Samples = Callable[[], Sequence[Sample]]


class Service:
    """A network, and all that is needed to answer for it.

    Parameters
    ----------
    predictor, invert
        The network, and which images are inverted, as for `golmu.Predictor.predict`.
    limits
        The most that is taken.
    origin
        What is known of its training.
    samples
        Loads the images that the page shows, when it is first asked for.
    """

    def __init__(
        self, predictor: Predictor, limits: Limits, invert: str, *, origin: Origin | None, samples: Samples | None
    ) -> None:
        self._origin, self._samples = origin, samples
        self._predictor, self._limits, self._invert = predictor, limits, invert
        self.metrics = Metrics()
        self._reader, self._fitter = BodyReader(limits), Fitter(predictor, limits, invert)
        self._writer = AnswerWriter(predictor.class_names)
        self._batches = Batches(self._compute, self.metrics.computed)
        self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="golmu-images")
        self._page: Response | None = None

    def warm_up(self) -> None:
        """Load or compile the kernels."""
        for n in (1, MAX_BATCH):
            self._compute(np.zeros((n, *self._predictor.image_shape), np.uint8))

    def close(self) -> None:
        """End the threads, once they have done what they have."""
        self._pool.shutdown()
        self._batches.close()

    async def predict(self, request: Request) -> Response:
        """Say what images show.

        The body is an image file, a form with one or more image files, or JSON.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        async with self._reader.body(request) as body:
            if kind == FORM_TYPE:
                images = await images_of_form(request.headers, body, self._limits)
            elif kind == JSON_TYPE:
                images = await self._in_thread(images_of_json, body, self._limits)
            else:
                images = [image_of_body(body)]
            if len(images) == 1 and self._fitter.is_quick(images[0]):
                fitted = self._fitter.fit(images)
            else:
                fitted = await self._in_thread(self._fitter.fit, images)
        names = [str(image) if kind == FORM_TYPE else None for image in images]
        try:
            probabilities = await self._batches.probabilities(fitted.images)
        except GolmuError as error:
            return refusal_response(500, str(error))
        return Response(self._writer.write(names, fitted.are_inverted, probabilities), media_type=JSON_TYPE)

    async def health(self) -> dict[str, str]:
        """Say that the server answers."""
        return {"status": "ok"}

    async def metadata(self) -> Response:
        """Say what the network is, and the most that is taken."""
        # FastAPI writes JSON as UTF-8, which has no place for half a surrogate pair, as names of files may hold.
        return Response(json.dumps(self._describe()), media_type=JSON_TYPE)

    def _describe(self) -> dict[str, Any]:
        predictor = self._predictor
        height, width, channels = predictor.image_shape
        return {
            "name": Path(predictor.name).name,
            "golmu": VERSION,
            "engine": predictor.engine.name,
            "classes": predictor.class_names,
            "height": height,
            "width": width,
            "channels": channels,
            "ground": predictor.image_files.ground or None,
            "invert": self._invert,
            "image_files": describe_image_files(predictor.model),
            "parameters": predictor.model.architecture.n_parameters,
            "weights_sha256": weights_digest(predictor.model),
            "accuracy": describe_accuracy(self._origin),
            "limits": asdict(self._limits),
        }

    async def count(self) -> Response:
        """Say what was counted, as Prometheus reads it."""
        return Response(self.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    async def page(self) -> Response:
        """Show a page on which anyone can try the network."""
        if self._page is None:
            self._page = HTMLResponse(await self._in_thread(self._make_page), headers=PAGE_HEADERS)
        return self._page

    async def _in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def _make_page(self) -> str:
        return page_of(self._predictor, None if self._samples is None else self._samples())

    def _compute(self, images: Pixels) -> Probabilities:
        return softmax(self._predictor.engine.logits(images))
