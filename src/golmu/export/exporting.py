"""`golmu.export`: a network written into a folder, in the format of another program, and checked before it is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import LabelledImages, test_images
from golmu.checks import as_path, boolean, one_of
from golmu.data import Dataset
from golmu.errors import GolmuError, InputError, InputTypeError, SaveError
from golmu.export.card import CARD, card_text
from golmu.export.check import Check, check_accuracy, check_answers
from golmu.export.description import DESCRIPTION, LABELS, Origin, as_json, describe_export, file_digest, labels_text
from golmu.export.written import Written, page_written
from golmu.model.predictor import Predictor
from golmu.system import folder_draft, write_file

FORMATS = ("keras", "onnx", "litert", "saved-model", "page")
"""What a network can be exported to."""

FILE_SUFFIXES = (".keras", ".onnx", ".tflite", ".html")
"""Endings of the files that an export holds; a folder is not called so."""


@dataclass(frozen=True)
class Calibration:
    """Images with which a network is quantized."""

    images: NDArray[np.uint8]
    """(n, h, w, c): training images, from which the ranges of the layers are taken."""
    judged: LabelledImages
    """Images on which the accuracy must stay."""

    @classmethod
    def of(cls, dataset: Dataset, predictor: Predictor) -> Calibration:
        """Take the training images of a data set, and its test images, or where it has none, all of its images.

        Raises
        ------
        DataError
            If the images or the classes are not the network's.
        """
        judged = test_images(dataset, predictor, is_own=False)
        return cls(dataset.train.images, judged)


@dataclass(frozen=True)
class Exported:
    """A network in the format of another program, as it lies in its folder."""

    folder: Path
    network: Path
    """The file or the folder to load."""
    description: Mapping[str, Any]
    """The content of model.json."""
    check: Check | None
    """How it answered, compared with the network; None for a page, which is not asked."""


def export(
    predictor: Predictor, path: str | Path, *, to: str = "keras", quantize: Dataset | None = None, card: bool = False
) -> Exported:
    """Write a network into a folder, in the format of another program, if it gives the same answers there.

    Beside the network lie `labels.txt`, the names of the classes, and `model.json`, which says what goes in and what
    comes out.

    Parameters
    ----------
    predictor
        The network, as `golmu.load` gives it.
    path
        The folder. One that an export has written before is replaced.
    to
        "keras", "onnx", "litert", "saved-model", or "page", a web page that runs the network.
    quantize
        For "litert": the data that the network was trained on, to quantize all of it to 8 bits. The ranges of the
        layers are taken from the training images.
    card
        Whether to write `README.md`, a model card, too.

    Returns
    -------
    What was written, with `folder`, `network`, `description` and `check`.

    Raises
    ------
    EngineError
        If a package that the format needs is not installed.
    InputError, InputTypeError
        If an argument cannot be used, or the folder holds something that no export has written.
    SaveError
        If the folder cannot be written, or the exported network gives other answers. Nothing remains of it then.
    DataError
        If the images or the classes of `quantize` are not the network's.

    Examples
    --------
    >>> import golmu
    >>> digits = golmu.load_dataset("digits").train
    >>> network = golmu.ConvolutionNetwork(n_kernels=4, random_state=0).fit(digits.images, digits.labels, epochs=1)
    >>> exported = golmu.export(network.predictor_, "digits-page", to="page")
    >>> exported.network.as_posix()
    'digits-page/index.html'
    """
    if not isinstance(predictor, Predictor):
        raise InputTypeError(f"predictor must be a golmu.Predictor, such as golmu.load returns, got {predictor!r}")
    if quantize is not None and not isinstance(quantize, Dataset):
        raise InputTypeError(
            f"quantize must be a golmu.Dataset, the data that the network was trained on, or None, got {quantize!r}"
        )
    check_format(to, is_quantized=quantize is not None)
    calibration = None if quantize is None else Calibration.of(quantize, predictor)
    return export_network(predictor, as_path(path, "path"), to, calibration=calibration, has_card=boolean(card, "card"))


def check_format(to: str, *, is_quantized: bool) -> None:
    """Raise `InputError` or `InputTypeError` unless `to` is one of `FORMATS`, and can be quantized if it is to be."""
    one_of(to, FORMATS, "to")
    if is_quantized and to != "litert":
        raise InputError(f"quantize is for the format litert, got {to}: leave it out")


def export_network(
    predictor: Predictor, folder: Path, to: str, *, calibration: Calibration | None = None, has_card: bool = False,
    origin: Origin | None = None, samples: LabelledImages | None = None,
) -> Exported:  # fmt: skip
    """Write a network into a folder; see `export`.

    Parameters
    ----------
    predictor, folder, to
        As `export` has them.
    calibration
        To quantize the network.
    has_card
        Whether to write a model card.
    origin
        What is known of the training, for model.json and the card.
    samples
        Images from which a page takes some to click.
    """
    check_replaceable(folder)
    with folder_draft(folder, "the export") as draft:
        try:
            written = _write(predictor, draft, to, calibration, samples)
            check = _check(predictor, written, calibration)
        except (GolmuError, OSError, MemoryError):
            raise
        except Exception as error:  # what a library raises, say on a full disk, depends on the library
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise SaveError(f"{predictor.name} cannot be exported to {to}: {reason}") from error
        write_file(draft / LABELS, labels_text(predictor.model), "the names of the classes")
        if has_card:
            write_file(draft / CARD, card_text(predictor, to, written, check, origin), "the model card")
        description = as_json(describe_export(predictor, draft, to, written, check, origin))
        write_file(draft / DESCRIPTION, description, "the description of the network")
    return Exported(folder, folder / written.network, json.loads(description), check)


def check_replaceable(folder: Path) -> None:
    """Raise `InputError` unless `folder` is new or empty, or holds an export in which nobody has changed anything."""
    if folder.suffix.lower() in FILE_SUFFIXES:
        raise InputError(
            f"an export is a folder, and {folder} is the name of a file: give a folder, such as "
            f"{folder.with_suffix('')}"
        )
    if not folder.exists():
        return
    if not folder.is_dir():
        raise InputError(f"an export is a folder, and {folder} is a file: give another name")
    known = _files_of_export(folder)
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or (name == DESCRIPTION and known):
            continue
        if name not in known or known[name] != file_digest(path):
            what = "has been changed since it was exported" if name in known else "was not written by an export"
            raise InputError(f"{path} {what}, and would be lost: move it elsewhere, or give another folder (--output)")


def _files_of_export(folder: Path) -> dict[str, str]:
    """Return the digest of each file that an export has written into `folder`; none if it is no export."""
    try:
        said = json.loads((folder / DESCRIPTION).read_bytes())
        return {str(name): str(one["sha256"]) for name, one in said["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _write(
    predictor: Predictor, folder: Path, to: str, calibration: Calibration | None, samples: LabelledImages | None
) -> Written:
    """Write the network in the format `to`; each format's module is imported here alone."""
    if to == "keras":
        from golmu.export.keras import write_keras  # noqa: PLC0415

        return write_keras(predictor, folder)
    if to == "onnx":
        from golmu.export.onnx import write_onnx  # noqa: PLC0415

        return write_onnx(predictor, folder)
    if to == "saved-model":
        from golmu.export.saved_model import write_saved_model  # noqa: PLC0415

        return write_saved_model(predictor, folder)
    if to == "litert":
        from golmu.export.litert import choose_calibration, write_litert  # noqa: PLC0415

        return write_litert(predictor, folder, None if calibration is None else choose_calibration(calibration.images))
    from golmu.export.page import choose_samples, export_page  # noqa: PLC0415

    page = export_page(predictor, folder, choose_samples(samples, predictor.class_names))
    return page_written(page.name, predictor.image_shape, len(predictor.class_names))


def _check(predictor: Predictor, written: Written, calibration: Calibration | None) -> Check | None:
    if written.answer is None:
        return None
    if calibration is not None:
        return check_accuracy(predictor, written.answer, calibration.judged)
    return check_answers(predictor, written.answer)
