"""`golmu compare`: what differs, what came of it, and the page."""

import json
import math
import shutil

import pytest

from browser import needs_browser, opened
from command import SETTINGS, main, read
from golmu.metrics import wilson_interval
from small_network import X, Y, network
from test_report import Page


@pytest.fixture(scope="module")
def two(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("compared")
    assert main("train", data, *SETTINGS, "--run", folder / "first") == 0
    assert main("train", data, *SETTINGS, "--units=9", "--seed=7", "--run", folder / "<b>second 둘째") == 0
    return folder / "first", folder / "<b>second 둘째"


def test_settings_that_differ_and_results_stand_side_by_side(run, two, tmp_path):
    status, lines, err = run("compare", *two, "--output", tmp_path / "page.html", "--json")
    compared = json.loads("\n".join(lines))
    records = [read(folder) for folder in two]
    assert (status, err) == (0, "")
    assert list(compared) == ["runs", "settings", "results", "page"]
    assert compared["runs"] == ["first", "<b>second 둘째"]
    assert compared["settings"] == {"units": [8, 9], "seed": [42, 7]}
    results = compared["results"]
    assert results["validation accuracy"] == [record["results"]["val_accuracy"] for record in records]
    assert results["95 % interval"][0] == list(wilson_interval(round(80 * results["validation accuracy"][0]), 80))
    assert results["parameters"] == [record["results"]["n_parameters"] for record in records]
    assert compared["page"] == str(tmp_path / "page.html")


def test_the_terminal_shows_a_table(run, two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, lines, err = run("compare", *two)
    assert (status, err) == (0, "")
    assert lines[0].split() == ["first", "<b>second", "둘째"]
    assert [line.split()[-2:] for line in lines[1:3]] == [["8", "9"], ["42", "7"]]
    assert lines[-1] == "page: comparison.html"
    assert (tmp_path / "comparison.html").exists()


def test_the_page_has_the_same(run, two, tmp_path):
    run("compare", *two, "--output", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    page = Page(text)
    results, settings = page.tables
    assert results[0] == settings[0] == ["", "1 first", "2 <b>second 둘째"]
    assert settings[1:] == [["units", "8", "9"], ["seed", "42", "7"]]
    accuracies = [read(folder)["results"]["val_accuracy"] for folder in two]
    row = next(row for row in results if row[0] == "validation accuracy")
    assert row[1:] == [f"{value:.4f}" for value in accuracies]
    assert "b>second" not in page.tags
    assert "different data" not in page.text


def test_runs_of_different_data_and_without_validation(run, two, tmp_path):
    network().fit(X, Y, 2, run=tmp_path / "first")
    status, lines, _ = run("compare", two[0], tmp_path / "first", "--output", tmp_path / "page.html", "--json")
    compared = json.loads("\n".join(lines))
    assert status == 0
    assert compared["runs"] == [str(two[0]), str(tmp_path / "first")]
    assert compared["settings"]["data"] == ["shapes", None]
    assert compared["results"]["95 % interval"][1] is None
    assert not any(isinstance(value, float) and math.isnan(value) for value in compared["results"]["seconds"])
    assert "different data" in Page((tmp_path / "page.html").read_text()).text


def test_runs_that_differ_in_nothing(run, two, data, tmp_path):
    assert main("train", data, *SETTINGS, "--run", tmp_path / "again") == 0
    assert run("compare", two[0], tmp_path / "again", "--output", tmp_path / "page.html")[0] == 0
    assert "None: every setting is the same." in Page((tmp_path / "page.html").read_text()).text


def test_a_page_needs_a_folder(run, two, tmp_path):
    status, _, err = run("compare", *two, "--output", tmp_path / "nowhere" / "page.html")
    text = f"the page cannot be written to {tmp_path / 'nowhere' / 'page.html'}: there is no folder"
    assert status == 1
    assert err.startswith(f"golmu: error: {text}")


def test_a_run_that_has_not_ended_has_no_results_yet(run, two, tmp_path):
    folder = shutil.copytree(two[0], tmp_path / "running")
    record = read(folder)
    del record["results"]
    (folder / "run.json").write_text(json.dumps(record))
    status, _, err = run("compare", two[1], folder, "--output", tmp_path / "page.html")
    assert status == 2
    assert err == f"golmu: error: {folder}/run.json does not hold what a comparison needs: KeyError('results')\n"


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(run, two, tmp_path, width, scheme):
    run("compare", *two, "--output", tmp_path / "page.html")
    with opened(tmp_path / "page.html", width, scheme) as (page, events):
        assert events == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
