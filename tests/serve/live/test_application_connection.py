"""A visitor's connection with clients that are gone, slow, silent or wrong."""

import asyncio
import json
import logging
from unittest.mock import MagicMock

import pytest
from live import SECONDS, served, small_hall
from uvicorn.protocols.websockets.auto import AutoWebSocketsProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from golmu.serve.live import visitor, visitors
from golmu.serve.live.application import create_live_application
from golmu.serve.server import configure


def scope():
    """What uvicorn tells the application of a connection."""
    return {
        "type": "websocket", "path": "/socket", "raw_path": b"/socket", "query_string": b"", "subprotocols": [],
        "headers": [(b"host", b"127.0.0.1")], "extensions": {"websocket.http.response": {}}, "root_path": "",
        "scheme": "ws", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2), "asgi": {"version": "3.0"},
    }  # fmt: skip


def heard(*messages):
    """What a client sends before its connection breaks, as an application receives it; and how many it has taken."""
    taken = []

    async def receive():
        if not taken:
            taken.append(None)
            return {"type": "websocket.connect"}
        await asyncio.sleep(0)
        n = len(taken) - 1
        taken.append(None)
        if n < len(messages):
            return {"type": "websocket.receive", "text": json.dumps(messages[n])}
        return {"type": "websocket.disconnect", "code": 1006}

    return receive, taken


async def nothing(scope, receive, send):
    """An application that does nothing."""


def test_who_is_gone_before_the_greeting_takes_nobodys_place(tmp_path, monkeypatch):
    monkeypatch.setattr(visitors, "MAX_VISITORS", 1)

    async def fail(message):
        raise OSError("the client has gone")

    async def go():
        app, sent = create_live_application(small_hall(tmp_path)), []

        async def note(message):
            sent.append(message["type"])

        await app(scope(), heard()[0], fail)
        await app(scope(), heard()[0], note)
        return sent

    assert asyncio.run(go())[0] == "websocket.accept"


def test_a_connection_that_the_server_has_closed_is_no_failure(tmp_path):
    """As uvicorn has it after a frame that is none, or a ping without an answer."""

    async def fail(message):
        if message["type"] == "websocket.send":
            raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")

    asyncio.run(create_live_application(small_hall(tmp_path))(scope(), heard(*[{"do": "go"}] * 5)[0], fail))


def test_who_asks_and_never_reads_is_not_heard_for_ever(tmp_path):
    async def go():
        receive, taken = heard(*[{"do": "go", "ask": 1}] * 5000)

        async def send(message):
            if message["type"] == "websocket.send":
                await asyncio.Event().wait()

        talk = asyncio.create_task(create_live_application(small_hall(tmp_path))(scope(), receive, send))
        await asyncio.sleep(1)
        n = len(taken)
        talk.cancel()
        await asyncio.gather(talk, return_exceptions=True)
        return n

    assert asyncio.run(go()) < 100


def test_a_failure_of_the_server_is_answered_and_the_connection_stays(page, monkeypatch):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(visitor, "Trainer", fail)
        answer, _ = page.ask(do="start")
        assert answer["message"] == "the server failed: RuntimeError; its log says where"
    page.start(steps="none")
    state, _ = page.until("state", status="paused")
    assert state["run"] == 1


def test_headers_that_nobody_reads_may_be_long_and_many(live):
    """The cookies of all servers on this computer come with each request, whatever their ports."""
    many = {f"X-{number}": "x" for number in range(200)}
    with connect(
        f"{live.url.replace('http', 'ws')}/socket", max_size=None, additional_headers={"Cookie": "a" * 20_000, **many}
    ) as opened:
        opened.recv(timeout=SECONDS)
    with pytest.raises(InvalidStatus, match="400"), live.page("a" * 9000):
        pass


def test_a_refused_connection_is_not_logged_as_an_error(tmp_path, caplog):
    refused = pytest.raises(InvalidStatus, match="403")
    with caplog.at_level(logging.ERROR), served(small_hall(tmp_path)) as server, refused:
        connect(f"{server.url.replace('http', 'ws')}/socket", origin="http://example.org")
    assert caplog.records == []


def test_who_answers_no_ping_is_given_up_with_all_that_waits_for_it():
    """A computer that sleeps takes no more; to close its connection uvicorn would wait until it has taken all."""
    transport = MagicMock()
    transport.is_closing.return_value = False

    async def go():
        config = configure(nothing, 100)
        config.load()
        protocol = config.ws_protocol_class(config=config, server_state=ServerState(), app_state={})
        if not hasattr(AutoWebSocketsProtocol, "keepalive_timeout"):
            pytest.skip("this uvicorn leaves pings to websockets, which gives up by itself")
        protocol.connection_made(transport)
        protocol.keepalive_timeout()

    asyncio.run(go())
    assert transport.abort.called
