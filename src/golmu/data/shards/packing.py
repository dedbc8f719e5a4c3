"""Writing packed folders: a data set of any size, shuffled once, in shards.

The images are decoded one after the other into a file beside the shards (`golmu.data.storage.Disk`), and then gathered
in a random order. A process that was killed goes on with the image, and then with the shard, in which it stood.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.shards.index import (
    IMAGES_PER_SHARD,
    INDEX,
    LABEL_DTYPE,
    Shard,
    ShardIndex,
    ShardPart,
    file_digest,
    images_path,
    labels_path,
    read_index,
)
from golmu.data.storage import Disk
from golmu.errors import DataError, RunError, SaveError
from golmu.system import lock_file, write_file

SHARD_BYTES = 2**28
"""Bytes of a shard's images, at most, but for a single image."""

IMAGES_AT_A_TIME = 4096
"""Images that are gathered in memory."""

DEFAULT_SEED = 42

LOCK, STARTED = ".packing.lock", ".packing.json"
"""Files in a folder that is being packed: a lock, and which shards are whole."""

PART_SUFFIX = ".part"


class Display(Protocol):
    """Shows how far the writing is."""

    def __enter__(self) -> Any:
        """Begin."""

    def __exit__(self, *error: Any) -> Any:
        """End."""

    def __call__(self, done: int, total: int) -> None:
        """Be told how many images are written, and of how many."""


class Silence:
    """Shows nothing."""

    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...

    def __call__(self, done: int, total: int) -> None: ...


SILENT = Silence()


def pack(
    read: Callable[[Disk], Dataset],
    output: Path,
    *,
    seed: int = DEFAULT_SEED,
    progress: Display = SILENT,
) -> ShardIndex:
    """Write a data set as a packed folder, or go on with one that was interrupted.

    Parameters
    ----------
    read
        Reads the data set, and puts its images where it is told.
    output
        A new or empty folder, or one in which the same data were being packed.
    seed
        Seed of the order of the images.
    progress
        Entered once the data are read, and then called with the number of images that are written, and of all.

    Raises
    ------
    RunError
        If the folder holds something else, is packed already, or another process packs into it.
    SaveError
        If it cannot be written.
    DataError
        If the data cannot be read, or a class has no training image.
    """
    _check_output(output)
    is_new = not output.exists()
    try:
        output.mkdir(exist_ok=True)
        with lock_file(output / LOCK):
            storage = Disk(output)
            is_packed = (output / INDEX).exists()  # by a process that was killed at its very end
            if not is_packed:
                dataset = read(storage)
                with progress:
                    index = _write(dataset, output, seed, progress)
            storage.remove()
    except BlockingIOError as error:
        raise RunError(f"another process packs into {output}: wait for it, or give another folder") from error
    except OSError as error:
        raise SaveError(f"the shards cannot be written to {output}: {error.strerror or error}") from error
    finally:
        if is_new and output.is_dir() and [path.name for path in output.iterdir()] == [LOCK]:  # nothing was begun
            (output / LOCK).unlink()
            output.rmdir()
    for name in (STARTED, LOCK):
        with suppress(OSError):
            (output / name).unlink()
    if is_packed:
        _check_output(output)
    return index


def _check_output(output: Path) -> None:
    """Raise unless the folder is new, empty, or one that an earlier process began to pack."""
    if (output / INDEX).exists() and not (output / LOCK).exists():
        raise RunError(f"{output} is packed already: give a new folder, or remove this one")
    if output.exists() and not output.is_dir():
        raise RunError(f"{output} is a file: give a new folder")
    if not output.parent.is_dir():
        raise SaveError(f"there is no folder {output.parent} to make {output.name} in: make it first")
    if output.is_dir() and not (output / LOCK).exists() and any(output.iterdir()):
        raise RunError(f"{output} is not empty: give a new folder")


