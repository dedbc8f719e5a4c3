"""The checkpoint file: it comes back whole, and whatever else a file holds is one clear error."""

import json
import pickle
import re
import struct
import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import safetensors
import safetensors.numpy

from golmu.architecture import Architecture
from golmu.errors import CheckpointError
from golmu.model import sealed_file as tensorfile
from golmu.model.model import Model, load_model, save_model
from golmu.preprocessing import LIGHT, SCALING_ONLY, Preprocessing
from golmu.recipe import Recipe
from golmu.runs.checkpoint import Checkpoint, RunIdentity, fingerprint, load_checkpoint, save_checkpoint
from golmu.training.history import History
from golmu.training.loop import Best, State

ARCHITECTURE = Architecture(3, 2, 1, 1, 1, 2)
RNG = np.random.default_rng(0)
X, Y = RNG.integers(0, 256, (9, 3, 2, 1), np.uint8), np.arange(9) % 2
SETUP = RunIdentity(
    Recipe(n_kernels=1, units=1, batch_size=4, learning_rate=0.1, epochs=3, patience=2, optimizer="nesterov"),
    ARCHITECTURE, np.array(["ant", "벌"]), ("ant", "벌"),
    fingerprint(X, Y, (X, Y)), "fused", 2, Preprocessing((0.25,), (1 / 3,), True, LIGHT),
)  # fmt: skip
WEIGHTS = ARCHITECTURE.initial_weights(RNG)
STATE = State(
    WEIGHTS, {"first": ARCHITECTURE.initial_weights(RNG)}, History([0.1 + 0.2], [1 / 3], [0.5], [0.01]),
    np.random.default_rng(5).bit_generator.state, np.float32([0.1, 0.2]), 0.25,
    Best(1, 1 / 3, ARCHITECTURE.initial_weights(RNG)),
)  # fmt: skip
CHECKPOINT = Checkpoint(SETUP, STATE)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


def same_state(one, other):
    return (
        one.history == other.history
        and one.generator == other.generator
        and one.seconds == other.seconds
        and np.array_equal(one.batch_losses, other.batch_losses)
        and all(np.array_equal(one.weights[name], other.weights[name]) for name in WEIGHTS)
        and (one.best is None) == (other.best is None)
        and (one.best is None or (one.best.epoch, one.best.loss) == (other.best.epoch, other.best.loss))
        and (one.best is None or all(np.array_equal(one.best.weights[n], other.best.weights[n]) for n in WEIGHTS))
    )


@pytest.mark.parametrize(
    "state",
    [
        STATE, replace(STATE, best=None),
        replace(STATE, batch_losses=np.empty(0, np.float32), history=History(), best=None),
    ],
    ids=["with the best", "without", "at the beginning"],
)  # fmt: skip
def test_a_checkpoint_comes_back_as_it_was(path, state):
    save_checkpoint(path, Checkpoint(SETUP, state))
    loaded = load_checkpoint(path)
    assert same_state(loaded.state, state)
    setup = loaded.identity
    assert (setup.recipe, setup.architecture, setup.class_names) == (SETUP.recipe, ARCHITECTURE, SETUP.class_names)
    assert (setup.fingerprint, setup.engine, setup.threads) == (SETUP.fingerprint, "fused", 2)
    assert setup.classes.tolist() == ["ant", "벌"]


def test_a_restored_generator_draws_what_the_saved_one_would_have_drawn(path):
    rng = np.random.default_rng(3)
    rng.permutation(7)
    save_checkpoint(path, Checkpoint(SETUP, replace(STATE, generator=rng.bit_generator.state)))
    other = np.random.default_rng(99)
    other.bit_generator.state = load_checkpoint(path).state.generator
    assert np.array_equal(other.permutation(1000), rng.permutation(1000))


# Damage: the same for both kinds of file


def save_both(folder):
    save_checkpoint(folder / "checkpoint", CHECKPOINT)
    save_model(folder / "model", Model(ARCHITECTURE, WEIGHTS, SETUP.classes, SETUP.class_names, SCALING_ONLY, 1))
    return [(folder / "checkpoint", load_checkpoint), (folder / "model", load_model)]


