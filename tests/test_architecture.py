"""The network as plain data: shapes, number of parameters, initial weights, and what is refused."""

import re
from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from small_network import WEIGHT_NAMES

from golmu.architecture import Architecture
from golmu.errors import InputError, InputTypeError

CHAPTER = Architecture(28, 28, 1, 10, 100, 10)
SMALL = Architecture(9, 7, 3, 4, 6, 5)
DEEP = Architecture(32, 32, 3, (16, 32, 64), 128, 10)
SIZES = {"height": 9, "width": 7, "channels": 3, "n_kernels": 4, "units": 6, "n_classes": 5}


def test_the_chapters_sizes():
    assert CHAPTER.n_parameters == 197_210
    assert CHAPTER.image_shape == (28, 28, 1)
    assert CHAPTER.pooled_shape == (14, 14, 10)
    assert CHAPTER.n_features == 14 * 14 * 10
    assert CHAPTER.shapes == {
        "conv_w": (3, 3, 1, 10), "conv_b": (10,), "w1": (1960, 100), "b1": (100,), "w2": (100, 10), "b2": (10,),
    }  # fmt: skip


def test_an_odd_last_row_and_column_are_dropped_in_pooling():
    assert SMALL.pooled_shape == (4, 3, 4)
    assert SMALL.shapes["w1"] == (48, 6)
    assert Architecture(2, 3, 1, 1, 1, 2).pooled_shape == (1, 1, 1)


def test_the_sizes_of_several_blocks():
    assert DEEP.n_parameters == 156_074
    assert DEEP.kernels == DEEP.n_kernels == (16, 32, 64)
    assert DEEP.n_blocks == 3
    assert DEEP.pooled_shape == (4, 4, 64)
    assert DEEP.shapes == {
        "conv_w": (3, 3, 3, 16), "conv_b": (16,), "conv2_w": (3, 3, 16, 32), "conv2_b": (32,),
        "conv3_w": (3, 3, 32, 64), "conv3_b": (64,), "w1": (1024, 128), "b1": (128,), "w2": (128, 10), "b2": (10,),
    }  # fmt: skip
    assert list(DEEP.shapes) == [name for block in DEEP.blocks for name in block.names] + ["w1", "b1", "w2", "b2"]
    assert DEEP.layers == [
        ("image", (32, 32, 3), 0),
        ("convolution 3×3, ReLU", (32, 32, 16), 448),
        ("max pooling 2×2", (16, 16, 16), 0),
        ("convolution 3×3, ReLU", (16, 16, 32), 4_640),
        ("max pooling 2×2", (8, 8, 32), 0),
        ("convolution 3×3, ReLU", (8, 8, 64), 18_496),
        ("max pooling 2×2", (4, 4, 64), 0),
        ("flatten", (1024,), 0),
        ("dense, ReLU", (128,), 131_200),
        ("dense, softmax", (10,), 1_290),
    ]


def test_an_odd_row_and_column_are_dropped_in_every_block():
    blocks = Architecture(31, 17, 1, (5, 1, 3, 2), 6, 2).blocks
    assert [block.input_shape for block in blocks] == [(31, 17, 1), (15, 8, 5), (7, 4, 1), (3, 2, 3)]
    assert [block.maps_shape for block in blocks] == [(31, 17, 5), (15, 8, 1), (7, 4, 3), (3, 2, 2)]
    assert blocks[-1].pooled_shape == (1, 1, 2)


@pytest.mark.parametrize("n_kernels", [(16,), [16], np.array([16]), np.array(16), np.int64(16)])
def test_one_block_has_its_number_as_an_integer(n_kernels):
    one = Architecture(32, 32, 3, n_kernels, 128, 10)
    assert one == Architecture(32, 32, 3, 16, 128, 10)
    assert hash(one) == hash(Architecture(32, 32, 3, 16, 128, 10))
    assert type(one.n_kernels) is int
    assert one.kernels == (16,)
    assert tuple(one.shapes) == WEIGHT_NAMES


@pytest.mark.parametrize(
    "n_kernels", [[16, 32, 64], np.array([16, 32, 64]), (np.uint8(16), np.int32(32), 64), range(16, 65, 24)]
)
def test_several_blocks_have_theirs_as_a_tuple_of_integers(n_kernels):
    deep = Architecture(32, 32, 3, n_kernels, 128, 10)
    assert type(deep.n_kernels) is tuple
    assert deep.n_kernels == tuple(n_kernels)
    assert all(type(number) is int for number in deep.n_kernels)
    assert hash(deep) == hash(Architecture(32, 32, 3, deep.n_kernels, 128, 10))


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        (DEEP, []),
        (Architecture(32, 32, 3, [16, 32, 64], 128, 10), []),
        (Architecture(32, 32, 3, (16, 32), 128, 10), ["the architecture's n_kernels is (16, 32, 64), not (16, 32)"]),
        (Architecture(32, 32, 3, (16,), 128, 10), ["the architecture's n_kernels is (16, 32, 64), not 16"]),
    ],
)
def test_differences_name_the_kernels(other, difference):
    assert DEEP.differences(other) == difference


