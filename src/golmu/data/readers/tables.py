"""Images in tables, Parquet and CSV, as hubs and competitions publish them.

Either a column holds encoded images: binary, or a struct with a field `bytes` (Parquet); or each pixel has a column, by
row, column and channel, the channel running fastest. Labels are in a column called as in `LABELS`, else, with encoded
images, in the only other one of integers or text, and, with pixels, in the first one. Where several may be meant, as
`fine_label` and `coarse_label`, the user has to choose (`Reading.label`).

In a folder, or in its folder `data`, the name of a file says what it holds: `train`, `test`, and `val` or `validation`,
which holds the test images where `test` is missing or has no labels, and else is not read. A table may be cut into
several files whose names differ in their numbers alone, and in what a hub has put at the end of each to tell versions
apart.
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
from golmu.data.arrays import MAX_CLASSES, as_bytes
from golmu.data.brightness import brightened
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.quality import notices
from golmu.data.readers.decoding import PART, read_pictures
from golmu.data.readers.idx import MAX_BYTES
from golmu.data.readers.image_files import Encoded
from golmu.data.readers.table_files import SUFFIXES, Table, open_table
from golmu.data.reading import Reading, shown
from golmu.errors import DataError, InputError

LABELS = ("label", "labels", "class", "target", "y")
"""What a column of labels is called, in capitals or not; of several, the first here."""

LABEL_LIKE = re.compile(r"(?i).*[ _.-](label|labels|class|target)")
"""Names of columns that may be of labels too."""

IMAGES = ("image", "images", "img", "picture")
"""What a column of encoded images is called where several columns hold contents of files."""

IDENTIFIERS = ("", "id", "index", "unnamed: 0")
"""Columns of numbers that are no pixels, if the others make a square."""

NAMED = 10
"""Columns that an error names at most."""

PARTS = ("train", "test", "val")
"""How a word of a file's name begins that says what it holds."""

HASH = re.compile(r"-[0-9a-f]{16}$")
"""What a hub puts at the end of a file's name, for its content."""

ROWS, LABEL_ROWS = 1024, 65_536
"""Rows of pixels, and of labels, that are read at a time."""

NO_LABEL = -1
"""What the hubs give as the label of images whose labels are kept back."""

Labels = NDArray[np.int64] | list[str]


class _Columns(NamedTuple):
    """What the columns of a table are."""

    label: str
    image: str | None
    pixels: list[str]


class _Part(NamedTuple):
    """The files that make up a part of a data set, and their labels."""

    tables: list[Table]
    labels: Labels


def holds_tables(folder: Path) -> bool:
    """Whether there is a table in `folder`, or in its folder `data`."""
    return bool(_tables_in(folder))


def load_tables(path: Path, reading: Reading) -> Dataset:
    """The data set of a table or of a folder of tables, named after it.

    Raises
    ------
    DataError
        If a table is missing or damaged, has no labels or no images, or holds others than are expected.
    InputError
        If the pixels do not make images of the size that was asked for.
    """
    files, candidates = _files_in(path, reading) if path.is_dir() else ([path], [])
    tables = [open_table(file) for file in files]
    columns = _columns(tables[0], reading)
    parts = [_Part(tables, _labels(tables, columns))]
    for candidate in candidates:
        if len(parts) == 1:
            parts += _test_part([open_table(file) for file in candidate], tables[0], columns, reading)
        else:
            reading.notes.append(f"{_named(candidate)} is not read, since there are test images")
    numbers, class_names = _numbered(parts, tables[0].class_names(columns.label))
    n, labels = len(numbers[0]), np.concatenate(numbers)
    if columns.image is None:
        images, is_good = _pixels(parts, columns.pixels, len(labels), reading), np.ones(len(labels), bool)
    else:
        images, is_good = read_pictures(lambda: _encoded(parts, columns), len(labels), reading)
    at, labels = int(is_good[:n].sum()), labels[is_good]
    if at == 0:
        raise DataError(f"'{path}' holds no training image that can be read")
    train = ImageSet(images[:at], labels[:at])
    test = ImageSet(images[at:], labels[at:]) if len(labels) > at else None
    if columns.image is None:
        train, test, notes = brightened(train, test)
        reading.notes += notes
    name = path.resolve().name if path.is_dir() else path.stem
    dataset = Dataset(name or "data", train, test, class_names, str(path))
    if columns.image is not None:
        reading.notes += notices(dataset)
    return dataset


