"""`.npz` files of images and labels, as Keras and many papers publish them.

Such a file is a ZIP archive of arrays. What an array's header declares is compared with the length that the archive
declares before memory is set aside, both are limited, and arrays of Python objects, which would have to be unpickled,
are refused.
"""

from __future__ import annotations

import math
import stat
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.storage import MAX_BYTES
from golmu.errors import DataError

IMAGES, LABELS = ("x", "images", "data"), ("y", "labels", "target")
"""What arrays of images and labels are called, in capitals or not; each of the first belongs to one of the second."""

PARTS = ("train", "test", "val", "")
"""Parts of a data set, as the names of arrays have them, before those words or after them: x_train, train_images. The
last one is everything, of files that are not split."""

MAX_ARRAYS_NAMED = 10
"""Arrays, at most, that an error names."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class ArrayPair(NamedTuple):
    """Arrays of images and of their labels, as they are in the file, and the names that they have there."""

    images: NDArray[Any]
    labels: NDArray[Any]
    images_name: str
    labels_name: str


def read_npz(path: Path, notes: list[str]) -> list[ArrayPair]:
    """Read the images and labels to train on, then those to test on if they are in the file; or else all.

    The validation images are those to test on if there are no others, and else are ignored, which `notes` then tells.

    Raises
    ------
    DataError
        If the file is missing, no regular file, damaged or no `.npz`, lacks an array, holds objects, or declares more
        than `golmu.data.storage.MAX_BYTES`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"'{path}' is a device or a pipe, not an .npz file; give the path of a regular file")
        with zipfile.ZipFile(path) as archive:
            present = {name.removesuffix(".npy") for name in archive.namelist()}
            named = {part: names for part in PARTS if (names := _names_of(part, present)) is not None}
            tests = [part for part in ("test", "val") if part in named]
            wanted = ["train", *tests[:1]] if "train" in named else [part for part in ("",) if part in named]
            if "train" in named and len(tests) > 1:
                notes.append(
                    f"{' and '.join(named['val'])} of '{path}' are ignored, since there are test images already"
                )
            for part in ("test", "val"):
                if "train" in named and part not in named and (unlabelled := _images_of(part, present)):
                    notes.append(f"{unlabelled} of '{path}' has no labels, so it is not used as test images")
            pairs = [
                ArrayPair(_read_array(archive, images, path), _read_array(archive, labels, path), images, labels)
                for images, labels in (named[part] for part in wanted)
            ]
            if pairs:
                return pairs
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({error.strerror or error}); check the path") from error
    except (
        zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, SyntaxError,
        RecursionError, MemoryError, LookupError, TypeError, OverflowError, tokenize.TokenError,
    ) as error:  # fmt: skip
        raise DataError(f"'{path}' is not a whole .npz file ({error}); copy or download the file again") from error
    held = ", ".join(sorted(present)[:MAX_ARRAYS_NAMED]) or "nothing"
    raise DataError(
        f"'{path}' holds {held}, but must hold x_train and y_train (and x_test and y_test, if there are test images), "
        "or x and y; save the arrays under these names"
    )


def _names_of(part: str, present: set[str]) -> tuple[str, str] | None:
    """Return the names of the arrays of images and labels of a part, as they are in the file; None if it lacks any."""
    lower = {name.lower(): name for name in sorted(present, reverse=True)}
    for images, labels in zip(IMAGES, LABELS, strict=True):
        for pattern in ("{}_{part}", "{part}_{}") if part else ("{}",):
            names = [pattern.format(word, part=part) for word in (images, labels)]
            if all(name in lower for name in names):
                return lower[names[0]], lower[names[1]]
    return None


def _images_of(part: str, present: set[str]) -> str | None:
    """Return the name of an array of images of a part, as it is in the file; None if there is none."""
    names = {pattern.format(word, part=part) for word in IMAGES for pattern in ("{}_{part}", "{part}_{}")}
    return next((name for name in sorted(present) if name.lower() in names), None)


def _read_array(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    members = {member.removesuffix(".npy"): member for member in archive.namelist()}
    info = archive.getinfo(members[name])
    if info.file_size > MAX_BYTES:
        raise DataError(
            f"'{path}' declares {info.file_size} bytes for {name}, but at most {MAX_BYTES} are read; save fewer images"
        )
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise DataError(
                f"'{path}' holds {name} in version {version} of the format, but only 1.0 and 2.0 are read; save it "
                "with numpy.savez"
            )
        shape, is_fortran, dtype = _HEADERS[version](stream)
        if dtype.hasobject:
            raise DataError(f"'{path}' holds {name} as Python objects, which are not loaded: save numbers or strings")
        n_bytes = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or dtype.itemsize == 0 or n_bytes > info.file_size:
            raise DataError(
                f"'{path}' declares shape {shape} of {dtype} for {name}, but holds {info.file_size} bytes of it; "
                "copy or download the file again"
            )
        array = np.frombuffer(_read_bytes(stream, n_bytes, name, path), dtype)
    array = array.reshape(shape[::-1]).T if is_fortran else array.reshape(shape)
    return np.ascontiguousarray(array, dtype.newbyteorder("="))


def _read_bytes(stream: IO[bytes], n_bytes: int, name: str, path: Path) -> bytes:
    content = stream.read(n_bytes)
    if len(content) < n_bytes or stream.read(1):
        raise DataError(f"'{path}' does not hold the {n_bytes} bytes of {name} that it declares; copy it again")
    return content
