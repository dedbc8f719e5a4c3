"""The documents say what is so: the page of the command line, the results in the READMEs, their commands."""

import json
import runpy
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from golmu import cli
from golmu.cli.commands.recipes import recipe_records
from golmu.data import loading
from golmu.recipe import RECIPES

ROOT = Path(__file__).parents[2]


def test_the_page_of_the_command_line_is_up_to_date():
    generated = runpy.run_path(str(ROOT / "docs" / "generate_cli.py"))["page"]()
    assert (ROOT / "docs" / "cli.md").read_text(encoding="utf-8") == generated, "run python docs/generate_cli.py"


@pytest.mark.parametrize(("name", "korean"), [("README.md", False), ("README.ko.md", True)])
def test_the_results_are_the_recorded_ones(name, korean, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    text = (ROOT / name).read_text(encoding="utf-8")
    filled = runpy.run_path(str(ROOT / "benchmarks" / "readme.py"))["filled"]
    assert text == filled(text, korean), "run python benchmarks/readme.py"


def test_the_readme_names_real_make_targets_and_files():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in ("README.md", "README.ko.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for target in ("train", "test"):
            assert f"make {target}" in text
            assert f"\n{target}:" in makefile
        pictures = ("docs/images/curves.png", "docs/images/explanation.png")
        for link in (*pictures, "LICENSE") if name == "README.md" else pictures:
            assert link in text
            assert (ROOT / link).exists()


def test_what_golmu_recipes_shows_was_measured_with_the_recipes_there_are():
    for name, recipe in RECIPES.items():
        result = json.loads((ROOT / "benchmarks" / "results" / f"accuracy-{name}.json").read_text(encoding="utf-8"))
        assert result["settings"] == asdict(recipe), f"run make accuracy: {name} has changed since it was measured"
        measured = next(record["measured"] for record in recipe_records() if record["recipe"] == name)
        assert measured is not None
        assert all(measured[key] == result[key] for key in ("validation", "test", "seconds")), "run make accuracy"


@pytest.mark.parametrize("name", ["README.md", "README.ko.md"])
def test_the_readmes_python_runs(name, fashion_mnist):
    code = (ROOT / name).read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    assert len(code.strip().splitlines()) <= 6
    # The same lines, on fewer epochs and images, so that the suite stays quick.
    code = code.replace("train.images, train.labels, 20,", "train.images[:512], train.labels[:512], 1,")
    exec(code, {})


def test_all_python_of_the_readme_runs_in_its_order(fashion_mnist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```python\n")[1:]
    assert len(blocks) == 4
    code = "".join(block.split("```")[0] for block in blocks)
    for whole, less in (
        ("train.images, train.labels, 20,", "train.images[:512], train.labels[:512], 1,"),
        ("fit(train.images, train.labels, x_val", "fit(train.images[:512], train.labels[:512], x_val"),
        ('from_recipe("any")', 'from_recipe("any", epochs=1)'),
        ("n_jobs=2", "n_jobs=1"),
    ):
        assert whole in code
        code = code.replace(whole, less)
    exec(code, {})


def test_what_data_may_be_is_said_in_one_wording():
    what = loading.WHAT_DATA_IS
    assert what[0].upper() + what[1:] == sys.modules["golmu.cli.main"].WHAT_DATA_IS
    assert what in (ROOT / "README.md").read_text(encoding="utf-8").replace("\n", " ")
    for name in loading.DATASET_NAMES:
        assert name in what
