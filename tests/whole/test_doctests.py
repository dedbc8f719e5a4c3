"""The examples in docstrings give what they say."""

import doctest
import importlib
from pathlib import Path
from types import FunctionType

import pytest

import golmu
from golmu.export.exporting import export

SOURCE = Path(golmu.__file__).parent
MODULES = sorted(
    ".".join(("golmu", *path.relative_to(SOURCE).with_suffix("").parts))
    for path in SOURCE.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
WITHOUT_EXAMPLE = {"NotFittedError", "Prediction", "RECIPES"}
"""Public names that are no more than a value, or come out of the examples of others."""


def examples_of(module):
    """The examples in a module's own functions and classes, among them those that name `golmu` as their home."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    for name, value in vars(module).items():
        if isinstance(value, type | FunctionType) and value.__module__ in (module.__name__, "golmu"):
            yield from (test for test in finder.find(value, name, module=False) if test.examples)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runner = doctest.DocTestRunner()
    for test in examples_of(importlib.import_module(name)):
        runner.run(test)
    result = runner.summarize()
    assert result.attempted > 0
    assert result.failed == 0


def test_every_public_name_has_an_example_and_none_is_skipped():
    for name in set(golmu.__all__) - WITHOUT_EXAMPLE:
        value = export if name == "export" else getattr(golmu, name)
        texts = [value.__doc__, *(getattr(member, "__doc__", "") for member in vars(value).values())]
        examples = "".join(text for text in texts if text and ">>> " in text)
        assert examples, name
        assert "+SKIP" not in examples, name
