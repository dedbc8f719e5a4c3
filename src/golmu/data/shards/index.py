"""shards.json: what a packed folder holds; and the shards' files, checked against it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data.reading import Progress
from golmu.errors import DataError
from golmu.json_values import OBJECT, TEXT, Kind, integer, take
from golmu.system import read_file, usable_cores
from golmu.types import ImageShape

INDEX = "shards.json"

FORMAT = 1

IMAGES_PER_SHARD = 65_536
"""Images in a shard, at most."""

LABEL_DTYPE = np.dtype("<u2")

CHUNK_BYTES = 2**20
"""Bytes that are hashed at a time."""

REMEDY = "put the file back as it was, or pack the data again with golmu pack"

SHAPE = Kind("height, width and channels", lambda v: integer(1, 2**20).list.includes(v) and len(v) == 3)
NAME = Kind("the name of a shard", lambda v: isinstance(v, str) and v.replace("-", "").isalnum() and v.isascii())
DIGEST = Kind("a SHA-256", lambda v: isinstance(v, str) and len(v) == 64)


@dataclass(frozen=True)
class Shard:
    """One shard: n images and their labels, in two files."""

    folder: Path
    name: str
    n: int
    image_shape: ImageShape
    images_digest: str
    """SHA-256 of the file of images."""
    labels_digest: str

    @property
    def images_path(self) -> Path:
        """The file of images."""
        return images_path(self.folder, self.name)

    @property
    def labels_path(self) -> Path:
        """The file of labels."""
        return labels_path(self.folder, self.name)

    @cached_property
    def _images_start(self) -> int:
        return _array_start(self.images_path, (self.n, *self.image_shape), np.dtype(np.uint8))

    @cached_property
    def _labels_start(self) -> int:
        return _array_start(self.labels_path, (self.n,), LABEL_DTYPE)

    def read_images(self, start: int, stop: int, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
        """Return the images from `start` to before `stop`, (m, h, w, c), in `out` if it is given.

        A file is read and not mapped into memory: one that is cut meanwhile is then an error, and not a crash.

        Raises
        ------
        DataError
            If the file is missing, cut or cannot be read.
        """
        images = np.empty((stop - start, *self.image_shape), np.uint8) if out is None else out
        return _read_rows(self.images_path, self._images_start, start, images)

    def read_labels(self, start: int = 0, stop: int | None = None) -> NDArray[np.int64]:
        """Return the labels from `start` to before `stop`, (m,); by default all.

        Raises
        ------
        DataError
            If the file is missing, cut or cannot be read.
        """
        labels = np.empty((self.n if stop is None else stop) - start, LABEL_DTYPE)
        return _read_rows(self.labels_path, self._labels_start, start, labels).astype(np.int64)

    def check(self) -> None:
        """Raise `DataError` unless both files have the content that was packed."""
        for path, digest in ((self.images_path, self.images_digest), (self.labels_path, self.labels_digest)):
            if file_digest(path) != digest:
                raise DataError(f"'{path}' is damaged: its content is not what was packed; {REMEDY}")


@dataclass(frozen=True)
class ShardPart:
    """The training images of a packed folder, or its test images."""

    shards: tuple[Shard, ...]
    class_counts: tuple[int, ...]
    """(C,): images of each class."""

    def __len__(self) -> int:
        return sum(self.class_counts)

    def count_labels(self) -> tuple[int, ...]:
        """Count the labels of each class in the files, which must be `class_counts`; there may be more classes.

        Raises
        ------
        DataError
            If the labels cannot be read.
        """
        counts = np.zeros(2**16, np.int64)
        for shard in self.shards:
            counts += np.bincount(shard.read_labels(), minlength=len(counts))
        return tuple(counts[: max(len(self.class_counts), 1 + int(counts.nonzero()[0].max()))].tolist())


@dataclass(frozen=True)
class ShardIndex:
    """A packed folder."""

    folder: Path
    name: str
    """What the data set is called."""
    source: str
    """Where the data came from."""
    image_shape: ImageShape
    class_names: tuple[str, ...]
    train: ShardPart
    test: ShardPart | None

    @property
    def digest(self) -> str:
        """What tells these data from others, a SHA-256 over those of all files and the names of the classes."""
        parts = [self.train] if self.test is None else [self.train, self.test]
        files = (d for part in parts for shard in part.shards for d in (shard.images_digest, shard.labels_digest))
        return hashlib.sha256(json.dumps([self.class_names, *files]).encode()).hexdigest()

    @property
    def n_bytes(self) -> int:
        """Bytes of all images."""
        return (len(self.train) + (0 if self.test is None else len(self.test))) * prod(self.image_shape)

    def check(self, progress: Progress | None = None) -> None:
        """Read every file once, and compare it with what was packed.

        Parameters
        ----------
        progress
            Called with the number of images whose files are read, and of all.

        Raises
        ------
        DataError
            If a file is missing, cut or damaged, or the labels are not those that the index counts; the error names it.
        """
        shards = [*self.train.shards, *(() if self.test is None else self.test.shards)]
        done, total = 0, sum(shard.n for shard in shards)
        with ThreadPoolExecutor(usable_cores(), thread_name_prefix="golmu-shards") as pool:
            try:
                for shard, _ in zip(shards, pool.map(Shard.check, shards), strict=True):
                    done += shard.n
                    if progress is not None:
                        progress(done, total)
            finally:
                pool.shutdown(cancel_futures=True)
        for part in (self.train, self.test):
            if part is not None and part.count_labels() != part.class_counts:
                raise DataError(
                    f"'{self.folder / INDEX}' is damaged: it counts other images of each class than there are labels; "
                    f"{REMEDY}"
                )

    def to_json(self) -> dict[str, Any]:
        """The index as `shards.json` holds it."""
        parts = {"train": self.train} | ({} if self.test is None else {"test": self.test})
        return {
            "format": FORMAT,
            "name": self.name,
            "source": self.source,
            "shape": list(self.image_shape),
            "class_names": list(self.class_names),
            **{
                name: {
                    "class_counts": list(part.class_counts),
                    "shards": [
                        {"name": s.name, "n": s.n, "images_sha256": s.images_digest, "labels_sha256": s.labels_digest}
                        for s in part.shards
                    ],
                }
                for name, part in parts.items()
            },
        }


def images_path(folder: Path, name: str) -> Path:
    """The file of the images of a shard."""
    return folder / f"{name}-images.npy"


def labels_path(folder: Path, name: str) -> Path:
    """The file of the labels of a shard."""
    return folder / f"{name}-labels.npy"


def is_packed(folder: str | Path) -> bool:
    """Whether a folder is one that `golmu pack` has written."""
    try:
        return (Path(folder) / INDEX).is_file()
    except (OSError, ValueError):
        return False


def read_index(folder: Path) -> ShardIndex:
    """Read `shards.json` of a packed folder.

    Raises
    ------
    DataError
        If it is missing or damaged, says what cannot be, or a file that it names is missing.
    """
    path = folder / INDEX
    try:
        said = json.loads(read_file(path).decode())
        index = _parse(OBJECT.check(said, INDEX), folder.resolve())
    except FileNotFoundError as error:
        raise DataError(f"'{folder}' is no packed folder: it lacks {INDEX}; make one with golmu pack") from error
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({error.strerror or error}); check its permissions") from error
    except KeyError as error:
        raise DataError(f"'{path}' is damaged: it lacks {error}; {REMEDY}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"'{path}' is damaged: {error}; {REMEDY}") from error
    for shard in (*index.train.shards, *(() if index.test is None else index.test.shards)):
        for file in (shard.images_path, shard.labels_path):
            if not file.is_file():
                raise DataError(f"'{file}' is missing; {REMEDY}")
    return index


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    digest, buffer = hashlib.sha256(), memoryview(bytearray(CHUNK_BYTES))
    try:
        with path.open("rb", buffering=0) as file:
            while n := file.readinto(buffer):
                digest.update(buffer[:n])
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def _parse(said: dict[str, Any], folder: Path) -> ShardIndex:
    if (version := take(said, "format", integer(1))) > FORMAT:
        raise ValueError(f"it has format {version}, which needs a later version of golmu")
    names = tuple(take(said, "class_names", TEXT.list))
    if len(names) < 1 or len(set(names)) < len(names):
        raise ValueError(f"'class_names' must be different names, got {str(names)[:40]}")
    height, width, channels = take(said, "shape", SHAPE)
    shape = (height, width, channels)
    train = _parse_part(take(said, "train", OBJECT), folder, shape, len(names), least=1)
    tested = take(said, "test", OBJECT, None)
    test = None if tested is None else _parse_part(tested, folder, shape, len(names), least=0)
    shards = [shard.name for part in (train, test) if part is not None for shard in part.shards]
    if len(set(shards)) < len(shards):
        raise ValueError("it names a shard twice")
    return ShardIndex(folder, take(said, "name", TEXT), take(said, "source", TEXT), shape, names, train, test)


def _parse_part(said: dict[str, Any], folder: Path, shape: ImageShape, n_classes: int, *, least: int) -> ShardPart:
    counts = tuple(take(said, "class_counts", integer(least).list))
    shards = tuple(
        Shard(
            folder, take(one, "name", NAME), take(one, "n", integer(1, IMAGES_PER_SHARD)), shape,
            take(one, "images_sha256", DIGEST), take(one, "labels_sha256", DIGEST),
        )
        for one in take(said, "shards", OBJECT.list)
    )  # fmt: skip
    if len(counts) != n_classes or sum(counts) != sum(shard.n for shard in shards) or not shards:
        raise ValueError("the counts of its classes and of its shards do not fit together")
    return ShardPart(shards, counts)


def _array_start(path: Path, shape: Sequence[int], dtype: np.dtype[Any]) -> int:
    """Return where the array of a .npy file begins, in bytes; raise `DataError` unless it is of this shape and type."""
    try:
        with path.open("rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            found, is_fortran, kind = read(file)
            start, n_bytes = file.tell(), file.seek(0, 2)
    except OSError as error:
        raise _unreadable(path, error) from error
    except ValueError as error:
        raise DataError(f"'{path}' is damaged: it is no NumPy file ({error}); {REMEDY}") from error
    if found != tuple(shape) or kind != dtype or is_fortran:
        raise DataError(f"'{path}' is damaged: it holds {kind} {found}, not {dtype} {tuple(shape)}; {REMEDY}")
    if n_bytes != (expected := start + prod(shape) * dtype.itemsize):
        raise DataError(f"'{path}' is cut: it has {n_bytes:,} bytes of {expected:,}; {REMEDY}")
    return start


def _read_rows(path: Path, start: int, first: int, out: NDArray[Any]) -> NDArray[Any]:
    """Fill `out` with the rows of an array that begins at byte `start`, from row `first` on."""
    rest = out.data.cast("B")
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(start + first * out.itemsize * prod(out.shape[1:]))
            while len(rest):
                if not (n := file.readinto(rest)):
                    raise DataError(f"'{path}' is cut: it has become shorter while it is read; {REMEDY}")
                rest = rest[n:]
    except OSError as error:
        raise _unreadable(path, error) from error
    return out


def _unreadable(path: Path, error: OSError) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"'{path}' is missing; {REMEDY}")
    return DataError(f"cannot read '{path}' ({error.strerror or error}); check the file and its permissions")
