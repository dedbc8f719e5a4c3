"""Where many images to predict come from: files, a packed folder, or a table. A few are in memory at a time."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from golmu.data.readers.image_files import Source
from golmu.data.readers.image_tree import find_images
from golmu.data.readers.inversion import Inversion
from golmu.data.readers.named_images import NamedImages
from golmu.data.readers.table_columns import Columns, choose_image_columns
from golmu.data.readers.table_files import Table
from golmu.data.readers.table_folders import is_table_name, open_table
from golmu.data.readers.table_images import FILE_ROWS_AT_A_TIME, iterate_sources, read_pixels
from golmu.data.readers.threaded_reading import decode_all, in_parts
from golmu.data.reading import ReadOptions
from golmu.data.shards.index import is_packed, read_index
from golmu.data.storage import Disk, source_identity
from golmu.errors import DataError, InputError
from golmu.model.predictor import Predictor
from golmu.types import ImageShape

IMAGES_AT_A_TIME = 64
"""Image files that are decoded and predicted together."""

ROWS_AT_A_TIME = 32_768
"""Images in arrays that are predicted together, at most."""

BYTES_AT_A_TIME = 2**25
"""Bytes of these images, at most, but for a single one."""


class Batch(NamedTuple):
    """Some images, in their order."""

    names: Iterable[str]
    """Of each image; made when they are asked for, once."""
    images: NDArray[np.uint8]
    """(n, h, w, c), as the network takes them."""
    bad: list[DataError]
    """Why others could not be read."""


class ImageSource(Protocol):
    """Many images, numbered from 0."""

    def __len__(self) -> int:
        """How many there are, those that cannot be read included."""

    @property
    def digest(self) -> str:
        """What tells these images from others."""

    def read(self, start: int, stop: int) -> Iterator[Batch]:
        """Read the images from number `start` to before `stop`, a few at a time."""


class FileSource:
    """Image files and others that are decoded one by one; `sources` may be a list or make them anew."""

    def __init__(self, sources: Sequence[Source], shape: ImageShape, ground: str, invert: str) -> None:
        self._sources, self._shape, self._ground, self._invert = sources, shape, ground, invert

    def __len__(self) -> int:
        return len(self._sources)

    @property
    def digest(self) -> str:
        """The names, the sizes and the times of the files."""
        digest = hashlib.sha256(self._invert.encode())
        for source in self._sources:
            digest.update(source_identity(source).encode(errors="surrogateescape"))
        return digest.hexdigest()

    def read(self, start: int, stop: int) -> Iterator[Batch]:
        """Decode the images from number `start` to before `stop`, fitted as `golmu.Predictor.predict` does it."""
        return decode(self._sources[start:stop], self._shape, self._ground, self._invert)


class ShardSource:
    """The images of a packed folder, training images first: they are taken as they are."""

    def __init__(self, folder: Path) -> None:
        self._index = read_index(folder)
        parts = [self._index.train] if self._index.test is None else [self._index.train, self._index.test]
        self._shards = [shard for part in parts for shard in part.shards]
        self._starts = [0, *itertools.accumulate(shard.n for shard in self._shards)]

    def __len__(self) -> int:
        return self._starts[-1]

    @property
    def digest(self) -> str:
        """That of the folder."""
        return self._index.digest

    def read(self, start: int, stop: int) -> Iterator[Batch]:
        """Read the images from number `start` to before `stop`; a name is that of the shard, and the place in it."""
        n = _rows_at_a_time(self._index.image_shape)
        for shard, (begin, end) in zip(self._shards, itertools.pairwise(self._starts), strict=True):
            for first in range(max(start, begin), min(stop, end), n):
                rows = range(first - begin, min(first + n, stop, end) - begin)
                yield Batch(map(f"{shard.name}:%d".__mod__, rows), shard.read_images(rows.start, rows.stop), [])


class RowsOfFiles:
    """The rows of a table that hold or name image files; each reading goes through the table again."""

    def __init__(self, path: Path, options: ReadOptions, shape: ImageShape, ground: str, invert: str) -> None:
        self._path, self._shape, self._ground, self._invert = path, shape, ground, invert
        self._table = open_table(path)
        self._files = NamedImages(path.parent, path.parent, "")
        self._columns = choose_image_columns(self._table, self._files, options)
        self._n_rows = count_rows(self._table, self._columns)
        self._rest: Iterator[Source] = iter(())
        self._place = -1

    def __len__(self) -> int:
        return self._n_rows

    @property
    def digest(self) -> str:
        """That of the table's name, size and time."""
        return hashlib.sha256(f"{self._invert} {source_identity(self._path)}".encode()).hexdigest()

    def read(self, start: int, stop: int) -> Iterator[Batch]:
        """Decode the images of the rows from number `start` to before `stop`."""
        if start != self._place:  # else the table goes on where it was left
            parts = iterate_sources([self._table], self._columns, self._files)
            self._rest = itertools.islice(itertools.chain.from_iterable(parts), start, None)
        for first in range(start, stop, FILE_ROWS_AT_A_TIME):
            some = list(itertools.islice(self._rest, min(FILE_ROWS_AT_A_TIME, stop - first)))
            yield from decode(some, self._shape, self._ground, self._invert)
        self._place = stop


