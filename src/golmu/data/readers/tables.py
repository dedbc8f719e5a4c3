"""Images in tables, Parquet and CSV, as hubs and competitions publish them.

Either one column holds encoded images: binary, or a struct with a field `bytes` (Parquet). Or each pixel has a column,
ordered by row, column and channel, the channel running fastest. Labels are in a column with a name of `LABEL_COLUMNS`.
If there is none, they are, beside encoded images, in the only other column of integers or text, and beside pixels in
the first column. Where several columns are possible, such as `fine_label` and `coarse_label`, the user has to choose
(`ReadOptions.label`).

In a folder, or in its folder `data`, the name of a file tells what it holds: `train`, `test`, and `val` or
`validation`, which holds the test images if `test` is missing or has no labels, and is ignored otherwise. A table may
be split into several files whose names differ only in their numbers, and in the hash that a hub appends to each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE
from golmu.data.arrays import as_bytes, brighten
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.labels import (
    MAX_CLASSES,
    are_class_numbers,
    as_names,
    clean_text,
    distinct_names,
    parse_integers,
    rank_labels,
)
from golmu.data.quality import notices
from golmu.data.readers.idx import MAX_BYTES
from golmu.data.readers.image_files import Encoded
from golmu.data.readers.table_files import TABLE_SUFFIXES, Table, open_table
from golmu.data.readers.threaded_reading import FILES_PER_PART, read_images
from golmu.data.reading import ReadOptions, format_size
from golmu.errors import DataError, InputError
from golmu.types import ImageShape

LABEL_COLUMNS = ("label", "labels", "class", "target", "y")
"""Names of a column of labels, in capitals or not; if several are present, the first of them here is used."""

LABEL_LIKE = re.compile(r"(?i).*[ _.-](label|labels|class|target)")
"""Names of columns that may hold labels too."""

IMAGE_COLUMNS = ("image", "images", "img", "picture")
"""Names of the column of encoded images, for tables in which several columns hold the contents of files."""

IDENTIFIER_COLUMNS = ("", "id", "index", "unnamed: 0")
"""Names of columns of numbers that are no pixels, if the other columns make a square."""

MAX_COLUMNS_NAMED = 10
"""Columns, at most, that an error names."""

MAX_TEXT_COLUMNS_NAMED = 3
"""Columns of text, at most, that an error names."""

PARTS = ("train", "test", "val")
"""Beginnings of the word in the name of a file that tells what it holds."""

HASH_ENDING = re.compile(r"-[0-9a-f]{16}$")
"""The hash of the content that a hub appends to the name of a file."""

PIXEL_ROWS_AT_A_TIME, LABEL_ROWS_AT_A_TIME = 1024, 65_536
"""Rows that are read at a time, of pixels and of labels."""

NO_LABEL = -1
"""Label that the hubs give to images whose labels are kept back."""

Labels = NDArray[np.int64] | list[str]


class _Columns(NamedTuple):
    """Names of the columns that hold the labels, and the encoded images or else the pixels."""

    label: str
    image: str | None
    pixels: list[str]


class _Part(NamedTuple):
    """The files that make up a part of a data set, and their labels."""

    tables: list[Table]
    labels: Labels


def holds_tables(folder: Path) -> bool:
    """Return whether there is a table in `folder`, or in its folder `data`."""
    return bool(_find_tables(folder))


def load_tables(path: Path, read_options: ReadOptions) -> Dataset:
    """Load the data set of a table or of a folder of tables, and name it after that.

    Raises
    ------
    DataError
        If a table is missing or damaged, has no labels or no images, or does not fit to the other tables.
    InputError
        If the pixels do not make images of the size that was asked for.
    """
    files, candidates = _assign_files(path, read_options) if path.is_dir() else ([path], [])
    tables = [open_table(file) for file in files]
    columns = _choose_columns(tables[0], read_options)
    parts = [_Part(tables, _read_labels(tables, columns, read_options))]
    for candidate in candidates:
        if len(parts) == 1:
            parts += _read_test_part([open_table(file) for file in candidate], tables[0], columns, read_options)
        else:
            read_options.notes.append(f"{_name_files(candidate)} is ignored, since there are test images already")
    numbers, class_names = _number_labels(parts, tables[0].class_names(columns.label))
    n, labels = len(numbers[0]), np.concatenate(numbers)
    if columns.image is None:
        images, is_good = _read_pixels(parts, columns.pixels, len(labels), read_options), np.ones(len(labels), bool)
    else:
        images, is_good = read_images(lambda: _iterate_encoded(parts, columns), len(labels), read_options)
    n_train, labels = int(is_good[:n].sum()), labels[is_good]
    if n_train == 0:
        raise DataError(f"'{path}' holds no training image that can be read; fix or replace the images")
    train = ImageSet(images[:n_train], labels[:n_train])
    test = ImageSet(images[n_train:], labels[n_train:]) if len(labels) > n_train else None
    if columns.image is None:
        train, test, notes = brighten(train, test)
        read_options.notes += notes
    name = path.resolve().name if path.is_dir() else path.stem
    dataset = Dataset(name or "data", train, test, class_names, str(path))
    if columns.image is not None:
        read_options.notes += notices(dataset)
    return dataset


# Files


def _find_tables(folder: Path) -> list[Path]:
    """List the tables of one kind in `folder`, or in its folder `data`, by name."""
    for place in (folder, folder / "data"):
        try:
            files = sorted(file for file in place.iterdir() if not file.name.startswith("."))
        except OSError:
            continue
        for suffix in TABLE_SUFFIXES:
            if tables := [file for file in files if file.suffix.lower() == suffix and not file.is_dir()]:
                return tables
    return []


def _assign_files(folder: Path, read_options: ReadOptions) -> tuple[list[Path], list[list[Path]]]:
    """Return the files to train on, and lists of those that may be tested on, the likelier ones first."""
    files_of: dict[str, list[Path]] = {part: [] for part in (*PARTS, "")}
    for file in _find_tables(folder):
        words = re.split(r"[^a-z]+", HASH_ENDING.sub("", file.stem.lower()))
        part = next((part for part in PARTS if any(word.startswith(part) for word in words)), "")
        files_of[part].append(file)
    if not files_of["train"]:
        files_of["train"], files_of[""] = files_of[""], []
    if not files_of["train"]:
        raise DataError(
            f"'{folder}' holds {_name_files(files_of['test'] or files_of['val'])}, but no table named train: add one, "
            "or give the path of a single table"
        )
    if files_of[""]:
        read_options.notes.append(f"{_name_files(files_of[''])} is ignored, since its name says neither train nor test")
    for files in files_of.values():
        names = {HASH_ENDING.sub("", file.stem.lower()) for file in files}
        if len(names) < len(files) or len({re.sub(r"\d+", "0", name) for name in names}) > 1:
            raise DataError(
                f"'{folder}' holds several tables for one part, {', '.join(file.name for file in files)}: give the "
                "path of one of them, or name them train and test"
            )
    return files_of["train"], [files for part in ("test", "val") if (files := files_of[part])]


def _name_files(files: Sequence[Path]) -> str:
    return f"'{files[0]}'" + (f" (and {len(files) - 1} more)" if len(files) > 1 else "")


def _read_test_part(tables: list[Table], training: Table, columns: _Columns, read_options: ReadOptions) -> list[_Part]:
    """Return the test part that tables make, or nothing if they lack labels, as the tests of competitions do."""
    lacks = columns.label not in tables[0].names
    if not training.has_header:  # then only the number of columns tells it
        lacks = len(tables[0].names) != len(training.names)
    labels = None if lacks else _read_labels(tables, columns, read_options)
    if labels is None or (isinstance(labels, np.ndarray) and len(labels) and (labels == NO_LABEL).all()):
        read_options.notes.append(
            f"{_name_files([table.path for table in tables])} has no labels, so it is not used as test images"
        )
        return []
    return [_Part(tables, labels)] if len(labels) else []


# Columns


def _choose_columns(table: Table, read_options: ReadOptions) -> _Columns:
    """Determine which columns hold the labels and the images.

    Raises
    ------
    DataError
        If that is not clear, or the columns of numbers do not make images.
    InputError
        If they do not make images of the size that was asked for.
    """
    label = _choose_label(table, read_options.label)
    if table.encoded:
        image = _first_of(IMAGE_COLUMNS, table.encoded) or (table.encoded[0] if len(table.encoded) == 1 else None)
        if image is None:
            raise DataError(
                f"'{table.path}' has several columns that may hold images, {', '.join(table.encoded)}: name one of "
                "them 'image'"
            )
        return _Columns(label, image, [])
    numbers = [name for name in table.names if name in table.numbers and name != label]
    choices = (
        numbers,
        [name for name in numbers if name.lower() not in IDENTIFIER_COLUMNS],
        [name for name in numbers if re.fullmatch(r"(?i)[a-z]*[ _.]?\d+(x\d+)?", name)],
    )
    for pixels in choices:
        if _shape_of(len(pixels), read_options):
            return _Columns(label, None, pixels)
    if read_options.is_binding and (read_options.size or read_options.channels):
        size = [f"size={format_size(read_options.size)}"] if read_options.size else []
        channels = [f"channels={read_options.channels}"] if read_options.channels else []
        asked = " and ".join(size + channels)
        raise InputError(
            f"{asked} was asked for, but '{table.path}' has {len(numbers)} columns of pixels beside '{label}': leave "
            "out size and channels, or give a size with that many pixels"
        )
    others = [name for name in table.names if name not in table.numbers and name != label]
    text = f" (and columns of text: {', '.join(others[:MAX_TEXT_COLUMNS_NAMED])})" if others else ""
    raise DataError(
        f"'{table.path}' has {len(numbers)} columns of numbers beside '{label}'{text}, which do not make a square "
        "image, grey or RGB: give height, width and channels with --size and --channels (size=, channels=)"
    )


def _first_of(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first of the wanted names, in capitals or not, that is among `names`, as it is written there."""
    lower = {name.strip().lower(): name for name in names}
    return next((lower[name] for name in wanted if name in lower), None)


