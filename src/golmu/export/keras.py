"""A trained network as a file of another framework, which answers as the network does: checked before it is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from golmu.cli.commands.predict import load_predictor
from golmu.engines import create_engine
from golmu.engines.tensorflow.quiet import hushed
from golmu.errors import InputError, SaveError
from golmu.metrics import softmax
from golmu.model.model import Model
from golmu.system import write_atomically

SUFFIX = ".keras"

CHECKED = 64
"""Random images on which an exported network must answer as the network does."""

TOLERANCE = 1e-4
"""By how much a probability may differ: the sums are taken in another order."""


def export_run(run: Path, output: Path | None = None) -> Path:
    """Exports the network of a run, by default to network.keras in its folder; returns where it is.

    Raises
    ------
    GolmuError
        If the run cannot be read, or the file cannot be written.
    """
    output = run / f"network{SUFFIX}" if output is None else output
    export_keras(load_predictor(run).model, output)
    return output


def export_keras(model: Model, path: Path) -> None:
    """Writes a network as a Keras model, atomically.

    Its input are pixels from 0 to 255, (n, h, w, c), of any type; scaling, standardization and, where the network
    looks at mirror images too, those are inside. Its output are the probabilities (n, C) of the classes in the model's
    order.

    Raises
    ------
    InputError
        If the file's name does not end in .keras.
    SaveError
        If the file cannot be written, or answers otherwise than the network.
    """
    if path.suffix.lower() != SUFFIX:
        raise InputError(f"the file must be called *{SUFFIX}, got {path.name}: what it holds is a Keras model")
    if not path.parent.is_dir():
        raise SaveError(f"the network cannot be written to {path}: there is no folder {path.parent}")
    with hushed():
        from keras.saving import load_model  # noqa: PLC0415  TensorFlow

    try:
        with tempfile.TemporaryDirectory() as folder:
            part = Path(folder) / f"network{SUFFIX}"
            as_keras(model).save(part)
            _check(model, load_model(part))
            write_atomically(path, part.read_bytes())
    except OSError as error:
        raise SaveError(f"the network cannot be written to {path}: {error.strerror or error}") from error


def as_keras(model: Model) -> Any:
    """The network as a Keras model."""
    import keras  # noqa: PLC0415

    a, seen, weights = model.architecture, model.preprocessing, model.weights
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input(a.image_shape),
            layers.Rescaling(1 / 255),
            *([layers.Normalization(mean=seen.mean, variance=np.square(seen.std))] if seen.mean else []),
            layers.Conv2D(a.n_kernels, 3, padding="same", activation="relu", name="convolution"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(a.units, activation="relu", name="hidden"),
            layers.Dense(a.n_classes, name="logits"),
        ],
        name="network",
    )
    for layer, names in (("convolution", ("conv_w", "conv_b")), ("hidden", ("w1", "b1")), ("logits", ("w2", "b2"))):
        network.get_layer(layer).set_weights([weights[name] for name in names])
    pixels = keras.Input(a.image_shape, name="pixels")
    logits = network(pixels)
    if seen.test_flip:
        logits = layers.Average()([logits, network(keras.ops.flip(pixels, axis=2))])
    return keras.Model(pixels, layers.Softmax(name="probabilities")(logits), name="golmu")


def _check(model: Model, exported: Any) -> None:
    images = np.random.default_rng(0).integers(0, 256, (CHECKED, *model.architecture.image_shape), np.uint8)
    engine = create_engine("auto", model.architecture, preprocessing=model.preprocessing)
    engine.set_weights(model.weights)
    expected = softmax(engine.logits(images))
    difference = float(np.abs(np.asarray(exported.predict(images, verbose=0)) - expected).max())
    if not difference <= TOLERANCE:
        raise SaveError(
            f"the exported network answers otherwise than the network, by up to {difference:.2g} of a probability, and "
            "is not kept"
        )
