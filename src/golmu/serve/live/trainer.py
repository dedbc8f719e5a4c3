"""The thread that trains for one visitor: it trains, pauses, steps and stops as it is told, and shows itself between.

All commands may be given from any thread; they take effect between two batches. What happens is told by calling
`listener`, in the thread that trains.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from golmu.errors import GolmuError, InputError, TrainingError
from golmu.model.model import ImageFileOptions, Model
from golmu.runs.job import TrainingJob
from golmu.serve.live.frames import Frame, Watch
from golmu.serve.live.gallery import Snapshot
from golmu.training.history import Progress
from golmu.training.loop import State

UNITS = ("batch", "epoch")
"""How far a step goes."""

logger = logging.getLogger("golmu")

T = TypeVar("T")


@dataclass(frozen=True)
class Event:
    """What happened to a training."""

    kind: str
    """`loaded`, `paused`, `finished`, `diverged`, `failed` or `frame`."""
    progress: Mapping[str, Any] = field(default_factory=dict)
    """How far it has come: `golmu.serve.live.frames.Watch.summary`."""
    curve: tuple[NDArray[np.int32], NDArray[np.float32]] | None = None
    """The whole curve: `golmu.serve.live.curve.Curve.points`."""
    message: str = ""
    """Why it failed or diverged, in words."""
    turn: int = 0
    """For `paused`: which call of `go` it was that has come to its end."""
    bad_batch: int = 0
    """For `diverged`: the batch of the running epoch whose loss is not finite, counted from 1; 0: the validation."""
    frame: Frame | None = None
    number: int = 0
    """Of the frame."""


class _ClosedError(Exception):
    """The training is to end, and leaves nothing."""


class Trainer:
    """One training, in a thread of its own that begins at once.

    Parameters
    ----------
    make
        Makes the training ready, in that thread: it may load data.
    listener
        Called with each event.
    numbers
        The numbers of the frames.
    pinned
        The number of the validation image whose feature maps are shown.
    """

    def __init__(
        self, make: Callable[[], TrainingJob], listener: Callable[[Event], None], numbers: Iterator[int],
        pinned: int = 0,
    ) -> None:  # fmt: skip
        self._make, self._listener, self._numbers, self._first_pinned = make, listener, numbers, pinned
        self._condition = threading.Condition()
        # What follows is read and changed under the condition's lock.
        self._may_train = self._is_closed = self._is_over = False
        self._n_threads = 1
        self._unit: str | None = None  # train so far only
        self._turn = self._paused_turn = 0  # calls of `go`; the last of them whose end was told
        self._requests: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._wants_frame = False
        self._number = 0  # of the last frame
        self._acknowledged = self._merges_of_frame = 0
        self._has_news = False
        # What follows belongs to the thread.
        self._final: State | None = None
        self._snapshot: Snapshot | None = None
        self._moment: tuple[int, int, bool] = (0, 0, False)  # of the snapshot
        self._thread = threading.Thread(target=self._work, name="golmu-trainer", daemon=True)
        self._thread.start()

    # What others may call

    def go(self, n_threads: int, unit: str | None = None) -> int:
        """Train with so many threads, to the end or for a step of this unit; return the number of this call."""
        with self._condition:
            self._may_train, self._n_threads, self._unit = True, n_threads, unit
            self._turn += 1
            self._condition.notify_all()
            return self._turn

    def use_threads(self, n_threads: int) -> None:
        """Train with so many threads from now on."""
        with self._condition:
            self._n_threads = n_threads

    def pause(self) -> None:
        """Stop at the next moment between two batches; the event `paused` says when."""
        with self._condition:
            self._may_train = False

    def close(self, seconds: float | None = None) -> None:
        """End the training, and wait for its thread to end for so many seconds; None: do not wait."""
        with self._condition:
            self._is_closed = True
            self._condition.notify_all()
        if seconds is not None:
            self._thread.join(seconds)

    @property
    def is_alive(self) -> bool:
        """Whether the thread has not ended yet."""
        return self._thread.is_alive()

    def pin(self, index: int) -> None:
        """Show the feature maps of another validation image."""

        def change() -> None:
            self._watch.pin(index)
            with self._condition:
                self._has_news = True

        self.ask(change)

    def show(self) -> None:
        """Send frames from now on, the first one with the whole curve."""
        with self._condition:
            self._acknowledged, self._wants_frame, self._has_news = 0, True, True
            self._condition.notify_all()

    def hide(self) -> None:
        """Send no frame."""
        with self._condition:
            self._wants_frame = False

    def see(self, frame: int, n_points: int) -> None:
        """Note that a frame has been seen, and so many points of the curve: now the next one may come."""
        with self._condition:
            if frame == self._number:
                self._acknowledged = n_points
                self._wants_frame = True
                self._condition.notify_all()

    def ask(self, function: Callable[[], T]) -> Future[T]:
        """Call a function in the thread, between two batches, and return what will hold its result."""
        future: Future[T] = Future()
        with self._condition:
            if self._is_closed or self._is_over:
                future.set_exception(InputError("this training has ended: start another one"))
            else:
                self._requests.append((function, future))
                self._condition.notify_all()
        return future

    def snapshot(self) -> Future[Snapshot]:
        """The network as it is at the next moment between two batches."""
        return self.ask(self._take_snapshot)

    def state(self) -> Future[State]:
        """The state from which the training can continue."""
        return self.ask(self._take_state)

    # What the thread does

    def _work(self) -> None:
        try:
            self._job = self._make()
            self._watch = Watch(self._job, self._first_pinned)
            self._tell("loaded")
            self._wait()
            training = self._job.training
            training.run(*self._job.prepared, training.recipe.epochs, [self._between_slices])
            self._watch.is_finished = True
            self._rest("finished")
        except _ClosedError:
            pass
        except TrainingError as error:
            with suppress(_ClosedError):
                self._rest("diverged", message=str(error), bad_batch=self._find_divergence())
        except GolmuError as error:
            self._fail(str(error))
        except MemoryError:
            self._fail("there is not enough memory for this network: lower its sizes, or the batch size")
        except Exception as error:
            logger.exception("a training of the live page failed")
            self._fail(f"the training failed: {type(error).__name__}; the server's log says where")
        finally:
            self._give_up()

    def _between_slices(self, progress: Progress) -> None:
        """The callback of the training."""
        training, watch = self._job.training, self._watch
        watch.note(progress)
        if progress.samples == 0 and (training.epoch >= progress.epochs or training.has_stalled):
            self._final = training.state()  # before the slots are dropped, with which it could continue
        with self._condition:
            self._has_news = True
            if self._unit == "batch" or (self._unit == "epoch" and progress.samples == 0):
                self._may_train = False
            is_paused = not self._may_train
        self._serve(is_training=not is_paused)
        if is_paused and self._final is None:
            self._wait()
        else:
            self._heed()

    def _heed(self) -> None:
        """Train on as the commands say."""
        with self._condition:
            if self._is_closed:
                raise _ClosedError
            training = self._job.training
            training.engine.n_threads = self._n_threads
            training.longest_slice = 1 if self._unit == "batch" else self._watch.slice_length

    def _wait(self) -> None:
        """Serve what is asked until training may go on; each call of `go` that has come to its end is told."""
        while True:
            with self._condition:
                while not (self._is_closed or self._may_train or self._requests or self._has_work()):
                    if self._turn != self._paused_turn:
                        break
                    self._condition.wait()
                is_done, turn = self._is_closed or self._may_train, self._turn
                is_paused = not is_done and turn != self._paused_turn
                self._paused_turn = turn if is_paused else self._paused_turn
            if is_paused:
                self._tell("paused", turn=turn)
            if is_done:
                self._heed()
                self._watch.resume()
                return
            self._serve(is_training=False)

    def _tell(self, kind: str, **more: Any) -> None:
        self._listener(Event(kind, self._watch.summary(), self._watch.curve.points(), **more))

    def _rest(self, kind: str, **more: Any) -> None:
        """Tell how the training ended, and serve what is asked until it is closed."""
        with self._condition:
            self._may_train, self._has_news = False, True
        self._tell(kind, **more)
        while True:
            with self._condition:
                self._may_train = False
                while not (self._is_closed or self._requests or self._has_work()):
                    self._condition.wait()
                if self._is_closed:
                    raise _ClosedError
            self._serve(is_training=False)

    def _has_work(self) -> bool:
        """Whether there is something to do beside training: a frame that is wanted, or images to judge."""
        return (self._wants_frame and self._has_news) or not self._watch.is_judged

    def _serve(self, *, is_training: bool) -> None:
        """Answer requests, and make a frame if it is wanted and due."""
        while True:
            with self._condition:
                if not self._requests:
                    break
                function, future = self._requests.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(function())
            except BaseException as error:  # carried to whoever asked
                future.set_exception(error)
        if is_training and not self._watch.is_due:
            return
        with self._condition:
            wants_frame = self._wants_frame and self._has_news
        if wants_frame:
            self._send_frame()
        if not is_training and not self._watch.is_judged:
            self._watch.judge()
            with self._condition:
                self._has_news = True

    def _send_frame(self) -> None:
        curve = self._watch.curve
        with self._condition:
            first = self._acknowledged if self._merges_of_frame == curve.n_merges else 0
            first = max(0, min(first, len(curve)))
            self._merges_of_frame, self._acknowledged = curve.n_merges, first
            self._wants_frame = self._has_news = False
            number = self._number = next(self._numbers)
        self._tell("frame", frame=self._watch.frame(first), number=number)

    def _take_snapshot(self) -> Snapshot:
        job, training = self._job, self._job.training
        assert job.images.validation is not None
        if self._watch.is_diverged:
            raise InputError("this training has diverged, so its network says nothing: start another one")
        is_finished = self._watch.is_finished
        moment = (training.epoch, training.batch, is_finished)
        if self._snapshot is None or self._moment != moment:
            architecture, preprocessing = training.engine.architecture, training.engine.preprocessing
            epoch = training.best.epoch if is_finished and training.best is not None else training.epoch
            model = Model(
                architecture, training.weights(is_finished=is_finished), job.data.classes, job.data.class_names,
                preprocessing, epoch, ImageFileOptions.of(architecture, preprocessing),
            )  # fmt: skip
            self._snapshot = Snapshot(model, training.epoch, training.batch, job.images.validation)
            self._moment = moment
        return self._snapshot

    def _take_state(self) -> State:
        if self._watch.is_diverged:
            raise InputError("a training that has diverged leaves no network to keep: start another one")
        return self._job.training.state() if self._final is None else self._final

    def _find_divergence(self) -> int:
        """Put the losses until the first that is not finite into the curve, and return the number of its batch."""
        training, watch = self._job.training, self._watch
        watch.is_diverged = True
        losses = training.state().batch_losses
        known = watch.n_batches - (watch.epoch_steps[-1] if watch.epoch_steps else 0)
        finite = np.isfinite(losses)
        bad = len(losses) if finite.all() else int(finite.argmin())
        watch.add_losses(losses[known:bad])
        return 0 if finite.all() else bad + 1

    def _fail(self, message: str) -> None:
        self._listener(Event("failed", message=message))

    def _give_up(self) -> None:
        """Leave no request without an answer."""
        with self._condition:
            self._is_over = True
            left = list(self._requests)
            self._requests.clear()
        for _, future in left:
            if future.set_running_or_notify_cancel():
                future.set_exception(InputError("this training has ended: start another one"))
