"""IDX files, the format of MNIST and its kin, plain or packed with gzip, and the folders that hold four of them.

An IDX file is a header and then the elements, all of it big endian:

    bytes 0-1   0, 0
    byte  2     the element type (see `ELEMENT_TYPES`)
    byte  3     the number of dimensions d
    4·d bytes   the dimensions, each uint32
    the rest    the elements, the last dimension running fastest

Whatever the file says is checked before memory is set aside for it, so that a damaged or hostile file costs an error
and nothing else: a plain file must have exactly the declared length, a packed one is never unpacked further than one
byte past it.
"""

from __future__ import annotations

import hashlib
import math
import os
import stat
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.data.storage import MEMORY, Memory
from golmu.errors import DataError, InputTypeError

ELEMENT_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
"""The third byte of the file, and the NumPy element type it stands for."""

MNIST_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""The four files of an MNIST-like data set; each may also end in ".gz"."""

_MAX_DIMENSIONS = 32  # what every supported NumPy can hold
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # tells zlib to expect gzip's header and CRC
_DEFLATE_LIMIT = 1032  # bytes that one byte of deflate can stand for at the very most: 258 in 2 bits
_PACKED_CHUNK = 2**16  # bytes
_CHUNK = 2**20  # bytes: still in the processor's cache when they are hashed
_COPY_AGAIN = "copy or download the file again"


class _Stream(Protocol):
    """The method that both a plain file and a `_Gunzip` have."""

    def readinto(self, buffer: memoryview, /) -> int | None: ...


class _Header(NamedTuple):
    """What the file declares; `n_bytes` is the length of header and elements together."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    n_bytes: int


def read_idx(path: str | os.PathLike[str], storage: Memory = MEMORY) -> NDArray[Any]:
    """Read an IDX file, plain or packed with gzip (its content decides, not its name), into an array of `storage`.

    Returns
    -------
    A writable array in the machine's byte order, with the file's shape and one of the element types uint8, int8,
    int16, int32, float32, float64.

    Raises
    ------
    DataError
        If the file is missing, not readable, damaged, of another format, longer or shorter than it declares,
        or declares more than `MAX_BYTES`.
    InputTypeError
        If `path` is neither text nor a path.
    """
    return _read(as_path(path, "path"), None, storage)


def read_idx_with_sha256(path: str | os.PathLike[str]) -> tuple[NDArray[Any], str]:
    """Read an IDX file like `read_idx`, and hash its unpacked content, header included, on the way.

    Returns
    -------
    (array, digest): the digest is SHA-256 as 64 lower-case hexadecimal digits.

    Raises
    ------
    DataError, InputTypeError
        If `read_idx` would raise them.
    """
    digest = hashlib.sha256()
    array = _read(as_path(path, "path"), digest, MEMORY)
    return array, digest.hexdigest()


def find_idx_files(folder: Path, names: Sequence[str] = MNIST_FILES) -> dict[str, list[Path]]:
    """Find each of `names` in `folder`, plain or with ".gz": a list of paths for each, plain first (faster to read).

    Raises
    ------
    DataError
        If the folder cannot be listed, or some of the files are not in it; the message names all of those.
    """
    try:
        present = {entry.name for entry in folder.iterdir()}
    except (OSError, ValueError) as error:
        raise DataError(
            f"cannot look into folder '{folder}' for IDX files ({_reason(error)}); check its path and permissions"
        ) from error
    paths = {name: [folder / n for n in (name, f"{name}.gz") if n in present] for name in names}
    missing = [name for name in names if not paths[name]]
    if missing:
        raise DataError(
            f"folder '{folder}' lacks {len(missing)} of {len(names)} files: {', '.join(missing)} "
            f"(each may end in .gz); add them, or give another folder"
        )
    return paths


def as_path(value: Any, argument: str) -> Path:
    """Return `value` as a path, or raise `InputTypeError`, naming `argument`, if it is neither text nor a path."""
    try:
        return Path(value)
    except TypeError as error:
        raise InputTypeError(
            f"{argument} must be text or a path, but is a {type(value).__name__}: {value!r}"
        ) from error


class _Gunzip:
    """A gzip file, unpacked never a byte further than is asked for (the standard library's reader runs ahead).

    Reading raises EOFError if the file ends early, and zlib.error if it is damaged or a checksum does not match.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._packed = b""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill `buffer`, at least in part, and return how many bytes there were; 0 is the end, its checksum right."""
        while True:
            if self._member.eof and not self._start_next_member():
                return 0
            packed = self._packed or self._file.read(_PACKED_CHUNK)
            unpacked = self._member.decompress(packed, len(buffer))
            self._packed = self._member.unconsumed_tail
            if unpacked:
                buffer[: len(unpacked)] = unpacked
                return len(unpacked)
            if not packed and not self._member.eof:
                raise EOFError("the gzip stream ends early")

    def _start_next_member(self) -> bool:
        """Go to the next of several joined gzip members, or return False; zeros at the end are padding, as on tapes."""
        packed = self._member.unused_data.lstrip(b"\0")
        while not packed:
            chunk = self._file.read(_PACKED_CHUNK)
            if not chunk:
                return False
            packed = chunk.lstrip(b"\0")
        self._packed = packed
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        return True


