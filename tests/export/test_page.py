"""A page on which a network can be tried: what stands in it."""

import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256

import numpy as np
import pytest
from drawn_at_random import predictor_of
from page import Page

from golmu.analysis.labelled_images import LabelledImages
from golmu.errors import InputError, SaveError
from golmu.export.page import Sample, choose_samples, drawn_share, export_page, page_of, try_it

SHAPE = (6, 5, 1)
SAMPLES = [Sample(np.full(SHAPE, value, np.uint8), "ant") for value in (0, 255)]


def content_of(text):
    """What a page's script starts with."""
    return json.loads(re.search(r"startTryIt\((\{.*\})\);</script>", text)[1])


def labelled(n, n_classes, shape=SHAPE, dtype=np.uint8):
    pixels = np.random.default_rng(0).integers(0, 256, (n, *shape), np.uint8)
    images = pixels if dtype == np.uint8 else (pixels / 255).astype(dtype)
    return LabelledImages("validation", images, np.arange(n) % n_classes)


def test_a_page_has_one_script_whose_hash_the_policy_names():
    names = ("</script><script>alert(1)</script>", "<!--", "b")
    text = page_of(predictor_of(SHAPE, 2, names=names), [Sample(SAMPLES[0].pixels, names[0])])
    page = Page(text)
    (script,) = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
    assert text.count("<script") == 1
    policy = re.search('http-equiv="Content-Security-Policy" content="([^"]*)"', text)[1]
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" in policy.split("; ")
    assert {"connect-src 'none'", "default-src 'none'"} <= set(policy.split("; "))
    assert "unsafe" not in policy
    assert 'style="' not in text
    assert content_of(text)["network"]["names"] == list(names)
    assert f"It tells 3 classes apart: {names[0]}, <!--, b." in page.text
    assert all(link.startswith("data:") for link in page.links)
    assert re.findall(r"https?://[^\s\"']+", text) == []


def test_the_colours_of_a_drawing_are_named_as_in_a_drawing_program():
    text = page_of(predictor_of((6, 5, 3), 2), [])
    assert re.findall(r"<label>(\w+) <input type=\"color\"", text) == ["Colour", "Background"]


def test_the_samples_are_in_the_page_as_they_are():
    content = content_of(page_of(predictor_of(SHAPE, 2, ground="dark"), SAMPLES))
    assert [b64decode(one["pixels"]) for one in content["samples"]] == [one.pixels.tobytes() for one in SAMPLES]
    assert content["files"] == {"ground": "dark", "inversion": "auto"}


@pytest.mark.parametrize(
    ("n", "n_classes", "expected"),
    [
        (60, 3, [4, 4, 4]),  # a few of each
        (60, 10, [2] * 10),
        (20, 10, [2] * 10),
        (2_000, 1_000, [1] * 20),  # some of very many classes
        (3, 3, [1, 1, 1]),
    ],
)
def test_samples_are_a_few_of_each_class(n, n_classes, expected):
    names = [f"class {i}" for i in range(n_classes)]
    samples = choose_samples(labelled(n, n_classes), names)
    labels = [one.label for one in samples]
    assert [labels.count(name) for name in dict.fromkeys(labels)] == expected
    if len(set(labels)) == 20:
        assert (labels[0], labels[-1]) == (names[0], names[-1])


def test_samples_are_bytes_and_take_little_room():
    assert choose_samples(None, ["a"]) == []
    assert len(choose_samples(labelled(60, 10, (150, 200, 3)), "abcdefghij")) == 4
    assert choose_samples(labelled(3, 3, (400, 400, 3)), "abc") == []
    floats, bytes_ = (choose_samples(labelled(9, 3, dtype=kind), "abc") for kind in (np.float32, np.uint8))
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(floats, bytes_, strict=True))
    standardised = LabelledImages("test", labelled(9, 3).images - np.float32(7), np.arange(9) % 3)
    assert choose_samples(standardised, "abc") == []


def test_a_drawing_fills_as_much_as_the_objects_of_the_samples_do():
    samples = []
    for height in (8, 12, 14):
        pixels = np.full((20, 10, 1), 255, np.uint8)
        pixels[3 : 3 + height, 2:5] = 90
        samples.append(Sample(pixels, "a"))
    assert drawn_share(samples) == 0.6
    assert drawn_share([Sample(np.zeros((6, 6, 3), np.uint8), "a")]) == drawn_share([]) == 0.8
    dot = np.zeros((20, 20, 3), np.uint8)
    dot[3, 3, 2] = 200
    assert drawn_share([Sample(dot, "a")]) == 0.5


@pytest.mark.parametrize(
    ("shape", "units", "samples", "reason"),
    [
        ((20, 16, 1), 2_600, None, "it has 2,090,503 parameters, and a page holds at most 2,000,000"),
        ((6, 5, 4), 9, None, "it takes images of 4 channels, and image files have 1 or 3"),
    ],
)
def test_what_cannot_be_a_page_is_a_sentence_in_a_report_and_an_error_as_an_export(
    shape, units, samples, reason, tmp_path
):
    predictor = predictor_of(shape, 10, units=units)
    panel = try_it(predictor, samples)
    assert panel.script == ""
    assert f"This network cannot be tried in a page: {reason}." in Page(panel.html).text
    assert "<script" not in page_of(predictor, samples)
    with pytest.raises(InputError, match=f"^the network cannot become a page: {reason}$"):
        export_page(predictor, tmp_path / "page", samples)
    assert not (tmp_path / "page").exists()


def test_images_of_other_channels_are_only_chosen():
    sample = Sample(np.zeros((6, 5, 4), np.uint8), "bee")
    page = Page(page_of(predictor_of((6, 5, 4), 2), [sample]))
    assert "Choose an image. Your browser computes" in page.text
    assert not {"input"} & page.tags


def test_the_weights_of_a_large_network_are_rounded_further_and_the_page_says_so():
    text = page_of(predictor_of((20, 16, 1), 10, units=1_300))
    assert content_of(text)["network"]["weights"]["w1"]["type"] == "int8"
    assert "The weights are rounded to 8 bits here" in Page(text).text
    assert "rounded to 8 bits" not in page_of(predictor_of(SHAPE, 2))


def test_an_export_is_a_folder_with_the_page(tmp_path):
    predictor = predictor_of(SHAPE, 2)
    path = export_page(predictor, tmp_path / "run" / "export" / "page", SAMPLES)
    assert path == tmp_path / "run" / "export" / "page" / "index.html"
    assert path.read_text(encoding="utf-8") == page_of(predictor, SAMPLES)
    with pytest.raises(SaveError, match=r"^the page cannot be written to .*index.html: "):
        export_page(predictor, path)
