"""Labels in a column of a table: integers or text, and which rows to train and to test on, where a column says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.labels import PartLabels, TextLabels, are_fractions, clean_text, parse_integers
from golmu.data.readers.table_files import Table
from golmu.errors import DataError

ROWS_AT_A_TIME = 65_536
"""Rows of labels that are read at a time."""

MAX_TEXT_BYTES = 2**29
"""Bytes of different texts in a column, at most."""

NO_LABEL = -1
"""Label that the hubs give to images whose labels are kept back."""


class Values(NamedTuple):
    """The values of a column of all rows: few different ones, since a Python object for each row would be large."""

    codes: NDArray[np.int32]
    """(n,): indices into `different`."""
    different: list[Any]
    """The different values, in no particular order: text, numbers, booleans, or None."""
    lengths: list[int]
    """The number of rows of each table."""


def read_values(tables: Sequence[Table], column: str) -> Values:
    """Read a column of all rows of the tables.

    Raises
    ------
    DataError
        If a table lacks the column, is damaged, or holds too much text in it, or lists or the like.
    """
    ranks: dict[Any, int] = {}
    parts: list[NDArray[np.int32]] = [np.empty(0, np.int32)]
    n_bytes, lengths = 0, []
    for table in tables:
        if column not in table.names:
            raise DataError(
                f"'{table.path}' has no column '{column}', but '{tables[0].path}' has; give both the same columns"
            )
        lengths.append(0)
        for values in _encoded(table, column):
            n_bytes += values.dictionary.nbytes
            if n_bytes > MAX_TEXT_BYTES:
                raise DataError(
                    f"'{table.path}' holds more than {MAX_TEXT_BYTES:,} bytes of different values in '{column}'; "
                    "choose another column with --label (label=), or split the file"
                )
            known = len(ranks)
            places = np.array([ranks.setdefault(one, len(ranks)) for one in values.dictionary.to_pylist()], np.int32)
            if len(ranks) == known:
                n_bytes -= values.dictionary.nbytes  # nothing new is kept
            codes = values.indices.fill_null(len(places)).to_numpy(zero_copy_only=False)
            if values.indices.null_count:
                places = np.append(places, np.int32(ranks.setdefault(None, len(ranks))))
            parts.append(places[codes])
            lengths[-1] += len(codes)
    return Values(np.concatenate(parts), list(ranks), lengths)


def read_labels(tables: Sequence[Table], column: str, notes: list[str]) -> PartLabels:
    """Read the labels of all rows: integers (n,) if all of them are, else text (`golmu.data.labels`); add notes.

    Raises
    ------
    DataError
        If a label is missing, or they are neither whole numbers nor text.
    """
    codes, different, lengths = read_values(tables, column)
    if different and all(isinstance(value, bool) for value in different):
        return TextLabels(codes, list(map(str, different)))
    texts = [value for value in different if isinstance(value, str)]
    if len(texts) == len(different):
        different, more = clean_text(texts)
        notes += more
    is_missing = np.array([value is None or value == "" for value in different], bool)
    if is_missing.any():
        row = int(is_missing[codes].argmax())
        number = int(np.searchsorted(np.cumsum(lengths), row, side="right"))
        raise DataError(
            f"'{tables[number].path}' has no label in row {row - sum(lengths[:number]) + 1}; fix or remove the row"
        )
    if len(texts) == len(different):
        integers = parse_integers(different)
        if integers is None or not len(integers):
            if different and are_fractions(different):
                raise _not_labels(tables[0], column)
            return TextLabels(codes, different)
        return integers[codes]
    is_number = all(isinstance(value, int | float) for value in different)
    numbers = np.array(different if is_number else [np.nan])
    if (
        numbers.dtype.kind != "i"
        and not (np.isfinite(numbers) & (numbers == np.rint(numbers)) & (abs(numbers) < 2.0**53)).all()
    ):
        raise _not_labels(tables[0], column)
    whole = numbers.astype(np.int64)
    return whole[codes] if len(codes) else whole


def _encoded(table: Table, column: str) -> Iterator[Any]:
    """Iterate over the column as pyarrow's arrays of indices into a dictionary."""
    import pyarrow  # noqa: PLC0415

    for batch in table.batches([column], ROWS_AT_A_TIME, [column]):
        values = batch.column(0)
        try:
            yield values if pyarrow.types.is_dictionary(values.type) else values.dictionary_encode()
        except pyarrow.ArrowNotImplementedError as error:
            raise _not_labels(table, column) from error


def _not_labels(table: Table, column: str) -> DataError:
    return DataError(
        f"'{table.path}' holds labels that are neither whole numbers nor text in '{column}'; fix them, or choose "
        "another column with --label (label=)"
    )