@pytest.mark.parametrize("kind", [0, 1], ids=["checkpoint", "model"])
def test_truncated_at_any_byte(tmp_path, kind):
    path, load = save_both(tmp_path)[kind]
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))} is not a whole safetensors file: "):
            load(path)


@pytest.mark.parametrize("kind", [0, 1], ids=["checkpoint", "model"])
def test_any_byte_flipped(tmp_path, kind):
    """Every byte, by one bit and by all: an error that names the file. Blanks that pad the header may change."""
    path, load = save_both(tmp_path)[kind]
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    padding = range(8 + len(content[8 : 8 + length].rstrip()), 8 + length)
    for at in range(len(content)):
        for mask in (1 << at % 8, 0xFF):
            damaged = bytearray(content)
            damaged[at] ^= mask
            path.write_bytes(damaged)
            if at in padding and damaged[at] in b"\t\n\r":
                load(path)
                continue
            with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))} "):
                load(path)


@pytest.mark.parametrize("kind", [0, 1], ids=["checkpoint", "model"])
def test_more_bytes_behind_the_end(tmp_path, kind):
    path, load = save_both(tmp_path)[kind]
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CheckpointError, match="is not a whole safetensors file"):
        load(path)


@pytest.mark.parametrize("size", [2**40, 2**63, 2**64 - 1, 10**8, 0, 1])
def test_a_header_that_claims_any_size(tmp_path, size):
    for path, load in save_both(tmp_path):
        path.write_bytes(struct.pack("<Q", size) + path.read_bytes()[8:])
        with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))} is not a whole safetensors file: "):
            load(path)


def tensors_of(path):
    with safetensors.safe_open(path, framework="numpy") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["golmu"])  # noqa: SIM118


@pytest.mark.parametrize("kind", [0, 1], ids=["checkpoint", "model"])
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda tensors: tensors.pop("b2"), "lacks the tensors b2"),
        (lambda tensors: tensors.update(extra=np.float32([1])), "holds unknown tensors: extra"),
        (lambda tensors: tensors.update(b2=np.zeros(3, np.float32)), r"holds b2 as F32 of shape \(3,\), where F32 of"),
        (lambda tensors: tensors.update(b2=np.zeros(2, np.int32)), r"holds b2 as I32 of shape \(2,\), where F32 of"),
        (lambda tensors: tensors.update(b2=np.float32([0, np.nan])), "holds NaN or infinity in b2"),
        (lambda tensors: tensors.update(b2=np.float32([-np.inf, 0])), "holds NaN or infinity in b2"),
    ],
)
def test_tensors_that_do_not_fit_in_a_file_that_is_otherwise_whole(tmp_path, kind, change, text):
    path, load = save_both(tmp_path)[kind]
    tensors, description = tensors_of(path)
    change(tensors)
    tensorfile.write(path, tensors, description, what="file")
    with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))} {text}"):
        load(path)


def test_another_seal_or_none(path):
    save_checkpoint(path, CHECKPOINT)
    tensors, description = tensors_of(path)
    without = {key: value for key, value in description.items() if key != "sha256"}
    for changed in (description | {"sha256": "0" * 64}, without):
        path.write_bytes(safetensors.numpy.save(tensors, {"golmu": json.dumps(changed)}))
        with pytest.raises(CheckpointError, match=r"^.* is damaged: its content does not match its checksum$"):
            load_checkpoint(path)


