"""SavedModels: their signatures, and image files that they fit themselves."""

import numpy as np
import pytest
from drawn_network import drawn_network
from PIL import Image

import golmu


def load(exported):
    import tensorflow as tf

    return tf.saved_model.load(str(exported.network)).signatures


@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")  # images that are inverted
@pytest.mark.parametrize(("ground", "channels", "n_inverted"), [("dark", 1, 3), ("light", 1, 2), ("", 3, 0)])
def test_image_files_are_fitted_as_golmu_does(tmp_path, ground, channels, n_inverted):
    import tensorflow as tf

    predictor = drawn_network((12, 17, channels), ground=ground)
    network = load(golmu.export(predictor, tmp_path / "e", to="saved-model"))["files"]
    rng, paths = np.random.default_rng(0), []
    for number, (width, height) in enumerate([(17, 12), (40, 30), (9, 61), (5, 4), (1, 7)]):
        level = 40 if number % 2 else 210
        pixels = rng.integers(level - 40, level + 40, (height, width, 3), np.uint8)
        paths.append(tmp_path / f"{number}.{'png' if number < 3 else 'jpg'}")
        Image.fromarray(pixels).save(paths[-1])
    answers = network(encoded=tf.constant([path.read_bytes() for path in paths]))["probabilities"].numpy()
    predictions = predictor.predict(paths)
    assert sum(one.inverted for one in predictions) == n_inverted
    expected = np.array([list(one.probabilities.values()) for one in predictions])
    assert answers == pytest.approx(expected, abs=0.02)  # a pixel may be rounded otherwise


def test_the_signatures_say_what_goes_in_and_out(tmp_path):
    signatures = load(golmu.export(drawn_network(), tmp_path / "e", to="saved-model"))
    assert sorted(signatures) == ["files", "serving_default"]
    pixels = signatures["serving_default"].structured_input_signature[1]["pixels"]
    assert (pixels.shape.as_list(), pixels.dtype.name) == ([None, 9, 8, 1], "uint8")
    encoded = signatures["files"].structured_input_signature[1]["encoded"]
    assert (encoded.shape.as_list(), encoded.dtype.name) == ([None], "string")
    for signature in signatures.values():
        assert signature.structured_outputs["probabilities"].shape.as_list() == [None, 3]


def test_a_network_of_no_image_files_has_no_such_signature(tmp_path):
    exported = golmu.export(drawn_network((6, 5, 2)), tmp_path / "e", to="saved-model")
    assert list(load(exported)) == ["serving_default"]
    assert exported.description["image_files"] is None
    assert exported.description["outside"] == ["making arrays of 6x5 pixels with 2 channels"]
