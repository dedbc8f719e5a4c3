"""The pages that are generated from the package's code hold all of it, and the citation names this version."""

import re
import runpy
from pathlib import Path

import numpy as np
import pytest
import yaml
from small_network import X, Y, network

import golmu
import golmu.plots
import golmu.training
from golmu.errors import GolmuError

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "en" / "reference" / "errors.md"
API = ROOT / "docs" / "en" / "reference" / "api.md"


@pytest.fixture(scope="module")
def errors():
    return runpy.run_path(str(ROOT / "docs" / "generate_errors.py"))


def test_the_page_of_errors_is_up_to_date(errors):
    assert PAGE.read_text(encoding="utf-8") == errors["page"](), "run python docs/generate_errors.py"


def test_every_department_of_the_package_is_in_one_group_of_errors(errors):
    grouped = [department for departments in errors["GROUPS"].values() for department in departments]
    assert sorted(grouped) == sorted({module.department for module in errors["MODULES"].values()})


def test_every_error_that_is_made_from_words_is_on_the_page(errors):
    """Those without a message are a sentence that comes from elsewhere: another error's, or a list of notes."""
    silent = [
        (name, call.lineno)
        for name, module in errors["MODULES"].items()
        for call, made, function in errors["calls"](module)
        if call.args and not any(errors["Texts"](name, function).of(argument) for argument in call.args[:2])
    ]
    assert len(silent) < 20, silent


@pytest.mark.parametrize(
    "act",
    [
        lambda: golmu.load_dataset("fashion-mnits"),
        lambda: golmu.load_dataset("digits", folder="."),
        lambda: golmu.load("no-such-run"),
        lambda: golmu.Dataset.from_arrays(X, Y[:3]),
        lambda: golmu.ConvolutionNetwork(0).fit(X, Y, 1),
        lambda: golmu.ConvolutionNetwork().predict(X),
        lambda: golmu.ConvolutionNetwork.from_recipe("chaper"),
        lambda: network().fit(X, Y, 1, X),
        lambda: network().fit(X, Y, 1).predict(np.zeros((2, 3, 3))),
        lambda: network(optimizer="adam", weight_decay=0.1).fit(X, Y, 1),
    ],
)
def test_a_message_is_found_by_its_words(act, errors):
    with pytest.raises(GolmuError) as caught:
        act()
    said = " ".join(str(caught.value).split())
    listed = [text for texts in errors["messages"]().values() for text in texts]
    found = [text for text in listed if re.fullmatch(".*".join(map(re.escape, text.split("…"))), said)]
    assert found, said
    assert errors["escaped"](found[0]) in PAGE.read_text(encoding="utf-8")


def test_every_public_name_is_on_the_page_of_the_api():
    text = API.read_text(encoding="utf-8")
    documented = set(re.findall(r"^\.\. (?:auto\w+|py:data):: (?:[\w.]*\.)?(\w+)$", text, re.MULTILINE))
    assert set(golmu.__all__) | set(golmu.plots.__all__) | set(golmu.training.__all__) - {"Callback", "Training"} <= (
        documented
    )


def test_the_citation_names_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["cff-version"] == "1.2.0"
    assert citation["title"] == "Golmu"
    assert citation["type"] == "software"
    assert citation["message"]
    assert citation["authors"]
    assert citation["version"] == golmu.__version__
    for language in ("en", "ko"):
        assert golmu.__version__ in (ROOT / "docs" / language / "cite.md").read_text(encoding="utf-8")
