"""Who may ask: tokens, names of this computer, and how many at a time."""

import asyncio

import pytest
from served import png, predictor

from golmu.serve.application import create_application
from golmu.serve.gate import Gate, is_local
from golmu.serve.limits import Limits
from golmu.serve.metrics import Metrics

TOKEN = "a secret of eight"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/predict", {}, 401),
        ("/predict", {"Authorization": f"Bearer {TOKEN}"}, 200),
        ("/predict", {"Authorization": f"bearer {TOKEN}"}, 200),
        ("/predict", {"Authorization": f"Basic {TOKEN}"}, 401),
        ("/predict", {"Authorization": f"Bearer {TOKEN}x"}, 401),
        ("/predict", {"Authorization": "Bearer "}, 401),
        ("/predict", {"Authorization": b"Bearer \xff"}, 401),
        (f"/predict?token={TOKEN.replace(' ', '%20')}", {}, 200),
        ("/predict?token=", {}, 401),
        ("/predict?token=%ff", {}, 401),
    ],
)
def test_a_token_is_asked_for(client, path, headers, status):
    answer = client(token=TOKEN).post(path, content=png(), headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["detail"].startswith("a token is needed: send the header 'Authorization: Bearer TOKEN'")


def test_all_paths_but_health_need_the_token(client):
    asked = client(token=TOKEN)
    for path in ("/", "/docs", "/openapi.json", "/metadata", "/metrics", "/nothing"):
        assert asked.get(path).status_code == 401, path
        assert asked.get(path, params={"token": TOKEN}).status_code in (200, 404)
    assert asked.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("localhost", True), ("LOCALHOST:80", True), ("127.0.0.1:8000", True), ("127.1.2.3", True),
        ("[::1]:8000", True), ("[::1]", True), ("", True), ("example.org", False),
        ("127.0.0.1.example.org:8000", False),
        ("localhost.example.org", False), ("192.168.1.2:8000", False), ("[2001:db8::1]:80", False), ("::x", False),
    ],
)  # fmt: skip
def test_without_a_token_only_names_of_this_computer_are_answered(client, host, is_own):
    """A page on the internet may point a name of its own to 127.0.0.1, and would then read the answers."""
    assert is_local(host) == is_own
    answer = client().get("/health", headers={"Host": host})
    assert answer.status_code == (200 if is_own else 421)
    assert client(token=TOKEN).get("/health", headers={"Host": host}).status_code == 200


def test_more_requests_than_are_taken_are_told_to_come_again():
    app = create_application(predictor(), limits=Limits(requests=2))
    body, statuses = png(), []

    async def ask(go):
        async def receive():
            await go.wait()
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            if message["type"] == "http.response.start":
                statuses.append((message["status"], dict(message["headers"]).get(b"retry-after")))

        scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": []}
        await app(scope, receive, send)

    async def many():
        go = asyncio.Event()
        tasks = [asyncio.create_task(ask(go)) for _ in range(5)]
        await asyncio.sleep(0.01)
        assert statuses == [(429, b"1")] * 3
        go.set()
        await asyncio.gather(*tasks)
        await ask(go)

    asyncio.run(many())
    assert statuses[3:] == [(200, None)] * 3


def test_a_request_that_a_stop_cuts_off_is_told_so():
    sent = []

    async def endless(scope, receive, send):
        await asyncio.Event().wait()

    async def send(message):
        sent.append(message)

    async def run():
        gate = Gate(endless, direct={}, paths=(), limits=Limits(), metrics=Metrics(), token=None)
        scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
        task = asyncio.ensure_future(gate(scope, None, send))
        await asyncio.sleep(0.01)
        task.cancel()
        await task

    asyncio.run(run())
    assert sent[0]["status"] == 503
    assert b"the server is stopping" in sent[1]["body"]
