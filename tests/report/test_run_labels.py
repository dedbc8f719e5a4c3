"""What a figure of several runs calls each of them."""

import pytest

from golmu.report.run_labels import MAX_RUNS, label_runs

NAMES = ["fashion-mnist-chapter", "fashion-mnist-chapter-2"]


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ({"n_kernels": ["10", "20"]}, ["n_kernels 10", "n_kernels 20"]),
        ({"units": ["8", "9"], "seed": ["42", "7"]}, ["units 8, seed 42", "units 9, seed 7"]),
        ({"patience": ["–", "3"]}, ["patience –", "patience 3"]),
        ({}, NAMES),
        ({"units": ["8", "9"], "seed": ["42", "7"], "epochs": ["2", "3"]}, NAMES),
        ({"path": ["–", "/home/somebody/pictures/of/clothes"]}, NAMES),
    ],
    ids=["one", "two", "one without a value", "none", "three", "no room"],
)
def test_a_run_is_called_by_what_differs_else_by_its_name(settings, labels):
    assert label_runs(NAMES, settings) == labels


def test_labels_tell_the_runs_apart():
    assert label_runs(["a", "b", "c"], {"units": ["8", "9", "8"]}) == ["a", "b", "c"]
    long = [f"{'a' * 20}{middle}{'z' * 20}" for middle in "12"]
    assert label_runs(long, {}) == ["#1", "#2"], "a figure would show both alike"


def test_many_runs_have_numbers():
    names = [f"run {n}" for n in range(MAX_RUNS + 1)]
    assert label_runs(names, {}) == [f"#{n}" for n in range(1, MAX_RUNS + 2)]
