"""`golmu compare`: what differs, what came of it, and the page."""

import html
import json
import math
import re
import shutil

import numpy as np
import pytest
from browser import needs_browser, opened
from command import SETTINGS, main, read, write
from page import Page
from PIL import Image
from small_network import X, Y, network

from golmu.metrics import wilson_interval
from golmu.names import printable
from golmu.report.comparison import format_value
from golmu.runs import folder as runs

OTHER = "The runs were judged on different images"


@pytest.fixture(scope="module")
def two(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("compared")
    assert main("train", data, *SETTINGS, "--run", folder / "first") == 0
    assert main("train", data, *SETTINGS, "--units=9", "--seed=7", "--run", folder / "<b>second 둘째") == 0
    return folder / "first", folder / "<b>second 둘째"


def test_a_page_replaces_no_file_of_another_kind(run, two):
    before = (two[0] / "model.safetensors").read_bytes()
    status, _, err = run("compare", *two, "--output", two[0] / "model.safetensors")
    text = f"output must name a .html file, got {two[0] / 'model.safetensors'}"
    assert (status, err) == (2, f"golmu: error: {text}\n")
    assert (two[0] / "model.safetensors").read_bytes() == before


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


def test_an_epoch_that_had_to_compile_the_engine_makes_a_run_no_slower(run, two, tmp_path):
    slow = shutil.copytree(two[0], tmp_path / "slow")
    header, *epochs = (slow / "history.csv").read_text().splitlines()
    seconds = [20.0, 0.5, 0.25]
    rows = [f"{i + 1},{epochs[0].split(',', 1)[1].rpartition(',')[0]},{value}" for i, value in enumerate(seconds)]
    (slow / "history.csv").write_text("\n".join([header, *rows]) + "\n")
    (slow / "checkpoint.safetensors").unlink()
    status, lines, err = run("compare", two[1], slow, "--output", tmp_path / "page.html", "--json")
    assert (status, err) == (0, "")
    assert json.loads("\n".join(lines))["results"]["median seconds per epoch"][1] == 0.5


def test_the_terminal_shows_a_table(run, two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    status, lines, err = run("compare", *two)
    assert (status, err) == (0, "")
    assert lines[0].split() == ["first", "<b>second", "둘째"]
    assert [line.split()[-2:] for line in lines[1:3]] == [["8", "9"], ["42", "7"]]
    assert not lines[3].strip()
    assert lines[4].split() == ["status", "finished", "finished"]
    assert lines[5].split() == ["epochs", "trained", "2", "2"]
    assert lines[-1] == "page: comparison.html"
    assert (tmp_path / "comparison.html").exists()


def test_the_page_has_the_same(run, two, tmp_path):
    run("compare", *two, "--output", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    page = Page(text)
    results, settings = page.tables
    labels = ["units 8, seed 42", "units 9, seed 7"]
    assert results[0] == settings[0] == ["", "first" + labels[0], "<b>second 둘째" + labels[1]]
    assert settings[1:] == [["units", "8", "9"], ["seed", "42", "7"]]
    accuracies = [read(folder)["results"]["val_accuracy"] for folder in two]
    row = next(row for row in results if row[0] == "validation accuracy")
    assert row[1:] == [f"{value:.4f}" for value in accuracies]
    assert "b>second" not in page.tags
    assert OTHER not in page.text


def legends(path):
    """The texts of the figures of a page that are no numbers of an axis."""
    texts = [html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", path.read_text(), re.DOTALL)]
    return [text for text in texts if not re.fullmatch(r"[\d.−]+", text)]


def test_the_legend_says_in_what_the_runs_differ(run, two, tmp_path):
    run("compare", *two, "--output", tmp_path / "page.html")
    runs = ["units 8, seed 42", "units 9, seed 7"]
    assert legends(tmp_path / "page.html") == [
        "epoch", "loss (cross-entropy)", *runs, "training", "validation", "epoch", "accuracy", *runs, "validation",
    ]  # fmt: skip


def test_the_legend_names_runs_that_differ_in_much_or_in_nothing(run, two, data, tmp_path):
    other = ["--momentum=0.5", "--optimizer=nesterov", "--batch-size=8"]
    for name, words in (("again", []), ("<i>other", other)):
        assert main("train", data, *SETTINGS, *words, "--run", tmp_path / name) == 0
        run("compare", two[0], tmp_path / name, "--output", tmp_path / "page.html")
        assert legends(tmp_path / "page.html")[2:4] == ["first", name]
        assert Page((tmp_path / "page.html").read_text()).tables[0][0] == ["", "first", name]


@pytest.mark.parametrize("name", ['"--><svg onload=x>', "\x1b[2J\u202e", "--policy--", 'a style="color: red"', "$x^2$"])
def test_a_name_is_only_text_in_the_legend(run, two, tmp_path, name):
    tags = []
    for other in ("plain", name):
        run("compare", two[0], shutil.copytree(two[0], tmp_path / other), "--output", tmp_path / "page.html")
        tags.append(Page((tmp_path / "page.html").read_text()).tags)
    assert legends(tmp_path / "page.html")[3] == printable(name, keep="")
    assert tags[0] == tags[1]


def test_a_setting_without_effect_is_no_difference(run, two, data, tmp_path):
    assert main("train", data, *SETTINGS, "--momentum=0.5", "--run", tmp_path / "idle") == 0
    assert compared(run, two[0], tmp_path / "idle")[0] == {}
    assert main("train", data, *SETTINGS, "--optimizer=nesterov", "--run", tmp_path / "other") == 0
    assert compared(run, two[0], tmp_path / "other")[0] == {"optimizer": ["sgd", "nesterov"], "momentum": [None, 0.9]}
    assert legends(tmp_path / "page.html")[2] == "optimizer sgd"


def test_the_kernels_of_each_block_are_listed_and_an_interval_has_two_ends():
    assert format_value("n_kernels", (16, 32, 64)) == "16, 32, 64"
    assert format_value("n_kernels", 16) == "16"
    assert format_value("95 % interval", (0.5, 0.75)) == "0.5000 to 0.7500"


def test_runs_of_different_data_and_without_validation(run, two, tmp_path):
    network().fit(X, Y, 2, run=tmp_path / "first")
    status, lines, _ = run("compare", two[0], tmp_path / "first", "--output", tmp_path / "page.html", "--json")
    compared = json.loads("\n".join(lines))
    assert status == 0
    assert compared["runs"] == [str(two[0]), str(tmp_path / "first")]
    assert compared["settings"]["data"] == ["shapes", None]
    assert compared["results"]["95 % interval"][1] is None
    assert not any(isinstance(value, float) and math.isnan(value) for value in compared["results"]["seconds"])
    assert OTHER in Page((tmp_path / "page.html").read_text()).text


def compared(run, *folders):
    """What `golmu compare` says of runs, and whether of the same images."""
    page = folders[-1].parent / "page.html"
    status, lines, err = run("compare", *folders, "--output", page, "--json")
    assert (status, err) == (0, "")
    return json.loads("\n".join(lines))["settings"], OTHER not in Page(page.read_text()).text


def test_the_same_images_elsewhere_are_the_same(run, two, data, tmp_path):
    moved = shutil.copytree(data, tmp_path / "moved")
    assert main("train", moved, *SETTINGS, "--run", tmp_path / "run") == 0
    settings, is_same = compared(run, two[0], tmp_path / "run")
    assert settings == {"data": ["shapes", "moved"], "path": [str(data), str(moved)]}
    assert is_same
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"damaged")
    assert compared(run, two[0], tmp_path / "run") == (settings, False)


def test_other_images_in_the_same_place_are_others(run, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("first", "second"):
        np.savez(tmp_path / "data.npz", x=rng.integers(0, 256, (60, 5, 5), np.uint8), y=np.arange(60) % 2)
        assert main("train", tmp_path / "data.npz", *SETTINGS, "--run", tmp_path / name) == 0
    assert compared(run, tmp_path / "first", tmp_path / "second") == ({}, False)
    (tmp_path / "first" / "checkpoint.safetensors").unlink()
    assert compared(run, tmp_path / "first", tmp_path / "second") == ({}, True)


def test_how_image_files_were_read_is_a_setting(run, tmp_path):
    rng = np.random.default_rng(0)
    for i in range(20):
        path = tmp_path / "tiles" / "ab"[i % 2] / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (9, 8, 3), np.uint8)).save(path)
    words = ["train", tmp_path / "tiles", *SETTINGS, "--batch-size=4"]
    assert main(*words, "--run", tmp_path / "first") == 0
    assert main(*words, "--size=6x4", "--channels=1", "--skip-bad", "--run", tmp_path / "second") == 0
    settings, is_same = compared(run, tmp_path / "first", tmp_path / "second")
    assert settings == {"size": ["9x8", "6x4"], "channels": [3, 1], "skip_bad": [False, True]}
    assert is_same


def test_runs_of_arrays_are_told_apart_by_their_images(run, tmp_path):
    for name, images in (("first", X), ("second", X), ("third", X[::-1].copy())):
        network().fit(X, Y, 1, images, Y, run=tmp_path / name)
    assert compared(run, tmp_path / "first", tmp_path / "second") == ({}, True)
    assert compared(run, tmp_path / "first", tmp_path / "third") == ({}, False)


def test_runs_that_differ_in_nothing(run, two, data, tmp_path):
    assert main("train", data, *SETTINGS, "--run", tmp_path / "again") == 0
    assert run("compare", two[0], tmp_path / "again", "--output", tmp_path / "page.html")[0] == 0
    assert "None: all settings are the same." in Page((tmp_path / "page.html").read_text()).text


def test_a_page_needs_a_folder(run, two, tmp_path):
    status, _, err = run("compare", *two, "--output", tmp_path / "nowhere" / "page.html")
    text = f"the page cannot be written to {tmp_path / 'nowhere' / 'page.html'}: there is no folder"
    assert status == 1
    assert err.startswith(f"golmu: error: {text}")


def test_a_run_that_has_not_ended_has_no_results_yet(run, two, tmp_path):
    folder = shutil.copytree(two[0], tmp_path / "running")
    record = read(folder)
    del record["results"]
    said = {}
    (folder / "checkpoint.safetensors").unlink()  # which has trained weights
    for name in ("compare", "evaluate"):
        write(folder, record | {"status": "running"})
        (folder / "model.safetensors").unlink(missing_ok=True)
        words = (two[1], folder, "--output", tmp_path / "page.html") if name == "compare" else (folder,)
        with runs.lock_run(folder):
            assert run(name, *words)[0] == 2
            said[name, "in use"] = run(name, *words)[2]
        said[name, "cut off"] = run(name, *words)[2]
        write(folder, record | {"status": "failed"})
        said[name, "failed"] = run(name, *words)[2]
    for name, what in (("compare", "results"), ("evaluate", "model")):
        begin, resume = f"golmu: error: the run {folder} holds no {what}", f"golmu train --resume {folder}"
        assert said[name, "in use"] == f"{begin} yet, since its training is running: let it end\n"
        assert said[name, "cut off"] == f"{begin}, and its training was interrupted: continue it with `{resume}`\n"
        assert said[name, "failed"] == f"{begin}, since its training failed: train again with other settings\n"


@needs_browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(run, two, tmp_path, width, scheme):
    run("compare", *two, "--output", tmp_path / "page.html")
    with opened(tmp_path / "page.html", width, scheme) as (page, events):
        assert events == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