def _read(path: Path, digest: hashlib._Hash | None, storage: Memory) -> NDArray[Any]:
    """Read `path` and feed every byte of its unpacked content to `digest`."""
    file_bytes = _file_size(path)
    try:
        with path.open("rb", buffering=0) as file:
            is_packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
            file.seek(0)
            stream: _Stream = _Gunzip(file) if is_packed else file
            header = _read_header(stream, path, digest, storage.max_bytes)
            _check_length(header, path, file_bytes, is_packed)
            return _read_elements(stream, header, path, digest, storage)
    except EOFError as error:
        raise _damaged(path, f"is cut off: its gzip stream ends after {file_bytes} packed bytes") from error
    except zlib.error as error:
        raise _damaged(path, f"is damaged: gzip found '{error}'") from error
    except MemoryError as error:
        raise DataError(f"'{path}' does not fit into this computer's free memory; close other programs") from error
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({_reason(error)}); check the file and its permissions") from error


def _file_size(path: Path) -> int:
    """Return the bytes of a regular, non-empty file, or raise: opening a pipe or a device could wait for ever."""
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise DataError(f"there is no IDX file '{path}'; check the path") from error
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read '{path}' ({_reason(error)}); check the path and its permissions") from error
    if stat.S_ISDIR(status.st_mode):
        raise DataError(f"'{path}' is a folder, not an IDX file; give the path of a file in it")
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"'{path}' is a device or a pipe, not an IDX file; give the path of a regular file")
    if status.st_size == 0:
        raise _damaged(path, "is empty")
    return status.st_size


def _read_header(stream: _Stream, path: Path, digest: hashlib._Hash | None, max_bytes: int) -> _Header:
    """Read and check the header: magic number, element type, number of dimensions, size."""
    magic = bytearray(4)
    if (n := _fill(stream, memoryview(magic), digest)) < len(magic):
        raise _damaged(path, f"holds {n} bytes, but an IDX file has at least 4 for its magic number")
    zero, code, n_dimensions = magic[:2], magic[2], magic[3]
    if any(zero) or code not in ELEMENT_TYPES:
        raise DataError(
            f"'{path}' is not an IDX file: it should start with 00 00 and an element type 08, 09, 0b, 0c, 0d or 0e, "
            f"but starts with {magic.hex(' ')}; give an IDX file, plain or packed with gzip"
        )
    if not 1 <= n_dimensions <= _MAX_DIMENSIONS:
        raise _damaged(path, f"declares {n_dimensions} dimensions, but 1 to {_MAX_DIMENSIONS} are possible")
    sizes = bytearray(4 * n_dimensions)
    if (n := _fill(stream, memoryview(sizes), digest)) < len(sizes):
        raise _damaged(path, f"ends in its header: it holds {n} of {len(sizes)} bytes of dimensions")
    dtype = np.dtype(ELEMENT_TYPES[code])
    shape = tuple(int(size) for size in np.frombuffer(sizes, ">u4"))
    # NumPy limits the product of the dimensions that are not 0, even where there is no element.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > max_bytes:
        raise DataError(
            f"'{path}' declares shape {shape} of {dtype.newbyteorder('=')}, but at most {max_bytes} bytes are read; "
            f"split the file, or check that it is an IDX file"
        )
    return _Header(dtype, shape, len(magic) + len(sizes) + math.prod(shape) * dtype.itemsize)


def _check_length(header: _Header, path: Path, file_bytes: int, is_packed: bool) -> None:
    """Raise if the size of the file alone shows that it cannot hold what its header declares."""
    if not is_packed and file_bytes != header.n_bytes:
        raise _damaged(
            path, f"is {file_bytes} bytes long, but its header declares {header.n_bytes} for shape {header.shape}"
        )
    if is_packed and header.n_bytes > file_bytes * _DEFLATE_LIMIT:
        raise _damaged(path, f"declares {header.n_bytes} bytes, more than its {file_bytes} bytes of gzip can unpack to")


def _read_elements(
    stream: _Stream, header: _Header, path: Path, digest: hashlib._Hash | None, storage: Memory
) -> NDArray[Any]:
    """Read what follows the header, and check that it ends where it should."""
    n_bytes = math.prod(header.shape) * header.dtype.itemsize
    content = storage.empty((n_bytes,), np.uint8)
    if (n := _fill(stream, content.data, digest)) < n_bytes:
        raise _damaged(path, f"is cut off: it holds {n} bytes of elements, but its header declares {n_bytes}")
    if _fill(stream, memoryview(bytearray(1)), digest):
        raise _damaged(path, f"continues after the {n_bytes} bytes of elements that its header declares")
    elements = content.view(header.dtype).reshape(header.shape)
    if not header.dtype.isnative:
        # In place, since a copy would need the memory twice.
        elements = elements.byteswap(inplace=True).view(header.dtype.newbyteorder("="))
    return elements


def _fill(stream: _Stream, buffer: memoryview, digest: hashlib._Hash | None) -> int:
    """Read until `buffer` is full or the stream ends, and return how many bytes there were."""
    done = 0
    while done < len(buffer):
        n = stream.readinto(buffer[done : done + _CHUNK])
        if not n:
            break
        if digest is not None:
            digest.update(buffer[done : done + n])
        done += n
    return done


def _damaged(path: Path, finding: str) -> DataError:
    return DataError(f"'{path}' {finding}; {_COPY_AGAIN}")


def _reason(error: Exception) -> str:
    """Return the system's words for an error, without the path that they repeat."""
    return str(getattr(error, "strerror", None) or error)
