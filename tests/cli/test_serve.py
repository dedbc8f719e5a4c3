"""`golmu serve`: what it says before it serves."""

import importlib.util

import pytest

from golmu.cli.commands import serve


@pytest.mark.parametrize("name", serve.NEEDED)
def test_without_its_extra_it_says_what_to_install(run, finished, monkeypatch, name):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda one: None if one == name else find(one))
    text = f"golmu: error: golmu serve needs {name}, which is not installed: pip install 'golmu[serve]'\n"
    assert run("serve", finished.folder) == (2, [], text)
