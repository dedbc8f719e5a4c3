"""Parquet and CSV files behind one interface: names and kinds of their columns, and their rows in batches.

pyarrow reads both. What a file declares is limited before it is read (`golmu.data.readers.idx.MAX_BYTES`,
`MAX_COLUMNS`), and rows are read in batches, so that a table need not fit into memory beside the images that it holds.
"""

from __future__ import annotations

import csv
import json
import re
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from golmu.data.readers.idx import MAX_BYTES
from golmu.errors import DataError

TABLE_SUFFIXES = (".parquet", ".csv")
"""Endings of the file names that are tables; in a folder that holds both kinds, the first one is read."""

MAX_COLUMNS = 50_000
"""Enough for 128×128 pixels of three channels, and few enough for the memory that each column takes in reading."""

MAX_ROWS = 10_000_000
"""Rows of a file, at most; they may be packed into a few bytes."""

CSV_BLOCK_BYTES = 2**24
"""Bytes of a CSV that are parsed at a time; a row must fit into them."""

DELIMITERS = ",;\t"


class Table(ABC):
    """A table file: `names` are those of its columns, and `has_header` tells whether they stand in the file."""

    names: list[str]
    has_header = True
    n_rows: int | None = None
    """The number of rows that the file declares, if it does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers: set[str] = set()
        """The columns that hold numbers."""
        self.integers: set[str] = set()
        """The columns that hold integers."""
        self.encoded: list[str] = []
        """The columns that hold the contents of files."""

    def class_names(self, column: str) -> tuple[str, ...] | None:
        """Return the names of the classes that the integers of a column stand for, if the file has them."""
        return None

    @abstractmethod
    def batches(self, columns: Sequence[str], n: int, label: str | None = None) -> Iterator[Any]:
        """Iterate over record batches of these columns, of about `n` rows; the column `label` may be of any kind."""

    def _check_columns(self) -> None:
        if len(self.names) < 2:
            raise DataError(
                f"'{self.path}' has {len(self.names)} columns, but needs one for labels and at least one for images"
            )
        if len(self.names) > MAX_COLUMNS:
            raise DataError(f"'{self.path}' has {len(self.names):,} columns, but at most {MAX_COLUMNS:,} are read")
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError(f"'{self.path}' has more than one column '{twice}'; rename all but one")

    def _encoding_error(self) -> DataError:
        return DataError(f"'{self.path}' is not UTF-8 text: save it as UTF-8 (in Excel, as CSV UTF-8)")

    @contextmanager
    def _pyarrow_errors(self, kind: str) -> Iterator[None]:
        """Turn whatever pyarrow raises into a `DataError`."""
        import pyarrow  # noqa: PLC0415

        try:
            yield
        except (pyarrow.ArrowException, OSError, ValueError, LookupError, TypeError, OverflowError) as error:
            reason = " ".join(str(getattr(error, "strerror", None) or error).split())
            if kind == "CSV" and "invalid UTF8" in reason:
                raise self._encoding_error() from error
            raise DataError(f"'{self.path}' is not a whole {kind} file ({reason}); fix it or copy it again") from error


class _Parquet(Table):
    def __init__(self, path: Path) -> None:
        import pyarrow.parquet  # noqa: PLC0415

        super().__init__(path)
        with self._pyarrow_errors("Parquet"):
            self._file = pyarrow.parquet.ParquetFile(path)
            metadata, schema = self._file.metadata, self._file.schema_arrow
            declared = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
        if not 0 <= declared <= MAX_BYTES or not 0 <= metadata.num_rows <= MAX_ROWS:
            raise DataError(
                f"'{path}' declares {declared} bytes in {metadata.num_rows} rows, but at most {MAX_BYTES} bytes in "
                f"{MAX_ROWS} rows are read; split the file"
            )
        self.n_rows, self.names = metadata.num_rows, list(schema.names)
        self._check_columns()
        self._schema = schema
        types = pyarrow.types
        for field in schema:
            kind = field.type
            if types.is_integer(kind) or types.is_floating(kind):
                self.numbers.add(field.name)
            if types.is_integer(kind):
                self.integers.add(field.name)
            if _is_binary(kind) or (types.is_struct(kind) and _is_binary(_field_type(kind, "bytes"))):
                self.encoded.append(field.name)

    def class_names(self, column: str) -> tuple[str, ...] | None:
        """Return the names in the hubs' metadata, {"info": {"features": {column: {"names": [...]}}}}."""
        try:
            names = json.loads((self._schema.metadata or {})[b"huggingface"])["info"]["features"][column]["names"]
        except (KeyError, TypeError, ValueError, RecursionError):
            return None
        is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return tuple(names) if is_list and len(set(names)) == len(names) else None

    def batches(self, columns: Sequence[str], n: int, label: str | None = None) -> Iterator[Any]:
        with self._pyarrow_errors("Parquet"):
            n_rows = 0
            # pyarrow's own threads would read far ahead.
            for batch in self._file.iter_batches(n, columns=list(columns), use_threads=False):
                n_rows += batch.num_rows
                batch.validate(full=True)
                yield batch
        if n_rows != self.n_rows:
            raise DataError(f"'{self.path}' holds {n_rows} rows, but declares {self.n_rows}; copy it again")


