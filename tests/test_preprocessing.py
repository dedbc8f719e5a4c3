"""Standardization and test-time flips: what they are, on every engine, and that a model keeps them."""

import naive
import numpy as np
import pytest
from engine_cases import SIZES, make_case, relative
from small_network import X, Y, network

from golmu import ConvolutionNetwork
from golmu.engines import create_engine
from golmu.preprocessing import DARK, LIGHT, Preprocessing, are_opposite

ENGINES = ("fused", "tensorflow")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_pixels_get_mean_0_and_deviation_1_by_channel(dtype):
    rng = np.random.default_rng(0)
    images = rng.integers(0, [100, 200, 256], (5000, 4, 5, 3)).astype(dtype)
    made = Preprocessing.of(images, standardize=True, test_flip=False)
    scale, offset = made.factors(images.dtype, 3)
    seen = images.astype(np.float64) * scale + offset
    assert np.allclose(seen.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    assert np.allclose(seen.std(axis=(0, 1, 2)), 1, atol=1e-5)


def test_without_it_pixels_are_only_scaled():
    made = Preprocessing.of(X, standardize=False, test_flip=False)
    scale, offset = made.factors(np.uint8, 2)
    assert scale.tolist() == [np.float32(1 / 255)] * 2
    assert offset.tolist() == [0, 0]
    assert made.factors(np.float32, 2)[0].tolist() == [1, 1]


@pytest.mark.parametrize("value", [0, 200])
def test_a_channel_that_is_the_same_everywhere_keeps_its_scale(value):
    images = np.full((5, 3, 3, 1), value, np.uint8)
    scale, offset = Preprocessing.of(images, standardize=True, test_flip=False).factors(np.uint8, 1)
    assert scale[0] == np.float32(1 / 255)
    assert offset[0] == pytest.approx(-value / 255)


def test_a_float_channel_that_is_the_same_everywhere_keeps_its_scale():
    images = np.full((1000, 8, 8, 2), 0.3, np.float32)
    images[..., 1] = np.random.default_rng(0).random((1000, 8, 8))
    made = Preprocessing.of(images, standardize=True, test_flip=False)
    assert made.std[0] == 1
    assert made.std[1] == pytest.approx(1 / np.sqrt(12), rel=0.01)


@pytest.mark.parametrize("engine_name", ENGINES)
def test_a_deviation_of_one_grey_level(engine_name):
    """Then a pixel's scale is 1."""
    architecture, _, _, weights = make_case((9, 7, 3, 4, 6, 3, 8), np.uint8)
    images = 2 * np.random.default_rng(0).integers(0, 2, (8, 9, 7, 3), np.uint8)
    preprocessing = Preprocessing((0.0,) * 3, (1 / 255,) * 3)
    assert (preprocessing.factors(np.uint8, 3)[0] == 1).all()
    engine = create_engine(engine_name, architecture, preprocessing=preprocessing)
    engine.set_weights(weights)
    assert relative(engine.logits(images), naive.forward(images.astype(np.float32), weights)["logits"]) < 1e-5


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize("size", SIZES)
def test_logits_are_the_mean_of_those_of_both_views(engine_name, size):
    architecture, images, labels, weights = make_case(size)
    engine = create_engine(engine_name, architecture, preprocessing=Preprocessing(test_flip=True))
    engine.set_weights(weights)
    expected = (naive.forward(images, weights)["logits"] + naive.forward(images[:, :, ::-1], weights)["logits"]) / 2
    assert relative(engine.logits(images), expected) < 1e-5
    evaluation = engine.evaluate(engine.prepare(images, labels))
    assert evaluation.loss == pytest.approx(naive.sample_losses(expected, labels).mean(), rel=1e-5)
    assert evaluation.accuracy == pytest.approx((expected.argmax(axis=1) == labels).mean())


@pytest.mark.parametrize("shape", [(4, 5), (5, 5), (1, 2), (1, 1), (28, 28)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_ground_of_an_image_is_the_median_of_its_border(shape, dtype):
    rng = np.random.default_rng(0)
    for _ in range(200):
        image = rng.choice(np.array([0, 100, 127, 128, 155, 255]), (*shape, 1)).astype(dtype)
        top = 255
        if dtype == np.float32:
            image, top = image / np.float32(255), 1
        inner = np.ones(shape, bool)
        inner[1:-1, 1:-1] = False
        is_light = np.median(image[..., 0][inner].astype(np.float64)) > top / 2
        assert are_opposite(image[None], DARK) == is_light
        assert are_opposite(image[None], LIGHT) == (not is_light)


@pytest.mark.parametrize("start", ["fit", "partial_fit", "init_weights", "warm_start"])
@pytest.mark.parametrize(("changes", "expected"), [
    ({"flip": True}, True), ({}, False), ({"flip": True, "test_flip": False}, False), ({"test_flip": True}, True),
])  # fmt: skip
def test_a_network_predicts_with_mirror_images_where_it_trains_with_them(start, changes, expected):
    made = network(**({} if start == "warm_start" else changes))
    if start == "init_weights":
        made.init_weights(X.shape, 3)
    else:
        (made.partial_fit if start == "partial_fit" else made.fit)(X, Y)
    if start == "warm_start":
        made.set_params(warm_start=True, **changes).fit(X, Y)
    assert made._engine.preprocessing.test_flip is expected
    assert np.allclose(made.forpass(X), made.forpass(X[:, :, ::-1]), atol=1e-5) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_a_network_and_its_file_keep_them(engine, tmp_path):
    fitted = network(engine=engine, standardize=True, test_flip=True).fit(X, Y, 2, X, Y)
    assert np.allclose(fitted.forpass(X), fitted.forpass(X[:, :, ::-1]), atol=1e-5)
    fitted.save(tmp_path / "model")
    loaded = ConvolutionNetwork.load(tmp_path / "model", engine=engine)
    assert np.array_equal(loaded.forpass(X), fitted.forpass(X))
    assert (loaded.standardize, loaded.test_flip) == (True, True)


def test_a_network_from_a_file_can_be_trained_with_mirror_images(tmp_path):
    network().fit(X, Y).save(tmp_path / "model")
    loaded = ConvolutionNetwork.load(tmp_path / "model").set_params(batch_size=8, epochs=1)
    assert not loaded._engine.preprocessing.test_flip
    assert loaded.set_params(flip=True).fit(X, Y)._engine.preprocessing.test_flip


@pytest.mark.parametrize("engine", ENGINES)
def test_feature_maps_are_of_what_the_convolution_sees(engine):
    architecture, images, _, weights = make_case((9, 7, 3, 4, 6, 3, 5), np.uint8)
    preprocessing = Preprocessing((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    made = create_engine(engine, architecture, preprocessing=preprocessing)
    made.set_weights(weights)
    seen = (images / 255 - preprocessing.mean) / np.array(preprocessing.std)
    expected = naive.convolution(seen, weights["conv_w"].astype(float), weights["conv_b"].astype(float))
    assert relative(made.feature_maps(images), expected) < 1e-5
