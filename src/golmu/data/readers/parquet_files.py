"""Parquet files."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from golmu.data.readers.table_files import MAX_ROWS, Table
from golmu.data.storage import MAX_BYTES
from golmu.errors import DataError

BATCH_BYTES = 2**26
"""About how many bytes of values are decoded at a time."""


class ParquetTable(Table):
    """A Parquet file; what it declares is within the limits.

    Raises
    ------
    DataError
        If the file is damaged, or declares too much.
    """

    kind = "Parquet"

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet  # noqa: PLC0415

        super().__init__(path)
        with self.pyarrow_errors():
            with pyarrow.parquet.ParquetFile(path) as file:
                metadata, self._schema = file.metadata, file.schema_arrow
            leaves = [metadata.schema.column(i) for i in range(metadata.num_columns)]
            # A text or an image that many rows share is decoded once, and not once for each row.
            shared = [leaf.path for leaf in leaves if leaf.physical_type == "BYTE_ARRAY"]
            self._file = pyarrow.parquet.ParquetFile(path, read_dictionary=shared)
            groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
            declared = sum(group.total_byte_size for group in groups)
        if not 0 <= declared <= MAX_BYTES or not 0 <= metadata.num_rows <= MAX_ROWS:
            raise DataError(
                f"'{path}' declares {declared} bytes in {metadata.num_rows} rows, but at most {MAX_BYTES} bytes in "
                f"{MAX_ROWS} rows are read; split the file"
            )
        self.n_rows, self.names = metadata.num_rows, list(self._schema.names)
        self._bytes_per_row = max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0)
        self._check_columns()
        for field in self._schema:
            self._sort_in(field.name, field.type)

    def _sort_in(self, name: str, kind: Any) -> None:
        """Note what a column of this type may hold."""
        from pyarrow import types  # noqa: PLC0415

        inner = _innermost(kind)
        if types.is_integer(inner):
            self.integers.add(name)
        if types.is_integer(inner) or types.is_floating(inner):
            (self.numbers if inner is kind else self.lists).add(name)
        kind = kind.value_type if types.is_dictionary(kind) else kind
        if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
            self.texts.add(name)
        if _is_binary(kind) or (types.is_struct(kind) and _is_binary(_field_type(kind, "bytes"))):
            self.encoded.append(name)

    def class_names(self, column: str) -> tuple[str, ...] | None:
        """Return the names in the hubs' metadata, {"info": {"features": {column: {"names": [...]}}}}."""
        try:
            names = json.loads((self._schema.metadata or {})[b"huggingface"])["info"]["features"][column]["names"]
        except (KeyError, TypeError, ValueError, RecursionError):
            return None
        is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return tuple(names) if is_list and len(set(names)) == len(names) else None

    def batches(self, columns: Sequence[str], n: int, texts: Collection[str] = ()) -> Iterator[Any]:
        """Iterate over record batches of these columns, of `n` rows, or of fewer where the rows are large."""
        n = max(1, min(n, BATCH_BYTES // max(1, self._bytes_per_row)))
        with self.pyarrow_errors():
            n_rows = 0
            # pyarrow's own threads would read far ahead.
            for batch in self._file.iter_batches(n, columns=list(columns), use_threads=False):
                n_rows += batch.num_rows
                batch.validate(full=True)
                yield batch
        if n_rows != self.n_rows:
            raise DataError(f"'{self.path}' holds {n_rows} rows, but declares {self.n_rows}; copy it again")


def is_list(kind: Any) -> bool:
    """Return whether a type of pyarrow is one of lists."""
    from pyarrow import types  # noqa: PLC0415

    return bool(types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _innermost(kind: Any) -> Any:
    """Return the type of the values in lists, in lists of lists, and so on."""
    while is_list(kind):
        kind = kind.value_type
    return kind


def _is_binary(kind: Any) -> bool:
    from pyarrow import types  # noqa: PLC0415

    return kind is not None and (types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind))


def _field_type(kind: Any, name: str) -> Any:
    """Return the type of a struct's field, or None if it has no such field."""
    place = kind.get_field_index(name)
    return kind.field(place).type if place >= 0 else None
