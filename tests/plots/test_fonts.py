"""Names in any script as text of a figure, and the fonts that draw them."""

import numpy as np
import pytest
from drawn import draw, words
from matplotlib import font_manager
from small_network import X

from golmu import explain, plots
from golmu.errors import GolmuWarning
from golmu.plots import fonts
from golmu.plots.fonts import find_fonts, shorten, shorten_path

KOREAN = "티셔츠"

MATRIX = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])


def test_names_in_latin_need_no_other_font():
    assert fonts.readable_name("T-shirt/top", "#0") == ("T-shirt/top", [])
    assert fonts.readable_name("black-footed albatross, adult male", "#0") == ("black-footed alba…ult male", [])


@pytest.fixture
def no_fonts(monkeypatch):
    """A computer that has Matplotlib's own fonts only."""
    monkeypatch.setattr(font_manager, "findSystemFonts", list)
    fonts.families_for.cache_clear()
    yield
    fonts.families_for.cache_clear()


@pytest.mark.usefixtures("no_fonts")
def test_without_a_font_for_it_the_number_stands_for_a_name_and_nothing_is_warned_of():
    axes = plots.confusion(MATRIX, ["ant", KOREAN, "cat"])
    assert words(axes.get_yticklabels()) == ["ant", "#1", "cat"]
    draw(axes)


@pytest.mark.usefixtures("no_fonts")
def test_an_explanation_says_which_number_stands_for_which_name(explained, fitted):
    with pytest.warns(GolmuWarning) as caught:
        plots.explanation(explained)
    assert [str(warning.message) for warning in caught] == [
        f"no font here has the letters of some class names, so the picture shows numbers (#2 {KOREAN}): install one, "
        "such as fonts-noto-cjk"
    ]
    plots.explanation(explain(fitted, X[0], class_names=["ant", "bee", "cat"]))  # without a word


@pytest.mark.skipif(fonts.families_for(frozenset(KOREAN)) is None, reason="no font with Korean is installed")
def test_korean_is_drawn_where_there_is_a_font():
    axes = plots.confusion(MATRIX, ["ant", KOREAN, "cat"])
    assert words(axes.get_yticklabels()) == ["ant", KOREAN, "cat"]
    draw(axes)


def test_signs_of_mathematics_are_taken_as_they_are():
    axes = plots.confusion(MATRIX, ["$x", "$x^2$", r"$\frac{$"])
    assert words(axes.get_yticklabels()) == ["$x", "$x^2$", r"$\frac{$"]
    draw(axes)


def test_a_font_is_found_for_each_letter(monkeypatch):
    own, _ = find_fonts(["plain"])
    assert len(own) == 1
    letters = {"a.ttf": {"나"}, "Noto-Bold.ttf": set("가"), "Noto-Regular.ttf": set("가나"), "z.ttf": {"𓀀"}}
    added = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: list(letters))
    monkeypatch.setattr(fonts, "_letters_in", lambda path: letters.get(path, set("abc ")))
    monkeypatch.setattr(font_manager.fontManager, "addfont", added.append)
    monkeypatch.setattr(font_manager, "get_font", lambda path: type("Font", (), {"family_name": path}))
    assert find_fonts(["가나", "a𓀀b", "ㄱ"]) == ([*own, "Noto-Regular.ttf", "z.ttf"], {"ㄱ"})
    assert added == ["Noto-Regular.ttf", "z.ttf"]


def test_a_file_that_is_no_font_has_no_letters(tmp_path):
    (tmp_path / "a.ttf").write_text("x")
    assert fonts._letters_in(str(tmp_path / "a.ttf")) == set()
    assert fonts._letters_in(str(tmp_path / "none.ttf")) == set()


def test_long_names_lose_their_middle():
    assert shorten("n02085620-Chihuahua-of-the-finest-kind", 20) == "n02085620-Chi…t-kind"
    assert shorten("가" * 20, 11) == "가가가…가가"
    assert shorten(" a  b\n", 5) == "a b"


@pytest.mark.parametrize(
    ("path", "width", "short"),
    [
        ("train/cat/1.jpg", 24, "train/cat/1.jpg"),
        ("validation/Chihuahua/IMG_0042.jpg", 24, "validat…hua/IMG_0042.jpg"),
        ("cat/IMG_20260101_123456.jpg", 25, "…/IMG_20260101_123456.jpg"),
        ("cat/IMG_20260101_123456.jpg", 24, "IMG_20260101_123456.jpg"),
        ("cat/IMG_20260101_123456.jpg", 23, "IMG_20260101_123456.jpg"),
        ("cat/IMG_20260101_123456.jpg", 12, "IMG_2026….jpg"[:8] + "…jpg"),
        ("IMG_20260101_123456.jpg", 12, "IMG_2026…jpg"),
    ],
)
def test_long_paths_lose_their_folders_first(path, width, short):
    assert shorten_path(path, width) == short
