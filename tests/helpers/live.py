"""A small data set, a server of the live page in a thread of this process, and a page that is no browser."""

import json
import struct
import threading
import time
from contextlib import contextmanager

import numpy as np
import uvicorn
from websockets.sync.client import connect

from golmu.data import Dataset
from golmu.data.image_set import ImageSet
from golmu.runs.job import SplitDataset
from golmu.serve.live.application import create_live_application
from golmu.serve.live.data_sets import DataSets
from golmu.serve.live.hall import Hall
from golmu.serve.live.messages import MAX_MESSAGE_BYTES
from golmu.serve.server import configure, listen

SECONDS = 60
"""Seconds after which a test gives up waiting."""

SMALL = {"n_kernels": 2, "units": 8, "batch_size": 8, "learning_rate": 0.05}
"""Settings of a small network."""

ENDLESS = {"epochs": 1000, "batch_size": 1, "units": 4096}
"""Settings of a training that takes half a minute even where 1,000 epochs of the small network take 0.2 seconds."""


def small_dataset(n=120, names=("top", "middle", "bottom")):
    """Images of 6×5 pixels, of which each class is bright in other rows."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    images = rng.integers(0, 60, (n, 6, 5, 1)).astype(np.uint8)
    for label in range(3):
        images[labels == label, 2 * label : 2 * label + 2] += 150
    return Dataset("small", ImageSet(images, labels.astype(np.int64)), None, names, "memory")


def small_split(tmp_path, n=120):
    """The small data set with a fifth held out; it says that it comes from a file, which is not there."""
    return SplitDataset.of(small_dataset(n), str(tmp_path / "small.npz"))


def decode(message):
    """The values of a message of the server, and its arrays."""
    (n,) = struct.unpack_from("<I", message)
    values = json.loads(message[4 : 4 + n])
    assert (4 + n) % 8 == 0
    arrays = {
        name: np.frombuffer(
            message, said["dtype"], int(np.prod(said["shape"])), 4 + n + said["offset"]
        ).reshape(said["shape"])
        for name, said in values.pop("arrays").items()
    }  # fmt: skip
    return values, arrays


class Page:
    """What a page does, without a browser: it asks, keeps what it hears, and says which frames it has seen."""

    def __init__(self, socket, *, sees=True):
        self.socket, self.sees, self.heard, self.n_asked = socket, sees, [], 0
        self.losses, self.curve_of = {}, {}
        self.hello = self.until("hello")[0]

    def send(self, **message):
        self.socket.send(json.dumps(message))

    def receive(self, seconds=SECONDS):
        values, arrays = decode(self.socket.recv(timeout=seconds))
        self.heard.append((values, arrays))
        if values["kind"] == "frame":
            curve = self.losses.get(values["run"], np.empty(0, np.float32))
            assert values["first_point"] <= len(curve)
            curve = np.concatenate([curve[: values["first_point"]], arrays["losses"]])
            self.losses[values["run"]] = curve
            if self.sees:
                self.send(do="seen", frame=values["frame"], points=len(curve))
        return values, arrays

    def until(self, kind, seconds=SECONDS, **expected):
        """The first message from now on of this kind with these values."""
        end = time.monotonic() + seconds
        while True:
            values, arrays = self.receive(max(0.01, end - time.monotonic()))
            if values["kind"] == kind and all(values.get(name) == value for name, value in expected.items()):
                return values, arrays

    def ask(self, **message):
        """The answer to a question."""
        self.n_asked += 1
        self.send(**message, ask=self.n_asked)
        while True:
            values, arrays = self.receive()
            if values.get("ask") == self.n_asked:
                return values, arrays

    def start(self, **changes):
        """Begin a training on the small data."""
        steps = changes.pop("steps", None)
        message = {"settings": SMALL | changes, "recipe": "chapter", **({} if steps is None else {"steps": steps})}
        answer, _ = self.ask(do="start", **message)
        assert answer["kind"] == "done", answer
        return answer

    def close(self):
        self.socket.close()


class LiveServer:
    """A live page that is served, and its address."""

    def __init__(self, hall, url, token, stop):
        self.hall, self.url, self.token, self.stop = hall, url, token, stop

    @contextmanager
    def page(self, visitor=None, **settings):
        query = {"visitor": visitor, "token": self.token}
        words = "&".join(f"{name}={value}" for name, value in query.items() if value is not None)
        with connect(f"{self.url.replace('http', 'ws')}/socket?{words}", max_size=None, open_timeout=SECONDS) as socket:
            yield Page(socket, **settings)


@contextmanager
def served(hall, **settings):
    """A live page that is served by a thread of this process."""
    address = listen("127.0.0.1", 0)
    server = uvicorn.Server(configure(create_live_application(hall, **settings), MAX_MESSAGE_BYTES))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [address.listener]})
    thread.start()

    def stop():
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive()

    try:
        yield LiveServer(hall, address.url, settings.get("token"), stop)
    finally:
        stop()


def small_hall(tmp_path, n=120, **settings):
    """What visitors share, with the small data as the user's own."""
    return Hall(DataSets(small_split(tmp_path, n)), runs=tmp_path / "runs", **settings)
