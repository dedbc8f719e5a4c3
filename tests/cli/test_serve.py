"""`golmu serve`: what it says before it serves."""

import importlib.util

import pytest

from golmu import Run
from golmu.cli.commands import serve


@pytest.mark.parametrize("name", serve.NEEDED)
def test_without_its_extra_it_says_what_to_install(run, finished, monkeypatch, name):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda one: None if one == name else find(one))
    text = f'golmu: error: golmu serve needs {name}, which is not installed: pip install "golmu[serve]"\n'
    assert run("serve", finished.folder) == (2, [], text)


def test_a_run_is_served_with_its_accuracy_and_its_images(run, finished, monkeypatch):
    made = {}
    monkeypatch.setattr("golmu.serve.application.create_application", lambda predictor, **given: made.update(given))
    monkeypatch.setattr("golmu.serve.server.run", lambda app, listener: None)
    assert run("serve", finished.folder, "--port", "0")[0] == 0
    trained = Run.open(finished.folder)
    assert made["origin"].accuracy == trained.results.val_accuracy
    assert {one.label for one in made["samples"]()} == set(trained.predictor.class_names)
    assert run("serve", finished.folder / "model.safetensors", "--port", "0")[0] == 0
    assert (made["origin"], list(made["samples"]())) == (None, [])
