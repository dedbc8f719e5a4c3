"""What a network makes of one image: every array against the float64 twins, or a loop over what the network answers."""

import tracemalloc

import naive
import numpy as np
import pytest
from sklearn.base import clone
from small_network import NAMES, SHAPE, X, Y, network, ready

import golmu
from golmu import ConvolutionNetwork, NotFittedError, explain
from golmu.analysis import explanation
from golmu.engines import ENGINE_NAMES
from golmu.errors import InputError, InputTypeError


@pytest.fixture(scope="module", params=["plain", "standardized, both views", "two blocks, both views"])
def fitted(request):
    is_plain, n_kernels = request.param == "plain", (3, 4) if request.param.startswith("two") else 3
    made = network(n_kernels=n_kernels, units=12, standardize=not is_plain, test_flip=not is_plain)
    return made.fit(X, NAMES[Y], 3)


@pytest.fixture(params=[name for name in ENGINE_NAMES if name != "auto"])
def on_engine(request, fitted):
    """The fitted network on each engine in turn."""
    other = clone(fitted).set_params(engine=request.param)
    other.fit(X, NAMES[Y], 1).set_weights(fitted.get_weights())
    assert other.engine_ == request.param
    return other


def seen(fitted, pixels):
    """What the convolution sees of pixels (n, h, w, c) in [0, 1], in float64."""
    scale, offset = (np.asarray(v, np.float64) for v in fitted._engine.preprocessing.factors(np.float32, SHAPE[2]))
    return pixels * scale + offset


def logits(fitted, pixels):
    """(C,) in float64, of one image."""
    weights = fitted.get_weights()
    views = [pixels, pixels[:, ::-1]] if fitted.test_flip else [pixels]
    return np.mean([naive.forward(seen(fitted, view[None]), weights)["logits"][0] for view in views], axis=0)


def test_the_layers_are_those_of_the_twin(on_engine):
    fitted = on_engine
    found = explain(fitted, X[3])
    weights = fitted.get_weights()
    f = naive.forward(seen(fitted, X[3:4] / 255), weights)
    assert np.allclose(found.image, X[3] / 255)
    assert len(found.blocks) == len(f["blocks"])
    for block, twin, (kernels, _) in zip(found.blocks, f["blocks"], naive.block_names(weights), strict=True):
        assert np.array_equal(block.kernels, weights[kernels])
        assert np.allclose(block.maps, twin["maps"][0], atol=1e-5)
        assert np.allclose(block.activations, np.maximum(twin["maps"][0], 0), atol=1e-5)
        assert np.allclose(block.pooled, twin["pooled"][0], atol=1e-5)
    for name in ("kernels", "maps", "activations", "pooled"):
        assert getattr(found, name) is getattr(found.blocks[0], name)
    assert found.grad_cam.shape == found.blocks[-1].maps.shape[:2]
    assert np.allclose(found.hidden, f["hidden"][0], atol=1e-5)
    assert np.allclose(found.logits, logits(fitted, X[3] / 255), atol=1e-5)
    assert np.allclose(found.probabilities, fitted.predict_proba(X[3:4])[0], atol=1e-6)
    assert found.prediction == found.target == found.logits.argmax()
    assert found.class_names == ("ant", "bee", "cat")


@pytest.mark.parametrize("n_kernels", [3, (3, 5)])
def test_units_are_the_strongest_with_what_comes_in_and_goes_out(n_kernels):
    made = network(units=40, n_kernels=n_kernels).fit(X, Y, 3)
    found = explain(made, X[0])
    pooled = found.blocks[-1].pooled
    w1, w2 = made.w1.reshape(*pooled.shape, 40), made.w2
    assert 0 < len(found.units) <= 8
    assert found.hidden[found.units].tolist() == sorted(found.hidden, reverse=True)[: len(found.units)]
    assert (found.hidden[found.units] > 0).all()
    for m, unit in enumerate(found.units):
        assert np.allclose(found.unit_inputs[m], (pooled * w1[..., unit]).sum(axis=-1), atol=1e-5)
        assert found.unit_inputs[m].sum() + made.b1[unit] == pytest.approx(found.hidden[unit], abs=1e-4)
        assert np.allclose(found.unit_outputs[m], found.hidden[unit] * w2[unit])


