"""The settings of a training step in the form that the kernels take."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from golmu.recipe import Method

SGD, NESTEROV, ADAM = range(3)
OPTIMIZER_NUMBERS = {"sgd": SGD, "nesterov": NESTEROV, "adam": ADAM, "adamw": ADAM}


class StepOptions(NamedTuple):
    """A `Method` as numbers of the kernels' types."""

    optimizer: np.int64
    """`SGD`, `NESTEROV` or `ADAM`."""
    momentum: np.float32
    weight_decay: np.float32
    smoothing: np.float32
    feature_threshold: np.uint32
    """A pooled activation whose draw lies below this number is dropped."""
    feature_scale: np.float32
    """The factor of the pooled activations that are not dropped."""
    hidden_threshold: np.uint32
    """A hidden activation whose draw lies below this number is dropped."""
    hidden_scale: np.float32
    """The factor of the hidden activations that are not dropped."""
    flip: np.int64
    shift: np.int64
    erase: np.int64
    seed: np.uint32
    """The seed of the epoch's draws."""
    is_viewed: bool
    """Whether images are mirrored, shifted or partly erased."""
    is_plain: bool
    """Whether a step is only weights −= learning_rate · gradient."""


def make_step_options(method: Method, seed: int) -> StepOptions:
    """Put `method` and an epoch's seed, from 0 to 2³² − 1, in the form that the kernels take."""
    return StepOptions(
        np.int64(OPTIMIZER_NUMBERS[method.optimizer]),
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