def _write(dataset: Dataset, output: Path, seed: int, progress: Display) -> ShardIndex:
    """Write what is not written yet, and the index last."""
    counts = np.bincount(dataset.train.labels, minlength=len(dataset.class_names))
    # A class number without any image is no class here: neither can be trained or tested.
    (used,) = np.nonzero(counts)
    number = np.full(len(counts), -1)
    number[used] = np.arange(len(used))
    parts = {"train": dataset.train} | ({} if dataset.test is None else {"test": dataset.test})
    work = _Work(output, {name: number[part.labels] for name, part in parts.items()}, dataset, seed, progress)
    written = {name: work.write(name, part, len(used)) for name, part in parts.items()}
    height, width, channels = dataset.train.images.shape[1:]
    index = ShardIndex(
        output.resolve(), dataset.name, dataset.source, (height, width, channels),
        tuple(dataset.class_names[i] for i in used.tolist()), written["train"], written.get("test"),
    )  # fmt: skip
    write_file(output / INDEX, json.dumps(index.to_json(), indent=1), "the index of the shards")
    return read_index(output)


class _Work:
    """Writes the shards of a data set, and remembers in a file which of them are whole."""

    def __init__(
        self, output: Path, labels: dict[str, NDArray[np.int64]], dataset: Dataset, seed: int, progress: Display
    ) -> None:
        self._output, self._labels, self._seed, self._progress = output, labels, seed, progress
        self._done, self._total = 0, sum(map(len, labels.values()))
        digest = hashlib.sha256(json.dumps([dataset.source, dataset.class_names, seed]).encode())
        for name, part in (("train", dataset.train), ("test", dataset.test)):
            if part is not None:
                digest.update(f"{name} {part.images.shape}".encode())
                digest.update(labels[name].data)
                digest.update(_sample(part.images))
        self._digest = digest.hexdigest()
        self._written: dict[str, list[str]] = self._read_written()

    def write(self, part: str, images: ImageSet, n_classes: int) -> ShardPart:
        """Write the shards of a part, in an order that follows from the seed."""
        labels, n = self._labels[part], len(images)
        order = np.random.default_rng([self._seed, len(part)]).permutation(n)
        shape = (images.images.shape[1], images.images.shape[2], images.images.shape[3])
        length = min(IMAGES_PER_SHARD, max(1, SHARD_BYTES // prod(shape)))
        shards = []
        for number, start in enumerate(range(0, n, length)):
            rows, name = order[start : start + length], f"{part}-{number:05}"
            if not self._is_whole(name):
                self._write_shard(name, images.images, labels, rows)
            shards.append(Shard(self._output, name, len(rows), shape, *self._written[name]))
            self._done += len(rows)
            self._tell(0)
        return ShardPart(tuple(shards), tuple(np.bincount(labels, minlength=n_classes).tolist()))

    def _write_shard(
        self, name: str, images: NDArray[np.uint8], labels: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> None:
        def gathered() -> Iterator[NDArray[np.uint8]]:
            for start in range(0, len(rows), IMAGES_AT_A_TIME):
                some = rows[start : start + IMAGES_AT_A_TIME]
                yield np.ascontiguousarray(images[some])
                self._tell(start + len(some))

        paths = images_path(self._output, name), labels_path(self._output, name)
        _write_array(paths[0], (len(rows), *images.shape[1:]), np.dtype(np.uint8), gathered())
        _write_array(paths[1], (len(rows),), LABEL_DTYPE, [labels[rows].astype(LABEL_DTYPE)])
        self._written[name] = list(map(file_digest, paths))
        said = {"digest": self._digest, "written": self._written}
        write_file(self._output / STARTED, json.dumps(said), "which shards are written")

    def _is_whole(self, name: str) -> bool:
        """Whether an earlier process has written a shard, and it is still as it was."""
        if name not in self._written:
            return False
        try:
            paths = images_path(self._output, name), labels_path(self._output, name)
            return list(map(file_digest, paths)) == self._written[name]
        except DataError:
            return False

    def _read_written(self) -> dict[str, list[str]]:
        try:
            said = json.loads((self._output / STARTED).read_text(encoding="utf-8"))
            return {} if said["digest"] != self._digest else {name: list(two) for name, two in said["written"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # there is none, or it was cut
            return {}

    def _tell(self, n_more: int) -> None:
        self._progress(self._done + n_more, self._total)


def _write_array(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], parts: Iterable[NDArray[Any]]) -> None:
    """Write a .npy file of an array that comes part by part; until it is whole, it has another name."""
    draft = path.with_name(path.name + PART_SUFFIX)
    with draft.open("wb") as file:
        described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, described)
        for part in parts:
            file.write(part.data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _sample(images: NDArray[np.uint8]) -> bytes:
    """Return some pixels of images, which tell them from others of the same number."""
    return np.ascontiguousarray(images[:: -(-len(images) // 1000)]).tobytes()
