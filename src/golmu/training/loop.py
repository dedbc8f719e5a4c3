"""The epoch loop: the order of samples, the history, progress, patience, and the loss that stops being a number."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import astuple, dataclass, field
from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture, Weights
from golmu.checks import generators
from golmu.engines import create_engine
from golmu.engines.contract import AVERAGE, Batches, Engine, Evaluation, Prepared, Slots
from golmu.errors import GolmuWarning, InputError, TrainingError
from golmu.preprocessing import SCALING_ONLY, Preprocessing
from golmu.recipe import Recipe
from golmu.schedule import Schedule

SLICE_SECONDS = 0.25
"""An epoch is handed to the engine in slices of about this long, so that progress shows and Ctrl-C is heard."""


@dataclass
class History:
    """What training left, a number an epoch; `val_*` stay empty without validation data.

    Of several trainings in one, epochs without a number before those with one are NaN.
    """

    losses: list[float] = field(default_factory=list)
    """Mean over the epoch's batches of each batch's mean loss."""
    val_losses: list[float] = field(default_factory=list)
    """Mean loss on the validation images after the epoch."""
    val_accuracies: list[float] = field(default_factory=list)
    """Accuracy on the validation images after the epoch, in [0, 1]."""
    seconds: list[float] = field(default_factory=list)
    """Wall-clock time of the epoch with its validation."""

    def append(self, loss: float, evaluation: Evaluation | None, seconds: float) -> None:
        """Writes one epoch."""
        self.losses.append(loss)
        if evaluation is not None:
            self.val_losses.append(evaluation.loss)
            self.val_accuracies.append(evaluation.accuracy)
        self.seconds.append(seconds)

    def followed_by(self, other: History) -> History:
        """This history and then the other's epochs, each at its own place."""
        mine, its = astuple(self), astuple(other)
        return History(*(
            first + [nan] * (len(self.losses) - len(first)) + second if second else first
            for first, second in zip(mine, its, strict=True)
        ))  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """Where training stands, handed to the callback after every slice and at the end of every epoch."""

    epoch: int
    """Epochs finished."""
    epochs: int
    """Epochs asked for."""
    samples: int
    """Samples seen in the running epoch; 0 when one has just finished."""
    samples_per_epoch: int
    loss: float
    """Mean loss over the running epoch's batches so far, or of the epoch just finished."""
    history: History


Callback = Callable[[Progress], None]


def begin(
    architecture: Architecture, engine_name: str, n_threads: int | None, random_state: Any,
    preprocessing: Preprocessing = SCALING_ONLY,
) -> tuple[Engine, np.random.Generator]:  # fmt: skip
    """An engine with fresh weights, and the generator that orders the samples, both from one `random_state`.

    Raises
    ------
    InputTypeError, InputError, EngineError
        If `random_state` is none, there is no engine of that name, or it cannot be used here.
    """
    weight_rng, order_rng = generators(random_state)
    engine = create_engine(engine_name, architecture, n_threads, preprocessing)
    engine.set_weights(architecture.initial_weights(weight_rng))
    return engine, order_rng


