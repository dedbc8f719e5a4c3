"""Live pages to visit: served in this process, or as a process of their own, for a browser."""

import warnings

import numpy as np
import pytest
from browser import launched
from live import served, small_hall
from live_page import live_server

from golmu import ConvolutionNetwork


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    """Compile the kernels before any test waits, and not for ever, for a network to begin."""
    images, labels = np.zeros((8, 8, 8, 1), np.uint8), np.arange(8) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few images, which show nothing
        for n_kernels in (2, (2, 3)):
            network = ConvolutionNetwork(n_kernels, 4, 4, engine="fused", epochs=1)
            network.fit(images, labels, x_val=images, y_val=labels).predict(images)


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A live page on the small data, which several tests visit."""
    with served(small_hall(tmp_path_factory.mktemp("live"))) as server:
        yield server


@pytest.fixture
def page(live):
    """A visitor of its own."""
    with live.page() as opened:
        yield opened


@pytest.fixture(scope="module")
def chromium():
    """A browser, for all tests of a file."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the server of `address` runs, and saves."""
    return tmp_path_factory.mktemp("live")


@pytest.fixture(scope="module")
def address(folder):
    """The address of a live page on the digits."""
    with live_server(folder) as (_, address):
        yield address
