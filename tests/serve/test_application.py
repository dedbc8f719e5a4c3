"""The application, asked in this process: what it answers, and that it answers what `predict` does."""

import base64
import json
import logging
import tempfile
import threading
from dataclasses import asdict

import numpy as np
import pytest
from page import Page
from PIL import Image
from served import NAMES, encoded, model, pixels, png, predictor

from golmu.about import VERSION
from golmu.errors import InputError
from golmu.export.description import Origin, describe_accuracy, describe_image_files, weights_digest
from golmu.export.page import Sample
from golmu.model.predictor import Predictor
from golmu.serve import service
from golmu.serve.application import PATHS, create_application
from golmu.serve.limits import Limits

pytestmark = pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")  # predict says that it inverts


def ask(client, body, kind="image/png"):
    answer = client.post("/predict", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def predicted(network, images):
    """What `predict` answers to PIL images, as the server writes it."""
    kept = ("label", "probability", "inverted", "probabilities")
    return [{name: asdict(one)[name] for name in kept} for one in network.predict(images)]


def without_names(predictions):
    return [{name: value for name, value in one.items() if name != "image"} for one in predictions]


IMAGES = {
    "its own size": Image.fromarray(pixels(1)),
    "inverted": Image.fromarray(pixels(2, ground=255)),
    "larger": Image.fromarray(pixels(3, (300, 120))),
    "tiny": Image.fromarray(pixels(4, (5, 6))),
    "colours": Image.fromarray(np.random.default_rng(5).integers(0, 256, (28, 28, 3), np.uint8)),
    "transparent": Image.fromarray(np.random.default_rng(6).integers(0, 256, (40, 28, 4), np.uint8)),
    "16 bits": Image.fromarray(np.random.default_rng(7).integers(0, 65536, (28, 28), np.uint16)),
    "palette": Image.fromarray(pixels(8)).convert("P"),
}


def file_of(image):
    import io

    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("shape", [(28, 28, 1), (32, 32, 3), (9, 7, 1)])
@pytest.mark.parametrize("n_kernels", [3, (2, 3)])
def test_every_form_of_request_answers_what_predict_does_to_the_bit(client, shape, n_kernels):
    network = predictor(shape, n_kernels=n_kernels)
    asked = client(network)
    files = [file_of(image) for image in IMAGES.values()]
    expected = predicted(network, list(IMAGES.values()))
    for file, one in zip(files, expected, strict=True):
        (answer,) = ask(asked, file)
        assert answer == {"image": None, **one}
    answer = asked.post("/predict", files=[("file", (f"{i}.png", file)) for i, file in enumerate(files)])
    assert without_names(answer.json()["predictions"]) == expected
    assert [one["image"] for one in answer.json()["predictions"]] == [f"{i}.png" for i in range(len(files))]
    answers = ask(
        asked, json.dumps({"images": [base64.b64encode(file).decode() for file in files]}), "application/json"
    )
    assert answers == [{"image": None, **one} for one in expected]


def test_rows_of_pixels_are_an_image_too(client):
    network = predictor()
    arrays = [pixels(1), pixels(2, (50, 31)), np.random.default_rng(3).integers(0, 256, (28, 28, 3), np.uint8)]
    answers = ask(client(network), json.dumps({"images": [one.tolist() for one in arrays]}), "application/json")
    assert without_names(answers) == predicted(network, arrays)


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "image/jpeg; charset=x", "ä"])
def test_a_body_is_an_image_whatever_it_is_called(client, kind):
    assert ask(client(), png(), kind.encode("latin-1"))[0]["label"] in NAMES


@pytest.mark.parametrize("invert", ["auto", "yes", "no"])
def test_images_are_inverted_as_predict_is_told(client, invert):
    network = predictor()
    image = Image.fromarray(pixels(2, ground=255))
    (answer,) = ask(client(network, invert=invert), file_of(image))
    expected = network.predict(image, invert=invert)
    assert (answer["inverted"], answer["probabilities"]) == (expected.inverted, expected.probabilities)


