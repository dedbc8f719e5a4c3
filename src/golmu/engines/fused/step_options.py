"""The settings of a step as the kernels take them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from golmu.recipe import Method

SGD, NESTEROV, ADAM = range(3)
NUMBERS = {"sgd": SGD, "nesterov": NESTEROV, "adam": ADAM, "adamw": ADAM}


class Options(NamedTuple):
    """A `Method` in numbers of the kernels' types."""

    optimizer: np.int64
    momentum: np.float32
    weight_decay: np.float32
    smoothing: np.float32
    feature_threshold: np.uint32
    """A draw below this drops."""
    feature_scale: np.float32
    """Of what is kept."""
    hidden_threshold: np.uint32
    hidden_scale: np.float32
    flip: np.int64
    shift: np.int64
    erase: np.int64
    seed: np.uint32
    """Of the epoch's draws."""
    is_viewed: bool
    """Whether images are seen in any other way than as they are."""
    is_plain: bool
    """Whether a step is no more than weights −= learning_rate · gradient."""


def options(method: Method, seed: int) -> Options:
    """`method` with an epoch's seed, from 0 to 2³² − 1."""
    return Options(
        np.int64(NUMBERS[method.optimizer]),
        np.float32(method.momentum),
        np.float32(method.weight_decay),
        np.float32(method.label_smoothing),
        np.uint32(method.feature_dropout * 2**32),
        np.float32(1 / (1 - method.feature_dropout)),
        np.uint32(method.hidden_dropout * 2**32),
        np.float32(1 / (1 - method.hidden_dropout)),
        np.int64(method.flip),
        np.int64(method.shift),
        np.int64(method.erase),
        np.uint32(seed),
        bool(method.flip or method.shift or method.erase),
        method.optimizer == "sgd" and not method.weight_decay,
    )
