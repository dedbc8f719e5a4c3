"""`golmu app` as a process of its own: what it says, how it starts, and how it stops."""

import importlib.util
import os
import signal
import socket
import sys
import time
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from announcing import announcing
from live import ENDLESS, Page
from websockets.sync.client import connect

from golmu.cli.commands import app


@contextmanager
def started(folder, *options, environment=None):
    """The process of `golmu app`, and the address that it prints."""
    command = [sys.executable, "-m", "golmu", "app", "--no-open", *options]
    with announcing(command, cwd=folder, env={**os.environ, "GOLMU_TOKEN": "", **(environment or {})}) as started:
        yield started


def visit(url):
    address = urlsplit(url)
    return connect(f"ws://{address.netloc}/socket?{address.query}", max_size=None)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_with_a_training_under_way(tmp_path, how):
    with started(tmp_path, "--port", "0", "--data", "digits") as (process, url), visit(url) as connection:
        page = Page(connection)
        page.start(**ENDLESS)
        page.until("state", status="training")
        process.send_signal(how)
        assert process.wait(20) == 0
        assert process.stderr.read() in (
            "",
            "compiling a part of the engine that this processor has not used before; this may take half a minute\n",
        )
    assert list(tmp_path.iterdir()) == []


def test_a_second_interruption_ends_it_without_a_traceback(tmp_path):
    with started(tmp_path, "--port", "0", "--data", "digits") as (process, url), visit(url) as connection:
        page = Page(connection)
        page.start(steps="none")
        page.until("state", status="paused")
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            time.sleep(0.03)
        assert process.wait(30) in (0, 130)
        assert "Traceback" not in process.stderr.read()


def test_the_users_own_data_and_the_token_in_the_address(tmp_path, data):
    with started(tmp_path, "--port", "0", "--data", str(data), "--host", "0.0.0.0") as (_, url):
        token = urlsplit(url).query.removeprefix("token=")
        assert len(token) >= 32
        own = f"http://127.0.0.1:{urlsplit(url).port}/"
        with pytest.raises(HTTPError, match="401"):
            urlopen(own)
        with urlopen(f"{own}?token={token}") as answer:
            assert b"<title>Golmu</title>" in answer.read()
        with visit(f"{own}?token={token}") as connection:
            hello = Page(connection).hello
            assert (hello["data_set"], hello["data_sets"][0]["n_images"]) == ("own", 400)


def test_a_run_is_opened(tmp_path, finished):
    with started(tmp_path, str(finished.folder), "--port", "0") as (_, url), visit(url) as connection:
        assert Page(connection).hello["run"] == 0


def test_a_port_that_is_taken_is_said(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, lines, error = run("app", "--no-open", "--port", port)
    assert (status, lines) == (2, [])
    assert error == (
        f"golmu: error: the server cannot listen at 127.0.0.1, port {port} (Address already in use): give another "
        "--port (0 takes any free one), or an address of this computer as --host\n"
    )


def test_what_cannot_be_opened_is_said(run, tmp_path):
    status, _, error = run("app", tmp_path, "--no-open", "--port", 0)
    assert (status, error) == (2, f"golmu: error: {tmp_path} is not a run folder: it holds no run.json\n")
    status, _, error = run("app", "--data", tmp_path / "none", "--no-open", "--port", 0)
    assert status == 2
    assert error.startswith("golmu: error: there is no '")


@pytest.mark.parametrize("name", app.NEEDED)
def test_without_its_extra_it_says_what_to_install(run, monkeypatch, name):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda one: None if one == name else find(one))
    text = f'golmu: error: golmu app needs {name}, which is not installed: pip install "golmu[serve]"\n'
    assert run("app") == (2, [], text)
