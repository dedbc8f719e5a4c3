"""The chapter's notebooks are its pages, and each of their cells has run."""

import json
import runpy
from pathlib import Path

import pytest

MAX_BYTES = 1_500_000
"""Of a notebook: it is in the repository, with its figures."""

ROOT = Path(__file__).parents[2]
MAKE = runpy.run_path(str(ROOT / "docs" / "make_notebooks.py"))
NOTEBOOKS = MAKE["NOTEBOOKS"]


def cells_of(language):
    return json.loads(NOTEBOOKS[language].read_text(encoding="utf-8"))["cells"]


def code_of(language):
    return [cell for cell in cells_of(language) if cell["cell_type"] == "code"]


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_a_notebook_holds_the_pages_of_the_chapter(language):
    found = [(cell["cell_type"], "".join(cell["source"])) for cell in cells_of(language)]
    assert found == [(kind, source) for kind, source, _ in MAKE["cells_of"](language)], (
        "run python docs/make_notebooks.py"
    )


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_every_page_of_the_chapter_is_in_the_notebook(language):
    chapter = MAKE["DOCS"] / language / "chapter"
    steps = MAKE["STEP"].findall((chapter / "index.md").read_text(encoding="utf-8"))
    assert sorted([*steps, "index.md"]) == sorted(path.name for path in chapter.iterdir())


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_every_cell_has_run_in_order_and_without_an_error(language):
    code = code_of(language)
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    assert not [output for cell in code for output in cell["outputs"] if output["output_type"] == "error"]


def test_both_languages_show_the_same_outputs():
    assert [cell["outputs"] for cell in code_of("en")] == [cell["outputs"] for cell in code_of("ko")]


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_a_notebook_is_small(language):
    assert NOTEBOOKS[language].stat().st_size < MAX_BYTES


def test_links_lead_to_the_repository_from_anywhere():
    folder = MAKE["DOCS"] / "en" / "chapter"
    text = "[a](../../../src/golmu/recipe.py), [b](data.md#split), [c](https://example.org/)"
    host = MAKE["HOST"]
    assert MAKE["with_addresses"](text, folder) == (
        f"[a]({host}/src/golmu/recipe.py), [b]({host}/docs/en/chapter/data.md#split), [c](https://example.org/)"
    )


@pytest.mark.parametrize("language", NOTEBOOKS)
def test_the_accuracy_that_the_chapter_states_is_the_recorded_one(language):
    recorded = json.loads((ROOT / "benchmarks" / "results" / "accuracy-chapter.json").read_text(encoding="utf-8"))
    page = (MAKE["DOCS"] / language / "chapter" / "training.md").read_text(encoding="utf-8")
    assert f"{recorded['validation']['mean']:.4f}" in page
    assert f"{recorded['validation']['sd']:.4f}" in page
