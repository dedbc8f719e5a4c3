"""Safetensors files with a seal: arrays and a JSON description that come back exactly as they were written, or not.

The format holds arrays and text, so that loading runs nothing. The metadata has one key, `golmu`: the description, a
JSON object, whose last entry is `sha256`: of the description with zeros in its place, and of every tensor's name, shape
and bytes in the order of the names. There is one key, since the order of several is not fixed: equal content is an
equal file.

Tensors are float32. What a file claims of itself is compared with what is expected of it before an array is made, so
that a damaged or hostile file costs no more memory than its own size.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from golmu.errors import CheckpointError, GolmuError
from golmu.system import write_file

BLANK = "0" * 64
"""Stands in the description where the checksum will."""

SEAL = re.compile(r'(?<="sha256": ")([^"]*)(?="\}$)')
"""The checksum at the end of a description."""

Tensors = dict[str, NDArray[np.float32]]
Shapes = Mapping[str, tuple[int, ...]]
Content = TypeVar("Content")
"""What a description says, parsed."""


def write(path: Path, tensors: Tensors, description: Mapping[str, Any], *, what: str) -> None:
    """Write a file atomically; `what` is what errors call it.

    Raises
    ------
    SaveError
        If it cannot be written; what stood at `path` is untouched.
    """
    text = json.dumps({**description, "sha256": BLANK}, ensure_ascii=False)
    text = text.encode(errors="backslashreplace").decode()  # to JSON, what is no Unicode is an escape
    sealed = SEAL.sub(_checksum(text, tensors), text)
    write_file(path, safetensors.numpy.save(tensors, {"golmu": sealed}), f"the {what}")


def read(
    path: Path, parse: Callable[[Any], Content], shapes_of: Callable[[Content], Shapes], *, what: str
) -> tuple[Tensors, Content]:
    """Read the tensors and the description that `write` wrote.

    Parameters
    ----------
    path
        The file.
    parse
        Makes of a description what it says. It raises `KeyError` for what the description lacks, and `GolmuError`,
        `ValueError`, `TypeError` or `ArithmeticError` for what is wrong in it.
    shapes_of
        Gives the names and shapes of the tensors that this implies.
    what
        What errors call the file.

    Raises
    ------
    CheckpointError
        If the file is missing or damaged, is something else, or holds other tensors than are expected.
    """
    try:
        if not path.is_file():
            raise CheckpointError(f"there is no {what} file {path}")
        path.open("rb").close()  # of any failure safetensors says that there is no such file
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata()
            if not (isinstance(metadata, dict) and "golmu" in metadata):
                raise CheckpointError(f"{path} is not a {what} of golmu: its metadata does not describe one")
            content, shapes = _parse(path, metadata["golmu"], parse, shapes_of, what)
            _check_claims(path, file, shapes)
            tensors = {name: file.get_tensor(name) for name in shapes}
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}") from error
    except (safetensors.SafetensorError, TypeError, ValueError) as error:
        if isinstance(error, CheckpointError):
            raise
        raise CheckpointError(f"{path} is not a whole safetensors file: {error}") from error
    text = metadata["golmu"]
    seal = SEAL.search(text)
    if seal is None or seal[0] != _checksum(SEAL.sub(BLANK, text), tensors):
        raise CheckpointError(f"{path} is damaged: its content does not match its checksum")
    for name, tensor in tensors.items():
        if not np.isfinite(tensor.sum(dtype=np.float64)):  # makes no array of its own, and cannot overflow
            raise CheckpointError(f"{path} holds NaN or infinity in {name}")
    return tensors, content


def _parse(
    path: Path, text: str, parse: Callable[[Any], Content], shapes_of: Callable[[Content], Shapes], what: str
) -> tuple[Content, Shapes]:
    try:
        content = parse(json.loads(text))
        return content, shapes_of(content)
    except CheckpointError as error:
        raise CheckpointError(f"{path} {error}") from error
    except KeyError as error:
        raise CheckpointError(f"{path} is not a {what} of golmu: its metadata lacks {error}") from error
    except (GolmuError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise CheckpointError(f"{path} is not a {what} of golmu: {error}") from error


def _check_claims(path: Path, file: Any, shapes: Shapes) -> None:
    """Compare names, types and shapes with what is expected, from the file's header alone."""
    names = set(file.keys())
    if missing := [name for name in shapes if name not in names]:
        raise CheckpointError(f"{path} lacks the tensors {', '.join(missing)}")
    if extra := sorted(names - set(shapes)):
        raise CheckpointError(f"{path} holds unknown tensors: {', '.join(extra)}")
    for name, shape in shapes.items():
        claimed = file.get_slice(name)
        if claimed.get_dtype() != "F32" or tuple(claimed.get_shape()) != tuple(shape):
            raise CheckpointError(
                f"{path} holds {name} as {claimed.get_dtype()} of shape {tuple(claimed.get_shape())}, "
                f"where F32 of shape {tuple(shape)} is expected"
            )


def _checksum(text: str, tensors: Tensors) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        digest.update(f"\n{name} {tensors[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(tensors[name], np.float32).data)
    return digest.hexdigest()
