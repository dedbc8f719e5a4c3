"""Pixels in frames and in arrays of every kind: integers are integers, and stand where their names say."""

import re
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from golmu import ConvolutionNetwork, Dataset
from golmu.data.inputs import as_images
from golmu.data.pixel_arrays import as_numbers
from golmu.errors import GolmuWarning, InputError, InputTypeError

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (12, 16))
X[0, 0] = 255
Y = np.arange(12) % 3
FRAME = pd.DataFrame(X, columns=[f"pixel{i}" for i in range(16)])
BLACK_COLUMN = FRAME.assign(pixel3=0)


def without_warnings(function, *arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(*arguments)


@pytest.mark.parametrize(
    ("frame", "values"),
    [
        pytest.param(FRAME.astype(np.uint8), X, id="uint8"),
        pytest.param(FRAME.convert_dtypes(), X, id="nullable"),
        pytest.param(FRAME.astype("UInt8"), X, id="nullable uint8"),
        pytest.param(FRAME.astype("int16[pyarrow]"), X, id="arrow"),
        pytest.param(FRAME.astype({"pixel1": "int16[pyarrow]", "pixel2": "Int32"}), X, id="several"),
        pytest.param(FRAME.astype(object), X, id="objects"),
        pytest.param(FRAME.astype(str), X, id="text"),
        pytest.param(FRAME.astype("string"), X, id="nullable text"),
        pytest.param(FRAME.astype({"pixel1": object}), X, id="one column of objects"),
        pytest.param(FRAME.astype({"pixel1": float}), X, id="one column of whole floats"),
        pytest.param(FRAME.astype({"pixel1": "Float64"}), X, id="one column of nullable floats"),
        pytest.param(FRAME.astype({"pixel1": "category"}), X, id="a category"),
        pytest.param(BLACK_COLUMN.astype({"pixel3": bool}), BLACK_COLUMN, id="one column of booleans"),
        pytest.param(BLACK_COLUMN.astype({"pixel3": "boolean"}), BLACK_COLUMN, id="one column of nullable booleans"),
        pytest.param(X.astype(object), X, id="an array of objects"),
        pytest.param([[np.uint8(value) for value in row] for row in X], X, id="lists of NumPy's integers"),
    ],
)
def test_integers_are_scaled_as_integers_however_they_are_kept(frame, values):
    expected = np.asarray(values).reshape(12, 4, 4, 1)
    images = without_warnings(as_images, frame)
    assert images.dtype == np.uint8
    assert np.array_equal(images, expected)
    assert np.array_equal(without_warnings(Dataset.from_arrays, frame, Y).train.images, expected)


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(FRAME / 255, id="floats"),
        pytest.param((FRAME / 255).convert_dtypes(), id="nullable floats"),
        pytest.param((FRAME / 255).astype("float[pyarrow]"), id="arrow floats"),
        pytest.param((FRAME / 255).astype(object), id="objects"),
        pytest.param((FRAME / 255).map(Decimal), id="decimals"),
        pytest.param((FRAME / 255).assign(pixel0=FRAME["pixel0"] // 255), id="one column of integers 0 and 1"),
    ],
)
def test_fractions_stay_shares_of_1(frame):
    images = without_warnings(as_images, frame)
    assert images.dtype == np.float32
    assert np.allclose(images.reshape(12, -1)[:, 1:], X[:, 1:] / 255)


def test_booleans_are_black_and_white():
    for frame in (FRAME > 99, (FRAME > 99).astype("boolean"), (FRAME > 99).astype(object)):
        assert np.array_equal(as_images(frame).reshape(12, -1), (X > 99).astype(np.float32))
        assert Dataset.from_arrays(frame, Y).train.images.max() == 255


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
def test_missing_pixels_are_refused_in_words(missing):
    text = "x holds pixels that are missing (None or NaN), the first in image 4: fill them in, or remove these images"
    frame = FRAME.astype(object)
    frame.iloc[4, 7] = missing
    frame.iloc[6, 7] = missing
    for wrong in (frame, frame.astype("Int64"), frame.to_numpy()):
        with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
            as_images(wrong)
    if missing is not pd.NA:
        with pytest.raises(
            InputError, match=r"^x holds pixels that are NaN or infinite in float32, the first in image 4"
        ):
            as_images(frame.astype(float))


@pytest.mark.parametrize("value", [2**70, -(2**70), "a", [1], b"x", pd.Timestamp(0)])
def test_objects_that_are_no_pixels_are_refused_in_words(value):
    frame = FRAME.astype(object)
    frame.at[4, "pixel7"] = value
    with pytest.raises(InputTypeError, match=r"^x must be an array of "):
        as_images(frame)


def test_columns_stand_where_their_names_say():
    by_text = FRAME[sorted(FRAME.columns)]
    said = "the columns of {} are not in the order of the numbers in their names: the pixels are taken in that order"
    with pytest.warns(GolmuWarning, match=f"^{said.format('x')}$"):
        assert np.array_equal(as_images(by_text).reshape(12, -1), X)
    with pytest.warns(GolmuWarning, match=f"^{said.format('images')}$"):
        assert np.array_equal(Dataset.from_arrays(by_text, Y).train.images.reshape(12, -1), X)
    grid = pd.DataFrame(X, columns=[f"{i // 8 + 1}x{i % 8 + 1}" for i in range(16)])
    assert np.array_equal(without_warnings(as_images, grid)[..., 0], X.reshape(12, 2, 8))  # and not 4x4
    assert as_numbers(np.zeros((2, 0)), "x").shape == (2, 0)


@pytest.mark.parametrize("name", ["Unnamed: 0", "index", "id", ""])
def test_a_column_that_numbers_the_rows_is_no_pixel(name):
    frame = FRAME.iloc[:, :15].copy()
    frame.insert(0, name, np.arange(12))
    text = (
        f"x has the column '{name}', which numbers the rows and holds no pixels: drop it with x.drop(columns='{name}')"
    )
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        as_images(frame)


def test_a_network_answers_alike_for_every_kind_of_frame():
    network = ConvolutionNetwork(n_kernels=2, units=4, epochs=2, batch_size=4, random_state=0).fit(X, Y)
    expected = network.predict_proba(X)
    for frame in (FRAME, FRAME.convert_dtypes(), FRAME.astype(object), FRAME[sorted(FRAME.columns)]):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fitted = ConvolutionNetwork(n_kernels=2, units=4, epochs=2, batch_size=4, random_state=0).fit(frame, Y)
            assert np.array_equal(fitted.predict_proba(frame), expected)
            assert np.array_equal(network.predict_proba(frame), expected)
            assert fitted.score(frame, Y) == network.score(X, Y)
            answers = network.predictor_.predict(frame)
            assert np.array_equal(network.predictor_.probabilities(frame), expected)
        assert [one.probability for one in answers] == expected.max(axis=1).tolist()


@pytest.mark.parametrize("standardize", [False, True])
def test_pixels_that_overflow_are_refused_before_training_and_prediction(standardize):
    shares = (X / 255).astype(np.float32)
    network = ConvolutionNetwork(
        n_kernels=2, units=4, epochs=1, batch_size=4, standardize=standardize, random_state=0
    ).fit(shares, Y)
    for value in (3e38, -3e38, 1e30, 2e15):
        wrong = shares.copy()
        wrong[3, 3] = value
        said = r"holds float pixels from .* to .*, but beyond ±1e\+15 the sums of a network overflow: scale them"
        for call in (network.predict, network.predict_proba, network.predictor_.logits, lambda x: network.fit(x, Y)):
            with pytest.raises(InputError, match=said):
                call(wrong)


def test_an_output_that_is_not_finite_is_an_error():
    network = ConvolutionNetwork(n_kernels=2, units=4, epochs=1, batch_size=4, random_state=0).fit(X, Y)
    weights = network.get_weights()
    for name, value in (("conv_w", 1), ("w1", 1e20), ("w2", 1e20)):
        weights[name][:] = value
    network.set_weights(weights)
    said = r"^the network's output for image \d+ is NaN or infinite: its pixels are too large for float32"
    for call in (network.predict, network.predict_proba, network.forpass, network.predictor_.predict):
        with pytest.raises(InputError, match=said):
            call(X.reshape(12, 4, 4).astype(np.uint8))
