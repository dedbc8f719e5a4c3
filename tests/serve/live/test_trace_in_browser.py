"""The JavaScript of the tab Look: every number on an image's way is what a slow calculation from the formulas gives."""

from base64 import b64encode

import naive
import numpy as np
import pytest
from browser import needs_browser
from drawn_at_random import NETWORKS, model_of
from live_page import live_page

from golmu.export.packing import describe_network, quantize

pytestmark = needs_browser

FOLLOW = """async ([description, image, places]) => {
  const { Network, decodeBase64 } = await import("/static/shared/network.js");
  const { Trace } = await import("/static/trace.js");
  const { logitGradient, saliency } = await import("/static/saliency.js");
  const network = new Network(description), pixels = new Uint8ClampedArray(decodeBase64(image));
  const trace = new Trace(network, pixels), [unit, category] = places.at(-1);
  return {
    convolutions: places.slice(0, -1).map(([b, k, y, x]) => trace.convolutionAt(b, k, y, x)),
    poolings: places.slice(0, -1).map(([b, k, y, x]) => trace.poolingAt(b, k, y >> 1, x >> 1)),
    unit: trace.unitProducts(unit).reduce((a, b) => a + b, network.weights.b1[unit]),
    sums: Array.from(trace.unitSums(unit)),
    hidden: Array.from(trace.hidden),
    own: trace.classProducts(category).reduce((a, b) => a + b, network.weights.b2[category]),
    logits: Array.from(trace.logits),
    gradient: Array.from(logitGradient(network, pixels, category)),
    saliency: Array.from(saliency(network, pixels, category)),
  };
}"""


@pytest.fixture(scope="module")
def page(chromium, address):
    with live_page(chromium, address) as opened:
        yield opened


def expected_of(model, pixels, category):
    """What the network makes of an image: all that `naive.forward` gives, the logits, and their gradient (h, w, c)."""
    scale, offset = model.preprocessing.factors(np.uint8, pixels.shape[2])

    def forward(image):
        seen = (image.astype(np.float64) * scale + offset)[None]
        f = naive.forward(seen, model.weights)
        gradient = naive.backward(f, model.weights, np.eye(f["logits"].shape[1])[[category]])[1][0]
        return f, gradient * 255 * scale  # with respect to pixels in [0, 1]

    f, gradient = forward(pixels)
    logits = f["logits"][0]
    if model.preprocessing.test_flip:
        other, other_gradient = forward(pixels[:, ::-1])
        logits, gradient = (logits + other["logits"][0]) / 2, (gradient + other_gradient[:, ::-1]) / 2
    return f, logits, gradient


@pytest.mark.parametrize("name", NETWORKS)
def test_each_number_is_made_of_those_that_are_shown(page, name):
    shape, kernels, options = NETWORKS[name]
    model, rng = model_of(shape, kernels, **options), np.random.default_rng(0)
    a, pixels = model.architecture, rng.integers(0, 256, shape, np.uint8)
    places = []
    for b, block in enumerate(a.blocks):
        height, width, n_kernels = block.maps_shape
        corners = [(0, 0), (height // 2 * 2 - 1, width // 2 * 2 - 1)]
        places += [(b, int(rng.integers(n_kernels)), y, x) for y, x in corners]
    unit, category = int(rng.integers(a.units)), int(rng.integers(a.n_classes))
    image = b64encode(pixels.tobytes()).decode()
    found = page.evaluate(FOLLOW, [describe_network(model, "float16"), image, [*places, (unit, category)]])
    for value in model.weights.values():
        if value.ndim > 1:
            values, scale = quantize(value, "float16")
            value[...] = values * scale
    f, logits, gradient = expected_of(model, pixels, category)

    for (b, k, y, x), convolution, pooling in zip(places, found["convolutions"], found["poolings"], strict=True):
        block = f["blocks"][b]
        assert convolution["sum"] == pytest.approx(block["maps"][0, y, x, k], abs=1e-4)
        read, weights = np.pad(block["x"][0], ((1, 1), (1, 1), (0, 0))), model.weights[a.blocks[b].names[0]]
        for c, channel in enumerate(convolution["channels"]):
            assert channel["window"] == pytest.approx(read[y : y + 3, x : x + 3, c].ravel(), abs=1e-4)
            assert channel["weights"] == pytest.approx(weights[:, :, c, k].ravel(), abs=1e-6)
            products = np.multiply(channel["window"], channel["weights"])
            assert channel["products"] == pytest.approx(products, abs=1e-6)
            assert channel["sum"] == pytest.approx(sum(channel["products"]), abs=1e-6)
        whole = sum(channel["sum"] for channel in convolution["channels"]) + convolution["bias"]
        assert convolution["sum"] == pytest.approx(whole, abs=1e-6)
        window = np.maximum(block["maps"][0, y // 2 * 2 : y // 2 * 2 + 2, x // 2 * 2 : x // 2 * 2 + 2, k], 0)
        assert pooling["values"] == pytest.approx(window.ravel(), abs=1e-4)
        assert pooling["chosen"] == block["where"][0, y // 2, x // 2, k]
    assert found["hidden"] == pytest.approx(f["hidden"][0], abs=1e-4)
    assert max(found["unit"], 0) == pytest.approx(f["hidden"][0, unit], abs=1e-4)
    assert sum(found["sums"]) + model.weights["b1"][unit] == pytest.approx(found["unit"], abs=1e-4)
    assert found["own"] == pytest.approx(f["logits"][0, category], abs=1e-4)
    assert found["logits"] == pytest.approx(logits, abs=1e-4)
    assert np.abs(np.reshape(found["gradient"], shape) - gradient).max() < 1e-4
    assert np.reshape(found["saliency"], shape[:2]) == pytest.approx(np.abs(gradient).max(axis=2), abs=1e-4)


NUMBERS = {
    0: "0", 0.1234: "0.123", -0.5: "−0.500", 12.345: "12.35", 345.67: "345.7", 98765.4: "98765", 123456: "1.2e5",
    0.00012: "1.2e−4", -0.00012: "−1.2e−4",
}  # fmt: skip


def test_numbers_are_short_and_have_a_true_minus_sign(page):
    script = """async (numbers) => {
      const { formatAddend, formatNumber, formatShort } = await import("/static/numbers.js");
      const short = [0.001, -0.001, -0.25].map(formatShort);
      const all = [...numbers, NaN, Infinity, -Infinity].map((one) => formatNumber(one));
      return [all, [0.5, -0.5].map((one) => formatAddend(one)), short];
    }"""
    numbers, addends, short = page.evaluate(script, list(NUMBERS))
    assert numbers == [*NUMBERS.values(), "NaN", "∞", "−∞"]
    assert addends == ["+ 0.500", "− 0.500"]
    assert short == ["0.00", "0.00", "−0.25"]
