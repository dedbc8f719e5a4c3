"""Where the names of columns say that pixels belong, and when they do not say it."""

import numpy as np
import pytest

from golmu.data.pixel_names import IDENTIFIER_COLUMN, pixel_places

GRID = [(row, column) for row in range(1, 5) for column in range(1, 10)]
SHUFFLED = np.random.default_rng(0).permutation(36)


@pytest.mark.parametrize("pattern", ["pixel{}", "{}", "p_{}", "Pixel {} of 36", "px{:03d}", "28x28_{}", "pixel{} "])
@pytest.mark.parametrize("first", [0, 1])
def test_one_number_counts_the_pixels(pattern, first):
    names = [pattern.format(first + i) for i in range(36)]
    shuffled = [names[i] for i in SHUFFLED]
    places = pixel_places(shuffled)
    assert [shuffled[i] for i in places.order] == names
    assert (places.grid, places.is_sorted) == (None, False)
    assert pixel_places(names).is_sorted


@pytest.mark.parametrize("pattern", ["{}x{}", "r{}c{}", "row_{}_column_{}", "pixel_{}_{}", "y{}x{}", "p1 {},{}"])
def test_two_numbers_are_row_and_column(pattern):
    names = [pattern.format(row, column) for row, column in GRID]
    shuffled = [names[i] for i in SHUFFLED]
    places = pixel_places(shuffled)
    assert [shuffled[i] for i in places.order] == names
    assert places.grid == (4, 9)
    by_text = sorted(names)
    assert [by_text[i] for i in pixel_places(by_text).order] == names


@pytest.mark.parametrize("pattern", ["x{}y{}", "c{}r{}", "px_x{}_y{}", "col {} row {}"])
def test_the_letters_may_name_the_column_first(pattern):
    names = [pattern.format(column, row) for row, column in GRID]
    places = pixel_places([names[i] for i in SHUFFLED])
    assert [names[SHUFFLED[i]] for i in places.order] == names
    assert places.grid == (4, 9)


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(list("abcd"), id="letters"),
        pytest.param(["a0", "b1", "a2", "a3"], id="different words"),
        pytest.param(["a2", "a4", "a6", "a8"], id="gaps"),
        pytest.param(["a2", "a3", "a4", "a5"], id="not from 0 or 1"),
        pytest.param(["a0", "a1", "a01", "a2"], id="a number twice"),
        pytest.param(["0x0", "0x1", "1x0", "2x2"], id="half a grid"),
        pytest.param([f"{i}_{j}_{k}" for i in range(2) for j in range(2) for k in range(2)], id="three numbers"),
        pytest.param([f"{j}x{i}" for i in range(3) for j in range(3)], id="by columns, or column first"),
        pytest.param([str(10**20 + i) for i in range(4)], id="numbers too long"),
        pytest.param(["a", "a"], id="no numbers"),
        pytest.param([], id="no names"),
        pytest.param(["a1"], id="one name"),
    ],
)
def test_names_that_leave_a_doubt_tell_nothing(names):
    assert pixel_places(names) is None


def test_numbers_are_names_too():
    assert pixel_places([2, 0, 1, 3]).order.tolist() == [1, 2, 0, 3]


@pytest.mark.parametrize(
    "name", ["", "id", "ID", "index", "Unnamed: 0", "unnamed: 12", "__index_level_0__", "Unnamed: 0.1"]
)
def test_columns_that_number_the_rows(name):
    assert IDENTIFIER_COLUMN.fullmatch(name)
    assert not IDENTIFIER_COLUMN.fullmatch(f"pixel{name}")


def test_three_numbers_are_row_column_and_channel():
    names = [f"r{i}c{j}b{k}" for i in range(11) for j in range(11) for k in range(3)]
    shuffled = sorted(names)
    places = pixel_places(shuffled)
    assert [shuffled[i] for i in places.order] == names
    assert not places.is_sorted
    assert pixel_places([f"b{k}r{i}c{j}" for k in range(3) for i in range(4) for j in range(4)]) is None
