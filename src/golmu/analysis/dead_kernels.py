"""Kernels that never fire, so that the rest of the network learns nothing from them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE
from golmu.engines import create_engine
from golmu.engines.contract import Engine
from golmu.model.predictor import Predictor
from golmu.recipe import Recipe
from golmu.types import Images

MAX_MAP_VALUES = 2**22
"""Values of the feature maps that are looked at together, at most; one image may have more."""

LOWER_RATE = 0.2
"""The share of the learning rate to try. On 200 tiles of photographs recipe `any` left up to 21 of 32 kernels dead, and
with a fifth of its rate none; with another seed or a longer warm-up there were often as many."""

FEW = 0.1
"""A smaller share of kernels that never fire does no harm that a user could mend."""


def dead_kernels(predictor: Predictor, images: Images) -> list[int]:
    """List the kernels, from 0, whose pooled activation after ReLU is 0 in every one of the images (n, h, w, c).

    Each part of the images is looked at with those kernels alone that have not fired yet, most often with none.
    """
    engine, left = predictor.engine, np.arange(predictor.engine.architecture.n_kernels)
    height, width, _ = predictor.image_shape
    rows, columns = POOL_SIZE * (height // POOL_SIZE), POOL_SIZE * (width // POOL_SIZE)
    start, made = 0, engine
    while start < len(images) and len(left):
        n = max(1, MAX_MAP_VALUES // (height * width * len(left)))
        maps = made.feature_maps(images[start : start + n])
        is_silent = maps[:, :rows, :columns].max(axis=(0, 1, 2)) <= 0
        if not is_silent.all():
            left = left[is_silent]
            made = _with_kernels(engine, left) if len(left) else made
        start += n
    return [int(kernel) for kernel in left]


def advice_on_dead_kernels(n_dead: int, recipe: Recipe) -> str:
    """Return what to say about kernels that never fire on the validation images; "" if there are none."""
    if not n_dead:
        return ""
    verb = "never fires" if n_dead == 1 else "never fire"
    text = f"{n_dead} of {recipe.n_kernels} kernels {verb} on the validation images"
    if n_dead < FEW * recipe.n_kernels:
        return text
    rate = f"a lower learning rate (--learning-rate {LOWER_RATE * recipe.learning_rate:.2g}) with more epochs"
    return f"{text}: try {rate if recipe.standardize else f'--standardize, or {rate}'}"


def _with_kernels(engine: Engine, kernels: NDArray[np.int64]) -> Engine:
    """An engine with some of the kernels, and the least of everything behind them."""
    architecture = replace(engine.architecture, n_kernels=len(kernels), units=1, n_classes=2)
    made = create_engine(engine.name, architecture, engine.n_threads, engine.preprocessing)
    weights = {name: np.zeros(shape, np.float32) for name, shape in architecture.shapes.items()}
    own = engine.get_weights()
    made.set_weights(weights | {"conv_w": own["conv_w"][..., kernels], "conv_b": own["conv_b"][kernels]})
    return made
