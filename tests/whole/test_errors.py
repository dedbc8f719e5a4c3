"""Warnings point at the line of their user, however deep in the package they arise."""

import numpy as np
import pytest
from small_network import X, Y, network

import golmu
from golmu.errors import GolmuWarning, warn


@pytest.mark.parametrize(
    "act",
    [
        lambda: warn("x"),
        lambda: network(batch_size=64).fit(X, Y, 1),
        lambda: network().fit(X / 1.0, Y, 1),
        lambda: network(class_weight={9: 1}).fit(X, Y, 1),
        lambda: golmu.Dataset.from_arrays(X // 128, Y),
        lambda: network().fit(X, Y, 1).predict(np.float64(X)),
    ],
)
def test_a_warning_points_at_its_cause_in_this_file(act):
    with pytest.warns(GolmuWarning) as caught:
        act()
    assert caught[0].filename == __file__
