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
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from golmu.data.readers.idx import MAX_BYTES
from golmu.errors import DataError

TRAINING, TEST = ("x_train", "y_train"), ("x_test", "y_test")
WHOLE = ("x", "y")

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays x_train, y_train, and where both are there x_test and y_test; or x and y: in this order, as they are.

    Raises
    ------
    DataError
        If the file is missing, damaged or no `.npz`, lacks an array, holds objects, or declares more than
        `golmu.data.readers.idx.MAX_BYTES`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.removesuffix(".npy") for name in archive.namelist()}
            wanted = (*TRAINING, *(TEST if set(TEST) <= names else ())) if set(TRAINING) <= names else WHOLE
            if set(wanted) <= names:
                return {name: _array(archive, name, path) for name in wanted}
    except DataError:
        raise
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({error.strerror or error}); check the path") from error
    except (
        zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError, SyntaxError,
        RecursionError, MemoryError, LookupError, TypeError, OverflowError, tokenize.TokenError,
    ) as error:  # fmt: skip
        raise DataError(f"'{path}' is not a whole .npz file ({error}); copy or download the file again") from error
    found = ", ".join(sorted(names)[:10]) or "nothing"
    raise DataError(
        f"'{path}' holds {found}, where x_train and y_train (x_test and y_test beside them, or not), or x and y, were "
        "expected; save the arrays under these names"
    )


def _array(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any]:
    members = {member.removesuffix(".npy"): member for member in archive.namelist()}
    info = archive.getinfo(members[name])
    if info.file_size > MAX_BYTES:
        raise DataError(f"'{path}' declares {info.file_size} bytes for {name}, and at most {MAX_BYTES} are read")
    with archive.open(info) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise DataError(f"'{path}' holds {name} in version {version} of the format, where 1.0 or 2.0 was expected")
        shape, is_fortran, dtype = _HEADERS[version](stream)
        if dtype.hasobject:
            raise DataError(f"'{path}' holds {name} as Python objects, which are not loaded: save numbers or strings")
        n_bytes = math.prod(shape) * dtype.itemsize
        if min(shape, default=0) < 0 or dtype.itemsize == 0 or n_bytes > info.file_size:
            raise DataError(
                f"'{path}' declares shape {shape} of {dtype} for {name}, but holds {info.file_size} bytes of it; "
                "copy or download the file again"
            )
        array = np.frombuffer(_read(stream, n_bytes, name, path), dtype)
    array = array.reshape(shape[::-1]).T if is_fortran else array.reshape(shape)
    return np.ascontiguousarray(array, dtype.newbyteorder("="))


def _read(stream: IO[bytes], n_bytes: int, name: str, path: Path) -> bytes:
    content = stream.read(n_bytes)
    if len(content) < n_bytes or stream.read(1):
        raise DataError(f"'{path}' does not hold the {n_bytes} bytes of {name} that it declares; copy it again")
    return content
