"""`golmu serve` as a process of its own: its address, cut and slow connections, how it stops and starts again."""

import asyncio
import contextlib
import hashlib
import http.client
import json
import os
import signal
import socket
import threading
import time
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
import uvicorn
from served import model, pixels, png, predictor, server

from golmu.errors import InputError
from golmu.model.model import save_model
from golmu.serve.server import MAX_HEAD_BYTES, choose_token, configure, listen


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A model file."""
    path = tmp_path_factory.mktemp("served") / "model.safetensors"
    save_model(path, model())
    return path


@pytest.fixture(scope="module")
def running(path):
    """A server that several tests ask, and its address."""
    with server(path, "--max-megabytes", "1") as (process, url):
        yield process, url


def ask(url, body=None, headers=None):
    with urlopen(Request(f"{url}", body, headers or {}), timeout=20) as answer:
        return json.load(answer)


def connect(url):
    return socket.create_connection((urlsplit(url).hostname, urlsplit(url).port), timeout=20)


def head(length, more=""):
    return f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {length}\r\n{more}\r\n".encode()


def answered(connection):
    """The status and the JSON of an answer."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, json.loads(answer.read())


def test_the_server_answers_what_predict_does(running):
    _, url = running
    (answer,) = ask(f"{url}/predict", png())["predictions"]
    assert answer["probabilities"] == predictor().predict(pixels(0)).probabilities


