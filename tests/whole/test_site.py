"""The site: both languages share their cells, and no page loads anything from elsewhere."""

import base64
import hashlib
import re
import runpy
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from site_cells import alternative_texts, cells, commands, shared_cells, spans

from golmu.about import DATASET_NAMES

DOCS = Path(__file__).parents[2] / "docs"
KOREAN = sorted(path.relative_to(DOCS / "ko").as_posix() for path in (DOCS / "ko").rglob("*.md"))
PAGES = sorted(
    path.relative_to(DOCS).as_posix() for language in ("en", "ko") for path in (DOCS / language).rglob("*.md")
)


HOW_TO = [page for page in PAGES if "/how-to/" in page]
DRAWING = [page for page in PAGES if page.startswith(("en/how-to/", "en/further/"))]

CANNOT_RUN = {
    r"pip (install|wheel) ": "changes the installation",
    r"docker ": "needs Docker",
    r"golmu tune .* --storage postgresql": "needs a database that several computers reach",
    r"golmu app --host 0\.0\.0\.0": "lets other computers in",
    r"GOLMU_TOKEN=\S+ golmu serve .* --host 0\.0\.0\.0": "lets other computers in",
    r"curl -H 'Authorization: ": "asks that server",
}
"""How commands begin that no cell can run, and why."""


@pytest.mark.parametrize("page", KOREAN)
def test_a_korean_page_has_the_cells_of_the_english_one(page):
    assert (DOCS / "en" / page).exists()
    assert shared_cells(DOCS / "ko" / page) == shared_cells(DOCS / "en" / page)


@pytest.mark.parametrize("page", KOREAN)
def test_the_figures_of_a_korean_page_are_described_in_korean(page):
    for text in alternative_texts(DOCS / "ko" / page):
        assert re.search("[가-힣]", text), text


def test_both_languages_share_the_results_of_cells_and_describe_figures_on_their_own(tmp_path):
    pytest.importorskip("myst_nb")
    import nbformat
    from jupyter_cache.base import CacheBundleIn

    open_cache = runpy.run_path(str(DOCS / "extensions" / "shared_cells.py"))["open_cache"]
    english, korean = (
        nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell("1 + 1", metadata={"mystnb": {"image": {"alt": alt}}})]
        )
        for alt in ("Two", "둘")
    )
    english.cells[0].outputs = [nbformat.v4.new_output("stream", text="2")]
    cache = open_cache(tmp_path)
    cache.cache_notebook_bundle(CacheBundleIn(english, "page.md"), check_validity=False)
    _, merged = cache.merge_match_into_notebook(korean)
    assert merged.cells[0].outputs == english.cells[0].outputs
    assert merged.cells[0].metadata == korean.cells[0].metadata


def test_the_cache_of_results_keeps_all_whatever_another_page_adds_meanwhile(tmp_path):
    pytest.importorskip("myst_nb")
    import nbformat
    from jupyter_cache.base import CacheBundleIn

    cache = runpy.run_path(str(DOCS / "extensions" / "shared_cells.py"))["open_cache"](tmp_path)
    cache.change_cache_limit(1)
    for code in ("1", "2", "3"):
        page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        cache.cache_notebook_bundle(CacheBundleIn(page, f"{code}.md"), check_validity=False)
    assert len(cache.list_cache_records()) == 3


BUILD = """
import sys
from sphinx.application import Sphinx

extensions, pages, made = sys.argv[1:]
sys.path.insert(0, extensions)
settings = {"extensions": ["myst_nb", "shared_cells"], "nb_execution_cache_path": f"{made}/cells"}
Sphinx(pages, None, made, made, "dummy", confoverrides=settings).build()
"""
"""The build of pages that have no cells, and so do not ask for results themselves."""


def test_the_cache_of_results_is_there_before_several_pages_are_read_at_a_time(tmp_path):
    """Each reader makes the tables that it finds missing: of two that did so at once, the slower one failed."""
    pytest.importorskip("myst_nb")
    (tmp_path / "index.md").write_text("# A page", encoding="utf-8")
    made = tmp_path / "made"
    subprocess.run([sys.executable, "-c", BUILD, DOCS / "extensions", tmp_path, made], check=True)
    with closing(sqlite3.connect(made / "cells" / "global.db")) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert ("settings",) in tables


@pytest.mark.parametrize("page", PAGES)
def test_a_page_with_cells_says_so_or_they_would_not_run(page):
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text.startswith("---\nfile_format: mystnb\n") == ("{code-cell}" in text)


@pytest.mark.parametrize("page", HOW_TO)
def test_a_command_that_can_run_at_build_is_a_cell(page):
    for block in re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        for command in block.replace("\\\n", " ").splitlines():
            assert any(re.match(beginning, command) for beginning in CANNOT_RUN), f"make this a cell: {command}"


@pytest.mark.parametrize("page", HOW_TO)
def test_a_command_in_the_text_runs_on_its_page_unless_it_is_a_bare_name(page):
    ran = commands(DOCS / page)
    for span in spans(DOCS / page):
        if re.match(r"golmu [a-z-]+ \S|--[a-z-]+ \S", span):
            assert f" {span} " in f" {ran} ", f"make this a cell, or name the command or the option alone: {span}"


