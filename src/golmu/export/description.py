"""What lies beside an exported network: labels.txt, and model.json, which says what goes in and what comes out.

`labels.txt` has the name of a class on each line, in the order of the output. `model.json` says everything that a
program needs to use the network without Golmu; `docs/en/how-to/predict-and-ship.md` lists its keys.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from golmu.about import VERSION
from golmu.data.inputs import FAINT_BELOW
from golmu.export.check import TOLERANCE, Check
from golmu.export.written import Tensor, Written, versions_of
from golmu.metrics import spread, wilson_interval
from golmu.model.model import Model, describe_classes, describe_preprocessing
from golmu.model.predictor import Predictor
from golmu.names import printable
from golmu.preprocessing import DARK, MIDDLE_BRIGHTNESS

LABELS, DESCRIPTION = "labels.txt", "model.json"

FORMAT = 1
"""The format of model.json."""

CONFIDENCE = 0.95
"""Confidence of the interval of an accuracy."""

IMAGE_CHANNELS = (1, 3)
"""Channels of networks that image files can be fitted to."""


@dataclass(frozen=True)
class Origin:
    """What is known of the training of a network."""

    data: str = ""
    """Name of the data."""
    n_train: int = 0
    n_validation: int = 0
    accuracy: float | None = None
    """On the validation images, or the mean over folds."""
    loss: float | None = None
    """On the validation images."""
    epochs: int = 0
    recipe: str = ""
    """Name of the recipe that the training started from."""
    note: str = ""
    """Why the accuracy is not to be believed, if so."""
    folds: tuple[float, ...] = ()
    """The accuracy of each fold, where the training was over folds."""

    @property
    def part(self) -> str:
        """What the images are called that the accuracy was measured on."""
        return "out-of-fold" if self.folds else "validation"

    @property
    def n_judged(self) -> int:
        """On how many images the accuracy was measured."""
        return self.n_train if self.folds else self.n_validation

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of the accuracy, with `CONFIDENCE`."""
        if self.folds:
            return spread(self.folds).interval
        if self.accuracy is None or not self.n_validation:
            return None
        return wilson_interval(round(self.accuracy * self.n_validation), self.n_validation, CONFIDENCE)


def labels_text(model: Model) -> str:
    """Return labels.txt; a line break inside a name is written as an escape."""
    return "".join(f"{printable(name, keep='')}\n" for name in model.class_names)


def describe_export(
    predictor: Predictor, folder: Path, to: str, written: Written, check: Check | None, origin: Origin | None
) -> dict[str, Any]:
    """Return what model.json holds, once all other files are in the folder."""
    model = predictor.model
    return {
        "format": FORMAT,
        "made_by": f"golmu {VERSION}",
        "exported_to": to,
        "network": written.network,
        "input": _describe_tensor(written.input),
        "output": _describe_tensor(written.output),
        "classes": describe_classes(model.classes, model.class_names),
        "image_files": describe_image_files(model),
        "inside": inside(model),
        "outside": outside(model),
        "notes": list(written.notes),
        "architecture": {**asdict(model.architecture), "n_parameters": model.architecture.n_parameters},
        "preprocessing": describe_preprocessing(model.preprocessing),
        "epoch": model.epoch,
        "accuracy": describe_accuracy(origin),
        "check": _describe_check(check, written),
        "versions": {"python": platform.python_version(), **versions_of(["golmu", "numpy", *written.packages])},
        "weights_sha256": weights_digest(model),
        "files": describe_files(folder),
    }


def inside(model: Model) -> list[str]:
    """Return what an exported network does itself, a phrase for each step."""
    steps = ["scaling the pixels from 0 to 255 by 1/255"]
    if model.preprocessing.mean:
        steps.append("subtracting the training images' mean and dividing by their standard deviation, by channel")
    if model.preprocessing.test_flip:
        steps.append("averaging the logits of the image and of its mirror image")
    return [*steps, "softmax: the output is probabilities"]


def outside(model: Model) -> list[str]:
    """Return what must be done to an image file before an exported network gets it, a phrase for each step."""
    a, options = model.architecture, model.image_file_options
    if a.channels not in IMAGE_CHANNELS:
        return [f"making arrays of {a.height}x{a.width} pixels with {a.channels} channels"]
    steps = [
        "turning the image upright, as its EXIF orientation says",
        f"making it {'grey' if a.channels == 1 else 'RGB'}, and laying what is transparent on black",
        f"scaling it to fit {a.height}x{a.width} (height x width) with its aspect ratio kept",
        "centring it on its own background",
    ]
    if _inverts(model):
        contrast = "every image" if options.inversion == "yes" else f"an image whose background is not {options.ground}"
        steps.append(f"inverting {contrast}")
    return steps


