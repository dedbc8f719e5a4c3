"""Images and labels as users pass them: what is taken, what is refused, and in what words."""

import re
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array

from golmu import ConvolutionNetwork
from golmu.data.inputs import as_images, as_label_array, encode, find_classes
from golmu.errors import GolmuWarning, InputError, InputTypeError

RNG = np.random.default_rng(0)
BYTES = RNG.integers(0, 256, (3, 4, 5, 2), np.uint8)
SQUARE = RNG.integers(0, 256, (3, 4, 4), np.uint8)

SHAPES = "(n, h, w, c), (n, h, w) or flattened (n, h·w)"
CONTINUOUS = "(Unknown label type: continuous): use integers or strings"
MISSING = "y is missing: the network requires y to be passed, but the target y is None; give one label for each image"
LACKS = "y has missing labels (None or NaN), the first for image "
REMOVE = ": remove these images, or label them"
ONE = ": Reshape your data, one image to (1, h, w, c)"
RESHAPE = "reshape it to (n, h, w, c), or one image to (1, h, w, c), or set the network's image_shape"


@pytest.mark.parametrize(
    ("x", "shape", "expected"),
    [
        pytest.param(BYTES, None, BYTES, id="four axes"),
        pytest.param(BYTES, (4, 5, 2), BYTES, id="four axes of the shape needed"),
        pytest.param(SQUARE, None, SQUARE[..., None], id="three axes"),
        pytest.param(SQUARE[:, :, :3], None, SQUARE[:, :, :3, None], id="three axes, not square"),
        pytest.param(SQUARE.reshape(3, 16), None, SQUARE[..., None], id="flattened square"),
        pytest.param(BYTES.reshape(3, 40), (4, 5, 2), BYTES, id="flattened, of a known shape"),
        pytest.param(SQUARE.tolist(), None, SQUARE[..., None], id="nested lists of integers"),
        pytest.param(SQUARE.astype(np.int64), None, SQUARE[..., None], id="int64 within 0-255"),
        pytest.param(SQUARE.astype(">u2"), None, SQUARE[..., None], id="big-endian uint16"),
        pytest.param(SQUARE.astype(np.int8) // 2 + 64, None, SQUARE.astype(np.int8)[..., None] // 2 + 64, id="int8"),
        pytest.param(SQUARE > 99, None, np.float32(SQUARE > 99)[..., None], id="bool becomes 0 and 1"),
        pytest.param(SQUARE / 255, None, np.float32(SQUARE / 255)[..., None], id="float64"),
        pytest.param(np.float16(SQUARE / 255), None, np.float32(np.float16(SQUARE / 255))[..., None], id="float16"),
        pytest.param((SQUARE / 255).astype(object), None, np.float32(SQUARE / 255)[..., None], id="objects"),
        pytest.param(
            SQUARE / -9.0, None, np.float32(SQUARE / -9.0)[..., None], id="standardised floats may be negative"
        ),
        pytest.param(BYTES[::-1, :, ::-1], None, BYTES[::-1, :, ::-1], id="a view with negative strides"),
        pytest.param(SQUARE[:, :2, :2], None, SQUARE[:, :2, :2, None], id="the smallest images"),
        pytest.param(SQUARE[:1, :, :, None], (4, 4, 1), SQUARE[:1, :, :, None], id="one image with its leading axis"),
    ],
)
def test_images_come_out_as_contiguous_bytes_or_floats(x, shape, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = as_images(x, shape)
    assert images.dtype == (np.float32 if expected.dtype.kind == "f" else np.uint8)
    assert images.flags.c_contiguous
    assert np.array_equal(images, expected)


def test_bytes_are_not_copied():
    assert np.shares_memory(as_images(BYTES), BYTES)


def with_pixel(value):
    x = np.zeros((3, 4, 4))
    x[1, 2, 3] = value
    return x


NOT_FINITE = "x holds pixels that are NaN or infinite in float32, the first in image 1: replace them"
RAGGED = "setting an array element with a sequence."


@pytest.mark.parametrize(
    ("x", "shape", "kind", "text"),
    [
        (3, None, InputError, f"x must have shape {SHAPES}, got (){ONE}"),
        (np.zeros(16), None, InputError, f"x must have shape {SHAPES}, got (16,){ONE}"),
        (np.zeros((1, 2, 4, 4, 1)), None, InputError, f"x must have shape {SHAPES}, got (1, 2, 4, 4, 1){ONE}"),
        ([], None, InputError, f"x must have shape {SHAPES}, got (0,){ONE}"),
        (SQUARE[:0], None, InputError, "x holds no images: its shape is (0, 4, 4, 1)"),
        (np.zeros((0, 16)), None, InputError, "x holds no images: its shape is (0, 4, 4, 1)"),
        (np.zeros((3, 20)), None, InputError,
         f"x is flattened to 20 values per image, which must be a square number: {RESHAPE}"),
        (np.zeros((3, 0)), None, InputError,
         "x holds no pixels: 0 feature(s) (shape=(3, 0)) while a minimum of 4 is required: "
         "give images of at least 2x2 pixels"),
        (SQUARE[0], (4, 4, 1), InputError,
         f"x is flattened to 4 values per image, which must be 16 for images of shape (4, 4, 1): {RESHAPE}"),
        (BYTES[0], (4, 5, 2), InputError, f"x must have shape {SHAPES}, got one image (4, 5, 2): pass x[None]"),
        (SQUARE[0, ..., None], (4, 4, 1), InputError,
         f"x must have shape {SHAPES}, got one image (4, 4, 1): pass x[None]"),
        (BYTES, (4, 5, 1), InputError, "x must hold images of shape (4, 5, 1), got (4, 5, 2)"),
        (SQUARE, (5, 4, 1), InputError, "x must hold images of shape (5, 4, 1), got (4, 4, 1)"),
        (np.zeros((3, 1, 1, 1)), None, InputError,
         "x must hold images of at least 2x2 pixels and one channel, got (1, 1, 1)"),
        (np.zeros((3, 1)), None, InputError,
         "x must hold images of at least 2x2 pixels and one channel, got (1, 1, 1)"),
        (np.zeros((3, 5, 1)), None, InputError,
         "x must hold images of at least 2x2 pixels and one channel, got (5, 1, 1)"),
        (np.zeros((3, 4, 4, 0)), None, InputError,
         "x must hold images of at least 2x2 pixels and one channel, got (4, 4, 0)"),
        (with_pixel(-1).astype(int), None, InputError, "x holds integer pixels from -1 to 0: they must lie in 0–255"),
        (with_pixel(256).astype(int), None, InputError, "x holds integer pixels from 0 to 256: they must lie in 0–255"),
        (with_pixel(np.nan), None, InputError, NOT_FINITE),
        (with_pixel(np.inf), None, InputError, NOT_FINITE),
        (with_pixel(-1e300), None, InputError, NOT_FINITE),
        (SQUARE * 1j, None, InputError,
         "x must be an array of real numbers, got complex128: Complex data not supported"),
        ("cat.png", None, InputTypeError, "x must be an array of real numbers, got dtype <U7"),
        (SQUARE.astype(str), None, InputTypeError, "x must be an array of real numbers, got dtype <U3"),
        (np.array(["2020-01-01"], "M8[D]"), None, InputTypeError,
         "x must be an array of real numbers, got dtype datetime64[D]"),
        (None, None, InputTypeError, "x must be an array of images, got None"),
        (np.array([[{}, "a"]]), None, InputTypeError, "x must be an array of numbers: float() argument must be"),
        ([[1, 2], [3]], None, InputTypeError, f"x must be an array of pixels: {RAGGED}"),
        (csr_array(SQUARE[0]), None, InputTypeError,
         "x must be a dense array, got a sparse one: call its toarray() first"),
    ],
)  # fmt: skip
def test_bad_images_are_refused_with_a_reason(x, shape, kind, text):
    ends_as_expected = "" if text.endswith((RAGGED, "must be")) else "$"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InputError, match=f"^{re.escape(text)}{ends_as_expected}") as caught:
            as_images(x, shape)
    assert type(caught.value) is kind


def test_errors_name_the_argument():
    with pytest.raises(InputError, match=r"^x_val holds no images"):
        as_images(SQUARE[:0], argument="x_val")
    with pytest.raises(InputError, match=r"^y_val has 2 labels for 3 images"):
        as_label_array([0, 1], 3, argument="y_val")
    with pytest.raises(InputError, match=r"^y_val must hold at least 2 classes"):
        find_classes(np.array([1, 1]), argument="y_val")
    with pytest.raises(InputError, match=r"^y_val holds the label 2,"):
        encode(np.array([2]), np.array([0, 1]), argument="y_val")


def test_unscaled_floats_are_taken_with_a_warning():
    text = r"^x holds float pixels up to 255, but \[0, 1\] is expected: divide by 255, or pass uint8$"
    x = with_pixel(255.0)
    with pytest.warns(GolmuWarning, match=text):
        images = as_images(x)
    assert np.array_equal(images[..., 0], x)
    text = r"^x holds float pixels up to 16, but \[0, 1\] is expected: divide by 16$"  # as scikit-learn's digits
    with pytest.warns(GolmuWarning, match=text):
        as_images(with_pixel(16.0))


@pytest.mark.parametrize("top", [1, 16])
def test_integers_that_are_nearly_black_are_learned_from_with_a_warning(top):
    text = (
        f"x holds integer pixels up to {top}, but 255 is white, so all images are nearly black: if {top} is meant to "
        f"be white, divide by {top} to pass floats in [0, 1]"
    )
    for kind in (int, np.uint8):
        x = with_pixel(top).astype(kind)
        with pytest.warns(GolmuWarning, match=f"^{re.escape(text)}$"):
            assert np.array_equal(as_images(x, are_learned=True)[..., 0], x)
    as_images(x)  # one dark picture may be predicted
    as_images(with_pixel(0).astype(int), are_learned=True)
    as_images(with_pixel(32).astype(int), are_learned=True)


def test_the_warning_points_at_who_calls_fit(digits):
    images, labels = digits
    dark, labels = images[:50] // 16, labels[:50]
    network = ConvolutionNetwork(n_kernels=1, units=4, epochs=1, batch_size=10)
    for learn in (network.fit, ConvolutionNetwork(n_kernels=1, units=4).partial_fit):
        with pytest.warns(GolmuWarning, match="^x holds integer pixels up to 15, ") as caught:
            learn(dark, labels)
        assert caught[0].filename == __file__
    network.predict(dark)


@pytest.mark.parametrize(
    ("y", "classes", "indices"),
    [
        pytest.param([2, 0, 1], [0, 1, 2], [2, 0, 1], id="integers from 0"),
        pytest.param([7, 3, 7], [3, 7], [1, 0, 1], id="any integers"),
        pytest.param([5, -2, 5], [-2, 5], [1, 0, 1], id="negative integers"),
        pytest.param(np.array([1, 0, 1], np.uint8), [0, 1], [1, 0, 1], id="uint8"),
        pytest.param(np.array([1, 0, 1], ">i4"), [0, 1], [1, 0, 1], id="big-endian int32"),
        pytest.param([True, False, True], [False, True], [1, 0, 1], id="booleans"),
        pytest.param([1.0, 0.0, 1.0], [0.0, 1.0], [1, 0, 1], id="whole floats"),
        pytest.param(["cat", "ant", "cat"], ["ant", "cat"], [1, 0, 1], id="strings"),
        pytest.param(np.array(["cat", "ant", "cat"], object), ["ant", "cat"], [1, 0, 1], id="strings as objects"),
        pytest.param(np.array([7, 3, 7], object), [3, 7], [1, 0, 1], id="integers as objects"),
        pytest.param([[7], [3], [7]], [3, 7], [1, 0, 1], id="one column"),
        pytest.param([[1], [0], [1]], [0, 1], [1, 0, 1], id="one column of 0 and 1"),
        pytest.param([[0, 1], [1, 0], [0, 1]], [0, 1], [1, 0, 1], id="one-hot over 2 classes"),
        pytest.param(np.eye(4)[[2, 0, 3]], [0, 1, 2, 3], [2, 0, 3], id="one-hot floats, a class without samples"),
        pytest.param(np.eye(3, dtype=bool), [0, 1, 2], [0, 1, 2], id="one-hot booleans"),
    ],
)
def test_labels_become_indices_of_sorted_classes(y, classes, indices):
    array = as_label_array(y, 3)
    found = find_classes(array)
    assert found.tolist() == classes
    encoded = encode(array, found)
    assert encoded.dtype == np.int64
    assert encoded.tolist() == indices


NOT_ONE_HOT = "must be one-hot: one 1 in each row, and 0 elsewhere"


@pytest.mark.parametrize(
    ("y", "kind", "text"),
    [
        (None, InputTypeError, MISSING),
        (1, InputError, "y must have shape (n,), or one-hot (n, classes), got ()"),
        (np.zeros((3, 2, 2)), InputError, "y must have shape (n,), or one-hot (n, classes), got (3, 2, 2)"),
        ([0, 1], InputError, "y has 2 labels for 3 images: give one label for each image"),
        ([0, 1, 0, 1], InputError, "y has 4 labels for 3 images: give one label for each image"),
        ([], InputError, "y has 0 labels for 3 images: give one label for each image"),
        (np.eye(2), InputError, "y has 2 labels for 3 images: give one label for each image"),
        ([[0, 1], [1, 1], [1, 0]], InputError, f"y of shape (3, 2) {NOT_ONE_HOT}"),
        ([[0, 1], [0, 0], [1, 0]], InputError, f"y of shape (3, 2) {NOT_ONE_HOT}"),
        ([[0, 1], [2, -1], [1, 0]], InputError, f"y of shape (3, 2) {NOT_ONE_HOT}"),
        ([[0.1, 0.9], [0, 1], [1, 0]], InputError, f"y of shape (3, 2) {NOT_ONE_HOT}"),
        ([["a", "b"]] * 3, InputError, f"y of shape (3, 2) {NOT_ONE_HOT}"),
        (np.zeros((3, 0)), InputError, f"y of shape (3, 0) {NOT_ONE_HOT}"),
        ([0, 0.5, 1], InputError, f"y must hold class labels, got 0.5 {CONTINUOUS}"),
        ([0, 1, np.nan], InputError, LACKS + "2" + REMOVE),
        (np.array(["a", None, pd.NA], object), InputError, LACKS + "1" + REMOVE),
        (np.array([pd.NA, "a", 3], object), InputError, LACKS + "0" + REMOVE),
        (pd.Series([1, 2, None], dtype="Int64"), InputError, LACKS + "2" + REMOVE),
        ([0, 1, np.inf], InputError, f"y must hold class labels, got inf {CONTINUOUS}"),
        ([0, 1, 2j], InputTypeError, "y must hold integers or strings, got dtype complex128"),
        (np.array([b"a", b"b", b"c"]), InputTypeError,
         "y must hold integers or strings, got bytes: decode them to strings"),
        (np.array(["a", None, "b"]), InputError, LACKS + "1" + REMOVE),
        ([2**70, 0, 1], InputTypeError, "y must hold integers or strings, got objects of type int"),
        ([[0, 1], [1], [0]], InputTypeError, f"y must be an array of labels: {RAGGED}"),
        (csr_array(np.eye(3)), InputTypeError, "y must be a dense array, got a sparse one: call its toarray() first"),
    ],
)  # fmt: skip
def test_bad_labels_are_refused_with_a_reason(y, kind, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}{'' if text.endswith(RAGGED) else '$'}") as caught:
        as_label_array(y, 3)
    assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("y", "shown"),
    [([3, 3], "3"), (["a", "a"], "'a'"), ([[1], [1]], "1"), ([True, True], "True"), ([2.0, 2.0], "2.0")],
)
def test_one_class_only_is_refused(y, shown):
    with pytest.raises(InputError, match=f"^y must hold at least 2 classes, got one class only: {shown}$"):
        find_classes(as_label_array(y, 2))


