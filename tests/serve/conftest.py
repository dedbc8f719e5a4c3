"""An application to ask, in this process."""

import pytest
from served import predictor
from starlette.testclient import TestClient

from golmu.serve.application import create_application
from golmu.serve.limits import Limits


@pytest.fixture
def client():
    """A function that makes a client of an application for a network, by default a small grey one."""
    opened = []

    def make(network=None, **settings):
        app = create_application(predictor() if network is None else network, **settings)
        opened.append(TestClient(app, "http://127.0.0.1:8000", raise_server_exceptions=False))
        return opened[-1].__enter__()

    yield make
    for one in opened:
        one.__exit__(None, None, None)


@pytest.fixture
def tight(client):
    """A client of a server with low limits."""
    return client(limits=Limits(body_bytes=3000, pixels=1500, images=3, requests=2))
