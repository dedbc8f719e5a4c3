"""Labels in a column of a table: integers or text, and which rows to train and to test on, where a column says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.labels import MAX_CLASSES, are_class_numbers, as_names, clean_text, distinct_names, parse_integers
from golmu.data.readers.table_files import Table
from golmu.errors import DataError
from golmu.names import clean_name

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


class TextLabels(NamedTuple):
    """Labels that are text: `codes` (n,) are indices into the different `texts`."""

    codes: NDArray[np.int32]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.codes)


Labels = NDArray[np.int64] | TextLabels


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


def read_labels(tables: Sequence[Table], column: str, notes: list[str]) -> Labels:
    """Read the labels of all rows: integers (n,) if all of them are, else text (`golmu.data.labels`); add notes.

    Raises
    ------
    DataError
        If a label is missing, or they are neither whole numbers nor text.
    """
    codes, different, lengths = read_values(tables, column)
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
            return TextLabels(codes, different)
        return integers[codes]
    is_number = all(isinstance(value, int | float) for value in different)
    numbers = np.array(different if is_number else [np.nan])
    if (
        numbers.dtype.kind not in "bi"
        and not (np.isfinite(numbers) & (numbers == np.rint(numbers)) & (abs(numbers) < 2.0**53)).all()
    ):
        raise _not_labels(tables[0], column)
    whole = numbers.astype(np.int64)
    return whole[codes] if len(codes) else whole


def number_labels(
    parts: Sequence[tuple[Table, Labels]], names: tuple[str, ...] | None
) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Return the labels of each part as class numbers, and the names of the classes.

    Parameters
    ----------
    parts
        The first table and the labels of the training images, then those of the test images, if there are any.
    names
        What the file calls the classes, or None.

    Raises
    ------
    DataError
        If the labels of the parts do not fit together, or are not the numbers of classes.
    """
    train, last = parts[0][0].path, parts[-1][0].path
    if names is not None and len(set(cleaned := [clean_name(name) or name for name in names])) == len(names):
        names = tuple(cleaned)
    numbers = [labels for _, labels in parts if isinstance(labels, np.ndarray)]
    if 0 < len(numbers) < len(parts):
        raise DataError(
            f"'{train}' and '{last}' hold labels of different kinds, numbers and text; use one kind for both"
        )
    if not len(parts[0][1]):
        raise DataError(f"'{train}' has no rows; give a table with images")
    if numbers and (names is not None or are_class_numbers(*numbers)):
        lowest, highest = min(int(part.min()) for part in numbers), max(int(part.max()) for part in numbers)
        if names is not None and not 0 <= lowest <= highest < len(names):
            raise DataError(
                f"'{train}' holds labels from {lowest} to {highest}, but names for 0 to {len(names) - 1}: number the "
                "classes from 0"
            )
        return numbers, names or tuple(str(label) for label in range(highest + 1))
    texts = [_as_text(labels) for _, labels in parts]
    used = [{labels.texts[code] for code in np.unique(labels.codes).tolist()} for labels in texts]
    class_names = names or distinct_names(used[0])
    if len(class_names) > MAX_CLASSES:
        raise DataError(f"'{train}' holds {len(class_names):,} different labels, but at most {MAX_CLASSES:,} are read")
    ranks = {name: i for i, name in enumerate(class_names)}
    if unknown := sorted(set().union(*used) - set(ranks)):
        raise DataError(
            f"'{last}' holds the label '{unknown[0]}', which is none of the classes of '{train}'; add training images "
            "of it, or remove its rows"
        )
    tables = (np.array([ranks.get(text, -1) for text in labels.texts], np.int64) for labels in texts)
    return [table[labels.codes] for table, labels in zip(tables, texts, strict=True)], class_names


def _as_text(labels: Labels) -> TextLabels:
    """Return integers that number no classes as text."""
    if isinstance(labels, TextLabels):
        return labels
    different, codes = np.unique(labels, return_inverse=True)
    return TextLabels(codes.astype(np.int32), as_names(different))


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
