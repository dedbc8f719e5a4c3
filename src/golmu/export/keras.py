"""A trained network as a Keras model, checked before it is kept."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from golmu.engines.tensorflow.quiet import import_tensorflow
from golmu.errors import InputError, SaveError
from golmu.export.check import check_answers
from golmu.model.model import Model
from golmu.model.predictor import Predictor
from golmu.system import check_writable, write_file

KERAS_SUFFIX = ".keras"


def export_keras(predictor: Predictor, path: Path) -> None:
    """Write a network as a Keras model, atomically.

    The model takes pixels from 0 to 255, (n, h, w, c), of any type; scaling, standardisation and, with `test_flip`, the
    mirror image are inside. It gives the probabilities (n, C) of the classes in the model's order.

    Raises
    ------
    EngineError
        If TensorFlow is not installed.
    InputError
        If the file's name does not end in .keras.
    SaveError
        If the file cannot be written, or gives other answers than the network.
    """
    if path.suffix.lower() != KERAS_SUFFIX:
        raise InputError(f"the file must be named *{KERAS_SUFFIX}, got {path.name}: it will hold a Keras model")
    check_writable(path, "the network")
    import_tensorflow("golmu export")
    from keras.saving import load_model  # noqa: PLC0415  TensorFlow

    try:
        with tempfile.TemporaryDirectory() as folder:
            draft = Path(folder) / f"network{KERAS_SUFFIX}"
            as_keras(predictor.model).save(draft)
            exported = load_model(draft)
            check_answers(predictor, lambda images: np.asarray(exported.predict(images, verbose=0)))
            content = draft.read_bytes()
    except OSError as error:
        raise SaveError(f"the network cannot be written to {path}: {error.strerror or error}") from error
    write_file(path, content, "the network")


def as_keras(model: Model) -> Any:
    """Make a Keras model of the network."""
    import keras  # noqa: PLC0415

    a, seen, weights = model.architecture, model.preprocessing, model.weights
    layers = keras.layers
    # All that the user's keras.json, or a call of keras.config, may set to something else.
    number, order = {"dtype": "float32"}, {"data_format": "channels_last", "dtype": "float32"}
    convolution = {"padding": "same", "activation": "relu"}
    held, convolutions = {"hidden": ("w1", "b1"), "logits": ("w2", "b2")}, []
    for i, block in enumerate(a.blocks, start=1):
        name = "convolution" if i == 1 else f"convolution{i}"
        held[name] = block.names
        convolutions.append(layers.Conv2D(block.n_kernels, 3, name=name, **convolution, **order))
        convolutions.append(layers.MaxPooling2D(2, **order))
    network = keras.Sequential(
        [
            keras.Input(a.image_shape, **number),
            layers.Rescaling(1 / 255, **number),
            *([layers.Normalization(mean=seen.mean, variance=np.square(seen.std), **number)] if seen.mean else []),
            *convolutions,
            layers.Flatten(**order),
            layers.Dense(a.units, activation="relu", name="hidden", **number),
            layers.Dense(a.n_classes, name="logits", **number),
        ],
        name="network",
    )
    for layer, names in held.items():
        network.get_layer(layer).set_weights([weights[name] for name in names])
    pixels = keras.Input(a.image_shape, name="pixels", **number)
    logits = network(pixels)
    if seen.test_flip:
        logits = layers.Average(**number)([logits, network(keras.ops.flip(pixels, axis=2))])
    return keras.Model(pixels, layers.Softmax(name="probabilities", **number)(logits), name="golmu")