# Files


def _tables_in(folder: Path) -> list[Path]:
    """The tables of one kind in `folder`, or in its folder `data`, by name."""
    for place in (folder, folder / "data"):
        try:
            files = sorted(file for file in place.iterdir() if not file.name.startswith("."))
        except OSError:
            continue
        for suffix in SUFFIXES:
            if found := [file for file in files if file.suffix.lower() == suffix and not file.is_dir()]:
                return found
    return []


def _files_in(folder: Path, reading: Reading) -> tuple[list[Path], list[list[Path]]]:
    """The files to train on, and those that may be tested on, the likelier ones first."""
    found: dict[str, list[Path]] = {part: [] for part in (*PARTS, "")}
    for file in _tables_in(folder):
        words = re.split(r"[^a-z]+", HASH.sub("", file.stem.lower()))
        found[next((part for part in PARTS if any(word.startswith(part) for word in words)), "")].append(file)
    if not found["train"]:
        found["train"], found[""] = found[""], []
    if not found["train"]:
        raise DataError(f"'{folder}' holds {_named(found['test'] or found['val'])}, but no table called train")
    if found[""]:
        reading.notes.append(f"{_named(found[''])} is not read, as it is called neither train nor test")
    for files in found.values():
        names = {HASH.sub("", file.stem.lower()) for file in files}
        if len(names) < len(files) or len({re.sub(r"\d+", "0", name) for name in names}) > 1:
            raise DataError(
                f"'{folder}' holds several tables for one part, {', '.join(file.name for file in files)}: name one of "
                "them, or call them train and test"
            )
    return found["train"], [files for part in ("test", "val") if (files := found[part])]


def _named(files: Sequence[Path]) -> str:
    return f"'{files[0]}'" + (f" (and {len(files) - 1} more)" if len(files) > 1 else "")


def _test_part(tables: list[Table], training: Table, columns: _Columns, reading: Reading) -> list[_Part]:
    """The part that tables make, if they have labels, as the tests of competitions have not."""
    lacks = columns.label not in tables[0].names
    if not training.has_header:  # then all that tells is the number of columns
        lacks = len(tables[0].names) != len(training.names)
    labels = None if lacks else _labels(tables, columns)
    if labels is None or (isinstance(labels, np.ndarray) and len(labels) and (labels == NO_LABEL).all()):
        reading.notes.append(f"{_named([table.path for table in tables])} has no labels, so that it is not tested on")
        return []
    return [_Part(tables, labels)] if len(labels) else []


# Columns


def _columns(table: Table, reading: Reading) -> _Columns:
    label = _label(table, reading.label)
    if table.encoded:
        image = _first_of(IMAGES, table.encoded) or (table.encoded[0] if len(table.encoded) == 1 else None)
        if image is None:
            raise DataError(
                f"'{table.path}' has several columns that may hold images, {', '.join(table.encoded)}: call one 'image'"
            )
        return _Columns(label, image, [])
    numbers = [name for name in table.names if name in table.numbers and name != label]
    choices = (
        numbers,
        [name for name in numbers if name.lower() not in IDENTIFIERS],
        [name for name in numbers if re.fullmatch(r"(?i)[a-z]*[ _.]?\d+(x\d+)?", name)],
    )
    for pixels in choices:
        if _shape(len(pixels), reading):
            return _Columns(label, None, pixels)
    if reading.is_binding and (reading.size or reading.channels):
        raise InputError(
            f"size={shown(reading.size)} and channels={reading.channels} were asked for, but '{table.path}' has "
            f"{len(numbers)} columns of pixels beside '{label}': leave them out, or give a size of so many pixels"
        )
    others = [name for name in table.names if name not in table.numbers and name != label]
    text = f" (and of text: {', '.join(others[:3])})" if others else ""
    raise DataError(
        f"'{table.path}' has {len(numbers)} columns of numbers beside '{label}'{text}, which make no square image, "
        "grey or RGB: give its height, width and channels by --size and --channels (size=, channels=)"
    )


