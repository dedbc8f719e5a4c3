"""The model file: what is written comes back whole, and whatever else a file holds is one clear error."""

import json
import pickle
import re
from dataclasses import replace

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from small_network import WEIGHT_NAMES

from golmu import system as files
from golmu.architecture import Architecture
from golmu.errors import CheckpointError, SaveError
from golmu.model import sealed_file as tensorfile
from golmu.model.model import Model, load_model, save_model
from golmu.preprocessing import SCALING_ONLY, Preprocessing

ARCHITECTURE = Architecture(6, 5, 1, 2, 3, 3)
WEIGHTS = ARCHITECTURE.initial_weights(np.random.default_rng(0))
MODEL = Model(
    ARCHITECTURE,
    WEIGHTS,
    np.array([3, 7, 40]),
    ("shirt", "신발", "bag [large]"),
    Preprocessing((0.25,), (0.5,), True),
    20,
)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def written(path, weights=WEIGHTS, **changes):
    """Writes a file as `save_model` would, with changes of its metadata; a key set to None is left out."""
    metadata = {
        "format": 1, "architecture": vars(ARCHITECTURE), "labels": [0, 1, 2], "class_names": ["a", "b", "c"],
        "preprocessing": {"scale": 1 / 255}, "epoch": 7,
    }  # fmt: skip
    metadata = {key: value for key, value in {**metadata, **changes}.items() if value is not None}
    tensorfile.write(path, weights, metadata, what="model")
    return path


def refused(path, text):
    with pytest.raises(CheckpointError, match=f"^{re.escape(text.format(path=path))}$"):
        load_model(path)


@pytest.mark.parametrize(
    "labels",
    [[3, 7, 40], [-1, 0, 1], ["ant", "bee", "골무"], [0.0, 1.0, 2.0], [2**40, 2**50, 2**60]],
    ids=["integers", "negative", "strings", "floats", "large"],
)
def test_a_model_comes_back_as_it_was(path, labels):
    model = replace(MODEL, classes=np.array(labels))
    save_model(path, model)
    loaded = load_model(path)
    assert loaded.architecture == ARCHITECTURE
    assert loaded.classes.tolist() == labels
    assert loaded.classes.dtype == model.classes.dtype
    assert loaded.class_names == MODEL.class_names
    assert loaded.epoch == 20
    assert loaded.preprocessing == MODEL.preprocessing
    assert tuple(loaded.weights) == WEIGHT_NAMES
    for name in WEIGHT_NAMES:
        assert loaded.weights[name].dtype == np.float32
        assert np.array_equal(loaded.weights[name], WEIGHTS[name])


def test_booleans_come_back_as_booleans(path):
    model = Model(Architecture(6, 5, 1, 2, 3, 2), {}, np.array([False, True]), ("no", "yes"), SCALING_ONLY)
    save_model(path, replace(model, weights=model.architecture.initial_weights(np.random.default_rng(0))))
    assert load_model(path).classes.dtype == bool


def test_any_safetensors_reader_finds_weights_and_description(path):
    save_model(path, MODEL)
    with safetensors.safe_open(path, framework="numpy") as file:
        assert sorted(file.keys()) == sorted(WEIGHT_NAMES)
        description = json.loads(file.metadata()["golmu"])
        assert len(description.pop("sha256")) == 64
        assert description == {
            "format": 1,
            "architecture": {"height": 6, "width": 5, "channels": 1, "n_kernels": 2, "units": 3, "n_classes": 3},
            "labels": [3, 7, 40],
            "class_names": ["shirt", "신발", "bag [large]"],
            "preprocessing": {"scale": 1 / 255, "mean": [0.25], "std": [0.5], "test_flip": True, "ground": ""},
            "image_files": {"size": [6, 5], "channels": 1, "ground": "", "inversion": "auto"},
            "epoch": 20,
        }


def test_the_file_is_no_pickle(path):
    save_model(path, MODEL)
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(path.read_bytes())


def test_a_pickle_is_not_loaded(path):
    class Trap:
        def __reduce__(self):
            return print, ("loading a model ran code",)

    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        load_model(path)


def test_a_model_is_written_over_an_older_one(path):
    path.write_bytes(b"old")
    save_model(path, MODEL)
    assert load_model(path).class_names == MODEL.class_names
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_missing_file(path):
    refused(path, "there is no model file {path}")
    refused(path.parent, "there is no model file {path}")


