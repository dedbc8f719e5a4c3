"""Unpacking images for the convolution, against a twin that takes one pixel at a time."""

import numpy as np
import pytest
from numba import njit

from golmu.engines.fused import views
from golmu.engines.fused.layout import SAMPLES_PER_PART
from golmu.engines.fused.transposition import transpose, transpose_rows


@njit
def turn(numbers, sources, to):
    transpose(numbers, sources.ctypes.data, sources.shape[1], numbers.ctypes.data, to.ctypes.data, to.shape[1])


@njit
def turn_rows(numbers, n_rows, to):
    transpose_rows(numbers.ctypes.data, numbers.shape[1], n_rows, to.ctypes.data, to.shape[1])


@njit
def unpack(images, chosen, scale, offset, is_mirrored, top, scratch, row_pixels, x):
    views.unpack(images, chosen, scale, offset, is_mirrored, top, scratch, row_pixels, x)


def unpacked_one_by_one(images, chosen, scale, offset, x):
    """The twin of `unpack`: what lies at each place of x (c, 2H + 2, 2, W + 1, S)."""
    result = np.zeros_like(x)
    channels, rows, _, pairs, _ = x.shape
    for s, image in enumerate(chosen):
        for channel in range(channels):
            for row in range(min(rows - 1, images.shape[1])):
                for column in range(min(2 * pairs - 1, images.shape[2])):
                    pixel = images[image, row, column, channel]
                    # Column 0 of x is the border, so that the image's column 0 is x's column 1, the first of the odd.
                    half, pair = (column + 1) % 2, (column + 1) // 2
                    result[channel, row + 1, half, pair, s] = scale[channel] * np.float64(pixel) + offset[channel]
    return result


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_square_of_numbers_is_turned_and_nothing_beside_it_is_touched(dtype):
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 256, 1000).astype(dtype)
    sources = rng.integers(0, 1000 - 16, (16, 3))
    to = np.full((17, 40), 7, np.float32)
    turn(numbers, sources, to)
    assert np.array_equal(to[:16, :16].T, [numbers[source : source + 16] for source in sources[:, 0]])
    assert (to[16] == 7).all()
    assert (to[:, 16:] == 7).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
@pytest.mark.parametrize("n_rows", [1, 15, 16, 40])
def test_of_few_rows_the_last_is_repeated(dtype, n_rows):
    numbers = np.random.default_rng(0).integers(0, 256, (n_rows, 20)).astype(dtype)
    to = np.full((17, 40), 7, dtype)
    turn_rows(numbers, n_rows, to)
    assert np.array_equal(to[:16, :16].T, numbers[np.minimum(np.arange(16), n_rows - 1), :16])
    assert (to[16] == 7).all()
    assert (to[:, 16:] == 7).all()


@pytest.mark.parametrize("is_mirrored", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("n", [1, 5, SAMPLES_PER_PART])
@pytest.mark.parametrize(
    "shape", [(28, 28, 1), (2, 2, 1), (5, 16, 1), (4, 15, 1), (7, 17, 1), (3, 33, 1), (6, 5, 3), (5, 6, 3), (2, 11, 4)]
)
def test_each_pixel_gets_to_its_place(shape, n, dtype, is_mirrored):
    height, width, channels = shape
    rng = np.random.default_rng(n)
    images = rng.integers(0, 256, (SAMPLES_PER_PART + 9, *shape), dtype=np.uint8).astype(dtype)
    images.flags.writeable = False
    chosen = rng.permutation(len(images))[:n]
    scale, offset = rng.normal(size=(2, channels)).astype(np.float32)
    x = np.zeros((channels, height // 2 * 2 + 2, 2, width // 2 + 1, SAMPLES_PER_PART), np.float32)
    x[:, 1:-1, 0, 1:] = x[:, 1:-1, 1, :-1] = np.nan  # what an earlier batch has left inside the border
    seen = images[:, :, ::-1] if is_mirrored else images
    expected = unpacked_one_by_one(seen, chosen, scale, offset, x)
    scratch = np.full((SAMPLES_PER_PART, views.VALUES_PER_VIEW), -1, np.int64)
    row_pixels = np.full((width * channels, SAMPLES_PER_PART), np.nan, np.float32)
    unpack(images, chosen, scale, offset, is_mirrored, -1, scratch, row_pixels, x)
    np.testing.assert_allclose(x, expected, rtol=1e-5, atol=1e-4)
    for first_row in range(height // 2):
        for n_rows in range(1, height // 2 - first_row + 1):
            band = np.full_like(x[:, : 2 * n_rows + 2], np.nan)
            rows = np.arange(len(band[0])) + 2 * first_row
            band[:, (rows == 0) | (rows > height)] = 0  # the border, which no image has written to
            band[:, :, 0, 0] = band[:, :, 1, -1] = 0
            unpack(images, chosen, scale, offset, is_mirrored, 2 * first_row - 1, scratch, row_pixels, band)
            assert np.array_equal(band, x[:, rows[0] : rows[-1] + 1])
