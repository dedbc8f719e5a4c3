"""What a step does to the weights once their gradient is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.engines.contract import Batches
from golmu.engines.fused.compiling import kernel
from golmu.engines.fused.step_options import ADAM, NESTEROV, NUMBERS, Options
from golmu.recipe import Method

BETA_2, EPSILON = np.float32(0.999), np.float32(1e-7)
"""β₂ and ε of Adam, as Keras has them."""

ZERO, ONE = np.float32(0), np.float32(1)


def pace(method: Method, batches: Batches) -> NDArray[np.float32]:
    """(m, 3): learning rate, step size, and how far the average goes, of each batch.

    Only Adam's step size differs from the learning rate: it makes up for moments that began at zero (section 2 of the
    paper, before its algorithm).
    """
    rates = batches.learning_rates.astype(np.float64)
    sizes = rates
    if NUMBERS[method.optimizer] == ADAM:
        steps = batches.first_step + 1 + np.arange(len(rates))
        sizes = rates * np.sqrt(1 - float(BETA_2) ** steps) / (1 - method.momentum**steps)
    averaging = np.zeros(len(rates)) if batches.averaging is None else batches.averaging
    return np.stack([rates, sizes, averaging], axis=1).astype(np.float32)


@kernel
def advance(weights: Any, gradient: Any, first: Any, second: Any, average: Any, options: Options, pace: Any) -> None:
    """One step of flat weights by their gradient.

    first: the velocity of Nesterov, or the first moment of Adam; second: the second moment; pace (3,): see `train` in
    `golmu.engines.fused.kernels`. What the optimizer does not have is not touched.
    """
    rate, size, towards = pace[0], pace[1], pace[2]
    left, momentum = ONE - rate * options.weight_decay, options.momentum
    if options.optimizer == NESTEROV:
        for i in range(len(weights)):
            velocity = momentum * first[i] - rate * gradient[i]
            first[i] = velocity
            weights[i] = left * weights[i] + momentum * velocity - rate * gradient[i]
    elif options.optimizer == ADAM:
        for i in range(len(weights)):
            g = gradient[i]
            first[i] += (ONE - momentum) * (g - first[i])
            second[i] += (ONE - BETA_2) * (g * g - second[i])
            weights[i] = left * weights[i] - size * first[i] / (np.sqrt(second[i]) + EPSILON)
    else:
        for i in range(len(weights)):
            weights[i] = left * weights[i] - rate * gradient[i]
    if towards != ZERO:
        for i in range(len(weights)):
            average[i] += towards * (weights[i] - average[i])
