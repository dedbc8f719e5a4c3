"""An exported network is kept only if it answers as the network does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from golmu.errors import SaveError
from golmu.model.predictor import Predictor

N_IMAGES = 64
"""Random images on which an exported network must answer as the network does."""

TOLERANCE = 1e-4
"""By how much a probability may differ: the sums are taken in another order."""


def check_answers(predictor: Predictor, answer: Callable[[NDArray[np.uint8]], NDArray[np.float32]]) -> float:
    """Compare the answers of an exported network with the original's; return the largest difference.

    Parameters
    ----------
    predictor
        The network.
    answer
        Gives the exported network's probabilities (n, C) of images (n, h, w, c).

    Raises
    ------
    SaveError
        If a probability differs by more than `TOLERANCE`.
    """
    images = np.random.default_rng(0).integers(0, 256, (N_IMAGES, *predictor.image_shape), np.uint8)
    difference = float(np.abs(answer(images) - predictor.probabilities(images)).max())
    if not difference <= TOLERANCE:
        raise SaveError(
            f"the exported network gives other answers than the network, by up to {difference:.2g} of a probability: "
            "it is not kept"
        )
    return difference
