"""Networks as Keras models: they answer as the network does, or are not kept."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from golmu import ConvolutionNetwork
from golmu.errors import InputError, SaveError
from golmu.export import keras as export
from golmu.model.predictor import Predictor

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself

RNG = np.random.default_rng(0)


def trained(path, channels=1, n_kernels=4, **parameters):
    """A small network, its images, and its model file, loaded."""
    x, y = RNG.integers(0, 256, (64, 9, 8, channels), np.uint8), np.arange(64) % 3
    network = ConvolutionNetwork(n_kernels, 8, 16, 0.05, random_state=0, epochs=3, **parameters).fit(x, y)
    network.save(path / "model.safetensors")
    return network, x, Predictor.load(path / "model.safetensors")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"standardize": True},
        {"standardize": True, "test_flip": True},
        {"n_kernels": (4, 5, 3), "standardize": True, "test_flip": True},
    ],
)
def test_a_keras_model_answers_as_the_network_does(tmp_path, channels, parameters):
    from keras.saving import load_model as load_keras

    network, x, predictor = trained(tmp_path, channels, **parameters)
    export.export_keras(predictor, tmp_path / "network.keras")
    exported = load_keras(tmp_path / "network.keras")
    for images in (x, x.astype(np.float32)):
        assert exported.predict(images, verbose=0) == pytest.approx(network.predict_proba(x), abs=1e-5)
    assert exported.input_shape == (None, 9, 8, channels)


def test_the_users_keras_settings_do_not_disturb(tmp_path):
    """Neither the export, which checks its answers, nor the training with TensorFlow's optimizers."""
    trained(tmp_path)
    settings = {"backend": "jax", "image_data_format": "channels_first", "floatx": "float16"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    code = """
import sys
from pathlib import Path
from golmu.export.keras import export_keras
from golmu.model.predictor import Predictor
folder = Path(sys.argv[1])
export_keras(Predictor.load(folder / "model.safetensors"), folder / "network.keras")
from golmu import ConvolutionNetwork
import numpy as np
x, y = np.ones((64, 4, 4)), np.arange(64) % 2
ConvolutionNetwork(2, 2, 32, engine="tensorflow", random_state=0).fit(x, y, 1)
"""
    environment = os.environ | {"KERAS_HOME": str(tmp_path)}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_one_that_answers_otherwise_is_not_kept(tmp_path, monkeypatch):
    _, _, predictor = trained(tmp_path)
    predictor.model.weights["b2"][:] = [5, 0, 0]
    predictor = Predictor.of(predictor.model)
    as_keras = export.as_keras

    def other(model):
        made = as_keras(model)
        layer = made.get_layer("network").get_layer("logits")
        layer.set_weights([layer.get_weights()[0], np.float32([0, 0, 5])])
        return made

    monkeypatch.setattr(export, "as_keras", other)
    (tmp_path / "network.keras").write_text("an older one")
    with pytest.raises(SaveError, match=r"gives other answers than the network, by up to .*: it is not kept$"):
        export.export_keras(predictor, tmp_path / "network.keras")
    assert (tmp_path / "network.keras").read_text() == "an older one"


def test_where_it_cannot_be_written(tmp_path):
    _, _, predictor = trained(tmp_path)
    with pytest.raises(SaveError, match=r"cannot be written to .*nowhere/n.keras: there is no folder"):
        export.export_keras(predictor, tmp_path / "nowhere" / "n.keras")
    with pytest.raises(InputError, match=r"the file must be named \*.keras, got network.onnx"):
        export.export_keras(predictor, tmp_path / "network.onnx")


def test_from_the_command_line(run, finished, tmp_path):
    status, lines, err = run("export", finished.folder, "--output", tmp_path / "network.keras")
    assert (status, lines, err) == (0, [f"network: {tmp_path / 'network.keras'}"], "")
    assert (tmp_path / "network.keras").read_bytes().startswith(b"PK")