def test_a_name_that_no_file_can_have(tmp_path):
    refused(tmp_path / ("a" * 5000), "{path} cannot be read: File name too long")


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff" * 500, b"\0" * 500, b"PK\x03\x04" * 9, b"{}" * 50])
def test_a_file_that_is_no_safetensors_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is not a whole safetensors file: "):
        load_model(path)


def test_safetensors_of_another_program_are_refused(path):
    text = "{path} is not a model of golmu: its metadata does not describe one"
    for metadata in (None, {}, {"format": "pt"}):
        path.write_bytes(safetensors.numpy.save(WEIGHTS, metadata))
        refused(path, text)


def test_another_format_is_refused(path):
    for other in (0, 3, "1", True, 1.0, []):
        text = f"{{path}} has format {other!r}, but this version of golmu reads formats 1 and 2"
        refused(written(path, format=other), text)


DEEP = Architecture(9, 8, 1, (2, 3), 3, 3)
LISTED = "'n_kernels' must be a list of 2 to 4 integers of at least 1"


def test_a_network_of_several_blocks_comes_back_and_its_file_says_format_2(path):
    model = replace(MODEL, architecture=DEEP, weights=DEEP.initial_weights(np.random.default_rng(0)))
    save_model(path, model)
    loaded = load_model(path)
    assert loaded.architecture == DEEP
    assert list(loaded.weights) == ["conv_w", "conv_b", "conv2_w", "conv2_b", "w1", "b1", "w2", "b2"]
    assert all(np.array_equal(loaded.weights[name], model.weights[name]) for name in model.weights)
    with safetensors.safe_open(path, framework="numpy") as file:
        description = json.loads(file.metadata()["golmu"])
    assert description["format"] == 2
    assert description["architecture"]["n_kernels"] == [2, 3]


@pytest.mark.parametrize(
    ("form", "n_kernels", "text"),
    [
        (1, [2, 3], "'n_kernels' must be an integer of at least 1, got '[2, 3]'"),
        (1, [2], "'n_kernels' must be an integer of at least 1, got '[2]'"),
        (1, 0, "'n_kernels' must be an integer of at least 1, got '0'"),
        (1, True, "'n_kernels' must be an integer of at least 1, got 'True'"),
        (2, 2, f"{LISTED}, got '2'"), (2, [], f"{LISTED}, got '[]'"), (2, [2], f"{LISTED}, got '[2]'"),
        (2, [2, 0], f"{LISTED}, got '[2, 0]'"), (2, [2, 3.0], f"{LISTED}, got '[2, 3.0]'"),
        (2, [2, "3"], f"{LISTED}, got \"[2, '3']\""), (2, [[2], 3], f"{LISTED}, got '[[2], 3]'"),
        (2, [2, True], f"{LISTED}, got '[2, True]'"), (2, [1, 2, 3, 4, 5], f"{LISTED}, got '[1, 2, 3, 4, 5]'"),
        (2, {"0": 2}, f"{LISTED}, got \"{{{{'0': 2}}}}\""), (2, None, f"{LISTED}, got 'None'"),
        (2, [2, 10**12], "n_kernels=(2, 1000000000000) and units=3 on images of shape (9, 8, 1) make "
            "31,000,000,000,035 parameters, and at most 1,073,741,824 are supported: lower them"),
    ],
)  # fmt: skip
def test_kernels_that_are_not_those_of_the_format_are_refused(path, form, n_kernels, text):
    written(path, format=form, architecture={**vars(DEEP), "n_kernels": n_kernels})
    refused(path, f"{{path}} is not a model of golmu: {text}")


def test_a_file_of_one_block_is_as_it_was(path):
    save_model(path, MODEL)
    with safetensors.safe_open(path, framework="numpy") as file:
        assert file.metadata()["golmu"].startswith(
            '{"format": 1, "architecture": {"height": 6, "width": 5, "channels": 1, "n_kernels": 2, "units": 3, '
            '"n_classes": 3}, "labels": [3, 7, 40], "class_names": ["shirt", "신발", "bag [large]"], '
            '"preprocessing": {"scale": '
        )


