"""Who visits: goodbyes, broken connections, and those who come back."""

import socket
import time
from contextlib import ExitStack, suppress
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from live import ENDLESS, SECONDS, served, small_hall
from websockets.exceptions import ConnectionClosedError, InvalidStatus

from golmu.serve.live import visitors


def wait_until(holds):
    end = time.monotonic() + SECONDS
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def is_known(server, name):
    """Whether the server knows a visitor of this name."""
    try:
        urlopen(Request(f"{server.url}/fit?visitor={name}", b""))
    except HTTPError as error:
        return error.code != 404


def cut(page):
    """Break a page's connection without a word."""
    page.socket.socket.shutdown(socket.SHUT_RDWR)
    page.socket.socket.close()


@pytest.fixture
def server(tmp_path):
    with served(small_hall(tmp_path, n_places=2)) as made:
        yield made


def test_two_visitors_train_separately(server):
    with server.page() as first, server.page() as second:
        assert first.hello["visitor"] != second.hello["visitor"]
        first.start(epochs=2)
        second.start(epochs=3, learning_rate=0.01)
        one, two = (page.until("run")[0]["run"] for page in (first, second))
        assert (one["epoch"], two["epoch"]) == (2, 3)
        assert one["losses"] != two["losses"][: len(one["losses"])]


def test_trainings_share_the_threads(server, monkeypatch):
    places = server.hall.places
    monkeypatch.setattr(places, "_n_cores", 4)
    with server.page() as first:
        first.start(**ENDLESS)
        first.until("state", status="training", n_threads=4)
        with server.page() as second:
            second.start(**ENDLESS)
            second.until("state", status="training", n_threads=2)
            first.until("state", status="training", n_threads=2)
        first.until("state", status="training", n_threads=4)


def test_a_page_that_closes_is_freed_at_once(server):
    with server.page() as page:
        page.start(**ENDLESS)
        page.until("state", status="training")
        name = page.hello["visitor"]
        assert server.hall.places.n_active == 1
        page.close()  # with the code 1000
        wait_until(lambda: server.hall.places.n_active == 0)
    with server.page(name) as again:
        assert again.hello["visitor"] != name
        assert again.hello["runs"] == []


def test_a_broken_connection_pauses_and_comes_back(server):
    with server.page() as page:
        page.start(**ENDLESS, steps="epoch")
        page.until("state", status="paused")
        page.ask(do="go")
        page.until("state", status="training")
        while len(page.losses[1]) < 13:
            page.until("frame")
        cut(page)
    name = page.hello["visitor"]
    wait_until(lambda: server.hall.places.n_active == 0)
    with server.page(name) as between:  # the training stops at the next moment between two batches, not at once
        between.until("state", status="paused")
        cut(between)
    with server.page(name) as again:
        assert again.hello["visitor"] == name
        (run,) = again.hello["runs"]
        state, _ = again.until("state")
        assert state["status"] == "paused"
        stride = run["steps"][0]  # batches in a point: several where more were trained than the curve has points
        assert state["steps"] // stride * stride == run["steps"][-1] >= 13
        frame, _ = again.until("frame")
        assert frame["first_point"] == 0
        assert len(again.losses[1]) == len(run["losses"])
        again.ask(do="go")
        again.until("state", status="training")


def test_a_broken_connection_leaves_the_queue(server):
    with server.page() as first, server.page() as second, server.page() as third:
        for page in (first, second):
            page.start(**ENDLESS)
            page.until("state", status="training")
        third.start(epochs=1)
        third.until("state", status="waiting")
        cut(third)
        wait_until(lambda: not server.hall.places._queue)
        with server.page(third.hello["visitor"]) as again:
            again.until("state", status="paused")


def test_a_page_that_comes_back_before_its_break_is_noticed_is_the_same_visitor(server):
    with server.page() as page:
        page.start(**ENDLESS)
        page.until("state", status="training")
        with server.page(page.hello["visitor"]) as again:
            assert again.hello["visitor"] == page.hello["visitor"]
            again.until("state", status="paused")
            page.send(do="go")  # over the connection that is no more
            with pytest.raises(ConnectionClosedError, match="another connection"):
                page.until("state", status="finished")
            assert server.hall.places.n_active == 0
            again.ask(do="go")
            again.until("state", status="training")
        wait_until(lambda: server.hall.places.n_active == 0)


def test_whoever_does_not_come_back_is_forgotten(server, monkeypatch):
    monkeypatch.setattr(visitors, "KEPT_SECONDS", 0.05)
    with server.page() as page:
        page.start(steps="none")
        page.until("state", status="paused")
        cut(page)
    wait_until(lambda: not is_known(server, page.hello["visitor"]))
    with server.page(page.hello["visitor"]) as again:
        assert again.hello["visitor"] != page.hello["visitor"]


def test_there_are_never_too_many(server, monkeypatch):
    monkeypatch.setattr(visitors, "MAX_VISITORS", 2)
    with server.page() as first, server.page() as second:
        with pytest.raises(InvalidStatus, match="429"), server.page():
            pass
        cut(second)  # and has nothing to come back to

        def has_room():
            with suppress(InvalidStatus), server.page() as third:
                return third.hello["visitor"] not in (first.hello["visitor"], second.hello["visitor"])

        wait_until(has_room)


def test_no_newcomer_takes_the_place_of_one_who_may_come_back_to_a_training(server, monkeypatch):
    monkeypatch.setattr(visitors, "MAX_VISITORS", 5)
    with server.page() as page:
        page.start(**ENDLESS)
        page.until("state", status="training")
        cut(page)
    wait_until(lambda: server.hall.places.n_active == 0)
    with ExitStack() as others:
        for _ in range(4):
            others.enter_context(server.page())
        with pytest.raises(InvalidStatus, match="429"), server.page():
            pass
    for _ in range(20):  # each breaks off without a word
        with suppress(InvalidStatus), server.page() as junk:
            cut(junk)
    with server.page(page.hello["visitor"]) as again:
        again.until("state", status="paused")


def test_the_server_ends_with_a_training_under_way(tmp_path):
    with served(small_hall(tmp_path)) as server:
        with server.page() as page:
            page.start(**ENDLESS)
            page.until("state", status="training")
            cut(page)
        with server.page() as page:
            page.start(**ENDLESS)
            page.until("state", status="training")
            server.stop()