def test_all_units_together_make_the_logits():
    made = network().fit(X, Y, 3)
    found = explain(made, X[1])
    assert np.allclose(found.unit_outputs.sum(axis=0) + made.b2, found.logits, atol=1e-5)


def test_the_target_is_the_predicted_class_or_the_one_asked_for(fitted):
    assert explain(fitted, X[5]).target == fitted.predict_proba(X[5:6]).argmax()
    for index, name in enumerate(NAMES):
        assert explain(fitted, X[5], name).target == index


def test_the_gradient_agrees_with_central_differences(on_engine):
    fitted, index, pixels = on_engine, 2, X[5] / 255
    found = explain(fitted, X[5], NAMES[index])
    slopes = np.empty(SHAPE)
    for place in np.ndindex(SHAPE):
        slopes[place] = naive.central_difference(lambda: logits(fitted, pixels)[index], pixels, place)
    assert np.abs(found.gradient).max() > 0
    assert np.allclose(found.gradient, slopes, atol=1e-4 * np.abs(slopes).max())
    assert np.array_equal(found.saliency, np.abs(found.gradient).max(axis=2))


def test_smoothgrad_is_the_mean_gradient_of_noisy_copies(fitted):
    found = explain(fitted, X[5], n_samples=4, noise=0.2, random_state=3)
    sigma = 0.2 * (found.image.max() - found.image.min())
    noises = np.random.default_rng(3).normal(0, sigma, (4, *SHAPE)).astype(np.float32)
    gradients = [explain(fitted, found.image + noise, fitted.classes_[found.target]).gradient for noise in noises]
    assert np.allclose(found.smoothgrad, np.abs(np.mean(gradients, axis=0)).max(axis=2), atol=1e-6)


def test_a_few_noisy_copies_are_looked_at_together(fitted, monkeypatch):
    values = sum(block.maps.size for block in explain(fitted, X[5]).blocks)
    before = explain(fitted, X[5], n_samples=8)
    together, gradient = [], fitted._engine.input_gradient
    monkeypatch.setattr(
        fitted._engine, "input_gradient", lambda x, *rest: together.append(len(x)) or gradient(x, *rest)
    )
    monkeypatch.setattr(explanation, "MAX_MAP_VALUES", 3 * values + 1)
    assert np.allclose(explain(fitted, X[5], n_samples=8).smoothgrad, before.smoothgrad, rtol=1e-5)
    assert sorted(set(together)) == [1, 2, 3]


def test_the_memory_of_many_kernels_on_a_large_image_is_bounded():
    made = network(units=2, n_kernels=80)
    made.init_weights((80, 100, 3), 2)
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (80, 100, 3), np.uint8)
    explain(made, pixels, n_samples=1)
    tracemalloc.start()
    try:
        explain(made, pixels, n_samples=20)
        assert tracemalloc.get_traced_memory()[1] < 125e6
    finally:
        tracemalloc.stop()


def test_without_noise_smoothgrad_is_the_saliency(fitted):
    found = explain(fitted, X[5], n_samples=3, noise=0)
    assert np.allclose(found.smoothgrad, found.saliency, atol=1e-6)


@pytest.mark.parametrize("window", [None, 1, 2, 3, 99])
def test_occlusion_is_the_fall_of_the_probability_under_a_window(fitted, window):
    found = explain(fitted, X[7], window=window)
    side = 1 if window is None else window  # a quarter of 6 pixels
    black = fitted._engine.preprocessing.mean or (0, 0)
    before = fitted.predict_proba(found.image[None])[0, found.target]
    for row, column in np.ndindex(SHAPE[:2]):
        copy = found.image.copy()
        for i, j in np.ndindex(SHAPE[:2]):
            if 0 <= i - row + side // 2 < side and 0 <= j - column + side // 2 < side:
                copy[i, j] = black
        fall = before - fitted.predict_proba(copy[None])[0, found.target]
        assert found.occlusion[row, column] == pytest.approx(fall, abs=1e-6)