def _choose_label(table: Table, wanted: str | None) -> str:
    """Return the column of labels: the wanted one, the one with such a name, or the only possible one."""
    if wanted is not None:
        if wanted not in table.names or wanted in table.encoded:
            raise InputError(
                f"label={wanted!r} was asked for, but '{table.path}' has no such column of labels: choose one of "
                f"{_name_columns(table.names)}"
            )
        return wanted
    if table.has_header and (name := _first_of(LABEL_COLUMNS, table.names)):
        return name
    others = [name for name in table.names if name not in table.encoded]
    choices = (
        [name for name in others if table.class_names(name)],
        [name for name in others if LABEL_LIKE.fullmatch(name)],
        others if table.encoded else [],
    )
    likely = next((names for names in choices if names), [])
    if len(likely) > 1:
        raise DataError(
            f"'{table.path}' has several columns that may hold the labels, {_name_columns(likely)}: choose one with "
            "--label (label=), or name one 'label'"
        )
    if likely:
        return likely[0]
    if not table.encoded and len(table.numbers - {table.names[0]}) == len(table.names) - 1:
        return table.names[0]
    raise DataError(
        f"'{table.path}' has no column of labels: choose one with --label (label=), or name one 'label'; the columns "
        f"are {_name_columns(table.names)}"
    )


