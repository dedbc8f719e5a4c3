"""run.json as typed records: what is written comes back, and any other shape is one error."""

import copy
import os
from contextlib import suppress
from dataclasses import replace

import pytest
from command import read, write

from golmu.errors import RunError
from golmu.recipe import get_recipe
from golmu.runs.record import DataRecord, FitRecord, RunRecord, read_record, write_record


def test_a_record_comes_back_as_it_was_written(tmp_path):
    fit = FitRecord((6, 5), ((0, 1.0), (1, 2.5)), True, True)
    record = RunRecord.begin(
        DataRecord(50, 0), get_recipe("best"), engine="fused", threads=2, seed=None, recipe_name="best", fit=fit
    )
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record


def test_what_a_user_adds_is_kept(finished, tmp_path):
    content = read(finished.folder) | {"notes": ["mine"]}
    write(tmp_path, content)
    write_record(tmp_path, read_record(tmp_path))
    assert read(tmp_path) == content


def test_an_older_record_may_lack_what_came_later(finished, tmp_path):
    content = read(finished.folder)
    for name in ("size", "channels", "skip_bad", "label", "left_out"):
        del content["data"][name]
    for name in ("optimizer", "ema", "threads"):
        del content["settings"][name]
    write(tmp_path, content)
    record = read_record(tmp_path)
    assert record.data.read_options.size is None
    assert (record.recipe.optimizer, record.threads) == ("sgd", None)


def paths(content, path=()):
    """The places of all values in a JSON object."""
    for name, value in content.items() if isinstance(content, dict) else enumerate(content):
        yield (*path, name)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, name))


WRONG = [None, True, -1, 10**400, "x", "", [], [[]], {}, {"x": {}}, [1, 2, 3, 4]]


def test_any_other_content_is_one_error_or_none(finished, tmp_path):
    content = read(finished.folder)
    n_taken, n_all = 0, len(WRONG) * len([*paths(content)])
    for path in paths(content):
        for wrong in WRONG:
            changed = copy.deepcopy(content)
            inner = changed
            for name in path[:-1]:
                inner = inner[name]
            inner[path[-1]] = wrong
            write(tmp_path, changed)
            with suppress(RunError):
                read_record(tmp_path)
                n_taken += 1
    assert n_taken < n_all / 2


@pytest.mark.parametrize("name", ["status", "data", "settings"])
def test_what_is_missing_is_named(finished, tmp_path, name):
    content = read(finished.folder)
    del content[name]
    write(tmp_path, content)
    with pytest.raises(RunError, match=rf"run\.json is incomplete: '{name}' is missing$"):
        read_record(tmp_path)


@pytest.mark.parametrize(("text", "said"), [("{", "is damaged: "), ("[1]", "must hold a JSON object, got list")])
def test_what_is_no_json_object_is_refused(tmp_path, text, said):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=said):
        read_record(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "run.json")
    with pytest.raises(RunError, match=r"run\.json is a device, a pipe or a folder"):
        read_record(tmp_path)


@pytest.mark.parametrize("accuracy", [-1, 1.5, float("nan"), float("inf")])
def test_an_accuracy_that_cannot_be_is_refused(finished, tmp_path, accuracy):
    content = read(finished.folder)
    content["results"]["val_accuracy"] = accuracy
    write(tmp_path, content)
    with pytest.raises(RunError, match=r"run\.json is damaged: 'val_accuracy' must be from 0 to 1"):
        read_record(tmp_path)


def test_a_name_that_is_no_unicode_comes_back(finished, tmp_path):
    record = replace(read_record(finished.folder), other={"name": "nu\udcff"})
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record


def test_a_later_format_is_refused(finished, tmp_path):
    write(tmp_path, read(finished.folder) | {"format": 2})
    with pytest.raises(RunError, match="its format is 2, and this version of golmu reads format 1"):
        read_record(tmp_path)