def without(name):
    return {key: value for key, value in WEIGHTS.items() if key != name}


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        (without("w1"), "{path} lacks the tensors w1"),
        ({**WEIGHTS, "w3": WEIGHTS["w2"]}, "{path} holds unknown tensors: w3"),
        (
            {**WEIGHTS, "w1": WEIGHTS["w1"][1:]},
            "{path} holds w1 as F32 of shape (11, 3), where F32 of shape (12, 3) is expected",
        ),
        (
            {**WEIGHTS, "b2": np.zeros(3)},
            "{path} holds b2 as F64 of shape (3,), where F32 of shape (3,) is expected",
        ),
        ({**WEIGHTS, "b2": np.float32([0, np.nan, 0])}, "{path} holds NaN or infinity in b2"),
        ({**WEIGHTS, "b2": np.float32([0, np.inf, 0])}, "{path} holds NaN or infinity in b2"),
    ],
)
def test_weights_that_do_not_fit_are_refused(path, weights, text):
    refused(written(path, weights), text)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"format": None}, "its metadata lacks 'format'"),
        ({"preprocessing": None}, "its metadata lacks 'preprocessing'"),
        ({"architecture": None}, "its metadata lacks 'architecture'"),
        ({"labels": None}, "its metadata lacks 'labels'"),
        ({"class_names": None}, "its metadata lacks 'class_names'"),
        ({"architecture": {**vars(ARCHITECTURE), "height": 1}}, "height must be at least 2, got 1"),
        ({"architecture": {**vars(ARCHITECTURE), "units": "3"}}, "units must be an integer, got '3'"),
    ],
)
def test_a_description_that_lacks_or_garbles_something_is_refused(path, changes, text):
    refused(written(path, **changes), f"{{path}} is not a model of golmu: {text}")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"class_names": ["a", "b"]}, "{path} names 2 classes for 3 outputs"),
        ({"labels": [0, 1], "class_names": ["a", "b"]}, "{path} names 2 classes for 3 outputs"),
        ({"preprocessing": {"mean": [0.5], "std": []}}, "{path} has means and deviations of 1 and 0 channels"),
        ({"preprocessing": {"mean": [0.5] * 3, "std": [1] * 3}}, "{path} has means and deviations of 3 and 3 channels"),
        ({"preprocessing": {"mean": [0.5], "std": [0]}}, "{path} has means or deviations that cannot be used"),
        ({"preprocessing": {"mean": [0.5], "std": [-1]}}, "{path} has means or deviations that cannot be used"),
        ({"preprocessing": {"mean": [0.5], "std": [1e-320]}}, "{path} has means or deviations that cannot be used"),
        ({"preprocessing": {"mean": [1e308], "std": [1]}}, "{path} has means or deviations that cannot be used"),
        ({"preprocessing": {"mean": [1e999], "std": [1]}},
            "{path} is not a model of golmu: 'mean' must be a list, each a finite number, got '[inf]'"),
        ({"labels": [None, {}, 1]}, "{path} has labels that are neither numbers nor strings"),
    ],
)  # fmt: skip
def test_labels_and_preprocessing_that_do_not_fit_are_refused(path, changes, text):
    refused(written(path, **changes), text)


@pytest.mark.parametrize("text", ["{", "[]", "3", "null", "[" * 10_000, '{"format": 1, "architecture": 3}'])
def test_a_description_of_another_form_is_refused(path, text):
    path.write_bytes(safetensors.numpy.save(WEIGHTS, {"golmu": text}))
    with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))} is not a model of golmu: "):
        load_model(path)


def test_an_architecture_far_larger_than_the_file_costs_no_memory(path):
    large = {**vars(ARCHITECTURE), "units": 50_000_000}
    refused(
        written(path, architecture=large),
        "{path} holds w1 as F32 of shape (12, 3), where F32 of shape (12, 50000000) is expected",
    )


def test_a_failed_write_leaves_nothing_behind(tmp_path):
    with pytest.raises(SaveError, match=r"^the model cannot be written to .*m: No such file or directory$"):
        save_model(tmp_path / "missing" / "m", MODEL)
    (tmp_path / "file").write_text("kept")
    with pytest.raises(SaveError, match=r"^the model cannot be written to .*m: Not a directory$"):
        save_model(tmp_path / "file" / "m", MODEL)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SaveError, match=r"^the model cannot be written to .*folder: Is a directory$"):
        save_model(tmp_path / "folder", MODEL)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["file", "folder"]
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_keeps_the_old_file(path, monkeypatch, error):
    save_model(path, MODEL)
    before = path.read_bytes()

    def fail(_descriptor):
        raise error

    monkeypatch.setattr(files.os, "fsync", fail)
    expected = SaveError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected, match="No space left on device" if isinstance(error, OSError) else None):
        save_model(path, replace(MODEL, class_names=("x", "y", "z")))
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_file_that_may_not_be_read_is_said_to_be_one(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    path.touch()

    def refuse(self, *_arguments):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(CheckpointError, match=r"model.safetensors cannot be read: Permission denied$"):
        load_model(path)