def describe_image_files(model: Model) -> dict[str, Any] | None:
    """Return exactly how an image file becomes the input, as `golmu.fit_image` does it; None if none can."""
    a, options = model.architecture, model.image_file_options
    if a.channels not in IMAGE_CHANNELS:
        return None
    middle = MIDDLE_BRIGHTNESS * 255
    found = f"is above {middle}" if options.ground == DARK else f"is at most {middle}"
    rules = {
        "auto": f"invert the image, and fit it again, if the median of the fitted image's border {found}",
        "yes": "invert the image before it is scaled",
    }
    return {
        "upright": "turned by the EXIF orientation (ImageOps.exif_transpose)",
        "transparency": f"laid on black; on white if every grey value would then be below {FAINT_BELOW}",
        "depth": "grey images of 16 bits are divided by 257 and rounded",
        "mode": "L" if a.channels == 1 else "RGB",
        "channels": "Image.convert(mode) of Pillow, which makes grey as (19595 R + 38470 G + 7471 B + 32768) >> 16",
        "height": a.height,
        "width": a.width,
        "aspect_ratio": "kept: each side is round(side * min(width / image width, height / image height)), at least 1",
        "resampling": "Image.resize(..., BICUBIC) of Pillow: cubic with a = -0.5, widened when it reduces, first along "
        "rows, then along columns, rounded to 8 bits after each",
        "position": "left = round((width - scaled width) / 2), top = round((height - scaled height) / 2); halves are "
        "rounded to even",
        "background": "the lower median of each channel over the pixels along the scaled image's border",
        "training_ground": options.ground,
        "inversion": options.inversion if _inverts(model) else "no",
        "inversion_rule": rules[options.inversion] if _inverts(model) else "",
    }


def describe_files(folder: Path) -> dict[str, Any]:
    """Return size and digest of every file in a folder but model.json, by its name with slashes."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    named = {path.relative_to(folder).as_posix(): path for path in paths}
    return {
        name: {"bytes": path.stat().st_size, "sha256": file_digest(path)}
        for name, path in named.items()
        if name != DESCRIPTION
    }


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def weights_digest(model: Model) -> str:
    """Return the SHA-256 of a network's weights: equal for all exports of one network."""
    digest = hashlib.sha256()
    for name, shape in model.architecture.shapes.items():
        digest.update(f"{name} {shape}\n".encode())
        digest.update(np.ascontiguousarray(model.weights[name], "<f4").data)
    return digest.hexdigest()


def as_json(value: Any) -> str:
    """Return the text of model.json."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _inverts(model: Model) -> bool:
    """Whether image files may be inverted."""
    options = model.image_file_options
    is_possible = options.inversion == "auto" and options.ground != "" and options.channels == 1
    return is_possible or options.inversion == "yes"


def _describe_tensor(tensor: Tensor) -> dict[str, Any]:
    said: dict[str, Any] = {
        "name": tensor.name,
        "shape": list(tensor.shape),
        "type": tensor.dtype,
        "meaning": tensor.meaning,
    }
    if tensor.quantization is not None:
        said["scale"], said["zero_point"] = tensor.quantization
    return said


def describe_accuracy(origin: Origin | None) -> dict[str, Any] | None:
    """Return the accuracy of a network with its interval, and on what it was measured; None if nothing is known."""
    if origin is None or origin.interval is None:
        return None
    return {
        "value": origin.accuracy,
        "interval": list(origin.interval),
        "confidence": CONFIDENCE,
        "images": origin.n_judged,
        "part": origin.part,
        "data": origin.data,
        "note": origin.note,
    }


def _describe_check(check: Check | None, written: Written) -> dict[str, Any] | None:
    if check is None:
        return None
    said = {"images": check.n_images, "runtime": written.packages[-1], "largest_difference": check.difference}
    if check.accuracy is None:
        return {**said, "tolerance": TOLERANCE}
    return {**said, "accuracy": check.accuracy, "accuracy_of_the_network": check.own_accuracy}
