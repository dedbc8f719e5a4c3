"""What a training tells: a history of its epochs, and its progress, which callbacks are called with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from math import nan

import numpy as np
from numpy.typing import NDArray

from golmu.engines.contract import Score


@dataclass
class History:
    """What a training left, one number per epoch; `val_*` stay empty without validation data.

    Where several trainings follow one another, epochs without a number before epochs with one are NaN.
    """

    losses: list[float] = field(default_factory=list)
    """Mean over the epoch's batches of each batch's mean loss."""
    val_losses: list[float] = field(default_factory=list)
    """Mean loss on the validation images after the epoch."""
    val_accuracies: list[float] = field(default_factory=list)
    """Accuracy on the validation images after the epoch, in [0, 1]."""
    seconds: list[float] = field(default_factory=list)
    """Wall-clock time of the epoch with its validation."""

    def append(self, loss: float, evaluation: Score | None, seconds: float) -> None:
        """Add one epoch."""
        self.losses.append(loss)
        if evaluation is not None:
            self.val_losses.append(evaluation.loss)
            self.val_accuracies.append(evaluation.accuracy)
        self.seconds.append(seconds)

    def followed_by(self, other: History) -> History:
        """Return this history followed by the other's epochs, each at its own place."""
        mine, its = astuple(self), astuple(other)
        return History(*(
            first + [nan] * (len(self.losses) - len(first)) + second if second else first
            for first, second in zip(mine, its, strict=True)
        ))  # fmt: skip


@dataclass(frozen=True)
class Progress:
    """The state of a training, handed to callbacks after every slice and at the end of every epoch.

    Examples
    --------
    >>> import golmu
    >>> digits = golmu.load_dataset("digits").train
    >>> finished = set()
    >>> network = golmu.ConvolutionNetwork(n_kernels=4, random_state=0)
    >>> network = network.fit(
    ...     digits.images, digits.labels, epochs=3, callback=lambda progress: finished.add(progress.epoch)
    ... )
    >>> sorted(finished)[-1]
    3
    """

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
    batch_losses: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    """Losses of the batches since the callbacks were called last."""


Callback = Callable[[Progress], None]
