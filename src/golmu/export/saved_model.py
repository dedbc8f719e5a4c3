"""A network as a TensorFlow SavedModel, in a version folder as TensorFlow Serving wants it.

It is written with TensorFlow's own functions and not from a Keras model, so that it does not matter which backend Keras
has here. `golmu.export.litert` converts the same functions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE
from golmu.engines.tensorflow.quiet import import_tensorflow, silent_stderr
from golmu.errors import SaveError
from golmu.export.check import TOLERANCE
from golmu.export.description import IMAGE_CHANNELS
from golmu.export.image_files_graph import fit_encoded
from golmu.export.written import Written, pixels_tensor, probabilities_tensor
from golmu.model.model import Model
from golmu.model.predictor import Predictor
from golmu.preprocessing import LIGHT

NETWORK = "1"
"""The folder of the first version."""

PACKAGES = ("tensorflow",)

N_FILES = 20
"""Images that are given to the signature `files` as PNG."""


def write_saved_model(predictor: Predictor, folder: Path) -> Written:
    """Write a network as a SavedModel in the folder `1`, and load it.

    Its signatures are `serving_default`, from `pixels` uint8 (n, h, w, c) to `probabilities` (n, C), and, for networks
    that take image files, `files`, from `encoded` (n,), the content of PNG or JPEG files.

    Raises
    ------
    EngineError
        If TensorFlow is not installed.
    SaveError
        If `files` gives other answers than `serving_default`.
    """
    tf = import_tensorflow("the export to a SavedModel")
    model, a = predictor.model, predictor.model.architecture
    module, answer_floats = network_module(tf, model)
    pixels = tf.TensorSpec([None, *a.image_shape], tf.uint8, name="pixels")
    module.serve = tf.function(
        lambda pixels: {"probabilities": answer_floats(tf.cast(pixels, tf.float32))}, input_signature=[pixels]
    )
    signatures = {"serving_default": module.serve}
    if a.channels in IMAGE_CHANNELS:
        module.serve_files = tf.function(
            lambda encoded: {
                "probabilities": answer_floats(tf.cast(fit_encoded(tf, encoded, model), tf.float32)),
            },
            input_signature=[tf.TensorSpec([None], tf.string, name="encoded")],
        )
        signatures["files"] = module.serve_files
    with silent_stderr():
        tf.saved_model.save(module, str(folder / NETWORK), signatures=signatures)
        loaded = tf.saved_model.load(str(folder / NETWORK))

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        said = loaded.signatures["serving_default"](pixels=tf.constant(images))
        return np.asarray(said["probabilities"].numpy(), np.float32)

    notes = ["the version folder 1 is what TensorFlow Serving looks for in this folder"]
    if "files" in signatures:
        _check_files(tf, predictor, loaded)
        notes.append(
            "the signature files takes encoded PNG and JPEG files (a vector of strings) and fits them itself, but for "
            "the EXIF orientation, transparency and 16 bits; a decoder may round differently from Pillow's"
        )
    return Written(
        NETWORK, pixels_tensor("uint8", (None, *a.image_shape)), probabilities_tensor(None, a.n_classes), PACKAGES,
        answer, notes,
    )  # fmt: skip


def network_module(tf: Any, model: Model) -> tuple[Any, Callable[[Any], Any]]:
    """Make the network of TensorFlow's functions.

    Returns
    -------
    (module, answer): a `tf.Module` that holds the weights, and a function from float32 pixels of 0 to 255,
    (n, h, w, c), to probabilities (n, C).
    """
    a, seen = model.architecture, model.preprocessing
    module = tf.Module(name="golmu")
    module.weights = {
        name: tf.Variable(model.weights[name], trainable=False, name=name, dtype=tf.float32) for name in a.shapes
    }
    scale, offset = seen.factors(np.uint8, a.channels)

    def logits(x: Any) -> Any:
        w = module.weights
        for block in a.blocks:
            kernels, bias = block.names
            x = tf.nn.relu(tf.nn.conv2d(x, w[kernels], strides=1, padding="SAME") + w[bias])
            x = tf.nn.max_pool2d(x, POOL_SIZE, POOL_SIZE, padding="VALID")
        hidden = tf.nn.relu(tf.matmul(tf.reshape(x, [-1, a.n_features]), w["w1"]) + w["b1"])
        return tf.matmul(hidden, w["w2"]) + w["b2"]

    def answer(pixels: Any) -> Any:
        x = pixels * scale
        if seen.mean:
            x += offset
        found = logits(x)
        if seen.test_flip:
            found = 0.5 * (found + logits(tf.reverse(x, axis=[2])))
        return tf.nn.softmax(found)

    return module, answer


def _check_files(tf: Any, predictor: Predictor, loaded: Any) -> None:
    """Compare both signatures on PNG files of the network's own size.

    Their border is of the training images' ground, so that none is inverted for its ground.
    """
    level = 255 if predictor.image_files.ground == LIGHT else 0
    images = np.random.default_rng(1).integers(0, 256, (N_FILES, *predictor.image_shape), np.uint8)
    for side in (images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]):
        side[:] = level
    is_inverted = predictor.image_files.inversion == "yes"
    encoded = [tf.io.encode_png(255 - image if is_inverted else image).numpy() for image in images]
    found = loaded.signatures["files"](encoded=tf.constant(encoded))["probabilities"].numpy()
    difference = float(np.abs(found - predictor.probabilities(images)).max())
    if not difference <= TOLERANCE:
        raise SaveError(
            f"the exported network gives other answers to image files than the network, by up to {difference:.2g} of a "
            "probability: it is not kept"
        )
