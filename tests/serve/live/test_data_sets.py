"""What can be chosen to train on."""

import pytest
from live import small_split

from golmu.errors import InputError
from golmu.serve.live import data_sets
from golmu.serve.live.data_sets import DataSets


def test_the_digits_are_the_default_where_fashion_mnist_would_have_to_be_fetched(monkeypatch):
    for is_here, default in ((True, "fashion-mnist"), (False, "digits")):
        monkeypatch.setattr(data_sets.fashion_mnist, "is_here", lambda folder, is_here=is_here: is_here)
        made = DataSets()
        assert made.default == default
        assert {one["name"]: one["is_here"] for one in made.describe()} == {"fashion-mnist": is_here, "digits": True}


def test_the_users_own_come_first(tmp_path):
    made = DataSets(small_split(tmp_path), "color")
    assert made.names == ("own", "fashion-mnist", "digits")
    assert made.default == "own"
    assert made.describe()[0]["recipe"] == "color"
    assert DataSets(small_split(tmp_path), first="digits").default == "digits"


def test_each_is_loaded_once_and_is_what_the_page_was_told():
    made = DataSets()
    split = made.load("digits")
    assert made.load("digits") is split
    said = made.describe()[1]
    assert list(split.data.class_names) == list(said["class_names"])
    assert len(split.data.labels) + len(split.data.validation[1]) == said["n_images"]
    assert split.data.images.shape[1:] == tuple(said["shape"])


def test_a_name_is_never_a_path():
    for name in ("/etc", "../digits", "own"):
        with pytest.raises(InputError, match="data_set must be one of fashion-mnist, digits, got"):
            DataSets().load(name)
