"""Networks in the formats of other programs: they answer as the network does, whole and described, or not at all."""

import hashlib
import json
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from drawn_network import drawn_network, naive_probabilities

import golmu
from golmu.errors import DataError, EngineError, InputError, InputTypeError, SaveError
from golmu.export import exporting
from golmu.export.exporting import FORMATS

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself

ASKED = [name for name in FORMATS if name != "page"]
"""Formats that answer in Python."""

NETWORKS = {
    "grey 28x28": {"shape": (28, 28, 1), "n_kernels": 10, "units": 20, "names": tuple("0123456789"), "ground": "dark"},
    "RGB 32x32, two blocks": {"shape": (32, 32, 3), "n_kernels": (6, 9), "test_flip": True},
    "odd shape, four channels": {"shape": (9, 33, 4), "n_kernels": (4, 5, 3), "test_flip": True},
    "the smallest": {"shape": (2, 2, 1), "n_kernels": 1, "units": 1, "names": ("a", "b"), "standardize": False},
}


def ask(folder, to, images):
    """What an exported network answers to uint8 images (n, h, w, c), loaded as its users do."""
    if to == "onnx":
        import onnxruntime

        return onnxruntime.InferenceSession(folder / "network.onnx").run(None, {"pixels": images})[0]
    if to == "litert":
        from ai_edge_litert.interpreter import Interpreter

        network = Interpreter(str(folder / "network.tflite")).get_signature_runner()
        return np.concatenate([network(pixels=image[None])["probabilities"] for image in images])
    if to == "saved-model":
        import tensorflow as tf

        network = tf.saved_model.load(str(folder / "1")).signatures["serving_default"]
        return network(pixels=tf.constant(images))["probabilities"].numpy()
    from keras.saving import load_model

    return load_model(folder / "network.keras").predict(images, verbose=0)


