"""The paths of the live page: its files, who may ask, uploads and downloads."""

import base64
import http.client
import io
import json
import struct
import tempfile
import zipfile
import zlib
from urllib.parse import urlsplit

import numpy as np
import pytest
from live import SECONDS, served, small_hall
from served import encoded
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from golmu.data.readers.image_files import Encoded, read_image
from golmu.data.readers.inversion import Inversion
from golmu.serve.limits import Limits

TOKEN = "a-token-of-eight"


def ask(server, path, body=None, **headers):
    """Status, headers and content of an answer."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
    connection.request("GET" if body is None else "POST", path, body, headers)
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


@pytest.fixture(scope="module")
def trained(live):
    """A visitor with a network."""
    with live.page() as page:
        page.start(epochs=5)
        page.until("state", status="finished")
        yield page


def fit(server, page, body, **headers):
    status, _, content = ask(server, f"/fit?visitor={page.hello['visitor']}", body, **headers)
    return status, json.loads(content)


# Files


def test_the_page_allows_itself_nothing_from_elsewhere(live):
    status, headers, content = ask(live, "/")
    assert status == 200
    assert b"<script>" not in content
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_files_are_kept_by_the_browser_while_they_are_the_same(live):
    status, headers, content = ask(live, "/static/shared/network.js")
    assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert b"convolve" in content
    status, _, content = ask(live, "/static/shared/network.js", **{"If-None-Match": headers["ETag"]})
    assert (status, content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["/static/", "/static/../assets.py", "/static/%2e%2e/assets.py", "/static/shared/..%2f..%2fpage.py", "/socket",
     "/fit", "/nothing", "//etc/passwd"],
)  # fmt: skip
def test_there_is_nothing_else(live, path):
    status, _, content = ask(live, path)
    assert status in (404, 405)
    assert json.loads(content)["status"] == status


# Who may ask


@pytest.mark.parametrize(
    "origin",
    ["http://example.org", "http://127.0.0.1:1", "null", "https://127.0.0.1.example.org", "http://["],
)
def test_no_other_page_drives_it(live, trained, origin):
    with pytest.raises(InvalidStatus) as refused, connect(f"{live.url.replace('http', 'ws')}/socket", origin=origin):
        pass
    assert refused.value.response.status_code == 403
    status, answer = fit(live, trained, png(), Origin=origin)
    assert status == 403
    assert answer["detail"].startswith("only this server's own page may do this")


def test_its_own_page_does(live):
    with connect(f"{live.url.replace('http', 'ws')}/socket", origin=live.url, max_size=None) as socket:
        socket.recv(timeout=SECONDS)


def test_without_a_token_only_names_of_this_computer_are_answered(live):
    handshake = {
        "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    }  # fmt: skip
    assert ask(live, "/socket", Host="example.org", **handshake)[0] == 421
    assert ask(live, "/", Host="example.org")[0] == 421


def test_with_a_token_all_but_the_files_need_it(tmp_path):
    with served(small_hall(tmp_path), token=TOKEN) as server:
        assert ask(server, "/static/shared/network.js")[0] == 200
        assert ask(server, "/")[0] == 401
        assert ask(server, f"/?token={TOKEN}")[0] == 200
        assert ask(server, "/report")[0] == 401
        with pytest.raises(InvalidStatus) as refused:
            connect(f"{server.url.replace('http', 'ws')}/socket?token=another-token")
        assert refused.value.response.status_code == 401
        with server.page() as page:
            assert page.hello["visitor"]


def test_messages_that_are_too_long_or_no_text_end_the_connection(live):
    for message, code in (("x" * 70_000, 1009), (b"{}", 1003)):
        with live.page() as page:
            page.socket.send(message)
            with pytest.raises(ConnectionClosed) as closed:
                page.until("nothing")
            assert closed.value.rcvd.code == code


def test_garbage_is_answered_in_words(live):
    with live.page() as page:
        for text in (
            "",
            "[]",
            "nonsense",
            '{"do": 1}',
            '{"do": {"a": [1]}}',
            "\x00",
            '{"do":"start","settings":' + "[" * 5000,
        ):
            page.socket.send(text)
            assert page.until("error")[0]["message"]
        page.start(steps="none")


# Uploads


def png(size=(20, 20), seed=0):
    return encoded(np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8))


def test_an_upload_is_fitted_as_predict_fits_it(live, trained):
    for body in (png(), png((300, 5)), encoded(np.full((40, 60, 3), 250, np.uint8), "JPEG")):
        status, answer = fit(live, trained, body)
        assert status == 200
        expected = read_image(Encoded(body, "x"), (6, 5, 1), Inversion("dark", "auto"))
        assert (answer["height"], answer["width"], answer["channels"]) == (6, 5, 1)
        pixels = np.frombuffer(base64.b64decode(answer["pixels"]), np.uint8).reshape(6, 5, 1)
        assert np.array_equal(pixels, expected) or answer["inverted"]


def header_of(width, height):
    """A PNG whose header declares so many pixels."""
    body = png()
    header = b"IHDR" + struct.pack(">II", width, height) + body[24:29]
    return body[:12] + header + struct.pack(">I", zlib.crc32(header)) + body[33:]


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (b"", 422, "the body is empty"),
        (b"no image", 422, "the body is not an image in a known format"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 422, "the body is not an image in a known format"),
        (header_of(20_000, 20_000), 422, "the body is larger than 120,000,000 pixels, the most that are decoded"),
        (header_of(10_000, 8000), 413, "the body is 8000x10000 pixels"),
        (png()[:200], 422, "the body is not a readable image"),
        (bytes(17_000_000), 413, "the body must be at most 16,000,000 bytes"),
    ],
    ids=["empty", "text", "svg", "bomb", "large", "cut", "long"],
)
def test_what_is_no_image_is_refused_in_words(live, trained, body, status, detail):
    got, answer = fit(live, trained, body)
    assert (got, answer["status"]) == (status, status)
    assert answer["detail"].startswith(detail)


def test_an_upload_needs_a_visitor_and_a_network(live):
    assert ask(live, "/fit?visitor=nobody", png())[0] == 404
    assert ask(live, "/fit", png())[0] == 404
    with live.page() as page:
        status, answer = fit(live, page, png())
    assert (status, answer["detail"]) == (422, "there is no network yet: start a training")


def test_limits_can_be_set(tmp_path):
    with served(small_hall(tmp_path), limits=Limits(body_bytes=100)) as server, server.page() as page:
        page.start(steps="none")
        assert fit(server, page, png())[0] == 413


# Downloads


def test_the_report_of_a_training(live, trained):
    status, headers, content = ask(live, f"/report?visitor={trained.hello['visitor']}")
    assert status == 200
    assert headers["Content-Disposition"] == 'attachment; filename="golmu-own-chapter-1.html"'
    assert b"Try it" in content


@pytest.mark.parametrize(
    ("to", "network"),
    [
        ("page", "index.html"),
        ("onnx", "network.onnx"),
        ("keras", "network.keras"),
        ("litert", "network.tflite"),
        ("saved-model", "1/saved_model.pb"),
    ],
)
def test_a_network_in_each_format_in_a_zip_file(live, trained, to, network):
    status, headers, content = ask(live, f"/export/{to}?visitor={trained.hello['visitor']}")
    assert (status, headers["Content-Type"]) == (200, "application/zip"), content
    assert headers["Content-Disposition"] == f'attachment; filename="golmu-{to}.zip"'
    names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    assert {f"{to}/{name}" for name in (network, "labels.txt", "model.json")} <= set(names)


def test_what_cannot_be_downloaded_is_said(live, trained):
    visitor = trained.hello["visitor"]
    for path, status in ((f"/export/exe?visitor={visitor}", 422), ("/export/page?visitor=x", 404), ("/report", 404)):
        got, _, content = ask(live, path)
        assert (got, json.loads(content)["status"]) == (status, status)
    with live.page() as page:
        status, _, content = ask(live, f"/report?visitor={page.hello['visitor']}")
        assert (status, json.loads(content)["detail"]) == (422, "there is no training to keep: start one")


def test_without_a_place_for_temporary_files_it_says_what_to_do(live, trained, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    for path in ("report", "export/page"):
        status, _, content = ask(live, f"/{path}?visitor={trained.hello['visitor']}")
        assert status == 422
        assert "in TMPDIR, and start golmu app again" in json.loads(content)["detail"]