def _first_of(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    lower = {name.strip().lower(): name for name in names}
    return next((lower[name] for name in wanted if name in lower), None)


def _label(table: Table, wanted: str | None) -> str:
    """The column of labels: the one that is wanted, or that is called so, or the only one that may be meant."""
    if wanted is not None:
        if wanted not in table.names or wanted in table.encoded:
            raise InputError(
                f"label={wanted!r} was asked for, but '{table.path}' has no such column of labels; it has "
                f"{', '.join(table.names[:NAMED])}" + (", ..." if len(table.names) > NAMED else "")
            )
        return wanted
    if table.has_header and (found := _first_of(LABELS, table.names)):
        return found
    others = [name for name in table.names if name not in table.encoded]
    choices = (
        [name for name in others if table.class_names(name)],
        [name for name in others if LABEL_LIKE.fullmatch(name)],
        others if table.encoded else [],
    )
    likely = next((names for names in choices if names), [])
    if len(likely) > 1:
        raise DataError(
            f"'{table.path}' has several columns that may hold the labels, {', '.join(likely[:NAMED])}: choose one by "
            "--label (label=), or call one 'label'"
        )
    if likely:
        return likely[0]
    if not table.encoded and len(table.numbers - {table.names[0]}) == len(table.names) - 1:
        return table.names[0]
    raise DataError(
        f"'{table.path}' has no column of labels: call one 'label', or choose it by --label (label=); it has "
        f"{', '.join(table.names[:NAMED])}" + (", ..." if len(table.names) > NAMED else "")
    )


def _shape(n: int, reading: Reading) -> tuple[int, int, int] | None:
    """(h, w, c) of `n` pixels: as asked for, else a square, grey or RGB; None if they do not make it."""
    size, channels = reading.size, reading.channels
    for c in (1, 3) if channels is None else (channels,):
        side = isqrt(n // c)
        h, w = size or (side, side)
        if h * w * c == n and min(h, w) >= POOL_SIZE:
            return h, w, c
    if (size or channels) and not reading.is_binding:
        return _shape(n, Reading())
    return None


# Labels


def _labels(tables: Sequence[Table], columns: _Columns) -> Labels:
    """The labels of all rows, integers (n,) if all are, or else text."""
    found: list[Any] = []
    for table in tables:
        if columns.label not in table.names:
            raise DataError(f"'{table.path}' has no column '{columns.label}', as '{tables[0].path}' has")
        for batch in table.batches([columns.label], LABEL_ROWS, label=columns.label):
            column = batch.column(0)
            values = column.to_pylist()
            if None in values or "" in values:
                row = next(i for i, value in enumerate(values) if value is None or value == "")
                raise DataError(f"'{table.path}' has no label in row {len(found) + row + 1}; mend or remove it")
            found += values
    if all(isinstance(value, str) for value in found):
        if not all(re.fullmatch(r"[+-]?\d{1,9}(\.0*)?", value) for value in found):
            return found
        found = [float(value) for value in found]
    is_number = all(isinstance(value, int | float) for value in found)
    numbers = np.array(found if is_number else [np.nan], np.float64)
    if not np.isfinite(numbers).all() or (numbers != np.rint(numbers)).any():
        raise DataError(f"'{tables[0].path}' holds labels that are neither whole numbers nor text in '{columns.label}'")
    return numbers.clip(-(2.0**53), 2.0**53).astype(np.int64)  # more than this is refused later


def _numbered(parts: Sequence[_Part], names: tuple[str, ...] | None) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """The labels of each part as numbers of classes, and the classes' names."""
    where = parts[0].tables[0].path
    if all(isinstance(part.labels, list) for part in parts):
        known = names or tuple(sorted(set(parts[0].labels)))
        ranks = {name: i for i, name in enumerate(known)}
        if unknown := sorted({label for part in parts for label in part.labels} - set(ranks)):
            raise DataError(f"'{parts[-1].tables[0].path}' holds the label '{unknown[0]}', which '{where}' has not")
        return [np.array([ranks[label] for label in part.labels], np.int64) for part in parts], known
    numbers = [part.labels for part in parts if isinstance(part.labels, np.ndarray)]
    if len(numbers) < len(parts):
        raise DataError(f"'{where}' and '{parts[-1].tables[0].path}' hold labels of different kinds, numbers and text")
    if not len(numbers[0]):
        raise DataError(f"'{where}' has no rows")
    lowest, highest = min(int(part.min()) for part in numbers), max(int(part.max()) for part in numbers)
    end = MAX_CLASSES if names is None else len(names)
    if not 0 <= lowest <= highest < end:
        raise DataError(
            f"'{where}' holds labels from {lowest} to {highest}, where 0 to {end - 1} were expected; number "
            "the classes from 0"
        )
    return numbers, names or tuple(str(label) for label in range(highest + 1))


# Images


def _encoded(parts: Sequence[_Part], columns: _Columns) -> Iterator[list[Encoded]]:
    for part in parts:
        for table in part.tables:
            if columns.image not in table.encoded:
                raise DataError(f"'{table.path}' has no column '{columns.image}' of images")
            row = 0
            for batch in table.batches([columns.image], PART):
                values = [value["bytes"] if isinstance(value, dict) else value for value in batch.column(0).to_pylist()]
                yield [Encoded(value or b"", f"{table.path}, row {row + i}") for i, value in enumerate(values, start=1)]
                row += len(values)


def _pixels(parts: Sequence[_Part], columns: list[str], total: int, reading: Reading) -> NDArray[np.uint8]:
    """(total, h, w, c)."""
    table = parts[0].tables[0]
    if total * len(columns) > MAX_BYTES // 4:
        raise DataError(
            f"'{table.path}' holds more than the {MAX_BYTES} bytes of pixels that are read at most; split it"
        )
    values = np.empty((total, len(columns)), np.float32)
    row = 0
    for part in parts:
        for table in part.tables:
            if lacking := [name for name in columns if name not in table.numbers]:
                raise DataError(f"'{table.path}' has no column '{lacking[0]}' of pixels")
            for batch in table.batches(columns, ROWS):
                if row + batch.num_rows > total:
                    break
                with np.errstate(over="ignore"):  # infinite pixels are refused below
                    for place, column in enumerate(batch.columns):
                        values[row : row + batch.num_rows, place] = column.to_numpy(zero_copy_only=False)
                row += batch.num_rows
                if reading.progress is not None:
                    reading.progress(row, total)
    if row != total or np.isnan(values).any():
        raise DataError(f"'{table.path}' has rows without all their pixels; mend or remove them")
    is_integer = all(name in table.integers for part in parts for table in part.tables for name in columns)
    try:
        is_binary = is_integer and values.min() >= 0 and values.max() <= 1
        pixels = as_bytes(values.astype(np.uint8) if is_binary else values, f"'{table.path}'")
    except InputError as error:
        raise DataError(str(error)) from error
    shape = _shape(len(columns), reading)
    assert shape is not None  # by which the columns were chosen
    return pixels.reshape(total, *shape)
