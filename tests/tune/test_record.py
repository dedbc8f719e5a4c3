"""search.json: read back as it was written, and what is wrong with it named."""

import json

import pytest
from searching import make_record, make_split

from golmu.errors import RunError
from golmu.tune.record import SEARCH, read_search, write_search


@pytest.fixture(scope="module")
def record():
    return make_record(make_split())


def test_a_record_is_read_back_as_it_was_written(record, tmp_path):
    write_search(tmp_path, record)
    found = read_search(tmp_path)
    assert found == record
    assert found.differences(json.loads(json.dumps(record.identity()))) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"trials": 0}, "is damaged: 'trials' must be an integer of at least 1, got '0'"),
        ({"search": ["units=int:9:2"]}, "is damaged: the range of units must go from a lower to a higher value, got "),
        ({"settings": {"units": 3}}, "is incomplete: 'n_kernels' is missing"),
        ({"data": None}, "is damaged: 'data' must be an object, got 'None'"),
        ({"format": 2}, "is damaged: 'format' must be an integer from 1 to 1, got '2'"),
        ({"storage": 3}, "is damaged: 'storage' must be text, got '3'"),
    ],
)
def test_a_wrong_value_is_named(record, tmp_path, change, text):
    (tmp_path / SEARCH).write_text(json.dumps(record.to_json() | change))
    with pytest.raises(RunError) as raised:
        read_search(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / SEARCH} {text}")


def test_what_is_no_search_is_said(tmp_path):
    with pytest.raises(RunError, match=r"^.* is not the folder of a search: it holds no search.json$"):
        read_search(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match=r"is not the folder of a search"):
        read_search(tmp_path / "file")
    for content, text in ((b"{", "is damaged: "), (b"[]", "must hold a JSON object, got list")):
        (tmp_path / SEARCH).write_bytes(content)
        with pytest.raises(RunError, match=text):
            read_search(tmp_path)
