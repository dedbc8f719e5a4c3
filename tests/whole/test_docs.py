"""The documents say what is so: generated pages, recorded results, commands, links, and Python with its output."""

import io
import json
import re
import runpy
import shlex
from contextlib import redirect_stdout
from pathlib import Path

import pytest
import typer

from golmu import about, cli
from golmu.cli.commands.recipes import recipe_records
from golmu.recipe import RECIPES, Recipe, epochs_for

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.ko.md")
DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
PAGES = (*READMES, "CONTRIBUTING.md", "benchmarks/README.md", *DOCS)
UNCHECKED = ("docs/en/internals/log.md", "benchmarks/README.md")
"""Pages that speak of the past, or of options of other programs."""

UNMEASURED = ("color",)
"""Recipes that need no measurement on Fashion-MNIST."""

PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
OUTPUT = re.compile(r"```python\n(.*?)```\n+```text\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NUMBER = re.compile(r"\d+\.\d+")

MAX_LINES = 150
"""Of README.md: more belongs in the documentation."""

TOLERANCE = 0.0201
"""By how much a number that Python prints may differ from the one in a README: processors round differently."""


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def in_blocks(pattern):
    """Each page that has a block of this kind."""
    return [page for page in PAGES if pattern.search(text_of(page))]


# What is generated


def test_the_page_of_the_command_line_is_up_to_date():
    generated = runpy.run_path(str(ROOT / "docs" / "generate_cli.py"))["page"]()
    assert text_of("docs/en/reference/cli.md") == generated, "run python docs/generate_cli.py"


def test_the_results_are_the_recorded_ones(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = runpy.run_path(str(ROOT / "benchmarks" / "readme.py"))
    for page, korean in module["PAGES"].items():
        assert text_of(page) == module["filled"](text_of(page), korean), f"{page}: run python benchmarks/readme.py"


def test_every_recorded_result_is_on_a_page(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = runpy.run_path(str(ROOT / "benchmarks" / "readme.py"))
    everything = "".join(path.read_text(encoding="utf-8") for path in module["PAGES"])
    for mark in module["BLOCKS"]:
        assert f"<!-- {mark} -->" in everything
    assert set(re.findall(r"<!-- ([a-z-]+) -->", everything)) == set(module["BLOCKS"])


def test_what_golmu_recipes_shows_was_measured_with_the_recipes_there_are():
    for name, recipe in RECIPES.items():
        measured = next(record["measured"] for record in recipe_records() if record["recipe"] == name)
        if not (ROOT / "benchmarks" / "results" / f"accuracy-{name}.json").exists():
            assert measured is None
            assert name in UNMEASURED
            continue
        result = json.loads(text_of(f"benchmarks/results/accuracy-{name}.json"))
        then = Recipe(**result["settings"]).settled()
        now = recipe.override({"epochs": epochs_for(name, 60_000)}).settled()
        assert then == now, f"run make accuracy: {name} has changed since it was measured"
        assert measured is not None
        assert all(measured[key] == result[key] for key in ("validation", "test", "seconds")), "run make accuracy"
        assert measured["epochs"] == now.epochs


def test_what_data_may_be_is_said_in_one_wording():
    assert about.WHAT_DATA_IS in text_of("docs/en/reference/data-formats.md").replace("\n", " ")
    for name in about.DATASET_NAMES:
        assert name in about.WHAT_DATA_IS
        assert f"`{name}`" in text_of("docs/en/reference/data-formats.md")


# What a page names


def test_the_readme_is_short():
    assert len(text_of("README.md").splitlines()) < MAX_LINES


@pytest.mark.parametrize("page", READMES)
def test_the_readmes_activate_the_environment_before_they_use_it(page):
    text = text_of(page)
    activation = text.index("source .venv/bin/activate")
    assert activation < text.index('pip install "golmu[')
    assert activation < text.index("import golmu")


@pytest.mark.parametrize("page", READMES)
def test_the_readmes_name_every_format_that_needs_tensorflow(page):
    paragraph = next(part for part in text_of(page).split("\n\n") if 'pip install "golmu[tensorflow]"' in part)
    assert "LiteRT" in paragraph
    assert "SavedModel" in paragraph


def test_git_ignores_the_wheel_that_the_container_page_builds():
    assert "pip wheel --no-deps --wheel-dir . ." in text_of("docs/en/how-to/serve.md")
    assert "/golmu-*.whl" in text_of(".gitignore").splitlines()


def test_the_readmes_name_real_make_targets_and_pictures():
    makefile = text_of("Makefile")
    for name in READMES:
        for target in ("train", "test"):
            assert f"make {target}" in text_of(name)
    for page in PAGES:
        for target in re.findall(r"(?:`|^)make ([a-z]+)", text_of(page), re.MULTILINE):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"{page}: make {target}"
    for name in READMES:
        assert "docs/images/report.png" in text_of(name)
    linked = "".join(map(text_of, PAGES))
    scripts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("draw_*.py"))
    for picture in (ROOT / "docs" / "images").iterdir():
        assert f"images/{picture.name})" in linked
        assert f'"{picture.name}"' in scripts, "every picture is drawn by a script"


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file_and_a_heading(page):
    for link in LINK.findall(without_code(text_of(page))):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, heading = link.partition("#")
        path = (ROOT / page).parent / place if place else ROOT / page
        assert path.exists(), f"{page}: {link}"
        if heading:
            assert heading in headings(path.read_text(encoding="utf-8")), f"{page}: {link}"


@pytest.mark.parametrize("page", in_blocks(SHELL))
def test_every_command_parses(page):
    group = typer.main.get_command(cli.app)
    for words in commands(text_of(page)):
        if words[0].startswith("-"):
            assert words[0] in {name for option in group.params for name in option.opts}
            continue
        assert words[0] in group.commands, f"{page}: golmu {shlex.join(words)}"
        group.commands[words[0]].make_context(words[0], words[1:])  # raises if an option or a value is wrong


@pytest.mark.parametrize("page", [page for page in PAGES if page not in UNCHECKED])
def test_every_option_in_the_text_exists(page):
    group = typer.main.get_command(cli.app)
    parts = [group, *group.commands.values()]
    known = {name for part in parts for option in part.params for name in (*option.opts, *option.secondary_opts)}
    for span in re.findall(r"`((?:golmu|--)[^`\n]*)`", text_of(page)):
        assert set(re.findall(r"--[a-z-]+", span)) <= known | {"--help"}, f"{page}: {span}"
        if command := re.match(r"golmu ([a-z][a-z-]*)", span):
            assert command[1] in group.commands, f"{page}: {span}"


def without_code(text):
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def headings(text):
    """The anchors that GitHub and MyST give to the headings."""
    titles = re.findall(r"^#+ (.*)$", without_code(text), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in titles]


def commands(text):
    """The words of each command of Golmu, without its name, in the blocks of shell."""
    found = []
    for block in SHELL.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:3] == ["py", "-m", "golmu"]:
                words = words[2:]
            if words[:1] == ["golmu"]:
                found.append(words[1:])
    return found


# Python


@pytest.mark.parametrize("page", READMES)
def test_the_readmes_python_prints_what_they_say(page, fashion_mnist, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = OUTPUT.findall(text_of(page))
    assert examples
    names = {}
    for code, said in examples:
        with redirect_stdout(io.StringIO()) as out:
            exec(code, names)
        assert NUMBER.sub("#", out.getvalue()) == NUMBER.sub("#", said)
        numbers, said_numbers = (list(map(float, NUMBER.findall(text))) for text in (out.getvalue(), said))
        assert numbers == pytest.approx(said_numbers, abs=TOLERANCE)


def test_other_pages_have_python_in_cells_alone_which_run_when_the_site_is_built():
    assert set(in_blocks(PYTHON)) <= set(READMES)
