"""What Parquet and CSV files have in common: names and kinds of their columns, and their rows in batches.

pyarrow reads both. What a file declares is limited before it is read (`golmu.data.storage.MAX_BYTES`,
`MAX_COLUMNS`, `MAX_ROWS`), and rows are read in batches, so that a table need not fit into memory beside the images
that it holds.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from golmu.errors import DataError

MAX_COLUMNS = 50_000
"""Enough for 128×128 pixels of three channels, and few enough for the memory that each column takes in reading."""

MAX_ROWS = 10_000_000
"""Rows of a file, at most; they may be packed into a few bytes."""

ROWS_LOOKED_AT = 8
"""First rows that tell what a column of text holds."""


class Table(ABC):
    """A table file: `names` are those of its columns, and `has_header` tells whether they stand in the file."""

    kind = "table"
    names: list[str]
    has_header = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.numbers: set[str] = set()
        """The columns that hold numbers."""
        self.integers: set[str] = set()
        """The columns that hold integers; or lists of integers."""
        self.texts: set[str] = set()
        """The columns that hold text."""
        self.lists: set[str] = set()
        """The columns that hold lists of numbers, or lists of such lists."""
        self.encoded: list[str] = []
        """The columns that hold the contents of files."""
        self.notes: list[str] = []
        """What to tell the user about how the file is read."""

    def class_names(self, column: str) -> tuple[str, ...] | None:
        """Return the names of the classes that the integers of a column stand for, if the file has them."""
        return None

    @abstractmethod
    def batches(self, columns: Sequence[str], n: int, texts: Collection[str] = ()) -> Iterator[Any]:
        """Iterate over record batches of these columns, of about `n` rows, those of `texts` as the file has them."""

    def first_values(self, column: str) -> list[Any]:
        """Return the values of a column in the first rows."""
        for batch in self.batches([column], ROWS_LOOKED_AT, [column]):
            values: list[Any] = batch.column(0).slice(0, ROWS_LOOKED_AT).to_pylist()
            return values
        return []

    def _check_columns(self) -> None:
        if not self.names:
            raise self.too_few_columns()
        if len(self.names) > MAX_COLUMNS:
            raise DataError(f"'{self.path}' has {len(self.names):,} columns, but at most {MAX_COLUMNS:,} are read")
        if len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError(f"'{self.path}' has more than one column '{twice}'; rename all but one")

    def too_few_columns(self) -> DataError:
        """Return the error about a table that cannot hold images and their labels."""
        columns = "1 column" if len(self.names) == 1 else f"{len(self.names)} columns"
        return DataError(f"'{self.path}' has {columns}, but needs one for labels and at least one for images")

    def _encoding_error(self) -> DataError:
        return DataError(f"'{self.path}' is neither UTF-8 nor CP949 text: save it as UTF-8 (in Excel, as CSV UTF-8)")

    @contextmanager
    def pyarrow_errors(self) -> Iterator[None]:
        """Turn whatever pyarrow raises into a `DataError`."""
        import pyarrow  # noqa: PLC0415

        try:
            yield
        except (
            pyarrow.ArrowException, OSError, EOFError, zlib.error, ValueError, LookupError, TypeError, OverflowError,
        ) as error:  # fmt: skip
            reason = " ".join(str(getattr(error, "strerror", None) or error).split())
            if self.kind == "CSV" and "invalid UTF8" in reason:
                raise self._encoding_error() from error
            raise DataError(
                f"'{self.path}' is not a whole {self.kind} file ({reason}); fix it or copy it again"
            ) from error
        except MemoryError as error:
            raise DataError(f"'{self.path}' does not fit into this computer's free memory; split it") from error
