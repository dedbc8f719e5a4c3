"""Grad-CAM against loops over the formulas of its authors, and its enlargement against numbers done by hand."""

import naive
import numpy as np
import pytest

from golmu.analysis.grad_cam import enlarge_map, grad_cam
from golmu.architecture import Architecture
from golmu.engines import create_engine
from golmu.preprocessing import Preprocessing

SEEN = {
    "plain": Preprocessing(),
    "standardized, both views": Preprocessing((0.4, 0.5), (0.2, 0.3), test_flip=True),
}


def twin(weights, x, target):
    """(h', w') in float64 of what the first convolution sees (h, w, c): Selvaraju et al., equations 1 and 2."""
    w, f = naive.in_float64(weights), naive.forward(x[None], weights)
    activations, where = np.maximum(f["maps"][0], 0), f["where"][0]
    d_hidden = w["w2"][:, target] * (f["hidden"][0] > 0)
    d_pooled = (w["w1"] @ d_hidden).reshape(f["pooled"][0].shape)
    height, width, n_kernels = activations.shape
    gradient = np.zeros(activations.shape)
    for i, j, k in np.ndindex(d_pooled.shape):  # to the place that was the window's maximum
        gradient[2 * i + where[i, j, k] // 2, 2 * j + where[i, j, k] % 2, k] = d_pooled[i, j, k]
    cam = np.zeros((height, width))
    for k in range(n_kernels):
        alpha = gradient[..., k].sum() / (height * width)
        cam += alpha * activations[..., k]
    return np.maximum(cam, 0)


@pytest.mark.parametrize("seen", SEEN)
@pytest.mark.parametrize("n_kernels", [5, (3, 4), (2, 3, 6)])
def test_it_is_what_its_authors_wrote(engine_name, n_kernels, seen):
    preprocessing, rng = SEEN[seen], np.random.default_rng(2)
    architecture = Architecture(17, 18, 2, n_kernels, 7, 3)
    weights = {name: rng.normal(0.05, 0.3, shape).astype(np.float32) for name, shape in architecture.shapes.items()}
    engine = create_engine(engine_name, architecture, preprocessing=preprocessing)
    engine.set_weights(weights)
    n_positive = 0
    for image in (rng.integers(0, 256, (17, 18, 2), np.uint8), rng.random((17, 18, 2), np.float32)):
        scale, offset = (np.asarray(one, np.float64) for one in preprocessing.factors(image.dtype, 2))
        for target in range(3):
            expected = twin(weights, image * scale + offset, target)
            if preprocessing.test_flip:
                expected = (expected + twin(weights, image[:, ::-1] * scale + offset, target)[:, ::-1]) / 2
            found = grad_cam(engine, image, target)
            assert found.dtype == np.float32
            assert found.shape == expected.shape == architecture.blocks[-1].maps_shape[:2]
            assert np.abs(found - expected).max() <= 1e-5 * max(expected.max(), 1e-3)
            n_positive += expected.max() > 0.01
    assert n_positive >= 2


def test_the_map_of_one_block_has_the_size_of_the_image_already():
    values = np.random.default_rng(0).random((5, 3), np.float32)
    assert np.array_equal(enlarge_map(values, 1, (5, 3)), values)


def test_a_value_stands_in_the_middle_of_its_pixels():
    values = np.array([[0, 1]], np.float32)
    assert enlarge_map(values, 2, (2, 4)).tolist() == [[0, 0.25, 0.75, 1]] * 2
    assert enlarge_map(values.T, 2, (4, 3)).tolist() == [[v] * 3 for v in (0, 0.25, 0.75, 1)]
    assert enlarge_map(values, 2, (3, 5)).tolist() == [[0, 0.25, 0.75, 1, 1]] * 3  # an odd last row and column
    assert enlarge_map(values, 3, (1, 8))[0] == pytest.approx(np.clip((np.arange(8) - 1.5) / 4, 0, 1))
