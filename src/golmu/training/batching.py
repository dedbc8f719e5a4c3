"""The order of the samples: random generators, shuffled batches, and what to warn of where data are few."""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.checks import refuse_long
from golmu.errors import InputError, InputTypeError, warn
from golmu.recipe import Recipe


def generators(random_state: Any) -> tuple[np.random.Generator, np.random.Generator]:
    """Return two independent random generators: for the initial weights, and for the order of the samples.

    `random_state` is None (fresh entropy), a non-negative integer, or NumPy's `RandomState` or `Generator`, from
    which one seed is drawn.
    """
    seed: int | None
    if random_state is None:
        seed = None
    elif isinstance(random_state, np.random.RandomState):
        seed = int(random_state.randint(2**31))
    elif isinstance(random_state, np.random.Generator):
        seed = int(random_state.integers(2**63))
    elif isinstance(random_state, bool) or not isinstance(random_state, Integral):
        raise InputTypeError(
            f"random_state must be None, an integer, a RandomState or a Generator, got {random_state!r}"
        )
    elif refuse_long(int(random_state), "random_state") < 0:
        raise InputError(f"random_state must be at least 0, got {random_state}")
    else:
        seed = int(random_state)
    weights, order = np.random.default_rng(seed).spawn(2)
    return weights, order


def epoch_order(n: int, batch_size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a new permutation of `n` samples, cut into full batches: indices (n // batch_size, batch_size).

    Fewer samples than `batch_size` make one batch of them all.
    """
    size = min(batch_size, n)
    return rng.permutation(n)[: n // size * size].reshape(-1, size)


def pass_orders(n: int, batch_size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return a permutation of all `n` samples in orders of batches: the full ones, and (1, rest) if some are left."""
    order = rng.permutation(n)
    full = n // batch_size * batch_size
    orders = [order[:full].reshape(-1, batch_size), order[full:].reshape(1, -1)]
    return [part for part in orders if part.size]


def warn_if_one_batch(n: int, batch_size: int, *, argument: str = "batch_size", where: str = "each epoch") -> None:
    """Warn that `n` samples do not fill one batch."""
    if n < batch_size:
        warn(f"{argument} is {batch_size}, but there are only {n} samples: {where} is one batch of them all")


def warn_of_small_data(n: int, recipe: Recipe) -> None:
    """Warn that `n` samples do not fill one batch of the recipe, at its beginning or at its end."""
    if n < recipe.batch_size:
        warn_if_one_batch(n, recipe.batch_size)
    elif recipe.final_batch_size is not None and recipe.epochs > 1:
        warn_if_one_batch(n, recipe.final_batch_size, argument="final_batch_size", where="the last epoch")


def refuse_hiding(image_shape: tuple[int, ...], recipe: Recipe) -> None:
    """Raise `InputError` if the recipe shifts or erases so much that little is left of images (h, w, c)."""
    side = min(image_shape[:2])
    if recipe.shift > side // 2:
        raise InputError(
            f"shift must be at most half of the smaller side of the images, {side // 2}, got {recipe.shift}: little "
            "would be left in sight"
        )
    if recipe.erase >= side:
        raise InputError(f"erase must be below the smaller side of the images, {side}, got {recipe.erase}")


def batches(
    x: NDArray[np.generic], y: NDArray[np.generic], batch_size: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.generic], NDArray[np.generic]]]:
    """Yield shuffled full batches of images and labels."""
    for rows in epoch_order(len(x), batch_size, rng):
        yield x[rows], y[rows]