ELEVEN = list(range(0, 22, 2))


@pytest.mark.parametrize(
    ("y", "classes", "text"),
    [
        ([3, 4], [3, 7], "y holds the label 4, which is not one of the classes: 3, 7"),
        ([8, 3], [3, 7], "y holds the label 8, which is not one of the classes: 3, 7"),
        ([-1, 3], [3, 7], "y holds the label -1, which is not one of the classes: 3, 7"),
        (["b", "a"], ["a", "c"], "y holds the label 'b', which is not one of the classes: a, c"),
        (
            [1, 0],
            ELEVEN,
            "y holds the label 1, which is not one of the classes: 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, ...",
        ),
        (["a", "b"], [3, 7], "y must hold labels like 3, got 'a'"),
        ([3, 7], ["a", "b"], "y must hold labels like 'a', got 3"),
        (np.eye(2), [0, 1, 2], "y is one-hot over 2 classes, but the network has 3"),
    ],
)
def test_labels_that_are_no_class_are_refused(y, classes, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        encode(as_label_array(y, 2), np.array(classes))


def test_channels_that_seem_to_come_first_are_noticed():
    x, hint = RNG.integers(0, 256, (3, 3, 8, 8), np.uint8), ": if its channels come first, pass x.transpose(0, 2, 3, 1)"
    text = f"x of shape (3, 3, 8, 8) is read as images of 3x8 pixels with 8 channels{hint}"
    with pytest.warns(GolmuWarning, match=re.escape(text)):
        as_images(x, are_learned=True)
    with pytest.raises(InputError, match=re.escape(f"at least 2x2 pixels and one channel, got (1, 8, 8){hint}")):
        as_images(x[:, :1])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        as_images(x.transpose(0, 2, 3, 1), are_learned=True)


def test_a_mask_is_refused():
    with pytest.raises(
        InputError, match="x must be an array without a mask, got a masked one: fill in the masked values, or"
    ):
        as_images(np.ma.masked_less(SQUARE, 9))
    with pytest.raises(
        InputError, match="y must be an array without a mask, got a masked one: fill in the masked values, or"
    ):
        as_label_array(np.ma.masked_equal([1, 2, 3], 2), 3)
    assert np.array_equal(as_images(np.ma.array(SQUARE)), SQUARE[..., None])
