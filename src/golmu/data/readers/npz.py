"""`.npz` files of images and labels, as Keras and many papers publish them.

Such a file is a ZIP archive of arrays. What an array's header declares is compared with the length that the archive
declares before memory is set aside, both are limited, and arrays of Python objects, which would have to be unpickled,
are refused.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.readers.idx import MAX_BYTES
from golmu.errors import DataError

TRAINING_ARRAYS, TEST_ARRAYS, ONLY_ARRAYS = ("x_train", "y_train"), ("x_test", "y_test"), ("x", "y")
"""Names of the arrays of images and labels: of the training images, of the test images, or of all if not split."""

MAX_ARRAYS_NAMED = 10
"""Arrays, at most, that an error names."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


class ArrayPair(NamedTuple):
    """Arrays of images and of their labels, as they are in the file, and the names that they have there."""

    images: NDArray[Any]
    labels: NDArray[Any]
    images_name: str
    labels_name: str


def read_npz(path: Path) -> list[ArrayPair]:
    """Read x_train and y_train, then x_test and y_test if both are in the file; or else x and y.

    Raises
    ------
    DataError
        If the file is missing, damaged or no `.npz`, lacks an array, holds objects, or declares more than
        `golmu.data.readers.idx.MAX_BYTES`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            present = {name.removesuffix(".npy") for name in archive.namelist()}
            wanted = [TRAINING_ARRAYS, TEST_ARRAYS] if present.issuperset(TRAINING_ARRAYS) else [ONLY_ARRAYS]
            pairs = [
                ArrayPair(_read_array(archive, images, path), _read_array(archive, labels, path), images, labels)
                for images, labels in wanted
                if {images, labels} <= present
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
    named = ", ".join(sorted(present)[:MAX_ARRAYS_NAMED]) or "nothing"
    raise DataError(
        f"'{path}' holds {named}, but must hold x_train and y_train (and x_test and y_test, if there are test images), "
        "or x and y; save the arrays under these names"
    )


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