def epoch_order(n: int, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A new permutation of `n` samples cut into full batches: (n // batch_size, batch_size) indices.

    Fewer samples than `batch_size` make one batch of them all.
    """
    size = min(batch_size, n)
    return rng.permutation(n)[: n // size * size].reshape(-1, size)


def pass_orders(n: int, batch_size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The same for a pass that leaves nothing out: the full batches, and where samples are left over, (1, rest)."""
    order = rng.permutation(n)
    full = n // batch_size * batch_size
    orders = [order[:full].reshape(-1, batch_size), order[full:].reshape(1, -1)]
    return [part for part in orders if part.size]


def warn_if_one_batch(
    n: int, batch_size: int, *, argument: str = "batch_size", where: str = "each epoch", stacklevel: int = 3
) -> None:
    """Warns that `n` samples do not fill one batch; `stacklevel` as in `warnings.warn`."""
    if n < batch_size:
        warnings.warn(
            f"{argument} is {batch_size}, but there are only {n} samples: {where} is one batch of them all",
            GolmuWarning,
            stacklevel=stacklevel,
        )


def warn_of_small_data(n: int, recipe: Recipe) -> None:
    """Warns that `n` samples do not fill one batch of the recipe, at its beginning or at its end."""
    if n < recipe.batch_size:
        warn_if_one_batch(n, recipe.batch_size, stacklevel=4)
    elif recipe.final_batch_size is not None and recipe.epochs > 1:
        warn_if_one_batch(n, recipe.final_batch_size, argument="final_batch_size", where="the last epoch", stacklevel=4)


def refuse_hiding(image_shape: tuple[int, ...], recipe: Recipe) -> None:
    """Raises `InputError` if the recipe shifts or erases so much that little is left of images (h, w, c)."""
    side = min(image_shape[:2])
    if recipe.shift > side // 2:
        raise InputError(
            f"shift must be at most half of the smaller side of the images, {side // 2}, got {recipe.shift}: little "
            "would be left in sight"
        )
    if recipe.erase >= side:
        raise InputError(f"erase must be below the smaller side of the images, {side}, got {recipe.erase}")


@dataclass
class Best:
    """The epoch with the lowest validation loss so far."""

    epoch: int
    """Counted from 1."""
    loss: float
    weights: Weights


@dataclass
class State:
    """All that a training needs to go on from where it stands; plain data, copies of what the training holds."""

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


class Training:
    """A training that can stop between two batches and go on later from its `State`, bit for bit as if it had not.

    Parameters
    ----------
    engine
        Holds the weights.
    recipe
        How to train. Its `epochs` says where its schedule ends; how far to go now is said to `run`.
    rng
        Draws the order of the samples, and where the recipe leaves something to chance the seed of that, once an
        epoch.
    """

    def __init__(self, engine: Engine, recipe: Recipe, rng: np.random.Generator) -> None:
        self.engine = engine
        self.recipe = recipe
        self.history = History()
        self.best: Best | None = None
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
        """Where the training stands."""
        return State(
            self.engine.get_weights(), self.engine.get_slots(), deepcopy(self.history), deepcopy(self._generator),
            self._batch_losses.copy(), self._seconds, deepcopy(self.best),
        )  # fmt: skip

    def restore(self, state: State) -> None:
        """Goes back, or on, to `state`."""
        self.engine.set_weights(state.weights)
        self.engine.set_slots(state.slots)
        self.history = deepcopy(state.history)
        self.best = deepcopy(state.best)
        self._rng.bit_generator.state = state.generator
        self._generator = deepcopy(state.generator)
        self._batch_losses = state.batch_losses.copy()
        self._seconds = state.seconds

    def run(self, data: Prepared, validation: Prepared | None, epochs: int, callbacks: Sequence[Callback] = ()) -> None:
        """Trains until `epochs` epochs are done in all, or the validation loss has stalled.

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
        while self.epoch < epochs and not self.has_stalled:
            self._run_epoch(data, validation, epochs, callbacks)
        self.settle(is_finished=True)

    def weights(self, *, is_finished: bool) -> Weights:
        """The weights that count: of the best epoch if a finished training had patience, or averaged, or the last."""
        if is_finished and self.best is not None:
            return self.best.weights
        return self.engine.get_slots()[AVERAGE] if self._is_averaged else self.engine.get_weights()

    def settle(self, *, is_finished: bool) -> None:
        """Leaves the engine with the weights that count, and nothing for the training to go on with."""
        self.engine.set_weights(self.weights(is_finished=is_finished))
        self.engine.set_slots({})

    def _run_epoch(
        self, data: Prepared, validation: Prepared | None, epochs: int, callbacks: Sequence[Callback]
    ) -> None:
        started = time.perf_counter() - self._seconds
        schedule = Schedule(self.recipe, len(data))
        batches = self._batches(schedule, len(data))
        order = batches.order
        while self.batch < len(order):
            slice_started = time.perf_counter()
            n = min(self._per_slice, len(order) - self.batch)
            self._train_slice(data, batches.part(self.batch, n))
            per_batch = (time.perf_counter() - slice_started) / n
            self._per_slice = max(1, min(2 * self._per_slice, round(SLICE_SECONDS / per_batch)))
            self._seconds = time.perf_counter() - started
            if self.batch < len(order):
                seen = self.batch * order.shape[1]
                self._tell(callbacks, Progress(self.epoch, epochs, seen, order.size, self._loss(), self.history))
        evaluation = None if validation is None else self.engine.evaluate(validation, averaged=self._is_averaged)
        if evaluation is not None and not np.isfinite(evaluation.loss):
            where = f"after epoch {self.epoch + 1}"
            raise TrainingError(_diverged("validation loss", evaluation.loss, where, self.recipe.learning_rate))
        self.history.append(self._loss(), evaluation, time.perf_counter() - started)
        if evaluation is not None:
            self._note_best(evaluation.loss)
        self._generator = dict(self._rng.bit_generator.state)
        self._batch_losses, self._seconds = np.empty(0, np.float32), 0.0
        self._tell(callbacks, Progress(self.epoch, epochs, 0, order.size, self.history.losses[-1], self.history))

    def _note_best(self, loss: float) -> None:
        if self.recipe.patience is not None and (self.best is None or loss < self.best.loss):
            self.best = Best(self.epoch, loss, self.weights(is_finished=False))

    @property
    def _is_averaged(self) -> bool:
        return AVERAGE in self.engine.slot_names

    def _batches(self, schedule: Schedule, n: int) -> Batches:
        """All batches of the running epoch."""
        order = epoch_order(n, schedule.batch_size(self.epoch), self._rng)
        first = schedule.first_step(self.epoch)
        steps = first + np.arange(len(order))
        averaging = schedule.averaging(steps)
        seed = int(self._rng.integers(2**32)) if self.recipe.draws else 0
        return Batches(
            order, schedule.learning_rates(steps), averaging if averaging.any() else None, first_step=first, seed=seed
        )

    def _train_slice(self, data: Prepared, batches: Batches) -> None:
        losses = self.engine.train(data, batches, self.recipe.method)
        check_finite(losses, self.epoch, self.batch, self.recipe.learning_rate)
        self._batch_losses = np.concatenate([self._batch_losses, losses])

    def _loss(self) -> float:
        """Mean loss of the running epoch's batches so far."""
        return float(self._batch_losses.mean(dtype=np.float64))

    @staticmethod
    def _tell(callbacks: Sequence[Callback], progress: Progress) -> None:
        for callback in callbacks:
            callback(progress)


def batches(
    x: NDArray[np.generic], y: NDArray[np.generic], batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.generic], NDArray[np.generic]]]:
    """Shuffled full batches of images and labels."""
    for rows in epoch_order(len(x), batch_size, rng):
        yield x[rows], y[rows]


def check_finite(losses: NDArray[np.float32], epoch: int, first_batch: int, learning_rate: float) -> None:
    """Raises `TrainingError` if the loss of a batch is not finite; epochs and batches are counted from 0 here."""
    finite = np.isfinite(losses)
    if not finite.all():
        bad = int(np.argmin(finite))
        where = f"in epoch {epoch + 1}, batch {first_batch + bad + 1}"
        raise TrainingError(_diverged("loss", float(losses[bad]), where, learning_rate))


def _diverged(what: str, value: float, where: str, learning_rate: float) -> str:
    return (
        f"the {what} is {value} {where}: most likely learning_rate={learning_rate:g} is too large; "
        "try a tenth of it, and see that float pixels lie in [0, 1]"
    )
