"""What a page asks of its visitor's network, and the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import lru_cache
from typing import Any

import numpy as np

from golmu.analysis.labelled_images import LabelledImages
from golmu.errors import InputError
from golmu.export.packing import describe_network, stored_type
from golmu.export.page import choose_samples, drawn_share
from golmu.serve.live import gallery
from golmu.serve.live.gallery import Choice, Snapshot
from golmu.serve.live.hall import Hall
from golmu.serve.live.messages import Request, pack
from golmu.serve.live.session import Session


class Questions:
    """The questions of one visitor.

    Parameters
    ----------
    hall
        What all visitors share.
    session
        Returns the visitor's training; None where there is none.
    """

    def __init__(self, hall: Hall, session: Callable[[], Session | None]) -> None:
        self._hall, self._session = hall, session
        self.known: dict[str, Callable[[Request], Awaitable[bytes]]] = {
            "weights": self._weights,
            "images": self._images,
            "image": self._image,
            "save": self._save,
        }
        """What answers each question."""

    async def snapshot(self) -> Snapshot | None:
        """Return the network of this moment, or that of the run that was opened; None where there is none.

        Raises
        ------
        InputError
            If the training has failed or diverged.
        """
        if (session := self._session()) is not None:
            return await asyncio.wrap_future(session.trainer.snapshot())
        return None if self._hall.opened is None else self._hall.opened.snapshot

    async def needed_snapshot(self) -> Snapshot:
        """Return the network of this moment, or raise `InputError` where there is none."""
        snapshot = await self.snapshot()
        if snapshot is None:
            raise InputError("there is no network yet: start a training")
        return snapshot

    async def _weights(self, request: Request) -> bytes:
        if (session := self._session()) is not None and session.run.status == "diverged":
            return self._reply("weights", request, {"network": None, "reason": "diverged"})
        snapshot = await self.snapshot()
        if snapshot is None:
            return self._reply("weights", request, {"network": None, "reason": "none"})
        return self._reply("weights", request, await self._hall.compute(describe_weights, snapshot))

    async def _images(self, request: Request) -> bytes:
        choice = Choice(
            request.word("which"), request.number("class", 0, None, None), request.number("predicted", 0, None, None),
            request.number("block", 0, None, 0), request.number("kernel", 0, None, 0),
            request.number("n", 1, gallery.MAX_IMAGES, 20), request.number("seed", 0, None, 0),
        )  # fmt: skip
        snapshot = await self.needed_snapshot()

        def choose() -> bytes:
            chosen = gallery.choose(snapshot, choice)
            values = {"items": gallery.describe(snapshot, chosen), "n_searched": chosen.n_searched}
            return self._reply("images", request, values, pixels=snapshot.judged.images[chosen.indices])

        return await self._hall.compute(choose)

    async def _image(self, request: Request) -> bytes:
        snapshot = await self.needed_snapshot()
        index = request.number("index", 0, len(snapshot.judged) - 1)

        def look() -> bytes:
            (item,) = gallery.describe(snapshot, gallery.Chosen(np.array([index])))
            return self._reply("image", request, item, pixels=snapshot.judged.images[index])

        return await self._hall.compute(look)

    async def _save(self, request: Request) -> bytes:
        name = request.word("name")
        kept = await self.kept()
        run = await self._hall.compute(lambda: kept.save(name, self._hall.runs))
        return self._reply("saved", request, {"folder": str(run.folder)})

    async def kept(self) -> Any:
        """Return the training as it is now, to write it (`golmu.serve.live.keeping.Kept`).

        Raises
        ------
        InputError
            If there is none, or it has failed or diverged.
        """
        from golmu.serve.live.keeping import Kept  # noqa: PLC0415  imports Matplotlib, half a second

        if (session := self._session()) is None:
            raise InputError("there is no training to keep: start one")
        state = await asyncio.wrap_future(session.trainer.state())
        return Kept(session.run, session.split(), state)

    @staticmethod
    def _reply(kind: str, request: Request, values: dict[str, Any], **arrays: Any) -> bytes:
        return pack(kind, {**values, "ask": request.ask}, arrays)


def describe_weights(snapshot: Snapshot) -> dict[str, Any]:
    """Return what the page needs to run a network and to fit images to it."""
    model = snapshot.model
    kind, options = stored_type(model), model.image_file_options
    return {
        "network": None if kind is None else describe_network(model, kind),
        "reason": "too_large" if kind is None else "",
        "files": {"ground": options.ground, "inversion": options.inversion},
        "drawn_share": _drawn_share(snapshot.images),
        "epoch": snapshot.epoch,
        "batch": snapshot.batch,
    }


@lru_cache(maxsize=8)
def _drawn_share(images: LabelledImages | None) -> float:
    """How much of an image what is drawn fills (`golmu.export.page.drawn_share`)."""
    names = () if images is None else tuple(map(str, range(int(images.labels.max()) + 1)))
    return drawn_share(choose_samples(images, names))