class RowsOfPixels:
    """The rows of a table that hold pixels: they are put into a file first, since their scale follows from them all."""

    def __init__(self, path: Path, options: ReadOptions, shape: ImageShape) -> None:
        self._path, table = path, open_table(path)
        columns = choose_image_columns(table, NamedImages(path.parent, path.parent, ""), options)
        self._images = read_pixels([table], columns, count_rows(table, columns), options)
        if self._images.shape[1:] != shape:
            raise DataError(f"'{path}' holds images of {self._images.shape[1:]}, but the network takes {shape}")

    def __len__(self) -> int:
        return len(self._images)

    @property
    def digest(self) -> str:
        """That of the table's name, size and time."""
        return hashlib.sha256(source_identity(self._path).encode()).hexdigest()

    def read(self, start: int, stop: int) -> Iterator[Batch]:
        """Take the images of the rows from number `start` to before `stop`."""
        n = _rows_at_a_time(self._images.shape[1:])
        for first in range(start, stop, n):
            images = np.array(self._images[first : min(first + n, stop)])
            rows = range(first + 1, first + 1 + len(images))
            yield Batch((f"{self._path}, row {row}" for row in rows), images, [])


def open_images(predictor: Predictor, paths: Sequence[Path], invert: str, scratch: Path) -> ImageSource:
    """Open what images to predict are in: one packed folder or one table, or image files and folders of these.

    Parameters
    ----------
    predictor
        The network; images are fitted to it.
    paths
        Where the images are.
    invert
        As for `golmu.Predictor.predict`, of image files.
    scratch
        A folder for what does not fit into memory.

    Raises
    ------
    DataError
        If there are none, or those of a packed folder or of pixels have another shape than the network's.
    InputError
        If a packed folder or a table is given with others.
    """
    shape, ground = predictor.image_shape, predictor.image_files.ground
    single = [path for path in paths if is_packed(path) or is_table_name(path.name)]
    if single and len(paths) > 1:
        raise InputError(f"{single[0]} holds many images of its own: give it alone")
    if single and is_packed(single[0]):
        index = read_index(single[0])
        if index.image_shape != shape:
            raise DataError(f"{single[0]} holds images of {index.image_shape}, but {predictor.name} takes {shape}")
        return ShardSource(single[0])
    if single:
        options = ReadOptions.like(shape, skip_bad=True)
        options.storage = Disk(scratch)
        table = open_table(single[0])
        kind = choose_image_columns(table, NamedImages(single[0].parent, single[0].parent, ""), options).kind
        if kind in ("pixels", "lists"):
            return RowsOfPixels(single[0], options, shape)
        return RowsOfFiles(single[0], options, shape, ground, invert)
    return FileSource(find_images(paths), shape, ground, invert)


def _rows_at_a_time(shape: tuple[int, ...]) -> int:
    """Return how many images (h, w, c) are predicted together."""
    return min(ROWS_AT_A_TIME, max(1, BYTES_AT_A_TIME // prod(shape)))


def count_rows(table: Table, columns: Columns) -> int:
    """Return how many rows a table has: of CSV files nothing else tells it than to read them."""
    column = columns.images[:1]
    return sum(int(batch.num_rows) for batch in table.batches(column, ROWS_AT_A_TIME, column))


def decode(sources: Sequence[Source], shape: ImageShape, ground: str, invert: str) -> Iterator[Batch]:
    """Decode images, some at a time, while threads work ahead."""
    parts = list(in_parts(sources, IMAGES_AT_A_TIME))
    decoded = decode_all(parts, shape, Inversion(ground, invert))
    for part, results in zip(parts, decoded, strict=True):
        bad = [one for one in results if isinstance(one, DataError)]
        good = [(str(name), one) for name, one in zip(part, results, strict=True) if not isinstance(one, DataError)]
        images = np.stack([one for _, one in good]) if good else np.empty((0, *shape), np.uint8)
        yield Batch([name for name, _ in good], images, bad)