class _Csv(Table):
    def __init__(self, path: Path) -> None:
        import pyarrow  # noqa: PLC0415

        super().__init__(path)
        first = self._first_line()
        self._delimiter = max(DELIMITERS, key=first.count)
        try:
            fields = next(csv.reader([first], delimiter=self._delimiter), [])
        except csv.Error as error:
            raise DataError(f"'{path}' begins with a line that is not CSV ({error}); fix it") from error
        self.has_header = not all(_is_number(field) for field in fields)
        self.names = [field.strip() for field in fields] if self.has_header else [str(i) for i in range(len(fields))]
        self._check_columns()
        with self._pyarrow_errors("CSV"), self._open({}) as reader:
            for field in reader.schema:
                if pyarrow.types.is_integer(field.type) or pyarrow.types.is_floating(field.type):
                    self.numbers.add(field.name)
                if pyarrow.types.is_integer(field.type):
                    self.integers.add(field.name)

    def _first_line(self) -> str:
        try:
            with self.path.open("rb") as file:
                line = file.readline(CSV_BLOCK_BYTES)
            return re.split(r"[\r\n]", line.decode("utf-8-sig"), maxsplit=1)[0]
        except OSError as error:
            raise DataError(f"cannot read '{self.path}' ({error.strerror or error}); check the file") from error
        except UnicodeDecodeError as error:
            raise self._encoding_error() from error

    def _open(self, types: dict[str, Any], columns: Sequence[str] = ()) -> Any:
        from pyarrow import csv as reader  # noqa: PLC0415

        return reader.open_csv(
            self.path,
            reader.ReadOptions(
                use_threads=False, block_size=CSV_BLOCK_BYTES, column_names=self.names, skip_rows=int(self.has_header)
            ),
            reader.ParseOptions(delimiter=self._delimiter),
            reader.ConvertOptions(column_types=types, include_columns=list(columns)),
        )

    def batches(self, columns: Sequence[str], n: int, label: str | None = None) -> Iterator[Any]:
        import pyarrow  # noqa: PLC0415

        # By itself, pyarrow would infer the types from the first rows, and refuse a fraction among integers later.
        types = {name: pyarrow.string() if name == label else pyarrow.float32() for name in columns}
        with self._pyarrow_errors("CSV"), self._open(types, columns) as reader:
            yield from reader


def open_table(path: Path) -> Table:
    """Open the table at `path`, by its suffix.

    Raises
    ------
    DataError
        If the file is missing, damaged, or declares too much; or pyarrow is not installed.
    """
    try:
        import pyarrow  # noqa: F401, PLC0415
    except ImportError as error:
        raise DataError(
            f"reading '{path}' needs pyarrow, which is not installed: run pip install pyarrow, or install golmu with "
            "pip install 'golmu[tables]'"
        ) from error
    try:
        status = path.stat()
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({error.strerror or error}); check the path") from error
    if not stat.S_ISREG(status.st_mode):
        raise DataError(f"'{path}' is a folder, a device or a pipe, not a table; give the path of a regular file")
    if not 0 < status.st_size <= MAX_BYTES:
        raise DataError(f"'{path}' has {status.st_size} bytes, but 1 to {MAX_BYTES} are read; check or split it")
    return _Parquet(path) if path.suffix.lower() == ".parquet" else _Csv(path)


def _is_binary(kind: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415

    return kind is not None and (types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _field_type(kind: Any, name: str) -> Any:
    """Return the type of a struct's field, or None if it has no such field."""
    place = kind.get_field_index(name)
    return kind.field(place).type if place >= 0 else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