def test_no_two_pages_draw_images_into_the_same_folder():
    """Readers run all pages in one folder: there, the images of two pages would mix."""
    owner = {}
    for page in DRAWING:
        code = "\n".join(cells(DOCS / page))
        words = " ".join(re.findall(r"golmu (?:data|train|pack|predict) ((?:(?!-)[\w./-]+ ?)+)", code)).split()
        folders = {word for word in words if re.fullmatch(r"[a-z][a-z-]*", word)} - {*DATASET_NAMES}
        for folder in folders.union(re.findall(r"""\bdraw\("([^"/]+)""", code)):
            assert owner.setdefault(folder, page) == page, f"{folder}: {page}, {owner[folder]}"


def test_every_page_that_says_how_to_do_something_is_there_in_korean():
    english, korean = ({page[3:] for page in HOW_TO if page.startswith(language)} for language in ("en", "ko"))
    assert english == korean


@pytest.mark.parametrize("page", PAGES)
def test_no_cell_may_fail(page):
    assert "raises-exception" not in (DOCS / page).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def check():
    return runpy.run_path(str(DOCS / "check_site.py"))


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('<img src="https://example.org/a.png">', "html"),
        ('<img src="a.png" srcset="a.png 1x, //example.org/b.png 2x">', "html"),
        ('<script src="//example.org/a.js"></script>', "html"),
        ('<script>import("https://example.org/a.js")</script>', "html"),
        ('<link rel="stylesheet" href="HTTPS://example.org/a.css">', "html"),
        ('<link rel="preload" href="https://example.org/a.woff2">', "html"),
        ('<p style="background: url(https://example.org/a.png)">', "html"),
        ('<style>@import "https://example.org/a.css";</style>', "html"),
        ('<iframe src="https://example.org/"></iframe>', "html"),
        ('<video poster="https://example.org/a.png"></video>', "html"),
        ('<svg><image xlink:href="https://example.org/a.png"/></svg>', "html"),
        ('<svg><use href="https://example.org/a.svg#a"/></svg>', "html"),
        ('<meta http-equiv="refresh" content="0; url=https://example.org/">', "html"),
        ('<img src="https://example.org/a.png" src="a.png">', "html"),
        ('<img src="https:example.org/a.png">', "html"),
        ('<script>import a from "https://example.org/a.js"</script>', "html"),
        ('@import"https://example.org/a.css";', "css"),
        ('export * from "https://example.org/a.js"', "js"),
        ('new WebSocket("wss://example.org/")', "js"),
        ("@font-face { src: url('https://example.org/a.woff2') }", "css"),
        ('fetch("https://example.org/a.json")', "js"),
    ],
)
def test_what_comes_from_elsewhere_is_found(check, text, kind):
    assert len(check["outside_sources"](text, kind)) == 1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('<a href="https://example.org/">elsewhere</a>', "html"),
        ('<link rel="canonical" href="https://example.org/">', "html"),
        ('<svg xmlns="http://www.w3.org/2000/svg"></svg>', "html"),
        ('<img src="data:image/png;base64,AA=="><img src="../_images/a.png">', "html"),
        ("<pre>&lt;img src=https://example.org/a.png&gt;</pre>", "html"),
        ("a { background: url(../a.png) } /* https://example.org/ */", "css"),
        ("a { } /* url(https://example.org/a.png) */", "css"),
        ("// https://example.org/\nfetch(`data/${name}.json`)", "js"),
    ],
)
def test_what_a_page_only_names_or_has_itself_is_left_alone(check, text, kind):
    assert check["outside_sources"](text, kind) == []


def test_a_page_gets_a_policy_that_allows_its_own_scripts_by_their_digest(check):
    scripts = '<script>let a = 1 && 2;</script><script src="b.js"></script>'
    page = f'<html><head><meta charset="utf-8"></head><body>{scripts}</body></html>'
    digest = base64.b64encode(hashlib.sha256(b"let a = 1 && 2;").digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', check["secured"](page))[1]
    assert policy.count("sha256-") == 1
    assert f"script-src 'self' 'sha256-{digest}';" in policy
    assert "unsafe-eval" not in policy


def test_a_script_in_an_attribute_is_named_since_the_policy_blocks_it(check, tmp_path):
    page = '<meta charset="utf-8"><button {}>on</button><pre>&lt;a onclick="b()"&gt;</pre>'
    (tmp_path / "a.html").write_text(check["secured"](page.format('onclick="a()"')), encoding="utf-8")
    (tmp_path / "b.html").write_text(check["secured"](page.format("")), encoding="utf-8")
    (found,) = check["problems"](tmp_path)
    assert "a.html" in found
    assert "onclick" in found


def test_a_script_that_runs_a_text_is_named_and_that_of_sphinx_mended(check, tmp_path):
    sphinx = 'Documentation.PLURAL_EXPR = new Function(\n  "n",\n  `return (${catalog.plural_expr})`,\n);'
    (tmp_path / "doctools.js").write_text(sphinx, encoding="utf-8")
    (tmp_path / "theme.js").write_text('this || new Function("return this")()', encoding="utf-8")
    (found,) = check["problems"](tmp_path)
    assert "doctools.js: runs a text" in found
    (tmp_path / "doctools.js").write_text(check["without_evaluation"](sphinx), encoding="utf-8")
    assert check["problems"](tmp_path) == []


def test_a_page_without_a_policy_is_named(check, tmp_path):
    (tmp_path / "a.html").write_text('<meta charset="utf-8"><p>Content-Security-Policy', encoding="utf-8")
    assert "has no content security policy" in check["problems"](tmp_path)[0]
