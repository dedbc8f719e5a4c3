"""Keras models, whatever Keras is set to."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from drawn_network import drawn_network

import golmu

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself


def test_any_type_of_number_is_taken(tmp_path):
    from keras.saving import load_model

    predictor = drawn_network((9, 8, 3), test_flip=True)
    exported = load_model(golmu.export(predictor, tmp_path / "e").network)  # the default is Keras
    images = np.random.default_rng(0).integers(0, 256, (5, 9, 8, 3), np.uint8)
    for dtype in (np.uint8, np.int64, np.float32):
        assert exported.predict(images.astype(dtype), verbose=0) == pytest.approx(
            predictor.probabilities(images), abs=1e-5
        )
    assert exported.input_shape == (None, 9, 8, 3)


SETTINGS = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1}


def test_the_users_keras_settings_do_not_disturb(tmp_path):
    """Neither an export, which checks its answers, nor the training with TensorFlow's optimizers."""
    (tmp_path / "keras.json").write_text(json.dumps(SETTINGS))
    code = """
import numpy as np
import golmu
from drawn_network import drawn_network
predictor = drawn_network((9, 8, 3), (3, 4), test_flip=True)
for to in ("keras", "saved-model"):
    assert golmu.export(predictor, f"{sys.argv[1]}/{to}", to=to).check.difference <= 1e-5, to
import keras
assert (keras.config.floatx(), keras.config.image_data_format()) == ("float16", "channels_first")
x, y = np.ones((64, 4, 4)), np.arange(64) % 2
golmu.ConvolutionNetwork(2, 2, 32, engine="tensorflow", random_state=0).fit(x, y, 1)
"""
    environment = os.environ | {"KERAS_HOME": str(tmp_path)}
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_another_backend_that_is_already_there_does_not_disturb_what_needs_no_keras(tmp_path, monkeypatch):
    import keras

    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    assert golmu.export(drawn_network(), tmp_path / "e", to="litert").check.difference <= 1e-5
