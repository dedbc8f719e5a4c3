"""Model cards: metadata that a YAML parser reads, and text in which no name is markup."""

import json

import pytest
import yaml
from drawn_network import drawn_network

from golmu.export.card import card_text
from golmu.export.check import Check
from golmu.export.description import Origin
from golmu.export.written import Written, page_written, pixels_tensor, probabilities_tensor
from golmu.names import file_stem, printable

CHECK = Check(1000, 1.2e-6)
KNOWN = Origin("my: photos\n", 800, 200, 0.9, 0.31, 12, "color", "3 images have a copy, so the accuracy is too high")


def written(network="network.onnx"):
    return Written(network, pixels_tensor("uint8", (None, 9, 8, 1)), probabilities_tensor(None, 3), ("onnx",), None)


def parts(text):
    _, front, body = text.split("---\n", 2)
    return front, body


def test_a_card_says_what_is_known():
    front, body = parts(card_text(drawn_network(name="runs/my-photos"), "onnx", written(), CHECK, KNOWN))
    assert "\n# my-photos\n" in body
    for words in (
        "which of 3 classes a grey image of 9x8 pixels", "Classes: ant, bee, cat.", "## How to use it",
        'onnxruntime.InferenceSession("network.onnx")', "1. Turning the image upright", "800 training images and 200",
        "| accuracy | 0.9000 | 0.8506 to 0.9343 | 200 validation |", "| cross-entropy | 0.3100 | | 200 validation |",
        "3 images have a copy, so the accuracy is too high.", "within 1e-06 of a probability", "`color` for 12 epochs",
        "## What it is for, and what not",
    ):  # fmt: skip
        assert words in body
    assert "pipeline_tag: image-classification" in front
    assert "      name: " + json.dumps("my: photos\\u000a") in front
    assert "      value: 0.9" in front


def test_the_title_is_the_runs_or_the_files_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, title in (("runs/a b/", "a b"), (".", tmp_path.name), ("x/net.safetensors", "net")):
        body = parts(card_text(drawn_network(name=name), "onnx", written(), CHECK, None))[1]
        assert body.strip().splitlines()[0] == "# " + title.replace("_", "\\_")


def test_a_card_without_a_run_claims_nothing():
    front, body = parts(card_text(drawn_network(), "onnx", written(), CHECK, None))
    assert "model-index" not in front
    assert "The accuracy is not known." in body
    assert "Not known: the network was exported from a model file" in body


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "| a | b |", "[x](javascript:1)", "`\n# x", "**b** @all", "&lt;"]
)
def test_no_name_is_markup(name):
    known = Origin(name, 8, 2, 0.5)
    front, body = parts(
        card_text(drawn_network(names=(name, "b", "c"), name=f"runs/{name}"), "onnx", written(), CHECK, known)
    )
    assert "<script>" not in body
    assert "[x](java" not in body.replace("\\[", "").replace("\\]", "")
    assert "| a | b |" not in body
    assert "\n# x" not in body
    assert "**b**" not in body
    for line in front.splitlines():
        if line.startswith(("      name: ", "- name: ")):
            json.loads(line.partition("name: ")[2])


@pytest.mark.parametrize("name", ["\U0001f600", "\ufeffa\ufffe\uffff", "\x85\u2028", "no", "1e3", "'\"\\: #"])
def test_names_are_what_they_were_to_a_yaml_parser(name):
    known = Origin(name, 8, 2, 0.5)
    front, _ = parts(card_text(drawn_network(name=f"runs/{name}"), "onnx", written(), CHECK, known))
    (index,) = yaml.safe_load(front)["model-index"]
    assert index["results"][0]["dataset"]["name"] == printable(name, keep="")
    assert index["name"] == file_stem(name)


def test_many_classes_are_not_all_listed():
    _, body = parts(card_text(drawn_network(names=[f"c{i}" for i in range(1000)]), "onnx", written(), CHECK, None))
    assert "c49 and 950 more, in `labels.txt`." in body
    assert "c50," not in body


def test_a_page_is_opened_in_a_browser():
    _, body = parts(card_text(drawn_network(), "page", page_written("index.html", (9, 8, 1), 3), None, None))
    assert "Open `index.html` in a browser." in body