def _name_columns(names: Sequence[str]) -> str:
    return ", ".join(names[:MAX_COLUMNS_NAMED]) + (", ..." if len(names) > MAX_COLUMNS_NAMED else "")


def _shape_of(n: int, read_options: ReadOptions) -> ImageShape | None:
    """Return the (h, w, c) of `n` pixels: as asked for, else a square, grey or RGB; None if they do not make it."""
    size, channels = read_options.size, read_options.channels
    for c in (1, 3) if channels is None else (channels,):
        side = isqrt(n // c)
        h, w = size or (side, side)
        if h * w * c == n and min(h, w) >= POOL_SIZE:
            return h, w, c
    if (size or channels) and not read_options.is_binding:
        return _shape_of(n, ReadOptions())
    return None


# Labels


def _read_labels(tables: Sequence[Table], columns: _Columns, read_options: ReadOptions) -> Labels:
    """Read the labels of all rows: integers (n,) if all of them are, else text (`golmu.data.labels`)."""
    labels: list[Any] = []
    for table in tables:
        if columns.label not in table.names:
            raise DataError(
                f"'{table.path}' has no column '{columns.label}', but '{tables[0].path}' has; give both the same "
                "columns"
            )
        for batch in table.batches([columns.label], LABEL_ROWS_AT_A_TIME, label=columns.label):
            values = batch.column(0).to_pylist()
            if None in values or "" in values:
                row = next(i for i, value in enumerate(values) if value is None or value == "")
                raise DataError(f"'{table.path}' has no label in row {len(labels) + row + 1}; fix or remove the row")
            labels += values
    if all(isinstance(value, str) for value in labels):
        labels, notes = clean_text(labels)
        if "" in labels:
            raise DataError(f"'{tables[0].path}' has no label in row {labels.index('') + 1}; fix or remove the row")
        read_options.notes += notes
        integers = parse_integers(labels)
        return labels if integers is None else integers
    is_number = all(isinstance(value, int | float) for value in labels)
    numbers = np.array(labels if is_number else [np.nan])
    if (
        numbers.dtype.kind not in "bi"
        and not (np.isfinite(numbers) & (numbers == np.rint(numbers)) & (abs(numbers) < 2.0**53)).all()
    ):
        raise DataError(
            f"'{tables[0].path}' holds labels that are neither whole numbers nor text in '{columns.label}'; fix them, "
            "or choose another column with --label (label=)"
        )
    return numbers.astype(np.int64)


def _number_labels(
    parts: Sequence[_Part], names: tuple[str, ...] | None
) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Return the labels of each part as class numbers, and the names of the classes."""
    train, last = parts[0].tables[0].path, parts[-1].tables[0].path
    numbers = [part.labels for part in parts if isinstance(part.labels, np.ndarray)]
    if 0 < len(numbers) < len(parts):
        raise DataError(
            f"'{train}' and '{last}' hold labels of different kinds, numbers and text; use one kind for both"
        )
    if not len(parts[0].labels):
        raise DataError(f"'{train}' has no rows; give a table with images")
    if numbers and (names is not None or are_class_numbers(*numbers)):
        lowest, highest = min(int(part.min()) for part in numbers), max(int(part.max()) for part in numbers)
        if names is not None and not 0 <= lowest <= highest < len(names):
            raise DataError(
                f"'{train}' holds labels from {lowest} to {highest}, but names for 0 to {len(names) - 1}: number the "
                "classes from 0"
            )
        return numbers, names or tuple(str(label) for label in range(highest + 1))
    texts = [part.labels if isinstance(part.labels, list) else as_names(part.labels) for part in parts]
    class_names = names or distinct_names(texts[0])
    if len(class_names) > MAX_CLASSES:
        raise DataError(f"'{train}' holds {len(class_names):,} different labels, but at most {MAX_CLASSES:,} are read")
    if unknown := sorted({label for part in texts for label in part} - set(class_names)):
        raise DataError(
            f"'{last}' holds the label '{unknown[0]}', which is none of the classes of '{train}'; add training images "
            "of it, or remove its rows"
        )
    return [rank_labels(part, class_names) for part in texts], class_names


# Images


def _iterate_encoded(parts: Sequence[_Part], columns: _Columns) -> Iterator[list[Encoded]]:
    """Iterate over the encoded images of all parts, some at a time."""
    for part in parts:
        for table in part.tables:
            if columns.image not in table.encoded:
                raise DataError(f"'{table.path}' has no column '{columns.image}' of images; add or rename it")
            row = 0
            for batch in table.batches([columns.image], FILES_PER_PART):
                values = [value["bytes"] if isinstance(value, dict) else value for value in batch.column(0).to_pylist()]
                yield [Encoded(value or b"", f"{table.path}, row {row + i}") for i, value in enumerate(values, start=1)]
                row += len(values)


def _read_pixels(
    parts: Sequence[_Part], columns: list[str], total: int, read_options: ReadOptions
) -> NDArray[np.uint8]:
    """Read the pixels of all parts, (total, h, w, c)."""
    table = parts[0].tables[0]
    if total * len(columns) > MAX_BYTES // 4:
        raise DataError(f"'{table.path}' holds more than {MAX_BYTES} bytes of pixels, the most that are read; split it")
    values = np.empty((total, len(columns)), np.float32)
    row = 0
    for part in parts:
        for table in part.tables:
            if lacking := [name for name in columns if name not in table.numbers]:
                raise DataError(f"'{table.path}' has no column '{lacking[0]}' of pixels; add or rename it")
            for batch in table.batches(columns, PIXEL_ROWS_AT_A_TIME):
                if row + batch.num_rows > total:
                    break
                with np.errstate(over="ignore"):  # infinite pixels are refused below
                    for place, column in enumerate(batch.columns):
                        values[row : row + batch.num_rows, place] = column.to_numpy(zero_copy_only=False)
                row += batch.num_rows
                if read_options.progress is not None:
                    read_options.progress(row, total)
    if row != total or np.isnan(values).any():
        raise DataError(f"'{table.path}' has rows with missing pixels; fix or remove them")
    is_integer = all(name in table.integers for part in parts for table in part.tables for name in columns)
    try:
        is_binary = is_integer and values.min() >= 0 and values.max() <= 1
        pixels = as_bytes(values.astype(np.uint8) if is_binary else values, f"'{table.path}'")
    except InputError as error:
        raise DataError(str(error)) from error
    shape = _shape_of(len(columns), read_options)
    assert shape is not None  # the columns were chosen by it
    return pixels.reshape(total, *shape)
