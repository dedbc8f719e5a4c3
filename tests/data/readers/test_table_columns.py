"""Which columns of a table are pixels, in which order, and which are labels."""

import re

import numpy as np
import pandas
import pytest

from golmu import load_dataset
from golmu.errors import DataError, GolmuWarning, InputError

RNG = np.random.default_rng(0)
N = 12
X, Y = RNG.integers(0, 256, (N, 36), np.uint8), np.arange(N) % 3
ORDER = RNG.permutation(36)


def written(path, frame):
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def frame_of(names, values=X):
    return pandas.DataFrame(dict(zip(names, values.T, strict=True)))


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("names", "shape"),
    [
        pytest.param([f"pixel{i}" for i in range(36)], (6, 6), id="one number"),
        pytest.param([f"{i // 6}x{i % 6}" for i in range(36)], (6, 6), id="two numbers"),
        pytest.param([f"r{i // 9}c{i % 9}" for i in range(36)], (4, 9), id="another grid"),
        pytest.param([f"x{i % 9}y{i // 9}" for i in range(36)], (4, 9), id="the column first"),
    ],
)
def test_pixels_stand_where_the_names_of_their_columns_say(tmp_path, suffix, names, shape):
    frame = frame_of([names[i] for i in ORDER], X[:, ORDER])
    path = written(tmp_path / f"a.{suffix}", frame.assign(label=Y))
    with pytest.warns(
        GolmuWarning, match=f"^the columns of {re.escape(repr(str(path)))} are not in the order of the num"
    ):
        images = load_dataset(path).train.images
    assert np.array_equal(images[..., 0], X.reshape(N, *shape))
    written(path, frame_of(names).assign(label=Y))
    assert np.array_equal(load_dataset(path).train.images[..., 0], X.reshape(N, *shape))  # without a word


@pytest.mark.parametrize("name", ["id", "Index", "Unnamed: 0", "__index_level_0__"])
def test_a_column_that_numbers_the_rows_is_neither_a_pixel_nor_a_label(tmp_path, name):
    frame = frame_of([f"p{i}" for i in range(36)])
    path = tmp_path / "a.csv"
    said = f"1 column of numbers in '{path}' is not read as a pixel: {name}"
    for label in ("label", "digit"):  # the second is the label as the first column that may be it
        numbered = frame.copy()
        numbered.insert(0, label, Y)
        numbered.insert(0, name, np.arange(N))
        written(path, numbered)
        with pytest.warns(GolmuWarning, match=f"^{re.escape(said)}$"):
            data = load_dataset(path)
        assert np.array_equal(data.train.images.reshape(N, 36), X)
        assert data.train.labels.tolist() == Y.tolist()
    short = frame.iloc[:, :35].assign(label=Y)  # with the index it would be a square
    short.insert(0, name, np.arange(N))
    with pytest.raises(DataError, match=r"has 35 columns of numbers beside 'label', which do not make a square image"):
        load_dataset(written(path, short))
    with pytest.warns(GolmuWarning, match=f"^{re.escape(said)}$"):
        assert load_dataset(path, size=(5, 7)).train.images.shape == (N, 5, 7, 1)


def test_size_is_advised_only_where_it_can_help(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("label,url\n" + "".join(f"{i},http://x/{i}\n" for i in range(4)))
    with pytest.raises(DataError) as caught:
        load_dataset(path)
    assert str(caught.value) == (
        f"'{path}' has 0 columns of numbers beside 'label' (and columns of text: url), which do not make a square "
        "image, and no column of images: give a column for each pixel, of lists of pixels, or of the names of image "
        "files (such as a.png) that are beside the table; addresses and other text are not read"
    )
    with pytest.raises(DataError, match=r"addresses and other text are not read$"):
        load_dataset(path, size=8)
    path.write_text("label,a,b,c,d,e\n1,2,3,4,5,6\n")
    with pytest.raises(DataError, match=r"give height, width and channels with --size and --channels"):
        load_dataset(path)
    with pytest.raises(InputError, match=r"^size=8x8 was asked for, but .* has 5 columns of pixels beside 'label'"):
        load_dataset(path, size=8)
