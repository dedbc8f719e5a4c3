"""The images of tables: contents of files, files that are named, lists of pixels, or a column for each pixel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE
from golmu.data.arrays import as_bytes
from golmu.data.inputs import MAX_COLOUR_CHANNELS
from golmu.data.readers.image_files import Encoded, Source
from golmu.data.readers.named_images import NamedImages
from golmu.data.readers.parquet_files import is_list
from golmu.data.readers.table_columns import Columns, shape_of
from golmu.data.readers.table_files import Table
from golmu.data.readers.threaded_reading import FILES_PER_PART
from golmu.data.reading import ReadOptions
from golmu.errors import DataError, InputError
from golmu.types import ImageShape

PIXEL_ROWS_AT_A_TIME, FILE_ROWS_AT_A_TIME = 1024, 512
"""Rows of pixels, and of the contents or names of files, that are read at a time."""


def iterate_sources(tables: Sequence[Table], columns: Columns, files: NamedImages) -> Iterator[list[Source]]:
    """Iterate over the images of all rows that are contents of files, or names of files; some at a time.

    Raises
    ------
    DataError
        If a table lacks the column, or is damaged; or a name may mean several files.
    """
    (column,) = columns.images
    for table in tables:
        if column not in (table.encoded if columns.kind == "encoded" else table.names):
            raise DataError(f"'{table.path}' has no column '{column}' of images; add or rename it")
        row = 0
        for batch in table.batches([column], FILE_ROWS_AT_A_TIME, [column]):
            values = _values(batch.column(0))
            for start in range(0, len(values), FILES_PER_PART):
                some = values[start : start + FILES_PER_PART]
                yield [_source(value, f"{table.path}, row {row + i}", files) for i, value in enumerate(some, start=1)]
                row += len(some)


def read_pixels(tables: Sequence[Table], columns: Columns, total: int, read_options: ReadOptions) -> NDArray[np.uint8]:
    """Read the pixels of all rows, (total, h, w, c).

    Raises
    ------
    DataError
        If a table lacks a column, is damaged, or lacks a pixel; or the pixels do not make images.
    """
    reader = _Lists(read_options) if columns.kind == "lists" else _Cells()
    names, storage = columns.images, read_options.storage
    values: NDArray[np.float32] | None = None
    row = 0
    for table in tables:
        known = table.numbers if columns.kind == "pixels" else table.lists | table.texts
        if lacking := [name for name in names if name not in known]:
            raise DataError(f"'{table.path}' has no column '{lacking[0]}' of pixels; add or rename it")
        for batch in table.batches(names, PIXEL_ROWS_AT_A_TIME, names if columns.kind == "lists" else ()):
            if row + batch.num_rows > total:
                break
            with np.errstate(over="ignore"):  # infinite pixels are refused below
                some = reader.read(batch, table)
            if values is None:
                if total * some.shape[1] > storage.max_bytes // 4:
                    raise DataError(
                        f"'{table.path}' holds more than {storage.max_bytes} bytes of pixels, the most that are read; "
                        "split it"
                    )
                values = storage.empty((total, some.shape[1]), np.float32)
            values[row : row + len(some)] = some
            row += len(some)
            if read_options.progress is not None:
                read_options.progress(row, total)
    if values is None or row != total or np.isnan(values.min()):
        raise DataError(f"'{tables[-1].path}' has rows with missing pixels; fix or remove them")
    is_integer = reader.is_integer(tables, names)
    try:
        is_binary = is_integer and values.min() >= 0 and values.max() <= 1
        pixels = as_bytes(values, f"'{tables[0].path}'", is_share=not is_binary, storage=storage)
    except InputError as error:
        raise DataError(str(error)) from error
    return reader.shaped(pixels, columns)


class _Cells:
    """Reads a column for each pixel."""

    def read(self, batch: Any, table: Table) -> NDArray[np.float32]:
        values = np.empty((batch.num_rows, batch.num_columns), np.float32)
        for place, column in enumerate(batch.columns):
            values[:, place] = column.to_numpy(zero_copy_only=False)
        return values

    def is_integer(self, tables: Sequence[Table], names: Sequence[str]) -> bool:
        return all(name in table.integers for table in tables for name in names)

    def shaped(self, pixels: NDArray[np.uint8], columns: Columns) -> NDArray[np.uint8]:
        assert columns.shape is not None  # the columns were chosen by it
        return pixels.reshape(-1, *columns.shape)


class _Lists:
    """Reads a column of lists of pixels, of lists of such lists, or of text that lists pixels."""

    def __init__(self, read_options: ReadOptions) -> None:
        self._read_options = read_options
        self._sizes: list[int] | None = None
        """The length of the lists, the outer ones first, which all rows share."""
        self._has_points = False

    def read(self, batch: Any, table: Table) -> NDArray[np.float32]:
        import pyarrow  # noqa: PLC0415
        from pyarrow import compute  # noqa: PLC0415

        column, name, n = batch.column(0), batch.schema.names[0], batch.num_rows
        if pyarrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if name in table.texts:
            plain = compute.utf8_trim_whitespace(compute.replace_substring_regex(column, r"[\[\](),\s]+", " "))
            column = compute.split_pattern(plain, " ")
        sizes: list[int] = []
        while is_list(column.type):
            lengths = compute.unique(compute.list_value_length(column)).to_pylist()
            if None in lengths:
                raise DataError(f"'{table.path}' has rows with missing pixels; fix or remove them")
            if len(lengths) > 1:
                raise self._differ(table, name)
            sizes += lengths
            column = column.flatten()
        if n and self._sizes not in (None, sizes):
            raise self._differ(table, name)
        if n and self._sizes is None:
            self._sizes = sizes
            self._shape(table, name)
        if name in table.texts:
            self._has_points = self._has_points or bool(compute.any(compute.match_substring(column, ".")).as_py())
            try:
                column = column.cast(pyarrow.float32())
            except pyarrow.ArrowInvalid as error:
                raise DataError(f"'{table.path}' has text in '{name}' that lists no pixels ({error})") from error
        return np.asarray(column.to_numpy(zero_copy_only=False), np.float32).reshape(n, -1 if n else 0)

    def is_integer(self, tables: Sequence[Table], names: Sequence[str]) -> bool:
        return all(name in table.integers or name in table.texts for table in tables for name in names) and (
            not self._has_points
        )

    def shaped(self, pixels: NDArray[np.uint8], columns: Columns) -> NDArray[np.uint8]:
        shape, is_channels_first = self._shape(None, "")
        if is_channels_first:
            c, h, w = shape
            return np.ascontiguousarray(pixels.reshape(-1, c, h, w).transpose(0, 2, 3, 1))
        return pixels.reshape(-1, *shape)

    def _shape(self, table: Table | None, name: str) -> tuple[ImageShape, bool]:
        """Return the shape of an image, and whether its channels come first; raise if the lists make no image."""
        sizes = self._sizes or []
        if len(sizes) == 1 and (shape := shape_of(sizes[0], self._read_options)) is not None:
            return shape, False
        if len(sizes) == 2 and min(sizes) >= POOL_SIZE:
            return (sizes[0], sizes[1], 1), False
        if len(sizes) == 3 and min(sizes) >= 1:
            is_channels_first = sizes[0] in (1, 3) and sizes[2] > MAX_COLOUR_CHANNELS
            sides = sizes[1:] if is_channels_first else sizes[:2]
            if min(sides) >= POOL_SIZE:
                return (sizes[0], sizes[1], sizes[2]), is_channels_first
        where = "the table" if table is None else f"'{table.path}'"
        hint = ": give height, width and channels with --size and --channels (size=, channels=)" * (len(sizes) == 1)
        raise DataError(
            f"{where} has lists of {' x '.join(map(str, sizes))} pixels in '{name}', which do not make an image{hint}"
        )

    def _differ(self, table: Table, name: str) -> DataError:
        return DataError(
            f"'{table.path}' has images of several sizes in the lists of '{name}': scale or crop them to one size"
        )


def _values(column: Any) -> list[Any]:
    """Return the values of a column; those that are equal are one object, since they may be large."""
    from pyarrow import types  # noqa: PLC0415

    if types.is_struct(column.type):
        names = [column.type.field(i).name for i in range(column.type.num_fields)]
        paths = _values(column.field(names.index("path"))) if "path" in names else [None] * len(column)
        return list(zip(_values(column.field(names.index("bytes"))), paths, strict=True))
    if types.is_dictionary(column.type):
        codes = column.indices.to_pylist()
        # The dictionary is that of many batches.
        different = {code: None if code is None else column.dictionary[code].as_py() for code in set(codes)}
        return [different[code] for code in codes]
    values: list[Any] = column.to_pylist()
    return values


def _source(value: Any, row: str, files: NamedImages) -> Source:
    """Return what to decode for a value: the contents of a file, or else a file by its name."""
    content, name = value if isinstance(value, tuple) else (value, None)
    if content is None or isinstance(content, bytes):
        return files.source_of(name, row) if content is None and name else Encoded(content or b"", row)
    return files.source_of(content, row)
