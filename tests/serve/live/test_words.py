"""The words of the live page: each is in every language, and each that the page asks for is there."""

import json
import re
from pathlib import Path

import pytest

from golmu.data.named.fashion_mnist import CLASS_NAMES, NAME
from golmu.recipe import OPTIMIZERS, RECIPES
from golmu.serve.live.assets import STATIC

LANGUAGES = ("en", "ko")

WORDS = {name: json.loads((STATIC / f"words.{name}.json").read_text(encoding="utf-8")) for name in LANGUAGES}


def places(text):
    """The names in braces."""
    return set(re.findall(r"\{(\w+)\}", text))


def used():
    """The keys that stand in the page's files as they are; those that are put together end with a dot."""
    text = "\n".join(
        path.read_text(encoding="utf-8") for path in Path(STATIC).rglob("*") if path.suffix in (".js", ".html")
    )
    known = {key.split(".")[0] for key in WORDS["en"]}
    return {key for key in re.findall(r"[\"`]([a-z]+(?:\.[a-z_]+)+)[\"`]", text) if key.split(".")[0] in known}


def test_both_languages_have_the_same_keys_and_places():
    assert list(WORDS["en"]) == list(WORDS["ko"])
    for key, text in WORDS["en"].items():
        assert places(text) == places(WORDS["ko"][key]), key
        assert text.strip(), key


def test_no_key_is_written_twice():
    for name in LANGUAGES:
        pairs = json.loads((STATIC / f"words.{name}.json").read_text(encoding="utf-8"), object_pairs_hook=list)
        keys = [key for key, _ in pairs]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_page_asks_for_is_there(language):
    keys = used() - {"train.js", "train.css"}
    assert len(keys) > 100
    assert keys <= set(WORDS[language])
    assert {f"recipe.{name}" for name in RECIPES} <= set(WORDS[language])
    assert {f"field.optimizer.{name}" for name in OPTIMIZERS} <= set(WORDS[language])


def test_the_classes_of_fashion_mnist_are_words():
    assert tuple(WORDS["en"][f"class.{NAME}.{i}"] for i in range(10)) == CLASS_NAMES


def test_korean_is_korean():
    is_neutral = re.compile(r"[A-Z]\w+|.*=.*")  # a name, such as Adam, or a formula
    same = {text for key, text in WORDS["ko"].items() if text == WORDS["en"][key] and re.search("[a-z]{3}", text)}
    assert all(map(is_neutral.fullmatch, same)), same
