"""Networks, images and labels for the tests of the engines, and the measure by which results are compared."""

import numpy as np

from golmu.architecture import Architecture
from golmu.engines import create_engine
from golmu.engines.contract import Batches
from golmu.recipe import Method

# (h, w, c, K, U, C, n)
SIZES = [(28, 28, 1, 10, 100, 10, 32), (9, 7, 3, 4, 6, 3, 5), (2, 2, 1, 1, 1, 2, 1), (5, 12, 2, 17, 3, 2, 131)]
DEEP_SIZES = [
    (7, 7, 1, (3, 5), 6, 3, 33),  # 7×7 to 3×3 to 1×1
    (5, 7, 3, (1, 1), 2, 2, 1),
    (10, 15, 4, (17, 5), 9, 3, 31),
    (9, 12, 3, (5, 1, 17), 6, 4, 33),
    (16, 14, 3, (16, 32, 64), 24, 10, 8),
    (16, 17, 4, (3, 5, 1, 3), 7, 2, 5),
]


def make_case(size, dtype=np.float32, seed=0):
    *shape, n = size
    rng = np.random.default_rng(seed)
    architecture = Architecture(*shape)
    images = rng.integers(0, 256, (n, *architecture.image_shape), np.uint8)
    if dtype != np.uint8:
        images = rng.random(images.shape, dtype)
    labels = rng.integers(0, architecture.n_classes, n)
    weights = architecture.initial_weights(rng)
    for name in [name for name in weights if weights[name].ndim == 1]:
        weights[name] = rng.normal(0, 0.1, weights[name].shape).astype(np.float32)
    return architecture, images, labels, weights


def make_engine(engine_name, architecture, weights, n_threads=None):
    engine = create_engine(engine_name, architecture, n_threads)
    engine.set_weights(weights)
    return engine


def train(engine, data, order, learning_rate, *, loss_after=False):
    """Train by SGD with a batch for each row of `order`, and return the losses."""
    return engine.train(data, Batches.at(learning_rate, order), Method(record_loss="after" if loss_after else "before"))


def relative(actual, expected):
    """Return the largest difference, relative to the largest expected magnitude."""
    return np.abs(actual - expected).max() / max(np.abs(expected).max(), 1e-12)
