"""The page's own words for what the server refuses: they are found by the server's sentences, as these really are."""

import inspect
import json
import re
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from live import served, small_hall
from served import png

from golmu.architecture import Architecture
from golmu.data.readers import image_files
from golmu.errors import GolmuError
from golmu.recipe import get_recipe
from golmu.serve.bodies import image_of_body
from golmu.serve.limits import Limits, RefusalError
from golmu.serve.live import application, trainer, visitor
from golmu.serve.live.assets import STATIC
from golmu.serve.live.settings import check_network

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


def too_large(tmp_path):
    with served(small_hall(tmp_path), limits=Limits(body_bytes=100)) as server, server.page() as page:
        visitor_name = page.hello["visitor"]
        request = Request(f"{server.url}/fit?visitor={visitor_name}", png(), {"Content-Type": "image/png"})
        with pytest.raises(HTTPError) as caught:
            urlopen(request)
        return json.loads(caught.value.read())["detail"]


def without_network(tmp_path):
    with served(small_hall(tmp_path)) as server, server.page() as page:
        return page.ask(do="images", which="random")[0]["message"]


REFUSED = {
    "empty": lambda _: said(image_of_body, b""),
    "no_image": lambda _: said(read, b"words"),
    "damaged": lambda _: said(read, png()[:-40]),
    "many_bytes": too_large,
    "blocks": lambda _: said(Architecture, 4, 4, 1, (2, 2, 2), 4, 2),
    "parameters": lambda _: said(check_network, get_recipe("chapter").override({"units": 4096}), (200, 200, 3), 10),
    "no_network": without_network,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_known_by_its_sentence(name, tmp_path):
    assert KNOWN[f"refusal.{name}"].search(REFUSED[name](tmp_path))


def test_too_many_pixels_are_known_by_the_sentence(monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXELS", 100)
    assert KNOWN["refusal.many_pixels"].search(said(read, png()))


@pytest.mark.parametrize(
    ("name", "module", "sentence"),
    [
        ("memory", trainer, "there is not enough memory for this network"),
        ("busy", visitor, "trainings are still ending"),
        ("busy", visitor, "questions are being answered"),
        ("busy", application, "reports or exports are being made"),
    ],
)
def test_what_seldom_happens_is_known_by_its_sentence(name, module, sentence):
    assert sentence in inspect.getsource(module)
    assert KNOWN[f"refusal.{name}"].search(sentence)


def test_every_pattern_is_tried_here():
    assert set(KNOWN) == {f"refusal.{name}" for name in (*REFUSED, "many_pixels", "memory", "busy")}