def test_names_of_files_lose_their_folders_and_what_steers_a_terminal(client):
    names = ["../../etc/passwd", "C:\\a\\b.png", "", "a\x1b[2J.png", "사진.png"]
    answer = client().post("/predict", files=[("f", (name, png())) for name in names if name])
    shown = [one["image"] for one in answer.json()["predictions"]]
    assert shown == ["passwd", "b.png", "a\\u001b[2J.png", "사진.png"]


def test_a_thousand_classes_and_names_that_are_no_characters(client):
    names = [f"{i} \ud800" for i in range(1000)]
    (answer,) = ask(client(predictor(names=names)), png())
    assert list(answer["probabilities"]) == names
    assert sum(answer["probabilities"].values()) == pytest.approx(1, abs=1e-4)


def test_files_are_kept_in_memory(client, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")  # a file on the disk could not be made
    noise = encoded(np.random.default_rng(0).integers(0, 256, (1500, 1000, 3), np.uint8))
    assert len(noise) > 2**22
    answer = client().post("/predict", files=[("file", ("a.png", noise)), ("file", ("b.png", noise))])
    assert answer.status_code == 200


# What is refused


def refused(answer, status, text):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"status": status, "detail": answer.json()["detail"]}
    assert text in answer.json()["detail"]


BAD = {
    "empty": (b"", "image/png", 422, "the body is empty: send an image file"),
    "no image": (b"abc", "image/png", 422, "the body is not an image in a known format (PNG, JPEG"),
    "half a PNG": (png()[:150], "image/png", 422, "the body is not a readable image"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", 422, "not an image in a known format"),
    "too many bytes": (b"x" * 3001, "image/png", 413, "the body must be at most 3,000 bytes, got 3,001"),
    "too many pixels": (png(size=(40, 40)), "image/png", 413, "the body is 40x40 pixels (height x width), but at most "
        "1,500 are decoded: scale it down"),
    "pixels that are only declared": (png()[:16] + b"\0\1\0\0\0\1\0\0" + png()[24:], "image/png", 422, "the body"),
    "too many pixels, by a second header": (png()[:33] + png(size=(40, 40))[8:], "image/png", 413, "the body is 40x40 "
        "pixels (height x width), but at most 1,500 are decoded"),
    "no JSON": (b"{", "application/json", 422, "the body is not JSON (Expecting property name"),
    "a deep JSON": (b"[" * 3000, "application/json", 422, "the body is not JSON"),
    "bytes that are no text": (b"\xff", "application/json", 422, "the body is not JSON"),
    "a JSON of another form": (b'["images"]', "application/json", 422, 'the JSON must be {"images": [...]}'),
    "a JSON of no images": (b'{"images": []}', "application/json", 422, "images is empty"),
    "a JSON with more": (b'{"images": ["aaaa"], "top": 3}', "application/json", 422, "holds 'top', which is unknown"),
    "images that are none": (b'{"images": "abc"}', "application/json", 422, "the JSON must be"),
    "too many images": (b'{"images": ["", "", "", ""]}', "application/json", 422, "at most 3 images"),
    "no base64": (b'{"images": ["?"]}', "application/json", 422, "image 0 is not base64"),
    "base64 that is no ASCII": ('{"images": ["é"]}'.encode(), "application/json", 422, "image 0 is not base64"),
    "base64 of no image": (b'{"images": ["aaaa"]}', "application/json", 422, "image 0 is not an image"),
    "a number": (b'{"images": [3]}', "application/json", 422, "image 0 must be an image file in base64, or rows"),
    "ragged rows": (b'{"images": [[[1, 2], [3]]]}', "application/json", 422, "image 0 must be"),
    "no rows": (b'{"images": [[]]}', "application/json", 422, "image 0 must be"),
    "a fraction": (b'{"images": [[[0.5]]]}', "application/json", 422, "image 0 must be"),
    "truth": (b'{"images": [[[true]]]}', "application/json", 422, "image 0 must be"),
    "256": (b'{"images": [[[256]]]}', "application/json", 422, "image 0 must be"),
    "a huge number": (b'{"images": [[[1' + b"0" * 400 + b"]]]}", "application/json", 422, "image 0 must be"),
    "NaN": (b'{"images": [[[NaN]]]}', "application/json", 422, "image 0 must be"),
    "two channels": (b'{"images": [[[[1, 2]]]]}', "application/json", 422, "image 0 must be"),
    "too many rows": (json.dumps({"images": [[[0] * 50] * 1]})[:-3].encode() + b"," + b"[0]" + b"]]}",
        "application/json", 422, "image 0 must be"),
    "a form without a boundary": (b"--x--", "multipart/form-data", 422, "the form cannot be read: Missing boundary"),
    "a damaged form": (b"abc", "multipart/form-data; boundary=x", 422, "the form cannot be read"),
    "an empty form": (b"--x--\r\n", "multipart/form-data; boundary=x", 422, "the form holds no file"),
    "a form of fields": (b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n',
        "multipart/form-data; boundary=x", 422, "the form holds no file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_answered_is_refused_with_a_reason(tight, case):
    body, kind, status, text = BAD[case]
    refused(tight.post("/predict", content=body, headers={"Content-Type": kind}), status, text)
    assert ask(tight, png())  # and the next one is answered


def test_too_many_files(client):
    asked = client(limits=Limits(images=3))
    for n in (4, 9):
        answer = asked.post("/predict", files=[("file", ("a.png", png())) for _ in range(n)])
        refused(answer, 422, "a request must hold at most 3 images")


def test_a_body_that_does_not_say_its_length(tight):
    refused(tight.post("/predict", content=iter([b"x" * 2000] * 3)), 413, "the body must be at most 3,000 bytes, got")
    assert tight.post("/predict", content=iter([png()[:100], png()[100:]])).status_code == 200


def test_other_paths_and_methods(client):
    asked = client()
    for path in ("/nothing", "/health/", "/HEALTH"):
        answer = asked.get(path, follow_redirects=False)
        refused(answer, 404, "there is nothing under this path: see /docs")
    answer = asked.get("/predict")
    refused(answer, 405, "this path takes POST, got GET: see /docs")
    assert answer.headers["allow"] == "POST"
    refused(asked.post("/health"), 405, "this path takes GET, got POST")


def test_a_network_without_an_answer_is_an_error_of_the_server(client):
    made = model()
    made.weights["w2"][:] = np.inf
    refused(client(made_ready(made)).post("/predict", content=png()), 500, "NaN or infinite")


def made_ready(made):
    network = Predictor.of(made, engine="fused")
    logits, calls = network.engine.logits, []

    def after_the_warm_up(images):
        calls.append(images)
        return np.zeros((len(images), 4), np.float32) if len(calls) <= 2 else logits(images)

    network.engine.logits = after_the_warm_up
    return network


def test_a_fault_of_ours_is_said_and_logged(client, monkeypatch, caplog):
    def broken(*_):
        raise RuntimeError("a fault")

    asked = client()
    monkeypatch.setattr(service, "page_of", broken)
    refused(asked.get("/"), 500, "the server failed: RuntimeError; its log says where")
    monkeypatch.setattr(service, "image_of_body", broken)
    refused(asked.post("/predict", content=png()), 500, "the server failed: RuntimeError")


@pytest.mark.parametrize("channels", [2, 4])
def test_a_network_of_other_channels_is_refused(channels):
    with pytest.raises(InputError, match=rf"^a server answers image files, which have 1 or 3 channels, .* {channels}$"):
        create_application(predictor((8, 8, channels)))


# What else there is


def test_health_and_metadata(client):
    asked = client(limits=Limits(images=5))
    assert asked.get("/health").json() == {"status": "ok"}
    said = asked.get("/metadata").json()
    assert said["classes"] == list(NAMES)
    assert (said["name"], said["golmu"], said["engine"]) == ("model", VERSION, "fused")
    assert (said["height"], said["width"], said["channels"]) == (28, 28, 1)
    assert (said["ground"], said["invert"], said["limits"]["images"]) == ("dark", "auto", 5)
    assert said["parameters"] == 3 * 10 + 196 * 3 * 8 + 8 + 9 * 4


def test_metadata_say_what_an_export_says(client):
    network, origin = predictor(), Origin("clothes", 80, 20, accuracy=0.75, note="copies")
    said = client(network, origin=origin).get("/metadata").json()
    assert said["weights_sha256"] == weights_digest(network.model)
    assert said["image_files"] == describe_image_files(network.model)
    assert said["accuracy"] == {**describe_accuracy(origin), "interval": list(origin.interval)}
    assert (said["accuracy"]["value"], said["accuracy"]["images"]) == (0.75, 20)
    assert client().get("/metadata").json()["accuracy"] is None


def test_metadata_hold_names_that_are_no_characters(client):
    network = Predictor.of(model(names=("a", "b\ud800")), engine="fused", name="runs/no-utf-8-\udcff")
    said = client(network, origin=Origin("\udcfe", 80, 20, accuracy=0.75)).get("/metadata").json()
    assert (said["classes"], said["name"]) == (["a", "b\ud800"], "no-utf-8-\udcff")
    assert said["accuracy"]["data"] == "\udcfe"


def test_the_page_shows_samples_that_are_loaded_when_it_is_asked_for(client):
    loaded = []

    def samples():
        loaded.append(threading.current_thread())
        return [Sample(np.full((28, 28, 1), 9, np.uint8), "a sample of mine")]

    asked = client(samples=samples)
    assert loaded == []
    assert "a sample of mine" in asked.get("/").text
    asked.get("/")
    assert len(loaded) == 1
    assert loaded[0] is not threading.main_thread()


def test_links_of_the_reference_keep_the_token(client):
    asked = client(token="a token+of/mine")
    page = Page(asked.get("/docs", params={"token": "a token+of/mine"}).text)
    answered = [asked.get(link).status_code for link in page.links if link.startswith("/")]
    assert answered == [200, 200]


def test_what_is_counted(client):
    asked = client()
    ask(asked, png())
    asked.post("/predict", files=[("file", ("a.png", png())), ("file", ("b.png", png()))])
    asked.post("/predict", content=b"")
    for path in ("/a", "/b", "/c"):
        asked.get(path)
    answer = asked.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=")
    lines = dict(line.rsplit(" ", 1) for line in answer.text.splitlines() if not line.startswith("#"))
    assert lines['golmu_requests_total{path="/predict",status="200"}'] == "2.0"
    assert lines['golmu_requests_total{path="/predict",status="422"}'] == "1.0"
    assert lines['golmu_requests_total{path="other",status="404"}'] == "3.0"  # a path is not a series of its own
    assert lines["golmu_images_total"] == "3.0"
    assert lines["golmu_batch_images_count"] == "2.0"
    assert lines['golmu_request_seconds_count{path="/predict"}'] == "3.0"
    assert lines["golmu_requests_in_progress"] == "0.0"


def test_pages_load_nothing_from_elsewhere(client):
    asked = client()
    for path in ("/", "/docs"):
        answer = asked.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        page = Page(answer.text)
        assert all(link.startswith(("data:", "/", "#")) for link in page.links), page.links
        assert "default-src 'none'" in answer.text
        assert "unsafe-inline" not in answer.text
    assert asked.get("/redoc").status_code == 404


def test_the_reference_describes_every_path(client):
    page = Page(client().get("/docs").text)
    for path in ("POST /predict", "GET /health", "GET /metadata", "GET /metrics"):
        assert path in page.text
    assert {row[0] for table in page.tables for row in table} >= {"200", "413", "422", "429"}


def test_every_answer_is_safe_for_browsers(client):
    asked = client()
    for path in (*PATHS, "/nothing"):
        answer = asked.get(path)
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in answer.headers


@pytest.fixture(autouse=True)
def _quiet():
    logging.getLogger("asyncio").setLevel(logging.ERROR)
