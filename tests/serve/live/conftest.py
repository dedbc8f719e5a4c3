"""A browser, and a server of the live page, for all tests of a file."""

import pytest
from browser import launched
from live_page import live_server


@pytest.fixture(scope="module")
def chromium():
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
