"""The canonical weights on their way into the fused engine's memory and back."""

import numpy as np
from engine_cases import make_case, make_engine
from small_network import WEIGHT_NAMES

from golmu.architecture import Architecture


def test_weights_go_in_and_come_out_as_they_were():
    architecture, _, _, weights = make_case((9, 7, 3, 4, 6, 3, 1))
    returned = make_engine("fused", architecture, weights).get_weights()
    assert list(returned) == list(WEIGHT_NAMES)
    for name in WEIGHT_NAMES:
        assert np.array_equal(returned[name], weights[name])
        assert returned[name].flags.c_contiguous


def test_parameters_are_those_of_the_architecture():
    architecture = Architecture(28, 28, 1, 10, 100, 10)
    weights = make_engine("fused", architecture, architecture.initial_weights(np.random.default_rng(0))).get_weights()
    assert sum(value.size for value in weights.values()) == architecture.n_parameters == 197_210
