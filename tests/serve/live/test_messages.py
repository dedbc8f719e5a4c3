"""Messages to the page, which it can lay arrays over, and from it, which are checked."""

import json

import numpy as np
import pytest
from live import decode

from golmu.errors import InputError
from golmu.serve.live.messages import Request, pack


def test_a_message_comes_out_as_it_went_in():
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([[1], [255]], np.uint8),
        "empty": np.empty((0, 4), np.int32), "turned": np.arange(6, dtype=np.int32).reshape(2, 3).T,
    }  # fmt: skip
    message = pack(
        "frame", {"name": "꿀벌 </script>", "n": 3, "list": [0.5, float("nan"), {"x": float("inf")}]}, arrays
    )
    values, decoded = decode(message)
    assert values == {"kind": "frame", "name": "꿀벌 </script>", "n": 3, "list": [0.5, None, {"x": None}]}
    for name, array in arrays.items():
        assert decoded[name].dtype == array.dtype
        assert np.array_equal(decoded[name], array)


@pytest.mark.parametrize("length", range(9))
def test_arrays_begin_at_a_multiple_of_eight(length):
    _, decoded = decode(pack("x" * length, {}, {"a": np.zeros(3, np.uint8), "b": np.ones(2, np.float32)}))
    assert decoded["b"].tolist() == [1, 1]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "a message must be a JSON object with 'do', got no JSON"),
        ("[1]", "a message must be a JSON object with 'do', got list"),
        ("[" * 60_000, "a message must be a JSON object with 'do', got no JSON"),
        ("{}", "do must be a text of at most 200 characters, got None"),
        ('{"do": 3}', "do must be a text of at most 200 characters, got 3"),
        ('{"do": "%s"}' % ("x" * 201), "do must be a text of at most 200 characters, got 'xxx"),
    ],
)
def test_what_is_no_message(text, error):
    with pytest.raises(InputError, match=f"^{error}") as caught:
        _ = Request(text).do
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, "n must be an integer, got None"),
        ("3", "n must be an integer, got '3'"),
        (3.0, "n must be an integer, got 3.0"),
        (True, "n must be an integer from 1 to 60, got True"),
        (0, "n must be an integer from 1 to 60, got 0"),
        (10**30, "n must be an integer from 1 to 60, got 1000"),
    ],
)
def test_numbers_are_checked(value, error):
    with pytest.raises(InputError, match=f"^{error}"):
        Request(json.dumps({"n": value})).number("n", 1, 60)


def test_what_may_be_left_out():
    request = Request('{"do": "images", "ask": true}')
    assert request.ask is None
    assert request.number("n", 1, 60, 20) == 20
    assert request.word("which", None) is None
    assert request.mapping("settings") == {}
    with pytest.raises(InputError, match="settings must be an object, got \\[1\\]"):
        Request('{"settings": [1]}').mapping("settings")