def test_equal_content_is_an_equal_file(tmp_path):
    contents = set()
    for number in range(10):
        save_checkpoint(tmp_path / str(number), CHECKPOINT)
        contents.add((tmp_path / str(number)).read_bytes())
    assert len(contents) == 1


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        *((key, None, f"is not a checkpoint of golmu: its metadata lacks '{key}'") for key in (
            "format", "recipe", "architecture", "labels", "class_names", "fingerprint", "engine", "threads",
            "slots", "generator", "history", "epoch", "batch", "seconds", "best",
        )),
        ("slots", ["third"], r"has slots \['third'\], where some of first, second and average are expected"),
        ("slots", 3, "has slots 3, where some of first, second and average are expected"),
        ("slots", ["second"], "lacks the tensors second.conv_w"),
        ("format", 9, "has format 9, but this version of golmu reads formats 1 and 2"),
        ("format", 2, "is not a checkpoint of golmu: 'n_kernels' must be a list of 2 to 4 integers of at least 1, got"),
        ("recipe", {}, "is not a checkpoint of golmu: its metadata lacks 'n_kernels'"),
        ("recipe", {"n_kernels": 1}, "is not a checkpoint of golmu: Recipe.__init__"),
        ("recipe", {"n_kernels": [1]}, "is not a checkpoint of golmu: 'n_kernels' must be an integer of at least 1"),
        ("recipe", {"n_kernels": 3, "units": 1, "batch_size": 3, "learning_rate": 1, "epochs": 1},
            "is of a network with n_kernels=1 and units=1, but its recipe has 3 and 1"),
        ("recipe", {"n_kernels": 1, "units": 1, "batch_size": -3, "learning_rate": 1, "epochs": 1},
            "is not a checkpoint of golmu: batch_size must be an integer of at least 1, got -3"),
        ("generator", {"bit_generator": "MT19937"}, "is not a checkpoint of golmu: state must be for a PCG64"),
        ("generator", 3, "is not a checkpoint of golmu: "),
        ("history", {"loss": []}, "is not a checkpoint of golmu: its metadata lacks 'losses'"),
        ("history", {"losses": [1], "val_losses": [], "val_accuracies": [1], "seconds": [1]},
            "has val_losses of 0 epochs, but stands at epoch 1"),
        ("history", {"losses": ["1"], "val_losses": [1], "val_accuracies": [1], "seconds": [1]},
            "is not a checkpoint of golmu: 'losses' must be a list, each a finite number, got"),
        ("epoch", 5, "has losses of 1 epochs, but stands at epoch 5"),
        ("fingerprint", {"training": 0}, "is not a checkpoint of golmu: 'fingerprint' must be a fingerprint"),
        ("fingerprint", {"training": {"shape": None, "dtype": "", "sha256": ""}},
            "is not a checkpoint of golmu: 'fingerprint' must be a fingerprint"),
        ("batch", 5, r"holds batch_losses as F32 of shape \(2,\), where F32 of shape \(5,\) is expected"),
        ("batch", -1, "is not a checkpoint of golmu: 'batch' must be an integer of at least 0, got '-1'"),
        ("seconds", "soon", "is not a checkpoint of golmu: 'seconds' must be a finite number of at least 0"),
        ("best", {"epoch": 1}, "is not a checkpoint of golmu: its metadata lacks 'loss'"),
        ("engine", 3, "is not a checkpoint of golmu: 'engine' must be text, got '3'"),
        ("preprocessing", 3, "is not a checkpoint of golmu: 'preprocessing' must be an object, got '3'"),
        ("preprocessing", {"mean": [0.1, 0.2], "std": [1, 1]}, "has means and deviations of 2 and 2 channels"),
        ("labels", [0], "names 2 classes for 2 outputs|names 1"),
    ],
)  # fmt: skip
def test_a_sealed_description_that_lacks_or_garbles_something(path, key, value, text):
    save_checkpoint(path, CHECKPOINT)
    tensors, description = tensors_of(path)
    description[key] = value
    if value is None:
        del description[key]
    tensorfile.write(path, tensors, description, what="checkpoint")
    with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))} ({text})"):
        load_checkpoint(path)


