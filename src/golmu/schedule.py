"""What changes from step to step, as pure functions of the step: batch size, learning rate, and share of averaging.

Steps are counted from 0 over the whole training. Nothing here has a state, so a checkpoint stores none of it, and the
values of any step can be computed on their own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from golmu.recipe import Recipe


class Schedule:
    """The batch sizes, learning rates and averaging of one training.

    Parameters
    ----------
    recipe
        The recipe of the training.
    n
        Number of training samples.
    """

    def __init__(self, recipe: Recipe, n: int) -> None:
        self._recipe, self._n = recipe, n
        self._starts: NDArray[np.int64] | None = None  # where all epochs have the same steps, there is nothing to list
        if recipe.final_batch_size not in (None, recipe.batch_size):
            steps = np.fromiter((n // self.batch_size(epoch) for epoch in range(recipe.epochs)), np.int64)
            self._starts = np.concatenate([[0], np.cumsum(steps)])

    def batch_size(self, epoch: int) -> int:
        """Return the samples per step in an epoch, counted from 0: at most all of them."""
        first, last = self._recipe.batch_size, self._recipe.final_batch_size or self._recipe.batch_size
        share = min(1.0, epoch / max(1, self._recipe.epochs - 1))
        size: float = first * (last / first) ** share
        return min(self._n, round(size))

    def first_step(self, epoch: int) -> int:
        """Return the number of the first step of an epoch, both counted from 0."""
        beyond = max(0, epoch - self._recipe.epochs)
        steps = self._n // self.batch_size(epoch)
        return epoch * steps if self._starts is None else int(self._starts[epoch - beyond]) + beyond * steps

    def learning_rates(self, steps: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the learning rates (m,) of `steps` (m,).

        The first step of a warm-up, and the last step of a decay to zero, have rates above zero.
        """
        recipe, total = self._recipe, self.first_step(self._recipe.epochs)
        warm = round(recipe.warmup * total)
        share = np.clip((steps - warm) / max(1, total - warm), 0, 1)
        if recipe.schedule == "triangular":
            left = 1 - share
        elif recipe.schedule == "cosine":
            left = (1 + np.cos(np.pi * share)) / 2
        else:
            left = np.ones(len(steps))
        falling = recipe.final_rate + (1 - recipe.final_rate) * left
        factors = np.where(steps < warm, (steps + 1) / max(1, warm), falling)
        return (recipe.learning_rate * factors).astype(np.float32)

    def averaging(self, steps: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return how far (m,) the average moves towards the weights after each of `steps`; 0 if it has not begun."""
        recipe = self._recipe
        if recipe.ema:
            # The first steps take the mean of all weights so far, so that the average forgets the initial weights.
            return np.maximum(1 - recipe.ema, 1 / (steps + 1)).astype(np.float32)
        if recipe.average_epochs:
            nth = steps - self.first_step(recipe.epochs - recipe.average_epochs) + 1
            return np.where(nth > 0, 1 / np.maximum(1, nth), 0).astype(np.float32)
        return np.zeros(len(steps), np.float32)
