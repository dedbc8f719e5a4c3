"""A network as a LiteRT (TensorFlow Lite) file, for phones and small devices; as floats, or quantized to 8 bits.

The converter reads a SavedModel of the network, as `golmu.export.saved_model` makes it, for one image at a time.
Converting the traced function of a Keras model writes a file without its weights, and says nothing.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.engines.tensorflow.quiet import INSTALL_COMMAND, import_tensorflow, silent_stderr
from golmu.errors import EngineError, SaveError
from golmu.export.saved_model import network_module
from golmu.export.written import MAX_BYTES, Written, pixels_tensor, probabilities_tensor
from golmu.model.predictor import Predictor

NETWORK = "network.tflite"

PACKAGES = ("tensorflow", "ai-edge-litert")

MAX_CALIBRATION_IMAGES = 500
"""Training images, at most, from which the ranges of the layers are taken."""

PIXEL_QUANTIZATION = (1.0, 0)
"""Scale and zero point of pixels as they are stored."""


def write_litert(predictor: Predictor, folder: Path, calibration: NDArray[np.uint8] | None = None) -> Written:
    """Write a network as `network.tflite`, and load it with LiteRT.

    Parameters
    ----------
    predictor
        The network.
    folder
        Where to write.
    calibration
        Training images (n, h, w, c), from which the ranges of the layers are taken when all of the network is quantized
        to 8 bits. None: the network stays as it is.

    Raises
    ------
    EngineError
        If TensorFlow or ai-edge-litert is not installed.
    SaveError
        If the network is too large for the format, or cannot be quantized with raw pixels as input.
    """
    tf = import_tensorflow("the export to LiteRT")
    interpreter_module = _import_interpreter()
    a = predictor.model.architecture
    if a.n_parameters * 4 > MAX_BYTES:
        raise SaveError(
            f"{predictor.name} has {a.n_parameters:,} parameters, and a LiteRT file holds at most {MAX_BYTES // 4:,}: "
            "export it to another format"
        )
    path = folder / NETWORK
    with silent_stderr():
        path.write_bytes(_convert(tf, predictor, calibration))
        # From the bytes of the file: an open file could not be moved on Windows.
        runner = interpreter_module.Interpreter(model_content=path.read_bytes()).get_signature_runner()
        runner(pixels=np.zeros((1, *a.image_shape), np.uint8))  # the first call says what it has set up
    taken, given = runner.get_input_details()["pixels"], runner.get_output_details()["probabilities"]
    scale, zero_point = given["quantization"]

    def answer(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        probabilities = np.empty((len(images), a.n_classes), np.float32)
        for i in range(len(images)):
            found = runner(pixels=images[i : i + 1])["probabilities"][0]
            probabilities[i] = found if scale == 0 else (found.astype(np.float32) - zero_point) * scale
        return probabilities

    pixels, probabilities = pixels_tensor("uint8", (1, *a.image_shape)), probabilities_tensor(1, a.n_classes)
    notes = ["one image at a time; the names are those of the signature serving_default"]
    if calibration is not None:
        if taken["quantization"] != PIXEL_QUANTIZATION or given["dtype"] != np.uint8:
            raise SaveError(
                f"the quantized network takes pixels with scale and zero point {taken['quantization']}, where "
                f"{PIXEL_QUANTIZATION} was expected: it is not kept"
            )
        pixels = replace(pixels, quantization=PIXEL_QUANTIZATION)
        probabilities = replace(probabilities, dtype="uint8", quantization=(float(scale), int(zero_point)))
        notes.append(f"quantized to 8 bits, with ranges from {len(calibration):,} training images")
    return Written(NETWORK, pixels, probabilities, PACKAGES, answer, notes)


def choose_calibration(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Choose `MAX_CALIBRATION_IMAGES` of the training images (n, h, w, c) by chance, always the same ones."""
    order = np.random.default_rng(0).permutation(len(images))
    return images[np.sort(order[:MAX_CALIBRATION_IMAGES])]


def _convert(tf: Any, predictor: Predictor, calibration: NDArray[np.uint8] | None) -> bytes:
    """Return the content of the file."""
    a = predictor.model.architecture
    module, answer_floats = network_module(tf, predictor.model)
    is_quantized = calibration is not None
    dtype = tf.float32 if is_quantized else tf.uint8  # a converter that calibrates sets the type of the input itself
    module.serve = tf.function(
        lambda pixels: {"probabilities": answer_floats(tf.cast(pixels, tf.float32))},
        input_signature=[tf.TensorSpec([1, *a.image_shape], dtype, name="pixels")],
    )
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(module, folder, signatures={"serving_default": module.serve})
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if calibration is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
            converter.representative_dataset = lambda: _calibration_inputs(calibration)
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
            converter.inference_input_type = tf.uint8
            converter.inference_output_type = tf.uint8
        return bytes(converter.convert())


def _calibration_inputs(images: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """Iterate over the inputs from which the converter takes ranges: float32 (1, h, w, c).

    One pixel of the first image is made black and one white, so that the range of the input is that of all images.
    """
    for number, image in enumerate(images):
        pixels = image[None].astype(np.float32)
        if number == 0:
            pixels[0, 0, 0, 0], pixels[0, -1, -1, -1] = 0, 255
        yield [pixels]


def _import_interpreter() -> Any:
    try:
        return importlib.import_module("ai_edge_litert.interpreter")
    except ImportError as error:
        raise EngineError(
            f"the export to LiteRT needs ai-edge-litert, which is not installed: {INSTALL_COMMAND}"
        ) from error
