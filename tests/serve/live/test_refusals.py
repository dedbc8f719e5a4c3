"""The page's own words for what the server refuses: they are found by the server's sentences, as these really are."""

import inspect
import json
import re
import sys
from types import SimpleNamespace
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from drawn_at_random import predictor_of
from live import served, small_hall
from served import png

from golmu.architecture import Architecture
from golmu.data.named import fashion_mnist
from golmu.data.readers import image_files
from golmu.errors import GolmuError
from golmu.recipe import get_recipe
from golmu.runs.folder import new_run
from golmu.serve.bodies import image_of_body
from golmu.serve.limits import Limits, RefusalError
from golmu.serve.live import application, gallery, keeping, trainer, visitor
from golmu.serve.live.assets import STATIC
from golmu.serve.live.settings import check_network
from golmu.system import write_file

SCRIPT = (STATIC / "refusals.js").read_text(encoding="utf-8")
KNOWN = {
    key: re.compile(pattern.replace("(?<", "(?P<"))
    for pattern, key in re.findall(r'^  \[/(.+)/, "(\S+)"\],$', SCRIPT, re.MULTILINE)
}


def read(content):
    image_files.read_image(image_of_body(content), (8, 8, 1))


def said(function, *arguments):
    with pytest.raises((GolmuError, RefusalError)) as caught:
        function(*arguments)
    return getattr(caught.value, "detail", str(caught.value))


def answer(tmp_path, message, status="idle", **settings):
    """What the server says to a message, perhaps after a training that has ended with a status."""
    with served(small_hall(tmp_path)) as server, server.page() as page:
        if status != "idle":
            page.start(**settings)
            page.until("state", status=status)
        return page.ask(**message)[0]["message"]


def too_large(tmp_path):
    with served(small_hall(tmp_path), limits=Limits(body_bytes=100)) as server, server.page() as page:
        visitor_name = page.hello["visitor"]
        request = Request(f"{server.url}/fit?visitor={visitor_name}", png(), {"Content-Type": "image/png"})
        with pytest.raises(HTTPError) as caught:
            urlopen(request)
        return json.loads(caught.value.read())["detail"]


def without_images():
    model = SimpleNamespace(architecture=Architecture(4, 4, 1, 2, 4, 2))
    return said(gallery.choose, gallery.Snapshot(model, 1, 0, None, "they are gone"), gallery.Choice("random"))


def without_package(monkeypatch, name, to):
    for module in [name, *(one for one in sys.modules if one.startswith(f"{name}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    return said(keeping.zipped_export, predictor_of((6, 5, 1), 2), to, None)


REFUSED = {
    "empty": lambda _: said(image_of_body, b""),
    "no_image": lambda _: said(read, b"words"),
    "damaged": lambda _: said(read, png()[:-40]),
    "many_bytes": too_large,
    "blocks": lambda _: said(Architecture, 4, 4, 1, (2, 2, 2), 4, 2),
    "parameters": lambda _: said(check_network, get_recipe("chapter").override({"units": 4096}), (200, 200, 3), 10),
    "no_network": lambda path: answer(path, {"do": "images", "which": "random"}),
    "ended": lambda path: answer(path, {"do": "pause"}, "finished", epochs=1),
    "diverged": lambda path: answer(path, {"do": "save", "name": "one"}, "diverged", learning_rate=1e20),
    "no_images": lambda _: without_images(),
    "not_written": lambda path: said(write_file, path / "no" / "where", b"", "the run"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_known_by_its_sentence(name, tmp_path):
    assert KNOWN[f"refusal.{name}"].search(REFUSED[name](tmp_path))


@pytest.mark.parametrize("do", ["pause", "save"])
def test_without_a_training_there_is_nothing_to_do(do, tmp_path):
    assert KNOWN["refusal.no_network"].search(answer(tmp_path, {"do": do, "name": "one"}))


def test_a_network_that_has_diverged_is_not_looked_into(tmp_path):
    message = answer(tmp_path, {"do": "images", "which": "random"}, "diverged", learning_rate=1e20)
    assert KNOWN["refusal.diverged"].search(message)


@pytest.mark.parametrize(("name", "to"), [("onnx", "onnx"), ("onnxruntime", "onnx"), ("ai_edge_litert", "litert")])
def test_a_package_that_is_missing_is_named_with_what_installs_it(name, to, monkeypatch):
    if to == "litert":
        pytest.importorskip("tensorflow")
    found = KNOWN["refusal.no_package"].search(without_package(monkeypatch, name, to))
    assert found["command"].startswith('pip install "golmu[')


def test_a_folder_that_is_gone_is_known_by_the_sentence(tmp_path):
    with pytest.raises(GolmuError) as caught, new_run(None, "one", runs=tmp_path / "gone" / "runs"):
        pass
    assert KNOWN["refusal.not_written"].search(str(caught.value))


def test_too_many_pixels_are_known_by_the_sentence(monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXELS", 100)
    assert KNOWN["refusal.many_pixels"].search(said(read, png()))


@pytest.mark.parametrize(
    ("name", "module", "sentence"),
    [
        ("memory", trainer, "there is not enough memory for this network"),
        ("ended", trainer, "this training has ended"),
        ("failed", trainer, "the training failed: "),
        ("failed", visitor, "the server failed: "),
        ("no_download", fashion_mnist, "Fashion-MNIST was not found"),
        ("not_written", keeping, "temporary files cannot be written"),
        ("busy", visitor, "trainings are still ending"),
        ("busy", visitor, "questions are being answered"),
        ("busy", application, "reports or exports are being made"),
    ],
)
def test_what_seldom_happens_is_known_by_its_sentence(name, module, sentence):
    assert sentence in inspect.getsource(module)
    assert KNOWN[f"refusal.{name}"].search(sentence)


def test_every_pattern_is_tried_here():
    others = ("many_pixels", "memory", "busy", "failed", "no_download", "no_package")
    assert set(KNOWN) == {f"refusal.{name}" for name in (*REFUSED, *others)}
