"""A small network, and how it decides about an image."""

import pytest
from small_network import X, Y, network

from golmu import explain


@pytest.fixture(scope="module")
def fitted():
    return network(units=30).fit(X, Y, 3)


@pytest.fixture(scope="module")
def explained(fitted):
    return explain(fitted, X[0], class_names=["ant", "<b>bee</b>", "티셔츠"])
