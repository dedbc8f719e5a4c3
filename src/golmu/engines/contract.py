"""What an engine is: the arithmetic of the network behind one small protocol.

An engine holds one set of weights for one `Architecture`. It knows nothing of epochs, shuffling, labels as users
write them, files or progress; it computes, and every engine computes the same function (`docs/architecture.md`).

Images are (n, h, w, c): uint8, scaled by 1/255 inside, or float32, taken as they are; what else is done to them before
the network is the engine's `Preprocessing`. Labels are int64 class indices (n,). Both are trusted here: `golmu.data.inputs`
has checked them.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture, Weights
from golmu.preprocessing import Images, Preprocessing
from golmu.recipe import Method

Labels = NDArray[np.int64]

Importance = NDArray[np.float32]
"""(n,): how much each sample counts, 1 on average: its loss, and so its gradient, is multiplied by it."""

Slots = dict[str, Weights]
"""What a training keeps for each weight beside the weight itself, by name: `FIRST`, `SECOND`, `AVERAGE`."""

FIRST, SECOND, AVERAGE = "first", "second", "average"
"""Nesterov's velocity, or Adam's first moment; Adam's second moment; and the average of the weights."""


def usable_cores() -> int:
    """Number of cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Evaluation(NamedTuple):
    """How well the present weights do on a set of images."""

    loss: float
    """Softmax cross-entropy, mean over the images."""
    accuracy: float
    """Share of the images whose largest logit is that of their label."""


@dataclass(frozen=True)
class Prepared:
    """Images and labels put where an engine wants them, once, so that epochs do not move them again."""

    images: Any
    """The engine's own kind of array, (n, h, w, c)."""
    labels: Any
    """The engine's own kind of array, (n,)."""
    importance: Any = None
    """The engine's own kind of array, (n,), float32; None: 1 for every sample."""

    def __len__(self) -> int:
        return int(self.labels.shape[0])


@dataclass(frozen=True)
class Batches:
    """Batches for training, and what changes from one to the next. m batches of b samples."""

    order: NDArray[np.int64]
    """(m, b): indices into the data."""
    learning_rates: NDArray[np.float32]
    """(m,)"""
    averaging: NDArray[np.float32] | None = None
    """(m,): how far the average moves towards the weights after the step, 1 to begin with; None or 0: not at all."""
    first_step: int = 0
    """Steps of the training before the first of these."""
    first_batch: int = 0
    """Batches of the epoch before the first of these: with `seed`, what is drawn depends on it."""
    seed: int = 0
    """Of the epoch's draws (`golmu.engines.draws`), from 0 to 2³² − 1."""

    @classmethod
    def at(cls, learning_rate: float, order: NDArray[np.int64], *, first_step: int = 0, seed: int = 0) -> Batches:
        """All at one learning rate; each of their draws has a number of its own."""
        rates = np.full(len(order), learning_rate, np.float32)
        return cls(order, rates, first_step=first_step, first_batch=first_step, seed=seed)

    def part(self, first: int, n: int) -> Batches:
        """n of the batches, from the one numbered `first` here."""
        rows = slice(first, first + n)
        return Batches(
            self.order[rows], self.learning_rates[rows], None if self.averaging is None else self.averaging[rows],
            self.first_step + first, self.first_batch + first, self.seed,
        )  # fmt: skip


def needed_slots(method: Method, *, averages: bool) -> tuple[str, ...]:
    """The slots that training by `method` keeps."""
    names = {"sgd": (), "nesterov": (FIRST,), "adam": (FIRST, SECOND), "adamw": (FIRST, SECOND)}[method.optimizer]
    return (*names, AVERAGE) if averages else names


class Engine(Protocol):
    """The arithmetic of one network."""

    name: str
    architecture: Architecture
    preprocessing: Preprocessing
    n_threads: int
    """Threads that the engine may use."""

    def set_weights(self, weights: Weights) -> None:
        """Takes copies of `weights`, canonical and already checked."""

    def get_weights(self) -> Weights:
        """Copies of the weights in the canonical form."""

    @property
    def slot_names(self) -> Collection[str]:
        """The slots that training has made so far."""

    def get_slots(self) -> Slots:
        """Copies of these slots, in the canonical shapes."""

    def set_slots(self, slots: Slots) -> None:
        """Takes copies of these slots, and forgets all others."""

    def prepare(self, images: Images, labels: Labels, importance: Importance | None = None) -> Prepared:
        """Puts a whole data set where the engine wants it; uint8 images stay uint8 in memory.

        Only training heeds the importance of samples; an evaluation counts all alike.
        """

    def train(self, data: Prepared, batches: Batches, method: Method) -> NDArray[np.float32]:
        """One step for each of the batches.

        Slots that the method needs and training has not made yet are zeros.

        Parameters
        ----------
        data
            What `prepare` of this engine gave.
        batches
            Which samples, and at which learning rates.
        method
            How a step goes.

        Returns
        -------
        (m,)
            The loss of each batch: the mean over its samples of importance · loss. Not-a-number and infinity are
            returned, never hidden.
        """

    def evaluate(self, data: Prepared, *, averaged: bool = False) -> Evaluation:
        """Mean loss and accuracy over all of `data`, computed in chunks; of the average of the weights, if asked."""

    def gradients(self, images: Images, labels: Labels) -> tuple[float, Weights]:
        """Mean loss of one batch, and its gradient with respect to every weight, in the canonical shapes.

        The loss is plain: one view of each image, without dropout or smoothing.
        """

    def logits(self, images: Images) -> NDArray[np.float32]:
        """(n, C), computed in chunks; with `test_flip` each the mean of two views."""

    def feature_maps(self, images: Images) -> NDArray[np.float32]:
        """(n, h, w, K): what the convolution and its bias give, before ReLU and pooling."""

    def input_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, h, w, c): gradient of Σ output_gradient · logits, of the image as it is, with respect to what the
        convolution sees.

        With one row of the identity for each image this is the gradient of a class's logit, the saliency of
        Simonyan et al., "Deep Inside Convolutional Networks", 2013, section 3.
        """
