"""What a step does to the weights once their gradient is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.engines.contract import Batches
from golmu.engines.fused.compiling import kernel
from golmu.engines.fused.step_options import ADAM, NESTEROV, OPTIMIZER_NUMBERS, StepOptions
from golmu.recipe import Method

BETA_2, EPSILON = np.float32(0.999), np.float32(1e-7)
"""β₂ and ε of Adam, as Keras has them."""

ZERO, ONE = np.float32(0), np.float32(1)

RATE, SIZE, TOWARDS = range(3)
"""Columns of the step sizes (m, 3), a row for each batch: the learning rate; the step size, which differs from it only
with Adam; and how far the average of the weights moves towards them."""


def make_step_sizes(method: Method, batches: Batches) -> NDArray[np.float32]:
    """Compute (m, 3): the learning rate, the step size and the average's share of each batch (`RATE, SIZE, TOWARDS`).

    Adam's step size makes up for moments that began at zero (section 2 of the paper, before its algorithm).
    """
    rates = batches.learning_rates.astype(np.float64)
    sizes = rates
    if OPTIMIZER_NUMBERS[method.optimizer] == ADAM:
        steps = batches.first_step + 1 + np.arange(len(rates))
        sizes = rates * np.sqrt(1 - float(BETA_2) ** steps) / (1 - method.momentum**steps)
    averaging = np.zeros(len(rates)) if batches.averaging is None else batches.averaging
    return np.stack([rates, sizes, averaging], axis=1).astype(np.float32)


@kernel
def advance(
    weights: Any, gradient: Any, first: Any, second: Any, average: Any, step_options: StepOptions, step_sizes: Any
) -> None:
    """Move flat weights by one step along their gradient, and their average towards them.

    first is Nesterov's velocity, or Adam's first moment; second is Adam's second moment; step_sizes (3,) is the row
    of this batch. Slots that the optimizer does not have are left alone.
    """
    rate, size, towards = step_sizes[RATE], step_sizes[SIZE], step_sizes[TOWARDS]
    left, momentum = ONE - rate * step_options.weight_decay, step_options.momentum
    if step_options.optimizer == NESTEROV:
        for i in range(len(weights)):
            velocity = momentum * first[i] - rate * gradient[i]
            first[i] = velocity
            weights[i] = left * weights[i] + momentum * velocity - rate * gradient[i]
    elif step_options.optimizer == ADAM:
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
