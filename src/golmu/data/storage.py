"""Where the images of a data set are put as they are read: in memory, or in files of a folder (`golmu pack`)."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.errors import DataError, SaveError
from golmu.system import PART_SUFFIX, write_file

MAX_BYTES = 4 * 2**30
"""Bytes of all images together, at most, that are read into memory (4 GiB)."""

ROWS_AT_A_TIME = 1024
"""Images that are copied at a time."""

SECONDS_BETWEEN_NOTES = 2.0
"""After about as long it is written down how many images are decoded."""


Decoded = dict[int, DataError | None]
"""For the number of each image that has been decoded None, or why it could not be."""


class Memory:
    """Arrays in memory."""

    max_bytes = MAX_BYTES
    is_on_disk = False

    def empty(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return an array to fill."""
        return np.empty(shape, dtype)

    def begin_decoding(
        self, sources: Iterable[Sequence[Any]], images: NDArray[np.uint8]
    ) -> dict[int, DataError | None]:
        """Return what an earlier process has decoded into these images: for each number None, or why it is bad."""
        return {}

    def note_decoded(self, done: int, bad: dict[int, DataError]) -> None:
        """Be told how many images are decoded, and which of them are bad."""

    def take(self, images: NDArray[Any], rows: NDArray[np.int64], channels: int | None = None) -> NDArray[Any]:
        """Return a copy of some images (n, h, w, c), (m,) of them; with `channels` only of the first channels."""
        result = self.empty((len(rows), *images.shape[1:3], channels or images.shape[3]), images.dtype)
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            part = slice(start, start + ROWS_AT_A_TIME)
            result[part] = images[rows[part]][..., : result.shape[3]]
        return result


MEMORY = Memory()


class Disk(Memory):
    """Arrays in files of a folder, which the system keeps in memory only as far as there is room.

    Decoded images survive the process: one that was killed goes on where it was, if the image files are the same.

    Parameters
    ----------
    folder
        An existing folder, to which no other process writes.
    """

    max_bytes = 2**46
    is_on_disk = True

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._n_arrays = 0
        self._digest = ""
        self._decoded: Path | None = None
        self._log = folder / ".decoded.json"
        self._noted = 0.0

    def empty(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Return an array to fill, which is a file; room on the disk is reserved, since a full one kills who writes.

        Raises
        ------
        SaveError
            If there is no room.
        """
        path = self._folder / f".array-{self._n_arrays}.part"
        self._n_arrays += 1
        n_bytes = max(1, prod(shape) * np.dtype(dtype).itemsize)
        try:
            with path.open("ab") as file:
                if file.tell() != n_bytes:
                    file.truncate(n_bytes)
                    if hasattr(os, "posix_fallocate"):
                        os.posix_fallocate(file.fileno(), 0, n_bytes)
            array: NDArray[Any] = np.memmap(path, dtype, "r+", shape=shape)
        except OSError as error:
            raise SaveError(
                f"{n_bytes:,} bytes for the images cannot be reserved in {self._folder}: {error.strerror or error}"
            ) from error
        return array

    def begin_decoding(
        self, sources: Iterable[Sequence[Any]], images: NDArray[np.uint8]
    ) -> dict[int, DataError | None]:
        """Return what an earlier process has decoded into these images: for each number None, or why it is bad."""
        digest = hashlib.sha256(str(images.shape).encode())
        for part in sources:
            for source in part:
                digest.update(source_identity(source).encode(errors="surrogateescape"))
        self._digest, self._images = digest.hexdigest(), images
        try:
            said = json.loads(self._log.read_text(encoding="utf-8"))
            if said["digest"] != self._digest:
                return {}
            decoded: Decoded = dict.fromkeys(range(int(said["done"])))
            return decoded | {int(number): DataError(text) for number, text in said["bad"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):  # there is none, or it was cut
            return {}

    def note_decoded(self, done: int, bad: dict[int, DataError]) -> None:
        """Write down how many images are decoded, now and then and at the end."""
        if done < len(self._images) and time.monotonic() - self._noted < SECONDS_BETWEEN_NOTES:
            return
        assert isinstance(self._images, np.memmap)
        self._images.flush()
        said = {"digest": self._digest, "done": done, "bad": {number: str(error) for number, error in bad.items()}}
        write_file(self._log, json.dumps(said), "how far the images are read")
        self._noted = time.monotonic()

    def remove(self) -> None:
        """Remove all files of the arrays, which nothing may use any longer, and drafts of killed processes."""
        for path in [self._log, *self._folder.glob(f".*{PART_SUFFIX}")]:
            with contextlib.suppress(OSError):
                path.unlink()


def source_identity(source: Any) -> str:
    """Return what tells an image file from another and from what it was before."""
    if isinstance(source, Path):
        with contextlib.suppress(OSError):
            status = source.stat()
            return f"{source}\0{status.st_size}\0{status.st_mtime_ns}\0"
    return f"{source}\0"
