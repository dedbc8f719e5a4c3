"""The epoch loop: the order of samples, the history, progress, patience, and the loss that stops being a number."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture
from golmu.engines import create_engine
from golmu.engines.contract import AVERAGE, Batches, Engine, Prepared, Score, Slots
from golmu.errors import InputError, TrainingError
from golmu.preprocessing import SCALING_ONLY, Preprocessing
from golmu.recipe import Recipe
from golmu.schedule import Schedule
from golmu.training.batching import epoch_order, generators
from golmu.training.history import Callback, History, Progress
from golmu.training.streaming import Stream
from golmu.types import Weights

SLICE_SECONDS = 0.25
"""An epoch is handed to the engine in slices of about this long, so that progress shows and Ctrl-C is heard."""


def begin(
    architecture: Architecture, engine_name: str, n_threads: int | None, random_state: Any,
    preprocessing: Preprocessing = SCALING_ONLY,
) -> tuple[Engine, np.random.Generator]:  # fmt: skip
    """Return an engine with fresh weights and the generator that orders the samples, from one `random_state`.

    Raises
    ------
    InputTypeError, InputError, EngineError
        If `random_state` is none, there is no engine of that name, or it cannot be used here.
    """
    weight_rng, order_rng = generators(random_state)
    engine = create_engine(engine_name, architecture, n_threads, preprocessing)
    engine.set_weights(architecture.initial_weights(weight_rng))
    return engine, order_rng


@dataclass
class Best:
    """The epoch with the lowest validation loss so far."""

    epoch: int
    """Counted from 1."""
    loss: float
    weights: Weights


@dataclass
class State:
    """The state from which a training can continue; plain data, copies of what the training holds."""

    weights: Weights
    slots: Slots
    history: History
    generator: dict[str, Any]
    """State of the generator that orders the samples, from before the running epoch's order and seed were drawn."""
    batch_losses: NDArray[np.float32]
    """Losses of the running epoch's batches so far, so its length is where in the epoch the training stands."""
    seconds: float
    """Spent in the running epoch so far."""
    best: Best | None
    """With patience only."""


class Epoch(Protocol):
    """Which images each batch of an epoch holds."""

    @property
    def n_batches(self) -> int:
        """Full batches of the epoch."""

    @property
    def batch_size(self) -> int:
        """Images of a batch."""

    def part(self, first: int, n: int) -> tuple[Prepared, NDArray[np.int64]]:
        """Return up to `n` batches from the one at index `first` on: data, and indices (m, batch_size) into them."""


@dataclass(frozen=True)
class EpochInMemory:
    """An epoch of images that are all in memory."""

    data: Prepared
    order: NDArray[np.int64]
    """(n_batches, batch_size): indices into the data."""

    @property
    def n_batches(self) -> int:
        """Full batches of the epoch."""
        return len(self.order)

    @property
    def batch_size(self) -> int:
        """Images of a batch."""
        return int(self.order.shape[1])

    def part(self, first: int, n: int) -> tuple[Prepared, NDArray[np.int64]]:
        """Return the data, and n rows of the order: see `Epoch`."""
        return self.data, self.order[first : first + n]


@dataclass(frozen=True)
class _Steps:
    """What changes from step to step in an epoch."""

    learning_rates: NDArray[np.float32]
    averaging: NDArray[np.float32] | None
    first_step: int
    seed: int

    def batches(self, first: int, order: NDArray[np.int64]) -> Batches:
        """Return the batches of the epoch from the one at index `first` on, with this order (m, batch_size)."""
        rows = slice(first, first + len(order))
        return Batches(
            order, self.learning_rates[rows], None if self.averaging is None else self.averaging[rows],
            self.first_step + first, first, self.seed,
        )  # fmt: skip


