"""Fixtures that more than one test file needs."""

import pytest

from golmu.data import Dataset, load_dataset


@pytest.fixture(scope="session")
def fashion_mnist() -> Dataset:
    """The real Fashion-MNIST, loaded once: from this computer if it is here, else fetched and kept in the cache."""
    return load_dataset("fashion-mnist")
