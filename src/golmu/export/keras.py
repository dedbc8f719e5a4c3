"""A network as a Keras model."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.engines.tensorflow.quiet import import_tensorflow
from golmu.export.description import as_json, describe_image_files
from golmu.export.written import Written, pixels_tensor, probabilities_tensor
from golmu.model.model import Model, describe_classes
from golmu.model.predictor import Predictor

NETWORK = "network.keras"

INSIDE = "golmu.json"
"""The member of the .keras file, which is a zip, that holds the class names; Keras takes no notice of it."""

PACKAGES = ("tensorflow", "keras")


def write_keras(predictor: Predictor, folder: Path) -> Written:
    """Write a network as `network.keras`, and load it with Keras.

    The model takes pixels from 0 to 255, (n, h, w, c), of any type; scaling, standardisation and, with `test_flip`, the
    mirror image are inside. It gives the probabilities (n, C) of the classes in the model's order.

    Raises
    ------
    EngineError
        If TensorFlow is not installed.
    """
    import_tensorflow("the export to Keras")
    from keras.saving import load_model  # noqa: PLC0415  TensorFlow

    model, path = predictor.model, folder / NETWORK
    as_keras(model).save(path)
    said = {**describe_classes(model.classes, model.class_names), "image_files": describe_image_files(model)}
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(INSIDE, as_json(said).encode(errors="backslashreplace"))  # as other files of JSON
    exported = load_model(path)

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.asarray(exported.predict(images, verbose=0), np.float32)

    a = model.architecture
    return Written(
        NETWORK, pixels_tensor("float32", (None, *a.image_shape)), probabilities_tensor(None, a.n_classes), PACKAGES,
        answer, (f"integers are taken too; the class names are also in the file, which is a zip, as {INSIDE}",),
    )  # fmt: skip


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