def everything_in(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


@pytest.mark.parametrize("to", ASKED)
@pytest.mark.parametrize("kind", NETWORKS)
def test_an_export_answers_as_the_network_does(tmp_path, kind, to):
    predictor = drawn_network(**NETWORKS[kind])
    exported = golmu.export(predictor, tmp_path / "e", to=to)
    assert exported.check.n_images == 1000
    assert exported.check.difference <= 1e-5
    images = np.random.default_rng(2).integers(0, 256, (20, *predictor.image_shape), np.uint8)
    answers = ask(exported.folder, to, images)
    assert answers == pytest.approx(predictor.probabilities(images), abs=1e-5)
    assert answers == pytest.approx(naive_probabilities(predictor, images), abs=1e-5)


@pytest.mark.parametrize(
    "parameters",
    [{"feature_dropout": 0.5, "hidden_dropout": 0.5}, {"ema": 0.9}, {"average_epochs": 2, "flip": True, "shift": 1}],
)
def test_what_a_recipe_does_in_training_is_not_in_the_export(tmp_path, parameters):
    x, y = np.random.default_rng(0).integers(0, 256, (64, 8, 8), np.uint8), np.arange(64) % 3
    network = golmu.ConvolutionNetwork(3, 8, 16, 0.05, random_state=0, epochs=3, **parameters).fit(x, y)
    network.save(tmp_path / "model.safetensors")
    predictor = golmu.load(tmp_path / "model.safetensors")
    exported = golmu.export(predictor, tmp_path / "e", to="onnx")
    assert ask(exported.folder, "onnx", x[..., None]) == pytest.approx(network.predict_proba(x), abs=1e-5)


def test_an_export_is_a_folder_that_describes_itself(tmp_path):
    predictor = drawn_network()
    exported = golmu.export(predictor, str(tmp_path / "e"), to="onnx", card=True)
    assert exported.network == tmp_path / "e" / "network.onnx"
    assert everything_in(tmp_path / "e") == ["README.md", "labels.txt", "model.json", "network.onnx"]
    assert (tmp_path / "e" / "labels.txt").read_text() == "ant\nbee\ncat\n"
    said = json.loads((tmp_path / "e" / "model.json").read_text())
    assert said == exported.description
    for name, of_file in said["files"].items():
        content = (tmp_path / "e" / name).read_bytes()
        assert of_file == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    assert sorted(said["files"]) == ["README.md", "labels.txt", "network.onnx"]


# What fails leaves nothing


def other_answers(monkeypatch):
    """Let networks answer otherwise from now on."""
    own = golmu.Predictor.probabilities
    monkeypatch.setattr(golmu.Predictor, "probabilities", lambda self, images: own(self, images) + np.float32(2e-4))


@pytest.mark.parametrize("to", ASKED)
def test_one_that_answers_otherwise_is_not_kept(tmp_path, monkeypatch, to):
    other_answers(monkeypatch)
    with pytest.raises(SaveError, match=r"gives other answers .*, by up to 0\.0002 of a probability: it is not kept$"):
        golmu.export(drawn_network(), tmp_path / "export" / to, to=to)
    assert everything_in(tmp_path) == []


def test_the_old_export_stays_where_a_new_one_fails(tmp_path, monkeypatch):
    golmu.export(drawn_network(), tmp_path / "e", to="onnx")
    kept = {name: (tmp_path / "e" / name).read_bytes() for name in everything_in(tmp_path / "e")}
    other_answers(monkeypatch)
    with pytest.raises(SaveError, match="it is not kept"):
        golmu.export(drawn_network(), tmp_path / "e", to="onnx")
    assert {name: (tmp_path / "e" / name).read_bytes() for name in everything_in(tmp_path / "e")} == kept
    assert everything_in(tmp_path) == ["e", *(f"e/{name}" for name in kept)]


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(exporting, "labels_text", interrupted)
    with pytest.raises(KeyboardInterrupt):
        golmu.export(drawn_network(), tmp_path / "export" / "onnx", to="onnx")
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize("to", ASKED)
def test_what_a_library_raises_is_one_line(tmp_path, monkeypatch, to):
    def failing(*_, **__):
        raise RuntimeError("No space left on device\n  at line 7 of saver.cc")

    write = f"write_{to.replace('-', '_')}"
    monkeypatch.setattr(f"golmu.export.{to.replace('-', '_')}.{write}", failing)
    with pytest.raises(SaveError, match=f"^drawn cannot be exported to {to}: No space left on device$"):
        golmu.export(drawn_network(), tmp_path / "export" / "e", to=to)
    assert everything_in(tmp_path) == []


@pytest.mark.parametrize(
    ("to", "missing", "text"),
    [
        ("keras", "tensorflow", r'the export to Keras needs TensorFlow, which is not installed: pip install "golmu\[t'),
        ("saved-model", "tensorflow", r'the export to a SavedModel needs TensorFlow, .*pip install "golmu\[tensorflow'),
        ("litert", "tensorflow", r'the export to LiteRT needs TensorFlow, .*: pip install "golmu\[tensorflow\]"$'),
        (
            "litert",
            "ai_edge_litert",
            r'the export to LiteRT needs ai-edge-litert, .*: pip install "golmu\[tensorflow\]',
        ),
        ("onnx", "onnx", r'^the export to ONNX needs onnx, which is not installed: pip install "golmu\[onnx\]"$'),
        ("onnx", "onnxruntime", r'the export to ONNX needs onnxruntime, .*: pip install "golmu\[onnx\]"$'),
    ],
)
def test_without_its_extra_a_format_says_what_to_install(tmp_path, monkeypatch, to, missing, text):
    for name in [name for name in sys.modules if name.partition(".")[0] == missing]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(EngineError, match=text) as caught:
        golmu.export(drawn_network(), tmp_path / "export" / to, to=to)
    assert caught.value.exit_code == 2
    assert everything_in(tmp_path) == []


# What is there is not lost


def test_an_export_that_nobody_changed_is_replaced(tmp_path):
    golmu.export(drawn_network(), tmp_path / "e", to="onnx", card=True)
    golmu.export(drawn_network(names=("x", "y")), tmp_path / "e", to="keras")
    assert everything_in(tmp_path / "e") == ["labels.txt", "model.json", "network.keras"]
    assert (tmp_path / "e" / "labels.txt").read_text() == "x\ny\n"
    assert everything_in(tmp_path)[0] == "e"


def test_what_a_user_has_put_there_is_not_lost(tmp_path):
    predictor, folder = drawn_network(), tmp_path / "e"
    folder.mkdir()
    golmu.export(predictor, folder, to="onnx", card=True)  # an empty folder is filled
    (folder / "README.md").write_text("my own words")
    text = r"README\.md has been changed since it was exported, and would be lost: move it elsewhere, or give another"
    with pytest.raises(InputError, match=text):
        golmu.export(predictor, folder, to="onnx")
    (folder / "README.md").unlink()
    (folder / "notes").mkdir()
    (folder / "notes" / "a.txt").touch()
    with pytest.raises(InputError, match=r"notes.a\.txt was not written by an export, and would be lost"):
        golmu.export(predictor, folder, to="onnx")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "model.json").write_text('{"files": 3}')
    with pytest.raises(InputError, match=r"other.model\.json was not written by an export"):
        golmu.export(predictor, tmp_path / "other", to="onnx")
    assert (tmp_path / "other" / "model.json").read_text() == '{"files": 3}'
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"an export is a folder, and .*file is a file: give another name$"):
        golmu.export(predictor, tmp_path / "file", to="onnx")


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        (
            {"to": "onxn"},
            InputError,
            "to must be one of keras, onnx, litert, saved-model, page, got 'onxn'; did you mean",
        ),
        ({"to": 3}, InputTypeError, "to must be one of keras, .*, got 3$"),
        ({"path": 3}, InputTypeError, "path must be a path, got 3"),
        ({"path": "network.keras"}, InputError, "is the name of a file: give a folder, such as network$"),
        ({"card": "yes"}, InputTypeError, "card must be True or False, got 'yes'"),
        (
            {"predictor": "run"},
            InputTypeError,
            "predictor must be a golmu.Predictor, such as golmu.load returns, got 'run",
        ),
        (
            {"quantize": True},
            InputTypeError,
            r"quantize must be a golmu\.Dataset, the data that .*, or None, got True$",
        ),
        ({"path": "nowhere/below/e"}, SaveError, "the export cannot be written to .*: No such file or directory$"),
    ],
)
def test_bad_arguments_are_refused(tmp_path, monkeypatch, arguments, kind, text):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=text):
        golmu.export(**{"predictor": drawn_network(), "path": tmp_path / "e", "to": "onnx", **arguments})
    assert everything_in(tmp_path) == []


