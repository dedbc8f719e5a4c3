"""Which tables of a folder make up a data set."""

import numpy as np
import pytest

from golmu import load_dataset
from golmu.errors import DataError, GolmuWarning

X, Y = np.random.default_rng(0).integers(0, 256, (12, 16), np.uint8), np.arange(12) % 3


def table(path, rows=X):
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [
        "label," + ",".join(f"p{i}" for i in range(16)),
        *(",".join(map(str, row)) for row in np.column_stack([Y, rows])),
    ]
    path.write_text("\n".join(lines) + "\n")


@pytest.mark.parametrize("inner", ["", "data/", "mnist/"])
def test_a_clone_from_a_hub_may_keep_its_tables_one_level_down(tmp_path, inner):
    (tmp_path / ".git").mkdir()
    (tmp_path / "README.md").write_text("# MNIST")
    table(tmp_path / ".git" / "train.csv")
    for i in range(2):
        table(tmp_path / f"{inner}train-0000{i}-of-00002.csv")
    table(tmp_path / f"{inner}test-00000-of-00001.csv", 255 - X)
    data = load_dataset(tmp_path)
    assert np.array_equal(data.train.images.reshape(24, 16), np.concatenate([X, X]))
    assert np.array_equal(data.test.images.reshape(12, 16), 255 - X)


def test_of_several_folders_one_is_to_be_named(tmp_path):
    for name in ("cifar10", "cifar100"):
        table(tmp_path / name / "train.csv")
    with pytest.raises(DataError) as caught:
        load_dataset(tmp_path)
    assert str(caught.value) == (
        f"'{tmp_path}' holds tables in several folders, cifar10, cifar100: give the path of one of them"
    )
    for name in ("train", "test"):
        table(tmp_path / "sorted" / name / "0000.csv")
    data = load_dataset(tmp_path / "sorted")
    assert (len(data.train), len(data.test)) == (12, 12)


def test_a_clone_without_its_large_files_says_so(tmp_path):
    path = tmp_path / "train-00000-of-00001.parquet"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n")
    text = f"'{path}' only points to a file that Git LFS keeps: run git lfs pull in its folder, or download it"
    for place in (path, tmp_path):
        with pytest.raises(DataError) as caught:
            load_dataset(place)
        assert str(caught.value) == text


@pytest.mark.parametrize(("numbers", "lacking"), [((0, 2), "1"), ((1, 3), "2"), ((0, 1), "2")])
def test_shards_that_are_missing_are_noticed(tmp_path, numbers, lacking):
    for i in numbers:
        table(tmp_path / f"train-0000{i}-of-00003.csv")
    text = f"lacks 1 of the 3 files of a table, whose images are missing: train-0000{lacking}-of-00003$"
    with pytest.warns(GolmuWarning, match=text):
        assert len(load_dataset(tmp_path).train) == 2 * len(X)
