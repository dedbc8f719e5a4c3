"""What an engine is: the arithmetic of the network behind one small protocol.

An engine holds one set of weights for one `Architecture`. It knows nothing of epochs, shuffling, class names, files
or progress; it only computes, and every engine computes the same function (`docs/en/internals/architecture.md`).

Images are (n, h, w, c): uint8, scaled by 1/255 inside, or float32, taken as they are; the engine's `Preprocessing` says
what else is done to them first. Labels are int64 class indices (n,). Engines trust both, since `golmu.data.inputs` has
checked them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture
from golmu.errors import InputError
from golmu.preprocessing import Preprocessing
from golmu.recipe import Method
from golmu.types import Images, Importance, Labels, Weights

Slots = dict[str, Weights]
"""Arrays that training keeps beside the weights, one for each weight, by name: `FIRST`, `SECOND`, `AVERAGE`."""

FIRST, SECOND, AVERAGE = "first", "second", "average"
"""The names of the slots: Nesterov's velocity, or Adam's first moment; Adam's second moment; the weights' average."""


class Score(NamedTuple):
    """How well the current weights do on a set of images."""

    loss: float
    """Softmax cross-entropy, mean over the images."""
    accuracy: float
    """Share of the images whose largest logit is that of their label."""


@dataclass(frozen=True)
class Prepared:
    """Images and labels in the form and place that an engine reads, so that they are moved once and not every epoch."""

    images: Any
    """The engine's own kind of array, (n, h, w, c)."""
    labels: Any
    """The engine's own kind of array, (n,)."""
    importance: Any = None
    """The engine's own kind of array, (n,), float32; None means 1 for every sample."""

    def __len__(self) -> int:
        return int(self.labels.shape[0])


@dataclass(frozen=True)
class Batches:
    """m batches of b samples for training, and what changes from one batch to the next."""

    order: NDArray[np.int64]
    """(m, b): indices into the data."""
    learning_rates: NDArray[np.float32]
    """(m,): the learning rate of each batch's step."""
    averaging: NDArray[np.float32] | None = None
    """(m,): how far the average moves towards the weights after each step: 1 in the step that begins it, 0 in steps
    that leave it as it is. None: there is no average."""
    first_step: int = 0
    """How many steps the training has done before the first of these batches."""
    first_batch: int = 0
    """How many batches the epoch has had before the first of these; the draws depend on it."""
    seed: int = 0
    """The seed of the epoch's draws (`golmu.engines.draws`), from 0 to 2³² − 1."""

    @classmethod
    def at(cls, learning_rate: float, order: NDArray[np.int64], *, first_step: int = 0, seed: int = 0) -> Batches:
        """Make batches that all have one learning rate; `first_step` numbers their steps, and their draws as well."""
        rates = np.full(len(order), learning_rate, np.float32)
        return cls(order, rates, first_step=first_step, first_batch=first_step, seed=seed)

    def part(self, first: int, n: int) -> Batches:
        """Return n of these batches, from the one at index `first` on."""
        rows = slice(first, first + n)
        return Batches(
            self.order[rows], self.learning_rates[rows], None if self.averaging is None else self.averaging[rows],
            self.first_step + first, self.first_batch + first, self.seed,
        )  # fmt: skip


def finite_logits(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the logits (n, C), or raise `InputError` if some are NaN or infinite: no class could be told from them."""
    if not (is_finite := np.isfinite(logits)).all():
        image = int(is_finite.all(axis=1).argmin())
        raise InputError(
            f"the network's output for image {image} is NaN or infinite: its pixels are too large "
            "for float32 (floats should lie in [0, 1]), or the network's weights are, after a training that diverged"
        )
    return logits


def needed_slots(method: Method, *, averages: bool) -> tuple[str, ...]:
    """Return the names of the slots that training by `method` keeps, and that of the average if it `averages`."""
    names = {"sgd": (), "nesterov": (FIRST,), "adam": (FIRST, SECOND), "adamw": (FIRST, SECOND)}[method.optimizer]
    return (*names, AVERAGE) if averages else names


class Engine(Protocol):
    """The arithmetic of one network."""

    name: str
    architecture: Architecture
    preprocessing: Preprocessing
    n_threads: int
    """Threads that the engine may use; it may be changed between two calls."""

    def set_weights(self, weights: Weights) -> None:
        """Copy `weights`, which are canonical and already checked, into the engine."""

    def get_weights(self) -> Weights:
        """Return copies of the weights in the canonical form."""

    @property
    def slot_names(self) -> Collection[str]:
        """The names of the slots that training has made so far."""

    def get_slots(self) -> Slots:
        """Return copies of the slots that training has made so far, in the canonical shapes."""

    def set_slots(self, slots: Slots) -> None:
        """Copy `slots` into the engine, in place of all that it has."""

    def prepare(self, images: Images, labels: Labels, importance: Importance | None = None) -> Prepared:
        """Put a whole data set in the form and place that the engine reads; uint8 images stay uint8 in memory.

        The importance of samples matters to training only; an evaluation counts all samples alike.
        """

    def train(self, data: Prepared, batches: Batches, method: Method) -> NDArray[np.float32]:
        """Do one step for each of the batches.

        Slots that the method needs, and that training has not made yet, begin as zeros.

        Parameters
        ----------
        data
            The samples, as `prepare` of this engine returned them.
        batches
            Which samples make up each batch, and the learning rates.
        method
            What happens within a step.

        Returns
        -------
        (m,)
            The loss of each batch: the mean over its samples of importance · loss. Not-a-number and infinity are
            returned, never hidden.
        """

    def evaluate(self, data: Prepared, *, averaged: bool = False) -> Score:
        """Return mean loss and accuracy over all of `data`, of the weights, or of their average if `averaged`."""

    def gradients(self, images: Images, labels: Labels) -> tuple[float, Weights]:
        """Return the mean loss of one batch, and its gradient with respect to every weight, in the canonical shapes.

        The loss is plain: one view of each image, without dropout or smoothing.
        """

    def logits(self, images: Images) -> NDArray[np.float32]:
        """Return logits (n, C); with `test_flip` each is the mean over an image and its mirror image.

        Raises
        ------
        InputError
            If they are not finite (`finite_logits`).
        """

    def feature_maps(self, images: Images, block: int = 0) -> NDArray[np.float32]:
        """Return (n, h, w, K): what a block's convolution and its bias give, before ReLU and pooling.

        Blocks are counted from 0; the second block's maps have the size of what the first has pooled, and so on.
        """

    def activation_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, h, w, K): the gradient of Σ output_gradient · logits with respect to the last block's activations.

        These are its maps after ReLU, before pooling; the gradient passes to the first of the largest in each window.
        With one row of the identity for each image it is what Grad-CAM averages: Selvaraju et al., "Grad-CAM", 2017,
        equation 1. The logits are those of the images as they are, without mirror images.
        """

    def input_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, h, w, c): the gradient of Σ output_gradient · logits with respect to the convolution's input.

        The logits are those of the images as they are, without mirror images. With one row of the identity for each
        image this is the gradient of a class's logit, the saliency of Simonyan et al., "Deep Inside Convolutional
        Networks", 2013, section 3.
        """