def test_requests_that_come_together_share_batches(running):
    _, url = running
    expected, answers = ask(f"{url}/predict", png()), []

    def many():
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
        for _ in range(40):
            connection.request("POST", "/predict", png())
            answers.append(json.loads(connection.getresponse().read()))
        connection.close()

    threads = [threading.Thread(target=many) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [expected] * 320
    with urlopen(f"{url}/metrics") as answer:
        counted = dict(line.rsplit(" ", 1) for line in answer.read().decode().splitlines())
    assert float(counted["golmu_batch_images_count"]) < float(counted["golmu_images_total"])


def test_a_body_that_comes_in_pieces(running):
    _, url = running
    body = png()
    with connect(url) as connection:
        connection.sendall(head(len(body)))
        for start in range(0, len(body), 100):
            time.sleep(0.01)
            connection.sendall(body[start : start + 100])
        assert answered(connection)[0] == 200


def test_a_body_in_chunks_without_a_length(running):
    _, url = running
    body = png()
    with connect(url) as connection:
        start = b"POST /predict HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(start + f"{len(body):x}\r\n".encode() + body + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert answered(connection)[0] == 200
    with connect(url) as connection:  # more than one megabyte, which ends at some time
        connection.sendall(start + (b"10000\r\n" + bytes(0x10000) + b"\r\n") * 40 + b"0\r\n\r\n")
        status, answer = answered(connection)
        assert (status, answer["status"]) == (413, 413)
        assert answer["detail"].startswith("the body must be at most 1,000,000 bytes, got more: send a smaller image")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(running):
    _, url = running
    with connect(url) as connection:
        connection.sendall(head(10**12, "Expect: 100-continue\r\n"))
        status, answer = answered(connection)
        assert status == 413
        assert "got 1,000,000,000,000: send" in answer["detail"]
        assert connection.recv(1) == b""
    with connect(url) as connection:  # a client that sends all before it listens
        connection.sendall(head(3 * 10**6) + bytes(3 * 10**6))
        assert answered(connection)[0] == 413


def test_connections_that_are_cut_cost_nothing(running):
    process, url = running
    for part in (b"", b"P", head(1000)[:30], head(1000), head(1000) + b"x" * 500, head(10**6) + b"x" * 200_000):
        for _ in range(20):
            connection = connect(url)
            connection.sendall(part)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")  # with a reset
            connection.close()
    for _ in range(50):  # and those that leave before the answer
        connection = connect(url)
        connection.sendall(head(len(png())) + png())
        connection.close()
    assert ask(f"{url}/health") == {"status": "ok"}
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with urlopen(f"{url}/metrics") as answer:
            if b"golmu_requests_in_progress 0.0" in answer.read():
                break
        time.sleep(0.05)
    else:
        pytest.fail("requests are still in progress")
    assert process.poll() is None


def test_a_head_without_an_end_is_cut(running):
    _, url = running
    with connect(url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        with contextlib.suppress(OSError):  # the connection is reset while this is sent
            connection.sendall(b"x" * 100 * MAX_HEAD_BYTES)
            assert connection.recv(1) == b""
    assert ask(f"{url}/health") == {"status": "ok"}


def test_a_long_body_is_no_head(running):
    _, url = running
    with connect(url) as connection:
        for _ in range(3):
            connection.sendall(head(500_000) + bytes(500_000))
            assert answered(connection)[0] == 422


def test_what_is_no_http_is_answered_as_such(running):
    _, url = running
    with connect(url) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # as TLS begins
        assert connection.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_answers_what_was_taken(path, how):
    body = png()
    with server(path) as (process, url):
        idle, busy = connect(url), connect(url)
        busy.sendall(head(len(body)) + body[:50])
        ask(f"{url}/health")
        process.send_signal(how)
        assert idle.recv(1) == b""  # an idle connection is closed at once
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                connect(url).close()
            except OSError:
                break
            time.sleep(0.02)
        assert process.poll() is None
        busy.sendall(body[50:])
        assert answered(busy)[0] == 200
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_after_a_kill_it_starts_again_at_once(path):
    def files():
        return {
            one.name: (hashlib.sha256(one.read_bytes()).hexdigest(), one.stat().st_mtime_ns)
            for one in path.parent.iterdir()
        }

    before = files()
    with server(path) as (process, url):
        port = str(urlsplit(url).port)
        busy = connect(url)
        busy.sendall(head(1000) + b"x")
        ask(f"{url}/predict", png())
        os.kill(process.pid, signal.SIGKILL)
        process.wait(20)
        with server(path, "--port", port) as (_, again):
            assert again == url
            assert len(ask(f"{again}/predict", png())["predictions"]) == 1
    assert files() == before


def test_others_need_a_token(path):
    environment = {name: value for name, value in os.environ.items() if name != "GOLMU_TOKEN"}
    with server(path, "--host", "0.0.0.0", environment=environment) as (process, url):
        token = process.stdout.readline().removeprefix("token: ").strip()
        assert len(token) >= 32
        own = f"http://127.0.0.1:{urlsplit(url).port}"
        with pytest.raises(OSError, match="401"):
            ask(f"{own}/metadata")
        assert ask(f"{own}/metadata?token={token}")["name"] == "model.safetensors"
    with server(path, environment={**environment, "GOLMU_TOKEN": "a-token-of-mine"}) as (process, url):
        with pytest.raises(OSError, match="401"):
            ask(f"{url}/metadata")
        assert ask(f"{url}/metadata", headers={"Authorization": "Bearer a-token-of-mine"})


# Without a process


def test_a_head_that_does_not_come_in_time_is_cut(monkeypatch):
    monkeypatch.setattr("golmu.serve.server.HEAD_SECONDS", 0.5)
    asked = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            return
        await asyncio.sleep(1)  # an answer may take longer
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body"})

    def talk(*parts):
        """The answers to what is sent on one connection, in parts, until the server closes it."""
        with socket.create_connection(address, timeout=4) as connection:
            for part in parts:
                connection.sendall(part)
                time.sleep(0.2)
            answers = b"".join(iter(lambda: connection.recv(1000), b""))
        return answers.count(b"HTTP/1.1 200")

    async def clients(server):
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            return await asyncio.gather(
                *(asyncio.to_thread(talk, *parts) for parts in ([], [b"G"], [b"G", asked[1:-2]], [asked, b"G"]))
            )
        finally:
            server.should_exit = True

    with listen("127.0.0.1", 0).listener as listener:
        address = listener.getsockname()
        server = uvicorn.Server(configure(app))

        async def run():
            answers, _ = await asyncio.gather(clients(server), server.serve(sockets=[listener]))
            return answers

        assert asyncio.run(run()) == [0, 0, 0, 1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_an_address_of_this_computer_needs_no_token(host):
    try:
        address = listen(host, 0)
    except InputError:
        if host == "::1" and not socket.has_ipv6:
            return
        raise
    with address.listener:
        assert address.is_local
        assert choose_token(None, is_local=True) is None
        assert urlsplit(address.url).port == address.listener.getsockname()[1]


def test_an_address_that_is_taken_or_none_is_said():
    with listen("127.0.0.1", 0).listener as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            InputError, match=rf"^the server cannot listen at 127.0.0.1, port {port} \(Address already "
        ):
            listen("127.0.0.1", port)
    for host in ("999.1.1.1", "a..b", "x" * 300, "192.0.2.1"):
        with pytest.raises(InputError, match=r"^the server cannot listen at "):
            listen(host, 0)


@pytest.mark.parametrize("token", ["", "short", "with spaces in it", "nönascii", "line\nbreak-in-it"])
def test_a_token_that_cannot_be_used(token):
    with pytest.raises(InputError, match=r"^the token must have at least 8 ASCII characters and no space, got "):
        choose_token(token, is_local=True)