def test_a_checkpoint_of_several_blocks_comes_back_and_says_format_2(path):
    deep = replace(ARCHITECTURE, height=4, width=5, n_kernels=(2, 3))
    weights, slots, best = (deep.initial_weights(RNG) for _ in range(3))
    state = replace(STATE, weights=weights, slots={"first": slots}, best=Best(1, 0.25, best))
    recipe = replace(SETUP.recipe, n_kernels=(2, 3))
    save_checkpoint(path, Checkpoint(replace(SETUP, architecture=deep, recipe=recipe), state))
    loaded = load_checkpoint(path)
    assert (loaded.identity.recipe, loaded.identity.architecture) == (recipe, deep)
    assert loaded.identity.recipe.differences(recipe) == []
    assert list(loaded.state.weights) == list(deep.shapes)
    assert np.array_equal(loaded.state.best.weights["conv2_w"], best["conv2_w"])
    assert np.array_equal(loaded.state.slots["first"]["conv2_b"], slots["conv2_b"])
    assert np.array_equal(loaded.model.weights["conv2_w"], weights["conv2_w"])
    tensors, description = tensors_of(path)
    assert description["format"] == 2
    assert description["recipe"]["n_kernels"] == description["architecture"]["n_kernels"] == [2, 3]
    for form, part, kernels in (
        (1, "recipe", [2, 3]), (2, "recipe", 2), (2, "architecture", 2), (2, "recipe", [2, 3, 4]), (2, "recipe", "23"),
    ):  # fmt: skip
        damaged = {**description, "format": form, part: {**description[part], "n_kernels": kernels}}
        tensorfile.write(path, tensors, damaged, what="checkpoint")
        with pytest.raises(CheckpointError, match=f"^{re.escape(str(path))} is "):
            load_checkpoint(path)


def test_one_kind_of_file_is_not_taken_for_the_other(tmp_path):
    (checkpoint, _), (model, _) = save_both(tmp_path)
    with pytest.raises(CheckpointError, match="model is not a checkpoint of golmu: its metadata lacks 'history'"):
        load_checkpoint(model)
    with pytest.raises(
        CheckpointError, match="checkpoint is the checkpoint of a run, not a model: beside it is the run's"
    ):
        load_model(checkpoint)


def test_no_file_is_a_pickle_and_none_is_unpickled(tmp_path, monkeypatch):
    def refuse(*_arguments, **_options):
        raise AssertionError("something was unpickled")

    files = save_both(tmp_path)
    for path, _ in files:
        content = path.read_bytes()
        assert b"pickle" not in content
        with pytest.raises(pickle.UnpicklingError):
            pickle.loads(content)
    for name in ("load", "loads", "Unpickler"):
        monkeypatch.setattr(pickle, name, refuse)
    for path, load in files:
        load(path)
        path.write_bytes(b"\x80\x04K\x01.")
        with pytest.raises(CheckpointError):
            load(path)


LOAD = """
import resource, sys
from golmu.runs.checkpoint import load_checkpoint
from golmu.errors import CheckpointError
from pathlib import Path
load_checkpoint(Path(sys.argv[1]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    load_checkpoint(Path(sys.argv[2]))
    print("loaded")
except CheckpointError as error:
    print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def grown(small, path):
    """What loading `path` says, and by how many MiB the process grew, after one that has loaded `small`."""
    done = subprocess.run([sys.executable, "-c", LOAD, small, path], capture_output=True, text=True, check=True)
    text, megabytes = done.stdout.splitlines()
    return text, int(megabytes)


def test_loading_allocates_no_more_than_the_file(tmp_path):
    path = tmp_path / "large"
    architecture = Architecture(28, 28, 1, 40, 1000, 10)
    weights = architecture.initial_weights(np.random.default_rng(0))
    state = replace(STATE, weights=weights, slots={}, best=None)
    recipe = replace(SETUP.recipe, n_kernels=40, units=1000)
    classes = {"classes": np.arange(10), "class_names": tuple("abcdefghij")}
    setup = replace(SETUP, architecture=architecture, recipe=recipe, **classes)
    save_checkpoint(path, Checkpoint(setup, state))
    load_checkpoint(path)
    tracemalloc.start()
    load_checkpoint(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 0.99 * path.stat().st_size < peak < 1.01 * path.stat().st_size  # NumPy 1.26 takes 142,000 bytes beside


def test_a_huge_file_with_a_plausible_header_costs_nothing(tmp_path):
    small, huge = tmp_path / "small", tmp_path / "huge"
    save_checkpoint(small, CHECKPOINT)
    header = json.dumps({
        "__metadata__": {"golmu": json.dumps(tensors_of(small)[1]), "sha256": ""},
        "w1": {"dtype": "F32", "shape": [2**30], "data_offsets": [0, 2**32]},
    }).encode()  # fmt: skip
    with huge.open("wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + 2**32)  # sparse: it takes no room on the disk
    text, megabytes = grown(small, huge)
    assert "huge lacks the tensors" in text
    assert megabytes < 16
