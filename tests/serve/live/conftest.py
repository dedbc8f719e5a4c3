"""Live pages to visit."""

import pytest
from live import served, small_hall


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
