"""One visitor of the page: what the page asks for, and what its training tells."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

from golmu.checks import one_of
from golmu.errors import GolmuError, InputError
from golmu.serve.live import gallery
from golmu.serve.live.hall import Hall
from golmu.serve.live.live_run import MAX_RUNS, LiveRun
from golmu.serve.live.messages import Request, pack
from golmu.serve.live.opened import OpenedRun
from golmu.serve.live.outbox import Outbox
from golmu.serve.live.questions import Questions
from golmu.serve.live.session import ENDED, IDLE, PAUSED, TRAINING, WAITING, Session, make_job
from golmu.serve.live.settings import describe_fields, describe_recipes, read_recipe
from golmu.serve.live.trainer import UNITS, Event, Trainer

KEPT_SECONDS = 600.0
"""Seconds for which a visitor whose connection has broken is kept."""

MAX_QUESTIONS = 16
"""Questions of one visitor that are being answered, at most."""

MAX_ENDING = 4
"""Trainings of one visitor that are still ending, at most: each has a thread until it has noticed."""

NO_STEPS = "none"
"""A start that only makes the network."""

logger = logging.getLogger("golmu")


class Visitor:
    """One visitor; one event loop uses it, and answers what its connection asks.

    Parameters
    ----------
    name
        By which the visitor comes back after a broken connection.
    hall
        What all visitors share.
    """

    def __init__(self, name: str, hall: Hall) -> None:
        self.name, self._hall = name, hall
        self.outbox: Outbox | None = None
        self._session: Session | None = None
        self._ending: list[Trainer] = []
        self._runs: list[LiveRun] = []
        self._n_runs = self._pinned = 0
        self._frame_numbers = count(1)  # one sequence for all trainings, so that what has been seen is never mistaken
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands: dict[str, Callable[[Request], None]] = {
            "start": self._start, "pause": self._pause, "go": self._go, "step": self._step, "reset": self._reset,
            "pin": self._pin, "seen": self._see, "here": lambda _: None,
        }  # fmt: skip
        self.questions = Questions(hall, lambda: self._session)

    # The connection

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection."""
        return self.outbox is not None

    @property
    def has_training(self) -> bool:
        """Whether there is a training, under way or ended."""
        return self._session is not None

    def connect(self) -> Outbox:
        """Greet a new connection, and return what is to be sent over it."""
        self.outbox = Outbox()
        opened = self._hall.opened
        runs = [*([] if opened is None else [opened.entry]), *self._runs]
        hello = {
            "visitor": self.name,
            "data_sets": self._hall.data_sets.describe(),
            "data_set": self._hall.data_sets.default,
            "recipes": describe_recipes(),
            "fields": describe_fields(),
            "limits": {"images": gallery.MAX_IMAGES, "places": self._hall.n_places, "kept_seconds": KEPT_SECONDS},
            "run": None if opened is None else opened.entry.number,
            "runs": [run.describe() for run in runs],
        }
        self.outbox.answer(pack("hello", hello))
        self._send_state()
        if self._session is not None:
            self._session.trainer.show()
        return self.outbox

    def disconnect(self) -> None:
        """Note that the connection has broken: pause the training, and give up its place."""
        self.outbox = None
        for task in self._tasks:
            task.cancel()
        if self._session is not None:
            self._session.trainer.hide()
            self._rest()

    def close(self) -> None:
        """End everything; the visitor does not come back."""
        self.disconnect()
        self._drop()

    async def closed(self, seconds: float) -> None:
        """End everything, and wait for so many seconds until the training has ended."""
        session = self._session
        self.close()
        if session is not None:
            await asyncio.to_thread(session.trainer.close, seconds)

    def hear(self, text: str) -> None:
        """Do what a message of the page says; what is wrong with it is answered in words."""
        ask, do = None, ""
        try:
            request = Request(text)
            ask, do = request.ask, request.do
            one_of(do, (*self._commands, *self.questions.known), "do")
            if command := self._commands.get(do):
                command(request)
                if ask is not None:
                    self._answer(pack("done", {"ask": ask}))
                return
            if len(self._tasks) >= MAX_QUESTIONS:
                raise InputError(f"{MAX_QUESTIONS} questions are being answered: ask again in a moment")
        except GolmuError as error:
            self._refuse(do, ask, str(error))
            return
        except Exception as error:
            self._fail(do, ask, error)
            return
        self._keep(asyncio.get_running_loop().create_task(self._answer_question(request)))

    async def _answer_question(self, request: Request) -> None:
        try:
            self._answer(await self.questions.known[request.do](request))
        except GolmuError as error:
            self._refuse(request.do, request.ask, str(error))
        except Exception as error:
            self._fail(request.do, request.ask, error)

    def _answer(self, message: bytes) -> None:
        if self.outbox is not None:
            self.outbox.answer(message)

    def _refuse(self, do: str, ask: int | None, message: str) -> None:
        self._answer(pack("error", {"do": do, "message": message, **({} if ask is None else {"ask": ask})}))

    def _fail(self, do: str, ask: int | None, error: Exception) -> None:
        """Answer where a fault of the server's own came in between."""
        logger.exception("the live page could not answer")
        self._refuse(do, ask, f"the server failed: {type(error).__name__}; its log says where")

    def _send_state(self) -> None:
        if self.outbox is not None:
            self.outbox.replace("state", pack("state", self._state()))
            self._show_opened()

    def _show_opened(self) -> None:
        """Send a frame of the run that was opened, as long as there is no training."""
        if self._session is None and self._hall.opened is not None:
            self._keep(asyncio.get_running_loop().create_task(self._send_opened(self._hall.opened)))

    async def _send_opened(self, opened: OpenedRun) -> None:
        frame = await self._hall.compute(opened.frame, self._pinned)
        if self._session is None and self.outbox is not None and frame is not None:
            values, arrays = frame
            values = {"frame": next(self._frame_numbers), "run": opened.entry.number, **values}
            self.outbox.replace("frame", pack("frame", values, arrays))

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Keep a task until it is done, or the connection breaks."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _state(self) -> dict[str, Any]:
        session = self._session
        if session is None:
            return {"status": IDLE, "run": None, "place": None, "n_threads": 0, "message": ""}
        run, progress = session.run, session.run.progress
        shown = {name: progress.get(name) for name in ("epoch", "batch", "batches", "steps", "loss")}
        return {
            "status": run.status, "run": run.number, "place": session.place, "message": session.message,
            "n_threads": session.n_threads if run.status == TRAINING else 0, "epochs": run.recipe.epochs, **shown,
            **run.settings, **session.more,
        }  # fmt: skip

    # Commands

    def _start(self, request: Request) -> None:
        name, recipe, seed = read_recipe(request)
        data_sets = self._hall.data_sets
        data_set = data_sets.check(request.word("data_set", data_sets.default))
        steps = request.word("steps", None)
        if steps is not None:
            one_of(steps, (*UNITS, NO_STEPS), "steps")
        self._ending = [one for one in self._ending if one.is_alive]
        if len(self._ending) >= MAX_ENDING:
            raise InputError(f"{MAX_ENDING} trainings are still ending: start again in a moment")
        self._drop()
        run = LiveRun(self._n_runs + 1, data_set, data_sets.title(data_set), name, recipe, seed)
        split = partial(data_sets.load, data_set)
        loop = asyncio.get_running_loop()

        def listen(event: Event) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._note, run, event)

        make = partial(make_job, split, recipe, name, seed)
        trainer = Trainer(make, listen, self._frame_numbers, self._pinned)
        self._n_runs += 1
        self._runs = [*self._runs, run][-MAX_RUNS:]
        self._session = Session(run, trainer, split, steps != NO_STEPS, steps if steps in UNITS else None)
        if self.is_connected:
            trainer.show()
        self._send_state()

    def _pause(self, request: Request) -> None:
        self._training("pause")
        self._rest()

    def _go(self, request: Request) -> None:
        self._train(self._training("go"), None)

    def _step(self, request: Request) -> None:
        unit = one_of(request.word("unit", "batch"), UNITS, "unit")
        self._train(self._training("step"), unit)

    def _reset(self, request: Request) -> None:
        self._drop()
        self._send_state()

    def _pin(self, request: Request) -> None:
        self._pinned = request.number("index", 0, None)
        if self._session is not None:
            self._session.trainer.pin(self._pinned)
        self._show_opened()

    def _see(self, request: Request) -> None:
        if self._session is not None:
            self._session.trainer.see(request.number("frame", 0, None), request.number("points", 0, None))

    def _training(self, do: str) -> Session:
        """Return the training that has not ended yet."""
        if self._session is None:
            raise InputError(f"there is no training to {do}: start one")
        if self._session.run.status in ENDED:
            raise InputError(f"the training has ended, so there is nothing to {do}: start another one")
        return self._session

    def _train(self, session: Session, unit: str | None) -> None:
        session.unit, session.wants_to_train = unit, True
        if session.run.status == TRAINING:
            session.turn = session.trainer.go(session.n_threads, unit)
        elif session.run.status == PAUSED:
            self._hall.places.ask(self)

    def _rest(self) -> None:
        """Stop training, and give up the place."""
        session = self._session
        if session is None:
            return
        session.wants_to_train = False
        if session.run.status == TRAINING:
            session.trainer.pause()
        elif session.run.status == WAITING:
            self._hall.places.leave(self)
            session.run.status, session.place = PAUSED, None
            self._send_state()

    def _drop(self) -> None:
        """End the training, if there is one; its run stays on the chart if it has come anywhere."""
        session, self._session = self._session, None
        if session is None:
            return
        self._hall.places.leave(self)
        session.trainer.close()
        self._ending.append(session.trainer)
        run = session.run
        if run.status not in ENDED:
            run.status = "stopped"
        if len(run.losses):
            self._answer(pack("run", {"run": run.describe()}))
        else:
            self._runs.remove(run)

    # What the places and the training tell

    def take_place(self, n_threads: int) -> None:
        """Train with so many threads (`golmu.serve.live.places.Guest`)."""
        session = self._session
        assert session is not None
        if session.run.status == TRAINING:
            session.trainer.use_threads(n_threads)
        else:
            session.run.status, session.place = TRAINING, None
            session.turn = session.trainer.go(n_threads, session.unit)
        session.n_threads = n_threads
        self._send_state()

    def wait_in_place(self, place: int) -> None:
        """Wait in the queue (`golmu.serve.live.places.Guest`)."""
        session = self._session
        assert session is not None
        session.run.status, session.place = WAITING, place
        self._send_state()

    def _note(self, run: LiveRun, event: Event) -> None:
        """Hear an event of a training; those of one that has been dropped are too late."""
        session = self._session
        if session is None or session.run is not run:
            return
        if event.progress:
            run.progress = dict(event.progress)
        if event.curve is not None:
            run.steps, run.losses = event.curve
        if event.kind == "frame":
            self._send_frame(run, event)
        elif event.kind == "loaded":
            run.status = PAUSED
            if session.wants_to_train and self.is_connected:
                self._hall.places.ask(self)
            self._send_state()
        elif event.kind == "paused":
            self._note_pause(session, event)
        else:
            run.status, session.message, session.place = event.kind, event.message, None
            if event.kind == "diverged":
                session.more = {"bad_batch": event.bad_batch, "learning_rate": run.recipe.learning_rate}
            self._hall.places.leave(self)
            if len(run.losses):
                self._answer(pack("run", {"run": run.describe()}))
            self._send_state()

    def _note_pause(self, session: Session, event: Event) -> None:
        if event.turn != session.turn:  # it has been told to go on since
            return
        session.run.status = PAUSED
        self._hall.places.leave(self)
        self._send_state()

    def _send_frame(self, run: LiveRun, event: Event) -> None:
        if self.outbox is not None and event.frame is not None:
            values, arrays = event.frame
            self.outbox.replace("frame", pack("frame", {"frame": event.number, "run": run.number, **values}, arrays))
