"""Bodies that come in parts, late, or not at all."""

import asyncio
import json
import tracemalloc

import pytest
from fastapi import Request
from starlette.datastructures import Headers

from golmu.serve import bodies
from golmu.serve.bodies import BodyReader, images_of_form, images_of_json
from golmu.serve.limits import Limits, RefusalError


def read(parts, *, headers=(), limits=None, reader=None, delay=0.0):
    """What a reader makes of these messages; after the last one, none comes any more."""
    messages = iter(parts)

    async def receive():
        await asyncio.sleep(delay)
        message = next(messages, None)
        return message if message is not None else await asyncio.Event().wait()

    async def run():
        scope = {"type": "http", "method": "POST", "path": "/", "headers": list(headers)}
        async with (reader or BodyReader(limits or Limits(body_bytes=10))).body(Request(scope, receive)) as body:
            return body

    return asyncio.run(run())


def part(content, more=True):
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_body_of_several_parts():
    assert read([part(b"ab"), part(b""), part(b"cd"), part(b"", more=False)]) == b"abcd"
    assert read([part(b"x" * 10, more=False)]) == b"x" * 10


def test_a_body_that_is_too_large_is_read_to_its_end_so_that_the_client_hears_why():
    left = iter([part(b"x" * 6), part(b"x" * 6), part(b"x" * 6, more=False), part(b"next")])
    with pytest.raises(RefusalError, match="got more") as refused:
        read(left)
    assert refused.value.status == 413
    assert next(left)["body"] == b"next"


def test_a_body_that_says_that_it_is_huge_is_not_read_at_all():
    with pytest.raises(RefusalError, match="got 9,999,999,999,999") as refused:
        read([], headers=[(b"content-length", b"9999999999999")])
    assert (refused.value.status, refused.value.headers) == (413, {"Connection": "close"})


def test_a_body_without_an_end_is_given_up(monkeypatch):
    monkeypatch.setattr(bodies, "MAX_DISCARDED_BYTES", 100)
    with pytest.raises(RefusalError, match="got more"):
        read(part(b"x" * 6) for _ in range(10**9))


def test_a_client_that_hangs_up():
    with pytest.raises(RefusalError, match="the connection was closed before the whole body had come"):
        read([part(b"ab"), {"type": "http.disconnect"}])
    with pytest.raises(RefusalError, match="the connection was closed"):
        read([{"type": "http.disconnect"}])


def test_a_client_that_is_slow(monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.05)
    for parts, headers in (
        ([part(b"ab")], []),
        ([], []),  # a client that sends nothing at all
        ([], [(b"content-length", b"20")]),  # and one of which too much would come
        ([part(b"x" * 11)], []),
    ):
        with pytest.raises(RefusalError, match=r"the body did not arrive within 0.05 seconds") as refused:
            read(parts, headers=headers)
        assert (refused.value.status, refused.value.headers) == (408, {"Connection": "close"})


def test_a_stop_is_no_slow_client():
    async def run():
        task = asyncio.ensure_future(BodyReader(Limits())._read(Request({"type": "http", "headers": []}, never)))
        await asyncio.sleep(0)
        task.cancel()
        await task

    async def never():
        await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())


def test_a_text_in_rows_of_pixels_takes_no_more_memory_than_its_own():
    body = json.dumps({"images": [[["x" * 100_000] + [""] * 999]]}).encode()
    tracemalloc.start()
    with pytest.raises(RefusalError, match="rows of pixels from 0 to 255"):
        images_of_json(body, Limits())
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 10 * len(body)


def form(content):
    headers = Headers({"Content-Type": "multipart/form-data; boundary=x"})
    return asyncio.run(images_of_form(headers, content, Limits()))


def test_a_form_without_its_end_is_refused_and_not_answered_in_part():
    file = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nabc\r\n'
    whole = file + file + b"--x--"
    for end in (b"", b"\r\n", b"\r\nepilogue"):
        assert len(form(whole + end)) == 2
    for n in (1, 2, len(b"--x--"), 10):
        with pytest.raises(RefusalError, match="the form has no end: send it whole") as refused:
            form(whole[:-n])
        assert refused.value.status == 422


def test_bodies_share_one_limit_of_what_is_held(monkeypatch):
    monkeypatch.setattr(bodies, "MAX_HELD_BYTES", 15)
    reader = BodyReader(Limits(body_bytes=10))
    for _ in range(3):  # what was refused, or is done, is no longer held
        reader._n_held = 8
        with pytest.raises(RefusalError, match="too many large bodies are here at the same time") as refused:
            read([part(b"x" * 4), part(b"x" * 4, more=False)], reader=reader)
        assert refused.value.status == 429
        assert reader._n_held == 8
        reader._n_held = 0
        assert read([part(b"x" * 4), part(b"x" * 4, more=False)], reader=reader) == b"x" * 8
        assert reader._n_held == 0
