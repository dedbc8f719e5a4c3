"""A run folder and a model file that an earlier version wrote are still good (`old_run/`, written before packages)."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from command import history, read

import golmu
from golmu import ConvolutionNetwork, Run
from golmu.data import load_dataset
from golmu.model.model import load_model

OLD = Path(__file__).parent / "old_run"


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def test_it_is_read(old):
    run = Run.open(old)
    assert (run.record.status, run.recipe.n_kernels, run.record.engine_used) == ("finished", 1, "fused")
    assert len(run.history.losses) == run.record.results.epochs == 2
    assert run.checkpoint.identity.architecture.units == 2
    assert load_model(old / "model.safetensors").image_files is None


def test_its_network_answers_as_it_did(old):
    _, held_out = load_dataset("digits").split()
    expected = read(old)["results"]["val_accuracy"]
    for predictor in (golmu.load(old), golmu.load(old / "model.safetensors")):
        accuracy = (predictor.logits(held_out.images).argmax(axis=1) == held_out.labels).mean()
        assert accuracy == pytest.approx(expected, abs=0.02)  # another processor rounds otherwise
    network = ConvolutionNetwork.load(old / "model.safetensors")
    assert network.class_names_ == tuple("0123456789")
    assert np.array_equal(network.forpass(held_out.images), golmu.load(old).logits(held_out.images))


@pytest.mark.parametrize("command", ["evaluate", "report"])
def test_commands_take_it(old, run, command):
    status, _, err = run(command, old)
    assert (status, err) == (0, "")


def test_it_continues(old, run):
    before = history(old)
    assert run("train", "--resume", old, "--epochs", 4)[0] == 0
    assert history(old)[:2] == before
    assert len(history(old)) == 4
    assert load_model(old / "model.safetensors").image_files is not None
