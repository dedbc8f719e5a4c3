"""Kernels that never fire, so that the rest of the network learns nothing from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE
from golmu.engines import create_engine
from golmu.engines.contract import Engine
from golmu.model.predictor import Predictor
from golmu.names import join_words
from golmu.recipe import Recipe
from golmu.types import Images

MAX_MAP_VALUES = 2**22
"""Values of the feature maps that are looked at together, at most; one image may have more."""

LOWER_RATE = 0.2
"""The share of the learning rate to try. On 200 tiles of photographs, not standardised, `any` left up to 21 kernels of
32 dead, and with a fifth of its rate none; with another seed or a longer warm-up there were often as many."""

FEW = 0.1
"""A smaller share of kernels that never fire does no harm that a user could mend."""


def dead_kernels(predictor: Predictor, images: Images) -> list[list[int]]:
    """List for each block its kernels, from 0, whose pooled activation is 0 in every one of the images (n, h, w, c).

    Each part of the images is looked at with those kernels alone that have not fired yet, most often with none.
    """
    engine = predictor.engine
    return [_dead_in_block(engine, images, number) for number in range(engine.architecture.n_blocks)]


def _dead_in_block(engine: Engine, images: Images, number: int) -> list[int]:
    """List the dead kernels of the block with this number, counted from 0."""
    block = engine.architecture.blocks[number]
    rows, columns, n_kernels = block.pooled_shape
    left = np.arange(n_kernels)
    start, made = 0, engine
    while start < len(images) and len(left):
        n_values = max(prod(one.maps_shape) for one in made.architecture.blocks[: number + 1])
        n = max(1, MAX_MAP_VALUES // n_values)
        maps = made.feature_maps(images[start : start + n], number)
        is_silent = maps[:, : POOL_SIZE * rows, : POOL_SIZE * columns].max(axis=(0, 1, 2)) <= 0
        if not is_silent.all():
            left = left[is_silent]
            made = with_kernels(engine, number, left) if len(left) else made
        start += n
    return [int(kernel) for kernel in left]


def advice_on_dead_kernels(
    dead: Sequence[Sequence[int]], kernels: tuple[int, ...], recipe: Recipe, images: str = "validation images"
) -> str:
    """Return what to say about kernels that never fire on the images; "" if there are none.

    Parameters
    ----------
    dead
        The dead kernels of each block, as `dead_kernels` lists them.
    kernels
        How many kernels each block has.
    recipe
        How the network was trained.
    images
        What the images are called.
    """
    counts = [(len(one), n, f" of block {i}") for i, (one, n) in enumerate(zip(dead, kernels, strict=True), start=1)]
    if not (counts := [one for one in counts if one[0]]):
        return ""
    parts = [f"{n_dead} of {n} kernels{block if len(kernels) > 1 else ''}" for n_dead, n, block in counts]
    verb = "never fires" if sum(n_dead for n_dead, _, _ in counts) == 1 else "never fire"
    text = f"{join_words(parts)} {verb} on the {images}"
    if all(n_dead < FEW * n for n_dead, n, _ in counts):
        return text
    rate = f"a lower learning rate (--learning-rate {LOWER_RATE * recipe.learning_rate:.2g}) with more epochs"
    return f"{text}: try {rate if recipe.standardize else f'--standardize, or {rate}'}"


def with_kernels(engine: Engine, number: int, kernels: NDArray[np.int64]) -> Engine:
    """An engine with some of a block's kernels, all of the blocks before it, and the least of everything behind."""
    a, own = engine.architecture, engine.get_weights()
    architecture = replace(a, n_kernels=(*a.kernels[:number], len(kernels)), units=1, n_classes=2)
    made = create_engine(engine.name, architecture, engine.n_threads, engine.preprocessing)
    weights = {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes.items()}
    weights |= {name: own[name] for block in a.blocks[:number] for name in block.names}
    made.set_weights(weights | {name: own[name][..., kernels] for name in a.blocks[number].names})
    return made
