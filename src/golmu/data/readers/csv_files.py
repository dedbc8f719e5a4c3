"""CSV files, plain or packed with gzip, with any of the usual delimiters, with or without a line of names."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from golmu.data.readers.image_kinds import is_known_image
from golmu.data.readers.table_columns import LABEL_COLUMNS, first_of
from golmu.data.readers.table_files import MAX_ROWS, Table
from golmu.data.storage import MAX_BYTES
from golmu.errors import DataError

CSV_BLOCK_BYTES = 2**24
"""Bytes that are parsed at a time; a row must fit into them."""

DELIMITERS = ",;\t"

ENCODINGS = ("utf8", "cp949")
"""Encodings of the text, in the order in which they are tried; pyarrow reads the first without Python's help."""

GZIP_MAGIC = b"\x1f\x8b"


class CsvTable(Table):
    """A CSV file, UTF-8, or CP949 as Excel in Korean writes it.

    Raises
    ------
    DataError
        If the file is damaged, neither UTF-8 nor CP949, or has too many columns.
    """

    kind = "CSV"

    def __init__(self, path: Path) -> None:
        from pyarrow import types  # noqa: PLC0415

        super().__init__(path)
        self._encoding = self._find_encoding()
        if self._encoding != ENCODINGS[0]:
            self.notes.append(f"'{path}' is not UTF-8: it is read as CP949, in which Excel writes Korean")
        first = self._first_line()
        self._delimiter = max(DELIMITERS, key=first.count)
        try:
            fields = next(csv.reader([first], delimiter=self._delimiter), [])
        except csv.Error as error:
            raise DataError(f"'{path}' begins with a line that is not CSV ({error}); fix it") from error
        self.has_header = _are_names([field.strip() for field in fields])
        self.names = [field.strip() for field in fields] if self.has_header else [str(i) for i in range(len(fields))]
        self._check_columns()
        with self.pyarrow_errors(), self._open() as content, self._parse(content, {}) as reader:
            for field in reader.schema:
                if types.is_integer(field.type) or types.is_floating(field.type):
                    self.numbers.add(field.name)
                if types.is_integer(field.type):
                    self.integers.add(field.name)
                if types.is_string(field.type):
                    self.texts.add(field.name)

    def batches(self, columns: Sequence[str], n: int, texts: Collection[str] = ()) -> Iterator[Any]:
        """Iterate over record batches of these columns, each of a block of the file; `texts` come as text."""
        import pyarrow  # noqa: PLC0415

        # By itself, pyarrow would infer the types from the first rows, and refuse a fraction among integers later.
        types = {name: pyarrow.string() if name in texts else pyarrow.float32() for name in columns}
        n_rows = 0
        with self.pyarrow_errors(), self._open() as content, self._parse(content, types, columns) as reader:
            for batch in reader:
                n_rows += batch.num_rows
                if n_rows > MAX_ROWS:
                    raise DataError(f"'{self.path}' has more than {MAX_ROWS:,} rows, the most that are read; split it")
                yield batch

    def _find_encoding(self) -> str:
        """Return the first of `ENCODINGS` in which the whole content is text."""
        decoders = {name: codecs.getincrementaldecoder(name)() for name in ENCODINGS}
        try:
            with self._open() as content:
                while decoders:
                    block = content.read(CSV_BLOCK_BYTES)
                    for name in list(decoders):
                        try:
                            decoders[name].decode(block, final=not block)
                        except UnicodeDecodeError:
                            del decoders[name]
                    if not block:
                        break
        except (OSError, EOFError, zlib.error) as error:
            reason = getattr(error, "strerror", None) or error
            raise DataError(f"cannot read '{self.path}' ({reason}); check the file") from error
        if not decoders:
            raise self._encoding_error()
        return next(iter(decoders))

    def _first_line(self) -> str:
        with self._open() as content:
            line = content.readline(CSV_BLOCK_BYTES)  # which may end within a letter
        return re.split(r"[\r\n]", line.decode(self._encoding, "ignore"), maxsplit=1)[0].removeprefix("\ufeff")

    def _open(self) -> io.BufferedIOBase:
        """Open the content, unpacked; the first bytes of the file decide, and not its name."""
        with self.path.open("rb") as file:
            is_packed = file.read(len(GZIP_MAGIC)) == GZIP_MAGIC
        return _Unpacked(self.path) if is_packed else self.path.open("rb")

    def _parse(self, content: Any, types: dict[str, Any], columns: Sequence[str] = ()) -> Any:
        from pyarrow import csv as reader  # noqa: PLC0415

        return reader.open_csv(
            content,
            reader.ReadOptions(
                use_threads=False,
                block_size=CSV_BLOCK_BYTES,
                column_names=self.names,
                skip_rows=int(self.has_header),
                encoding=self._encoding,
            ),
            reader.ParseOptions(delimiter=self._delimiter),
            reader.ConvertOptions(column_types=types, include_columns=list(columns)),
        )


class _Unpacked(gzip.GzipFile):
    """The content of a gzip file, of which no more than `MAX_BYTES` are unpacked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, "rb")
        self._path = path

    def read(self, size: int | None = -1) -> bytes:
        """Return at most `size` bytes, or raise `DataError` if the file holds too many."""
        content = super().read(size)
        if self.tell() > MAX_BYTES:
            raise DataError(f"'{self._path}' unpacks to more than {MAX_BYTES} bytes, the most that are read; split it")
        return content


def _are_names(fields: Sequence[str]) -> bool:
    """Return whether the fields of the first line are names of columns, rather than values.

    Lines of numbers are names if they count from 0 on, as pandas names columns that have no names. Others are not if
    they name an image file, or if numbers among them repeat, as pixels do, and no field names labels.
    """
    numbers = [field for field in fields if _is_number(field)]
    if len(numbers) == len(fields):
        return fields == [str(i) for i in range(len(fields))]
    if any(map(is_known_image, fields)):
        return False
    return len(set(numbers)) == len(numbers) or first_of(LABEL_COLUMNS, fields) is not None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