# Quantization


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A network that has learned something, and its data."""
    rng = np.random.default_rng(0)
    y = np.arange(600) % 3
    x = rng.integers(0, 60, (600, 9, 8, 3), np.uint8)
    x[np.arange(600), 3 * y] += np.uint8(80)
    data = golmu.Dataset.from_arrays(x[:400], y[:400], ["ant", "bee", "cat"], test_images=x[400:], test_labels=y[400:])
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    settings = {"epochs": 6, "standardize": True, "test_flip": True, "random_state": 0}
    network = golmu.ConvolutionNetwork((4, 6), 200, 32, 0.05, **settings)
    network.fit(data.train.images, np.array(data.class_names)[data.train.labels]).save(path)
    return golmu.load(path), data


def test_a_quantized_network_takes_pixels_as_they_are_and_keeps_its_accuracy(tmp_path, learned):
    predictor, data = learned
    exported = golmu.export(predictor, tmp_path / "e", to="litert", quantize=data)
    said = exported.description
    assert (said["input"]["type"], said["input"]["scale"], said["input"]["zero_point"]) == ("uint8", 1.0, 0)
    assert (said["output"]["type"], said["output"]["scale"], said["output"]["zero_point"]) == ("uint8", 1 / 256, 0)
    assert exported.check.n_images == 200
    assert exported.check.own_accuracy > 0.9
    assert exported.check.accuracy >= exported.check.own_accuracy - 0.01
    assert said["check"]["accuracy"] == exported.check.accuracy
    assert "quantized to 8 bits, with ranges from 400 training images" in said["notes"][1]
    images = data.test.images[:50]
    numbers = ask(tmp_path / "e", "litert", images)
    assert numbers.dtype == np.uint8
    assert numbers / 256 == pytest.approx(predictor.probabilities(images), abs=0.1)
    whole = golmu.export(predictor, tmp_path / "whole", to="litert")
    assert exported.network.stat().st_size < whole.network.stat().st_size


def test_a_quantized_network_that_loses_accuracy_is_not_kept(tmp_path, learned):
    """As one does whose ranges come from images that are far too dark."""
    predictor, data = learned
    dark = golmu.ImageSet(data.train.images // 20, data.train.labels)
    with pytest.raises(SaveError, match=r"^the quantized network has an accuracy of .*export it without --quantize"):
        golmu.export(predictor, tmp_path / "e", to="litert", quantize=replace(data, train=dark))
    assert everything_in(tmp_path) == []


def test_quantization_is_for_one_format_and_for_data_of_the_network(tmp_path, learned):
    predictor, data = learned
    with pytest.raises(InputError, match=r"^quantize is for the format litert, got onnx: leave it out$"):
        golmu.export(predictor, tmp_path / "e", to="onnx", quantize=data)
    with pytest.raises(DataError, match="holds images of shape"):
        golmu.export(drawn_network(), tmp_path / "e", to="litert", quantize=data)


# Names


HOSTILE = ("</script>", "a\nb", "\x1b[31m", "| x | `y` |", "골무", "\u202etxt.exe", "\ud800")


@pytest.mark.parametrize("to", ASKED)
def test_any_class_name_is_kept(tmp_path, to):
    exported = golmu.export(drawn_network(names=HOSTILE), tmp_path / "e", to=to, card=True)
    lines = (tmp_path / "e" / "labels.txt").read_text(encoding="utf-8").splitlines()
    assert lines == ["</script>", "a\\u000ab", "\\u001b[31m", "| x | `y` |", "골무", "\\u202etxt.exe", "\\ud800"]
    said = json.loads((tmp_path / "e" / "model.json").read_text(encoding="utf-8"))
    assert tuple(said["classes"]["class_names"]) == HOSTILE
    if to == "keras":
        with zipfile.ZipFile(exported.network) as archive:
            assert tuple(json.loads(archive.read("golmu.json"))["class_names"]) == HOSTILE