def test_it_is_a_value():
    assert Architecture(**SIZES) == SMALL
    assert Architecture(**{name: np.int32(size) for name, size in SIZES.items()}) == SMALL
    assert hash(Architecture(**SIZES)) == hash(SMALL)
    assert all(type(getattr(Architecture(*np.array([9, 7, 3, 4, 6, 5])), name)) is int for name in SIZES)
    with pytest.raises(FrozenInstanceError):
        SMALL.units = 7


@pytest.mark.parametrize(
    ("change", "kind", "text"),
    [
        ({"height": 1}, InputError, "height must be at least 2, got 1"),
        ({"width": 0}, InputError, "width must be at least 2, got 0"),
        ({"channels": 0}, InputError, "channels must be at least 1, got 0"),
        ({"n_kernels": -1}, InputError, "n_kernels must be an integer of at least 1, got -1"),
        ({"units": 0}, InputError, "units must be at least 1, got 0"),
        ({"n_classes": 1}, InputError, "n_classes must be at least 2, got 1"),
        *(
            (
                {"n_kernels": value},
                InputTypeError,
                f"n_kernels must be an integer of at least 1, or a tuple of up to 4, got {value!r}",
            )
            for value in (2.0, True, None, "16,32", b"16", {16, 32}, {16: 32}, np.array(2.0))
        ),
        *(
            ({"n_kernels": value}, InputTypeError, f"each of n_kernels must be an integer of at least 1, got {wrong}")
            for value, wrong in [
                ((4, 2.0), 2.0),
                ((4, True), True),
                ([[4, 2]], [4, 2]),
                (((4, 2), 3), (4, 2)),
                (("4", "2"), "'4'"),
                ((4, None), None),
                (np.array([4.0, 2.0]), 4.0),
            ]
        ),
        ({"channels": 0, "n_kernels": (4, 2)}, InputError, "channels must be at least 1, got 0"),
        ({"units": -1, "n_kernels": (4, 2)}, InputError, "units must be at least 1, got -1"),
        ({"height": 10**4300}, InputError, "height must have at most 1,000 digits, got about 4,301"),
        ({"n_kernels": (4, 0)}, InputError, "each of n_kernels must be an integer of at least 1, got 0"),
        ({"n_kernels": ()}, InputError, "n_kernels must have one number for each of 1 to 4 blocks, got 0"),
        ({"n_kernels": [1] * 5}, InputError, "n_kernels must have one number for each of 1 to 4 blocks, got 5"),
        (
            {"n_kernels": (4, 2, 3)},
            InputError,
            "width must be at least 8 for the 3 blocks of n_kernels=(4, 2, 3), each of which halves it, got 7: use "
            "fewer blocks (--n-kernels), or larger images (--size 32, in load_dataset size=32)",
        ),
        (
            {"height": 3, "n_kernels": (4, 2)},
            InputError,
            "height must be at least 4 for the 2 blocks of n_kernels=(4, 2), each of which halves it, got 3: use "
            "fewer blocks (--n-kernels), or larger images (--size 32, in load_dataset size=32)",
        ),
        ({"units": True}, InputTypeError, "units must be an integer, got True"),
        ({"height": "9"}, InputTypeError, "height must be an integer, got '9'"),
        ({"n_classes": None}, InputTypeError, "n_classes must be an integer, got None"),
        (
            {"units": 10**9},
            InputError,
            "n_kernels=4 and units=1000000000 on images of shape (9, 7, 3) make 54,000,000,117 parameters, "
            "and at most 1,073,741,824 are supported: lower them",
        ),
        (
            {"height": 1200, "width": 1600, "units": 10**6},
            InputError,
            "n_kernels=4 and units=1000000 on images of shape (1200, 1600, 3) make 1,920,006,000,117 parameters, and "
            "at most 1,073,741,824 are supported: lower them, or fit the images to a smaller size (--size 32, in "
            "load_dataset size=32)",
        ),
    ],
)
def test_bad_sizes_are_refused(change, kind, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$") as caught:
        Architecture(**{**SIZES, **change})
    assert type(caught.value) is kind


def test_an_iterator_is_not_a_number_of_kernels():
    with pytest.raises(InputTypeError, match=r"n_kernels must be an integer .* or a tuple of up to 4, got <"):
        Architecture(16, 16, 1, iter([16, 32]), 5, 3)


@pytest.mark.parametrize(
    ("architecture", "name", "limit"),
    [
        (CHAPTER, "conv_w", np.sqrt(6 / (9 * 1 + 9 * 10))),
        (CHAPTER, "w1", np.sqrt(6 / (1960 + 100))),
        (CHAPTER, "w2", np.sqrt(6 / (100 + 10))),
        (DEEP, "conv_w", np.sqrt(6 / (9 * 3 + 9 * 16))),
        (DEEP, "conv2_w", np.sqrt(6 / (9 * 16 + 9 * 32))),
        (DEEP, "conv3_w", np.sqrt(6 / (9 * 32 + 9 * 64))),
        (DEEP, "w1", np.sqrt(6 / (1024 + 128))),
    ],
)
def test_initial_weights_are_glorot_uniform(architecture, name, limit):
    draws = [architecture.initial_weights(np.random.default_rng(seed))[name].ravel() for seed in range(20)]
    drawn = np.concatenate(draws)
    assert drawn.dtype == np.float32
    assert np.abs(drawn).max() <= np.float32(limit)
    assert np.abs(drawn).max() > 0.99 * limit
    # Of U(−a, a): standard deviation a/√3, a tenth of the draws in each tenth; 5 standard errors of n draws.
    n = len(drawn)
    assert abs(drawn.mean()) < 5 * limit / np.sqrt(3 * n)
    assert drawn.std() == pytest.approx(limit / np.sqrt(3), rel=5 / np.sqrt(n))
    tenths, _ = np.histogram(drawn, 10, (-limit, limit))
    assert np.abs(tenths / n - 0.1).max() < 5 * np.sqrt(0.09 / n)


@pytest.mark.parametrize("architecture", [SMALL, DEEP])
def test_initial_weights_have_zero_biases_and_the_canonical_form(architecture):
    weights = architecture.initial_weights(np.random.default_rng(0))
    assert tuple(weights) == tuple(architecture.shapes)
    assert {name: weight.shape for name, weight in weights.items()} == architecture.shapes
    assert all(weight.dtype == np.float32 for weight in weights.values())
    assert all(weight.any() == (weight.ndim > 1) for weight in weights.values())


def test_initial_weights_follow_the_generator():
    first, again, other = (SMALL.initial_weights(np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(first[name], again[name]) for name in WEIGHT_NAMES)
    assert not any(np.array_equal(first[name], other[name]) for name in ("conv_w", "w1", "w2"))


@pytest.mark.parametrize("architecture", [SMALL, DEEP])
def test_checked_gives_float32_copies_in_order(architecture):
    given = {name: np.ones(shape[::-1]).T for name, shape in reversed(architecture.shapes.items())}
    checked = architecture.checked(given)
    assert tuple(checked) == tuple(architecture.shapes)
    assert all(weight.dtype == np.float32 and weight.flags.c_contiguous for weight in checked.values())
    again = architecture.checked(checked)
    assert not any(np.shares_memory(again[name], checked[name]) for name in checked)


ALL = "conv_w, conv_b, w1, b1, w2, b2"
GOOD = SMALL.initial_weights(np.random.default_rng(0))


@pytest.mark.parametrize(
    ("weights", "kind", "text"),
    [
        (list(GOOD.values()), InputTypeError, f"weights must be a dict of {ALL}, got list"),
        (None, InputTypeError, f"weights must be a dict of {ALL}, got NoneType"),
        ({}, InputError, f"weights lack {ALL}: all of {ALL} are needed"),
        ({n: GOOD[n] for n in WEIGHT_NAMES if n != "w1"}, InputError, f"weights lack w1: all of {ALL} are needed"),
        ({**GOOD, "w3": 1}, InputError, f"weights have unknown names w3: use {ALL}"),
        ({**GOOD, "w2": GOOD["w2"].T}, InputError, "weight w2 must have shape (6, 5) for this network, got (5, 6)"),
        ({**GOOD, "b1": 0}, InputError, "weight b1 must have shape (6,) for this network, got ()"),
        ({**GOOD, "b2": [0, 1, np.nan, 0, 0]}, InputError, "weight b2 must be finite, but holds NaN or infinity"),
        ({**GOOD, "b2": [0, 1, 1e300, 0, 0]}, InputError, "weight b2 must be finite, but holds NaN or infinity"),
        ({**GOOD, "b2": ["a"] * 5}, InputTypeError,
         "weight b2 must be an array of numbers: could not convert string to float: 'a'"),
    ],
)  # fmt: skip
def test_bad_weights_are_refused(weights, kind, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$") as caught:
        SMALL.checked(weights)
    assert type(caught.value) is kind


def test_weights_of_fewer_or_more_blocks_are_refused():
    weights = DEEP.initial_weights(np.random.default_rng(0))
    shallower = Architecture(32, 32, 3, (16, 32), 128, 10)
    with pytest.raises(
        InputError, match=r"^weights lack conv3_w, conv3_b: all of conv_w, conv_b, conv2_w, conv2_b, co"
    ):
        DEEP.checked(shallower.initial_weights(np.random.default_rng(0)))
    with pytest.raises(
        InputError, match=r"^weights have unknown names conv3_w, conv3_b: use conv_w, conv_b, conv2_w, "
    ):
        shallower.checked(weights)
    text = r"^weight conv2_w must have shape \(3, 3, 16, 32\) for this network, got \(3, 3, 32, 16\)$"
    with pytest.raises(InputError, match=text):
        DEEP.checked({**weights, "conv2_w": weights["conv2_w"].swapaxes(2, 3)})
