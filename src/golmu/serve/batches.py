"""Batches that form by themselves: the images that come while a batch is computed are the next batch.

No request waits for others to come, and there is no waiting time to tune: an idle server computes an image at once, and
the busier it is, the larger its batches. A thread of its own computes, so that the server goes on reading requests.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
from numpy.typing import NDArray

from golmu.errors import GolmuError

MAX_BATCH = 64
"""Images of a batch, at most: more are hardly faster, and those that come first would wait for the last."""

Pixels = NDArray[np.uint8]
Probabilities = NDArray[np.float32]
Compute = Callable[[Pixels], Probabilities]


class Batches:
    """Gathers the images of many requests, and computes them together; one event loop uses it.

    Parameters
    ----------
    compute
        Returns the probabilities (n, C) of images (n, h, w, c).
    observe
        Called with the number of images of each batch.
    """

    def __init__(self, compute: Compute, observe: Callable[[int], None]) -> None:
        self._compute, self._observe = compute, observe
        self._waiting: deque[tuple[Pixels, asyncio.Future[Probabilities]]] = deque()
        self._is_busy = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="golmu-batches")

    async def probabilities(self, images: Pixels) -> Probabilities:
        """Return the probabilities (n, C) of the images (n, h, w, c) of one request.

        Raises
        ------
        GolmuError
            If the network has no answer to one of them; other requests of the same batch get theirs.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Probabilities] = loop.create_future()
        self._waiting.append((images, future))
        if not self._is_busy:
            self._is_busy = True
            loop.call_soon(self._start)  # with whatever else has arrived at this moment
        return await future

    def close(self) -> None:
        """End the thread, once it has computed what it has."""
        self._thread.shutdown()

    def _start(self) -> None:
        """Compute the next batch, if any image waits."""
        batch: list[tuple[Pixels, asyncio.Future[Probabilities]]] = []
        n = 0
        while self._waiting and (not batch or n + len(self._waiting[0][0]) <= MAX_BATCH):
            images, future = self._waiting.popleft()
            if not future.done():  # whose client has gone
                batch.append((images, future))
                n += len(images)
        if not batch:
            self._is_busy = False
            return
        self._observe(n)
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._answers, [images for images, _ in batch])
        work.add_done_callback(partial(self._finish, [future for _, future in batch]))

    def _answers(self, requests: Sequence[Pixels]) -> list[Probabilities | Exception]:
        """Return the probabilities of each request's images, or why there are none; this runs in the thread."""
        try:
            together = self._compute(np.concatenate(requests) if len(requests) > 1 else requests[0])
        except GolmuError as error:
            if len(requests) == 1:
                return [error]
            return [answer for images in requests for answer in self._answers([images])]
        ends = np.cumsum([len(images) for images in requests])
        return [*np.split(together, ends[:-1])] if len(requests) > 1 else [together]

    def _finish(
        self,
        futures: Sequence[asyncio.Future[Probabilities]],
        work: asyncio.Future[list[Probabilities | Exception]],
    ) -> None:
        """Hand out the answers of a batch, and start the next."""
        error = work.exception()
        answers = [error] * len(futures) if error is not None else work.result()
        for future, answer in zip(futures, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)
        self._start()
