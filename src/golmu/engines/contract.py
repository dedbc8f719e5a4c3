"""What an engine is: the arithmetic of the network behind one small protocol.

An engine holds one set of weights for one `Architecture`. It knows nothing of epochs, shuffling, labels as users
write them, files or progress; it computes, and every engine computes the same function (`docs/architecture.md`).

Images are (n, h, w, c): uint8, scaled by 1/255 inside, or float32, taken as they are. Labels are int64 class indices
(n,). Both are trusted here: `golmu.inputs` has checked them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import Architecture, Weights

Images = NDArray[np.uint8] | NDArray[np.float32]
Labels = NDArray[np.int64]

PIXEL_SCALE = np.float32(1 / 255)
"""What a uint8 pixel is multiplied by to lie in [0, 1]."""


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

    def __len__(self) -> int:
        return int(self.labels.shape[0])


class Engine(Protocol):
    """The arithmetic of one network."""

    name: str
    architecture: Architecture
    n_threads: int
    """Threads that the engine may use."""

    def set_weights(self, weights: Weights) -> None:
        """Takes copies of `weights`, canonical and already checked."""

    def get_weights(self) -> Weights:
        """Copies of the weights in the canonical form."""

    def prepare(self, images: Images, labels: Labels) -> Prepared:
        """Puts a whole data set where the engine wants it; uint8 images stay uint8 in memory."""

    def train(
        self, data: Prepared, order: NDArray[np.int64], *, learning_rate: float, loss_after: bool
    ) -> NDArray[np.float32]:
        """One SGD step for each row of `order`.

        Parameters
        ----------
        data
            What `prepare` of this engine gave.
        order
            (m, b): for each of m batches, the b indices into `data` that make it up.
        learning_rate
            Step size; each weight moves by −learning_rate · gradient of the batch's mean loss.
        loss_after
            Whether a batch's loss is computed again after its update, as the chapter does, rather than taken from
            the update's own forward pass.

        Returns
        -------
        (m,)
            The mean loss of each batch. Not-a-number and infinity are returned, never hidden.
        """

    def evaluate(self, data: Prepared) -> Evaluation:
        """Mean loss and accuracy over all of `data`, computed in chunks."""

    def gradients(self, images: Images, labels: Labels) -> tuple[float, Weights]:
        """Mean loss of one batch, and its gradient with respect to every weight, in the canonical shapes."""

    def logits(self, images: Images) -> NDArray[np.float32]:
        """(n, C), computed in chunks."""

    def feature_maps(self, images: Images) -> NDArray[np.float32]:
        """(n, h, w, K): what the convolution and its bias give, before ReLU and pooling."""

    def input_gradient(self, images: Images, output_gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, h, w, c): gradient of Σ output_gradient · logits with respect to the scaled input.

        With one row of the identity for each image this is the gradient of a class's logit, the saliency of
        Simonyan et al., "Deep Inside Convolutional Networks", 2013, section 3.
        """
