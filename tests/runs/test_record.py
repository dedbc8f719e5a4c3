"""run.json as typed records: what is written comes back, and any other shape is one error."""

import copy
import os
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from command import read, write

from golmu.errors import RunError
from golmu.recipe import get_recipe
from golmu.runs.data_record import DataRecord
from golmu.runs.record import FitRecord, RunRecord, read_record, write_record


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
    with pytest.raises(RunError, match=r"run\.json cannot be read: it is a device or a pipe, where a file is expected"):
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


@pytest.mark.parametrize("flip", [True, False])
def test_a_record_says_whether_predictions_see_mirror_images(flip, tmp_path):
    recipe = get_recipe("any").override({"flip": flip})
    record = RunRecord.begin(DataRecord(50, 9), recipe, engine="auto", threads=None, seed=1, recipe_name="any")
    write_record(tmp_path, record)
    assert read(tmp_path)["settings"]["test_flip"] is flip
    assert read_record(tmp_path) == record


def test_a_record_of_several_blocks_says_format_2_and_comes_back(tmp_path):
    recipe = get_recipe("color")
    record = RunRecord.begin(DataRecord(50, 9), recipe, engine="auto", threads=None, seed=1, recipe_name="color")
    write_record(tmp_path, record)
    said = read(tmp_path)
    assert (said["format"], said["settings"]["n_kernels"]) == (2, list(recipe.n_kernels))
    assert read_record(tmp_path) == record
    for changed in (said | {"format": 1}, said | {"settings": said["settings"] | {"n_kernels": 16}}):
        write(tmp_path, changed)
        with pytest.raises(RunError, match=r"run\.json is damaged: 'n_kernels' must be "):
            read_record(tmp_path)


def test_a_later_format_is_refused(finished, tmp_path):
    write(tmp_path, read(finished.folder) | {"format": 3})
    with pytest.raises(RunError, match="its format is 3, and this version of golmu reads formats 1 and 2"):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("status", "gone", "'status' must be running, finished, interrupted or failed, got 'gone'"),
        ("data.left_out", "ab", "'left_out' must be a list, each text, got 'ab'"),
        ("data.class_names", [1], "'class_names' must be a list, each text, got"),
        ("data.size", [6, -5], "'size' must be height and width, got"),
        ("data.split", {"validation": "0.2", "random_state": 42}, "'validation' must be from 0 to 1, got '0.2'"),
        ("data.train", 0, "'train' must be an integer of at least 1, got '0'"),
        ("settings.threads", 10**6, "'threads' must be an integer from 1 to 1024, got '1000000'"),
        ("settings.seed", -1, "'seed' must be an integer of at least 0, got '-1'"),
        ("settings.epochs", 10**30, "epochs must be an integer from 1 to 10000000, got 1"),
        ("settings.class_weight", [[["a"], 1]], "'class_weight' must be "),
        ("machine", "x", "'machine' must be an object, got 'x'"),
        ("resumed", "x", "'resumed' must be a list, each text, got 'x'"),
        ("started", 5, "'started' must be text, got '5'"),
        ("seconds", float("nan"), "'seconds' must be a finite number of at least 0, got 'nan'"),
        ("results.val_loss", float("inf"), "'val_loss' must be a finite number, got 'inf'"),
        ("results.epochs", True, "'epochs' must be an integer of at least 0, got 'True'"),
    ],
)
def test_a_value_of_another_kind_is_named(finished, tmp_path, place, value, said):
    content = read(finished.folder)
    *parents, name = place.split(".")
    inner = content
    for parent in parents:
        inner = inner[parent]
    inner[name] = value
    write(tmp_path, content)
    with pytest.raises(RunError, match=rf"run\.json is damaged: {re.escape(said)}"):
        read_record(tmp_path)


def test_a_seed_may_have_any_number_of_digits(finished, tmp_path):
    record = replace(read_record(finished.folder), seed=10**30)
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record
