"""The layers of the package: every import points downwards, those for type checking included."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import golmu

SOURCE = Path(golmu.__file__).parent

LAYERS = [
    {"cli"},
    {"serve"},
    {"estimator"},
    {"report", "tune"},
    {"runs", "export"},
    {"plots", "pages"},
    {"analysis"},
    {"model", "training"},
    {"engines", "data"},
    {"schedule"},
    {"recipe"},
    {"architecture", "preprocessing"},
    {"checks"},
    {"system"},
    {"about", "json_values", "types", "metrics", "names"},
    {"errors"},
]
"""The departments from the top down; those of one layer do not import each other."""

FORBIDDEN = {("cli", "estimator"), ("training", "data")}
"""Pairs that the layers alone would allow."""

MAX_PLAIN_MODULES = 12
"""Modules at the top level, at most."""

RANK = {name: floor for floor, names in enumerate(LAYERS) for name in names}


def imports(tree):
    """The pairs of a module and a name that a file imports, wherever in the file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)


def modules():
    """The modules of the package by name, with the modules that each imports."""
    paths = {
        ".".join(("golmu", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__"): path
        for path in SOURCE.rglob("*.py")
    }
    needed = {}
    for module, path in paths.items():
        pairs = imports(ast.parse(path.read_text(encoding="utf-8")))
        needed[module] = {inner if (inner := f"{home}.{name}") in paths else home for home, name in pairs}
        needed[module] = {home for home in needed[module] if home.startswith("golmu.")} - {module}
    return needed


def department(module):
    return module.split(".")[1]


def between_departments():
    for module, homes in modules().items():
        if module not in ("golmu", "golmu.__main__"):  # the public names, and `python -m golmu`
            for home in homes:
                if department(home) != department(module):
                    yield module, home


def test_every_department_has_a_layer():
    assert {department(module) for module in modules() if module not in ("golmu", "golmu.__main__")} == set(RANK)


def test_departments_import_downwards_only():
    for module, home in between_departments():
        assert RANK[department(module)] < RANK[department(home)], f"{module} imports {home}"


def test_what_must_stay_apart_stays_apart():
    for module, home in between_departments():
        assert (department(module), department(home)) not in FORBIDDEN, f"{module} imports {home}"


def test_modules_make_no_circle():
    needed = modules()
    del needed["golmu"]
    assert "golmu.data.arrays" in needed["golmu.data.dataset"]
    TopologicalSorter(needed).prepare()


def test_the_top_level_holds_few_modules():
    plain = [path for path in SOURCE.glob("*.py") if not path.name.startswith("__")]
    assert len(plain) <= MAX_PLAIN_MODULES


def test_the_page_on_architecture_has_the_same_layers():
    page = (SOURCE.parents[1] / "docs" / "en" / "internals" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("## The layers")[1].split("\n## ")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert [{name.strip("`/ ").removesuffix(".py") for name in row.split(",")} for row in rows] == LAYERS


def test_every_test_mirrors_a_module():
    """tests/x/test_y.py tests golmu/x/y.py, or y.js of the live page; what crosses departments is in tests/whole."""
    root = Path(__file__).parents[1]
    names = {module.removeprefix("golmu.") for module in modules()}
    names |= {name.replace("cli.commands.", "cli.") for name in names}
    names |= {f"serve.live.{path.stem}" for path in (SOURCE / "serve/live/static").glob("*.js")}
    odd = []
    for path in root.rglob("test_*.py"):
        place = path.relative_to(root).with_suffix("")
        name = ".".join((*place.parts[:-1], place.name.removeprefix("test_")))
        if place.parts[0] != "whole" and name not in names and not any(name.startswith(f"{one}_") for one in names):
            odd.append(str(place))
    assert sorted(odd) == sorted(ODD_TESTS)


ODD_TESTS = [
    "cli/test_errors",
    "cli/test_image_files",
    "cli/test_resume",
    "engines/test_choice",
    "engines/test_steps",
    "engines/test_twins",
    "examples/test_examples",
    "examples/test_notebooks",
    "plots/test_plots",
    "runs/test_old_run",
    "runs/test_resume",
    "serve/live/test_accessibility_in_browser",
    "serve/live/test_many_classes_in_browser",
    "serve/live/test_page_in_browser",
]
"""Tests of a department as a whole, which mirror no single module."""
