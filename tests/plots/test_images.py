"""Figures of images and maps: their data, read back from Matplotlib's own objects."""

from types import SimpleNamespace

import numpy as np
import pytest
from drawn import draw, values_of

from golmu import ConvolutionNetwork, NotFittedError, plots
from golmu.errors import InputError
from golmu.plots.images import tile, to_displayable


def test_kernels_are_the_networks_in_a_grid(fitted):
    grid = values_of(plots.kernels(fitted))
    for k in range(3):
        top, left = 4 * (k // 2), 4 * (k % 2)
        patch = grid[top : top + 3, left : left + 3]
        assert np.allclose(patch, fitted.conv_w[..., k].sum(axis=2))
    assert np.ma.getmaskarray(grid)[3].all()
    assert plots.kernels(fitted.conv_w, columns=3).images[0].get_array().shape == (3, 11)
    with pytest.raises(NotFittedError, match="this ConvolutionNetwork has no weights yet"):
        plots.kernels(ConvolutionNetwork())


def test_values_of_both_signs_have_white_at_zero(explained):
    for axes in (
        plots.kernels(explained.kernels),
        plots.feature_maps(explained.maps),
        plots.occlusion(explained.occlusion),
    ):
        low, high = axes.images[0].get_clim()
        assert low == -high
        assert high == pytest.approx(np.abs(np.ma.compressed(np.ma.masked_invalid(values_of(axes)))).max())


def test_maps_are_shown_as_they_are(explained):
    assert np.array_equal(values_of(plots.heat(explained.saliency)), explained.saliency)
    assert np.array_equal(values_of(plots.occlusion(explained.occlusion)), explained.occlusion)
    assert np.array_equal(values_of(plots.feature_maps(explained.maps[..., :1])), explained.maps[..., 0])
    draw(plots.heat(np.zeros((3, 3))))


def test_pictures_are_bytes_grey_or_rgb():
    rng = np.random.default_rng(0)
    grey, rgb, two = (rng.integers(0, 256, (4, 5, c), np.uint8) for c in (1, 3, 2))
    assert np.array_equal(to_displayable(grey), grey[..., 0])
    assert np.array_equal(to_displayable(grey[..., 0]), grey[..., 0])
    assert np.array_equal(to_displayable(rgb), rgb)
    assert np.array_equal(to_displayable(two), two.mean(axis=2).astype(np.uint8))
    assert np.array_equal(to_displayable(rgb / np.float32(255)), rgb)
    assert to_displayable(np.array([[-1.0, 0.0, 1.0]])).tolist() == [[0, 128, 255]]
    assert to_displayable(np.array([[0.0, 200.0]])).tolist() == [[0, 255]]
    with pytest.raises(InputError, match=r"an image must have shape \(h, w, c\) or \(h, w\), got \(3,\)"):
        to_displayable(np.zeros(3))


def test_tiles_lie_in_rows():
    maps = np.arange(2 * 2 * 5).reshape(2, 2, 5)
    grid = tile(maps, 3)
    assert grid.shape == (5, 8)
    assert np.array_equal(grid[3:, 3:5], maps[..., 4])
    assert np.isnan(grid[2]).all()
    assert np.isnan(grid[3:, 6:]).all()


def test_the_kernels_of_a_predictor_are_those_of_its_model(fitted):
    predictor = SimpleNamespace(model=SimpleNamespace(weights={"conv_w": fitted.conv_w}))
    drawn, expected = values_of(plots.kernels(predictor)), values_of(plots.kernels(fitted))
    assert np.array_equal(drawn.filled(0), expected.filled(0))
