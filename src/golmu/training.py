"""The epoch loop: the order of samples, the history, progress, and the loss that stops being a number."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from golmu.engines.contract import Engine, Evaluation, Prepared
from golmu.errors import GolmuWarning, TrainingError

SLICE_SECONDS = 0.25
"""An epoch is handed to the engine in slices of about this long, so that progress shows and Ctrl-C is heard."""


@dataclass
class History:
    """What training left, a number an epoch; `val_*` stay empty without validation data."""

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


def epoch_order(n: int, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A new permutation of `n` samples cut into full batches: (n // batch_size, batch_size) indices.

    Fewer samples than `batch_size` make one batch of them all.
    """
    size = min(batch_size, n)
    return rng.permutation(n)[: n // size * size].reshape(-1, size)


def warn_if_one_batch(n: int, batch_size: int) -> None:
    """Warns that `n` samples do not fill one batch."""
    if n < batch_size:
        warnings.warn(
            f"batch_size is {batch_size}, but there are only {n} samples: each epoch is one batch of them all",
            GolmuWarning,
            stacklevel=3,
        )


def train(
    engine: Engine,
    data: Prepared,
    validation: Prepared | None,
    history: History,
    rng: np.random.Generator,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    loss_after: bool,
    callback: Callback | None = None,
) -> None:
    """Trains `engine` for `epochs` epochs and writes each into `history`.

    Raises
    ------
    TrainingError
        If the loss of a batch, or of the validation images, is NaN or infinite.
    """
    per_slice = 1
    for epoch in range(epochs):
        started = time.perf_counter()
        order = epoch_order(len(data), batch_size, rng)
        batch_losses = np.empty(len(order), np.float32)
        done = 0
        while done < len(order):
            slice_started = time.perf_counter()
            part = order[done : done + per_slice]
            losses = engine.train(data, part, learning_rate=learning_rate, loss_after=loss_after)
            batch_losses[done : done + len(part)] = losses
            _check_finite(losses, epoch, done, learning_rate)
            done += len(part)
            per_batch = (time.perf_counter() - slice_started) / len(part)
            per_slice = max(1, min(2 * per_slice, round(SLICE_SECONDS / per_batch)))
            if callback is not None and done < len(order):
                callback(
                    Progress(epoch, epochs, done * order.shape[1], order.size, _mean(batch_losses[:done]), history)
                )
        evaluation = None if validation is None else engine.evaluate(validation)
        if evaluation is not None and not np.isfinite(evaluation.loss):
            where = f"after epoch {epoch + 1}"
            raise TrainingError(_diverged("validation loss", evaluation.loss, where, learning_rate))
        history.append(_mean(batch_losses), evaluation, time.perf_counter() - started)
        if callback is not None:
            callback(Progress(epoch + 1, epochs, 0, order.size, history.losses[-1], history))


def batches(
    x: NDArray[np.generic], y: NDArray[np.generic], batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.generic], NDArray[np.generic]]]:
    """Shuffled full batches of images and labels."""
    for rows in epoch_order(len(x), batch_size, rng):
        yield x[rows], y[rows]


def _mean(losses: NDArray[np.float32]) -> float:
    return float(losses.mean(dtype=np.float64))


def _check_finite(losses: NDArray[np.float32], epoch: int, first_batch: int, learning_rate: float) -> None:
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
