"""A network as JSON for a page: how its weights are stored."""

import json
from base64 import b64decode

import numpy as np
import pytest
from drawn_at_random import model_of

from golmu.export import packing


@pytest.mark.parametrize(("kind", "share"), [("float16", 2**-11), ("int8", 0.5 / 127)])
def test_weights_are_rounded_to_a_share_of_the_largest_of_their_column(kind, share):
    rng = np.random.default_rng(0)
    weights = (rng.normal(size=(3, 3, 2, 7)) * 10.0 ** np.arange(-30, 5, 5)).astype(np.float32)
    weights[..., 3] = 0
    values, scale = packing.quantize(weights, kind)
    largest = np.abs(weights).max(axis=(0, 1, 2))
    assert np.isfinite(values).all()
    assert (np.abs(values * scale - weights).max(axis=(0, 1, 2)) <= share * 1.001 * largest).all()


def test_a_description_is_json_with_the_biases_as_they_are():
    model = model_of((7, 6, 3), (2, 3), names=("a", "b", "\u202ec"), standardize=True, test_flip=True)
    described = json.loads(json.dumps(packing.describe_network(model, "int8")))
    assert {name: described[name] for name in ("height", "width", "channels", "kernels", "mirror")} == {
        "height": 7, "width": 6, "channels": 3, "kernels": [2, 3], "mirror": True,
    }  # fmt: skip
    assert described["names"] == ["a", "b", "\\u202ec"]
    assert list(described["weights"]) == list(model.architecture.shapes)
    for name, packed in described["weights"].items():
        assert packed["type"] == ("float32" if model.weights[name].ndim == 1 else "int8")
    assert np.array_equal(np.frombuffer(b64decode(described["weights"]["b1"]["values"]), "<f4"), model.weights["b1"])
    scale, offset = model.preprocessing.factors(np.uint8, 3)
    assert np.array_equal(np.float32(described["scale"]), scale)
    assert np.array_equal(np.float32(described["offset"]), offset)


@pytest.mark.parametrize(
    ("units", "kind"), [(100, "float16"), (1_000, "float16"), (1_300, "int8"), (2_480, "int8"), (2_500, None)]
)
def test_large_networks_are_stored_in_bytes_and_still_larger_ones_not_at_all(units, kind):
    assert packing.stored_type(model_of((20, 16, 1), (10,), units=units, is_empty=True)) == kind