def test_on_large_images_the_window_moves_in_steps():
    rng = np.random.default_rng(0)
    made = network(units=4).fit(rng.integers(0, 256, (12, 70, 40, 1), np.uint8), np.arange(12) % 2, 1)
    found = explain(made, rng.integers(0, 256, (70, 40), np.uint8), window=9)
    assert found.occlusion.shape == (70, 40)
    assert (found.occlusion[0:3, 0:3] == found.occlusion[0, 0]).all()
    copy = found.image.copy()
    copy[30 - 4 : 30 + 5, 12 - 4 : 12 + 5] = 0
    before, after = made.predict_proba(np.stack([found.image, copy]))[:, found.target]
    assert found.occlusion[30, 12] == found.occlusion[32, 14] == pytest.approx(before - after, abs=1e-6)


def test_an_image_may_have_any_form_that_other_methods_take():
    made = ready()
    first = explain(made, X[0])
    for form in (X[:1], X[0].ravel(), X[:1].reshape(1, -1), X[0] / np.float32(255), X[0].tolist()):
        assert np.allclose(explain(made, form).saliency, first.saliency, atol=1e-6)
    grey = network().fit(X[..., 0], Y, 1)
    assert explain(grey, X[0, :, :, 0]).image.shape == (7, 6, 1)


def test_the_same_arguments_give_the_same_arrays(fitted):
    first, second = explain(fitted, X[2]), explain(fitted, X[2])
    for name in ("smoothgrad", "occlusion", "gradient", "grad_cam"):
        assert np.array_equal(getattr(first, name), getattr(second, name)), name


def test_a_network_without_weights_is_refused():
    with pytest.raises(NotFittedError, match="this ConvolutionNetwork has no weights yet: call fit, or init_weights"):
        explain(ConvolutionNetwork(), X[0])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"network": 3}, InputTypeError, "network must be a ConvolutionNetwork or a Predictor, got int"),
        ({"image": X[:2]}, InputError, "image must be one image, got 2: pass one of them"),
        ({"image": X[0, :5]}, InputError, r"image must .*"),
        ({"image": None}, InputTypeError, "image must be an array of images, got None"),
        ({"target": 7}, InputError, "target holds the label 7, which is not one of the classes: 0, 1, 2"),
        ({"target": "ant"}, InputError, "target must hold labels like 0, got 'ant'"),
        ({"n_samples": 0}, InputError, "n_samples must be an integer of at least 1, got 0"),
        ({"noise": -1}, InputError, "noise must be a number of at least 0, got -1"),
        ({"window": 0}, InputError, "window must be an integer of at least 1, got 0"),
        ({"class_names": ["a"]}, InputError, "class_names has 1 names for 3 classes"),
        ({"random_state": -1}, InputError, "random_state must be an integer of at least 0, got -1"),
    ],
)
def test_what_is_wrong_is_said(arguments, error, text):
    with pytest.raises(error, match=f"^{text}"):
        explain(**{"network": ready(), "image": X[0], **arguments})


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_kernels", [3, (3, 4)])
def test_what_float32_cannot_hold_is_refused(n_kernels):
    made = ready(n_kernels=n_kernels)
    weights = {name: np.full_like(weight, -name.endswith("_b")) for name, weight in made.get_weights().items()}
    for name, value in (("w1", 1e6), ("b1", 1e-3), ("w2", 1e38)):  # finite logits, but not their gradients
        weights[name][...] = value
    made.set_weights(weights)
    assert np.isfinite(made.forpass(X[:1])).all()
    text = "^the network cannot be explained for this image: float32 cannot hold its activations or gradients. Its wei"
    with pytest.raises(InputError, match=text):
        explain(made, X[0])


def test_explain_is_public():
    assert golmu.explain is explain


def test_an_explanation_shows_itself_in_a_line():
    found = explain(network().fit(X, Y, 1), X[0], class_names=["ant", "bee", "cat"], target=2)
    assert repr(found) == "<Explanation: an image of 7x6x2 as 'cat', 3 kernels, 5 units, 3 classes>"
    deep = explain(network(n_kernels=(3, 6)).fit(X, Y, 1), X[0])
    assert repr(deep).endswith(", 3 and 6 kernels, 5 units, 3 classes>")
