"""The model card: a README.md in the form that model hubs use, from what is known of a network."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from golmu.about import VERSION
from golmu.export.check import Check
from golmu.export.description import CONFIDENCE, DESCRIPTION, LABELS, Origin, inside, outside
from golmu.export.written import Written
from golmu.model.predictor import Predictor
from golmu.names import file_stem, printable

CARD = "README.md"

MODEL_SUFFIX = ".safetensors"
"""How the name of a model file ends, which is no part of the network's."""

MAX_CLASSES_LISTED = 50
"""Classes, at most, that a card lists; labels.txt has all of them."""

MARKUP = re.compile(r"([\\`*_\[\]<>#|~&$:@])")
"""Characters that mean something in Markdown."""

NOT_IN_YAML = re.compile("[\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
"""Characters that only an escape can stand for in YAML; JSON escapes those below a space itself."""

TAGS = {
    "keras": "keras",
    "onnx": "onnx",
    "litert": "tflite",
    "saved-model": "tensorflow",
    "page": "html",
}
"""What model hubs call each format."""

USE = {
    "keras": """\
import numpy as np
from keras.saving import load_model

network = load_model("network.keras")
probabilities = network.predict(pixels[np.newaxis])[0]
""",
    "onnx": """\
import numpy as np
import onnxruntime

network = onnxruntime.InferenceSession("network.onnx")
probabilities = network.run(["probabilities"], {"pixels": pixels[np.newaxis]})[0][0]
""",
    "litert": """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter

network = Interpreter("network.tflite").get_signature_runner()
probabilities = network(pixels=pixels[np.newaxis])["probabilities"][0]
""",
    "saved-model": """\
import numpy as np
import tensorflow as tf

network = tf.saved_model.load("1").signatures["serving_default"]
probabilities = network(pixels=tf.constant(pixels[np.newaxis]))["probabilities"][0].numpy()
""",
}
"""Python that uses a network in each format; `pixels` is uint8 (h, w, c)."""


def card_text(predictor: Predictor, to: str, written: Written, check: Check | None, origin: Origin | None) -> str:
    """Return the card of a network that is exported to the format `to`."""
    known = origin or Origin()
    title = file_stem(Path(predictor.name).resolve().name.removesuffix(MODEL_SUFFIX))
    parts = [
        _front_matter(title, to, known),
        f"# {_text(title)}",
        _summary(predictor, to),
        "## How to use it",
        _use(predictor, to, written),
        "## What it is for, and what not",
        _limits(predictor, known),
        "## Training data",
        _data(known),
        "## Results",
        _results(known, check),
        "## How it was made",
        _origin(predictor, known),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(title: str, to: str, known: Origin) -> str:
    """The metadata that hubs read, as YAML."""
    lines = [
        "---",
        "pipeline_tag: image-classification",
        "tags:",
        *(f"- {tag}" for tag in ("image-classification", "golmu", TAGS[to])),
        "metrics:",
        "- accuracy",
    ]
    if known.accuracy is not None:
        name = _yaml(printable(known.data or "unknown", keep=""))
        lines += [
            "model-index:",
            f"- name: {_yaml(title)}",
            "  results:",
            "  - task:",
            "      type: image-classification",
            "    dataset:",
            f"      name: {name}",
            f"      type: {name}",
            f"      split: {known.part}",
            "    metrics:",
            "    - type: accuracy",
            f"      value: {known.accuracy!r}",
        ]
    return "\n".join([*lines, "---"])


def _summary(predictor: Predictor, to: str) -> str:
    a, names = predictor.model.architecture, predictor.class_names
    channels = {1: "grey", 3: "RGB"}.get(a.channels, f"{a.channels}-channel")
    blocks = "a convolution" if a.n_blocks == 1 else f"{a.n_blocks} convolutions"
    listed = ", ".join(_text(name) for name in names[:MAX_CLASSES_LISTED])
    more = f" and {len(names) - MAX_CLASSES_LISTED:,} more, in `{LABELS}`" if len(names) > MAX_CLASSES_LISTED else ""
    return (
        f"A small convolutional network that says which of {len(names):,} classes a {channels} image of "
        f"{a.height}x{a.width} pixels (height x width) shows: {blocks} of 3x3 kernels with pooling and two dense "
        f"layers, {a.n_parameters:,} parameters. The format is {to}.\n\nClasses: {listed}{more}."
    )


def _use(predictor: Predictor, to: str, written: Written) -> str:
    steps = "\n".join(f"{i}. {step}." for i, step in enumerate(_sentences(outside(predictor.model)), start=1))
    exact = f"`{DESCRIPTION}` says each step exactly."
    if to not in USE:
        return f"Open `{written.network}` in a browser."
    scale = ""
    if written.output.quantization is not None:
        factor, zero_point = written.output.quantization
        scale = f"\n\nThe output is quantized: a probability is {factor!r} times (number - {zero_point})."
    return (
        f"```python\n{USE[to]}```\n\n`pixels` is one image, uint8 ({_shape(predictor)}), and `probabilities` has a "
        f"number for each line of `{LABELS}`.{scale}\n\nThe network does this itself: "
        f"{'; '.join(inside(predictor.model))}. An image file becomes `pixels` by\n\n{steps}\n\n{exact}"
    )


def _limits(predictor: Predictor, known: Origin) -> str:
    data = f"the training data ({_text(known.data)})" if known.data else "the training data"
    return (
        f"It is for images like those of {data}. It gives one of its classes to every image, also to one that shows "
        "none of them: a high probability does not say that the image is of a known kind. It was not tested on images "
        "of other origin, against manipulated images, or for equal quality over groups of people. Do not use it where "
        "a mistake harms somebody."
    )


def _data(known: Origin) -> str:
    if not known.n_train:
        return "Not known: the network was exported from a model file, which does not say what it was trained on."
    name = f"{_text(known.data)}: " if known.data else ""
    if known.folds:
        return f"{name}{known.n_train:,} training images, each held out once, in {len(known.folds)} folds."
    return f"{name}{known.n_train:,} training images and {known.n_validation:,} validation images."


def _results(known: Origin, check: Check | None) -> str:
    lines = []
    if known.interval is not None and known.accuracy is not None:
        low, high = known.interval
        lines += [
            f"| metric | value | {CONFIDENCE:.0%} interval | images |",
            "|---|---:|---|---:|",
            f"| accuracy | {known.accuracy:.4f} | {low:.4f} to {high:.4f} | {known.n_judged:,} {known.part} |",
        ]
        if known.loss is not None:
            lines.append(f"| cross-entropy | {known.loss:.4f} | | {known.n_validation:,} validation |")
        lines += ["", "Settings may have been chosen by these images; new images may give a lower accuracy."]
        if known.note:
            lines.append(f"{_text(known.note).capitalize()}.")
    else:
        lines.append("The accuracy is not known.")
    if check is not None and check.accuracy is None:
        lines += ["", f"The exported file gives the network's answers to {check.n_images:,} images within "
                  f"{check.difference:.1g} of a probability."]  # fmt: skip
    elif check is not None:
        lines += ["", f"Quantized, it has an accuracy of {check.accuracy:.4f} on {check.n_images:,} images, where the "
                  f"network has {check.own_accuracy:.4f}."]  # fmt: skip
    return "\n".join(lines)


def _origin(predictor: Predictor, known: Origin) -> str:
    recipe = f" by the recipe `{known.recipe}`" if known.recipe else ""
    epochs = f" for {known.epochs:,} epochs" if known.epochs else ""
    return (
        f"Trained with golmu{recipe}{epochs}, and exported with golmu {VERSION}. The licence of the network is that of "
        "whoever trained it: add it here, and as `license:` at the top."
    )


def _shape(predictor: Predictor) -> str:
    return ", ".join(map(str, predictor.image_shape))


def _sentences(phrases: Sequence[str]) -> list[str]:
    return [phrase[0].upper() + phrase[1:] for phrase in phrases]


def _yaml(text: str) -> str:
    """Return text as a string of YAML and of JSON alike.

    A character beyond the 16th bit stands for itself: the two escapes that JSON would have for it are two characters
    to YAML, and each is none.
    """
    return NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def _text(text: str) -> str:
    """Text that is no markup."""
    return MARKUP.sub(r"\\\1", printable(text, keep=""))