class Training:
    """A training that can stop between two batches and continue later from its `State`, with the same bits.

    Parameters
    ----------
    engine
        Holds the weights.
    recipe
        How to train. Its `epochs` says where its schedule ends; `run` is told how far to train now.
    rng
        Draws the order of the samples, and where the recipe leaves something to chance the seed of that, once an
        epoch.

    Attributes
    ----------
    longest_slice
        Batches between two calls of the callbacks at most, which a callback may change at any time; None: only the
        time counts. It does not change a bit of the result.
    """

    def __init__(self, engine: Engine, recipe: Recipe, rng: np.random.Generator) -> None:
        self.engine = engine
        self.recipe = recipe
        self.history = History()
        self.best: Best | None = None
        self.longest_slice: int | None = None
        self._rng = rng
        self._generator: dict[str, Any] = dict(rng.bit_generator.state)
        self._batch_losses = np.empty(0, np.float32)
        self._seconds = 0.0
        self._per_slice = 1  # batches; what a batch takes is not known yet

    @property
    def epoch(self) -> int:
        """Epochs finished."""
        return len(self.history.losses)

    @property
    def batch(self) -> int:
        """Batches of the running epoch done; 0 between epochs."""
        return len(self._batch_losses)

    @property
    def has_stalled(self) -> bool:
        """Whether the validation loss has not improved for as many epochs as the recipe's patience."""
        return self.best is not None and self.epoch - self.best.epoch >= (self.recipe.patience or inf)

    def state(self) -> State:
        """Return the state of the training."""
        return State(
            self.engine.get_weights(), self.engine.get_slots(), deepcopy(self.history), deepcopy(self._generator),
            self._batch_losses.copy(), self._seconds, deepcopy(self.best),
        )  # fmt: skip

    def restore(self, state: State) -> None:
        """Put the training into `state`."""
        self.engine.set_weights(state.weights)
        self.engine.set_slots(state.slots)
        self.history = deepcopy(state.history)
        self.best = deepcopy(state.best)
        self._rng.bit_generator.state = state.generator
        self._generator = deepcopy(state.generator)
        self._batch_losses = state.batch_losses.copy()
        self._seconds = state.seconds

    def run(
        self, data: Prepared | Stream, validation: Prepared | Stream | None, epochs: int,
        callbacks: Sequence[Callback] = (),
    ) -> None:  # fmt: skip
        """Train until `epochs` epochs are done in all, or the validation loss has stalled.

        The engine is then left with the weights that count: see `settle`. What a callback raises ends the training
        between two batches, and comes out.

        Raises
        ------
        InputError
            If there is patience, but no validation images.
        TrainingError
            If the loss of a batch, or of the validation images, is NaN or infinite.
        """
        if self.recipe.patience is not None and validation is None:
            raise InputError("patience needs validation images: pass x_val and y_val, or leave patience out")
        schedule = Schedule(self.recipe, len(data))
        while self.epoch < epochs and not self.has_stalled:
            self._run_epoch(schedule, data, validation, epochs, callbacks)
        self.settle(is_finished=True)

    def weights(self, *, is_finished: bool) -> Weights:
        """Return the weights that count: the best epoch's after a training with patience, the average, or the last."""
        if is_finished and self.best is not None:
            return self.best.weights
        return self.engine.get_slots()[AVERAGE] if self._is_averaged else self.engine.get_weights()

    def settle(self, *, is_finished: bool) -> None:
        """Leave the engine with the weights that count, and without the state to continue training."""
        self.engine.set_weights(self.weights(is_finished=is_finished))
        self.engine.set_slots({})

    def _run_epoch(
        self, schedule: Schedule, data: Prepared | Stream, validation: Prepared | Stream | None, epochs: int,
        callbacks: Sequence[Callback],
    ) -> None:  # fmt: skip
        started = time.perf_counter() - self._seconds
        n_samples, losses = self._train_epoch(schedule, data, started, epochs, callbacks)
        evaluation = None if validation is None else self._evaluate(validation)
        if evaluation is not None and not np.isfinite(evaluation.loss):
            where = f"after epoch {self.epoch + 1}"
            raise TrainingError(_diverged("validation loss", evaluation.loss, where, self.recipe.learning_rate))
        self.history.append(self._loss(), evaluation, time.perf_counter() - started)
        if evaluation is not None:
            self._note_best(evaluation.loss)
        self._generator = dict(self._rng.bit_generator.state)
        self._batch_losses, self._seconds = np.empty(0, np.float32), 0.0
        loss = self.history.losses[-1]
        self._tell(callbacks, Progress(self.epoch, epochs, 0, n_samples, loss, self.history, losses))

    def _train_epoch(
        self, schedule: Schedule, data: Prepared | Stream, started: float, epochs: int, callbacks: Sequence[Callback]
    ) -> tuple[int, NDArray[np.float32]]:
        """Train on what is left of the running epoch.

        Returns
        -------
        (n_samples, losses): how many samples the whole epoch has, and the losses of the last slice.
        """
        with self._epoch_of(data, schedule.batch_size(self.epoch)) as epoch:
            n_batches, n_samples = epoch.n_batches, epoch.n_batches * epoch.batch_size
            steps = self._steps(schedule, n_batches)
            losses = self._batch_losses[:0]
            while self.batch < n_batches:
                slice_started = time.perf_counter()
                n = min(self._per_slice, n_batches - self.batch, self.longest_slice or n_batches)
                part, order = epoch.part(self.batch, n)
                losses = self._train_slice(part, steps.batches(self.batch, order))
                per_batch = (time.perf_counter() - slice_started) / len(order)
                self._per_slice = max(1, round(SLICE_SECONDS / per_batch))
                self._seconds = time.perf_counter() - started
                if self.batch < n_batches:
                    seen = self.batch * epoch.batch_size
                    self._tell(
                        callbacks, Progress(self.epoch, epochs, seen, n_samples, self._loss(), self.history, losses)
                    )
        return n_samples, losses

    def _evaluate(self, validation: Prepared | Stream) -> Score:
        if isinstance(validation, Stream):
            return validation.evaluate(self.engine, averaged=self._is_averaged)
        return self.engine.evaluate(validation, averaged=self._is_averaged)

    def _note_best(self, loss: float) -> None:
        if self.recipe.patience is not None and (self.best is None or loss < self.best.loss):
            self.best = Best(self.epoch, loss, self.weights(is_finished=False))

    @property
    def _is_averaged(self) -> bool:
        return AVERAGE in self.engine.slot_names

    @contextmanager
    def _epoch_of(self, data: Prepared | Stream, batch_size: int) -> Iterator[Epoch]:
        """Draw the order of the running epoch."""
        if isinstance(data, Stream):
            with data.epoch(batch_size, self._rng) as epoch:
                yield epoch
        else:
            yield EpochInMemory(data, epoch_order(len(data), batch_size, self._rng))

    def _steps(self, schedule: Schedule, n_batches: int) -> _Steps:
        """Draw what else changes from step to step in the running epoch."""
        first = schedule.first_step(self.epoch)
        steps = first + np.arange(n_batches)
        averaging = schedule.averaging(steps)
        seed = int(self._rng.integers(2**32)) if self.recipe.draws else 0
        return _Steps(schedule.learning_rates(steps), averaging if averaging.any() else None, first, seed)

    def _train_slice(self, data: Prepared, batches: Batches) -> NDArray[np.float32]:
        """Train on batches, and return their losses; they are kept before they are checked, to be seen if one fails."""
        first, losses = self.batch, self.engine.train(data, batches, self.recipe.method)
        self._batch_losses = np.concatenate([self._batch_losses, losses])
        check_finite(losses, self.epoch, first, self.recipe.learning_rate)
        return losses

    def _loss(self) -> float:
        """Return the mean loss of the running epoch's batches so far."""
        return float(self._batch_losses.mean(dtype=np.float64))

    @staticmethod
    def _tell(callbacks: Sequence[Callback], progress: Progress) -> None:
        for callback in callbacks:
            callback(progress)


def check_finite(losses: NDArray[np.float32], epoch: int, first_batch: int, learning_rate: float) -> None:
    """Raise `TrainingError` if the loss of a batch is not finite; epochs and batches are counted from 0 here."""
    finite = np.isfinite(losses)
    if not finite.all():
        bad = int(np.argmin(finite))
        where = f"in epoch {epoch + 1}, batch {first_batch + bad + 1}"
        raise TrainingError(_diverged("loss", float(losses[bad]), where, learning_rate))


def _diverged(what: str, value: float, where: str, learning_rate: float) -> str:
    return (
        f"the {what} is {value} {where}: most likely learning_rate={learning_rate:g} is too large; "
        "try a tenth of it, and check that float pixels lie in [0, 1]"
    )
