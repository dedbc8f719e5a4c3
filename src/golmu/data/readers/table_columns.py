"""Which columns of a table hold the labels and the images.

Images are, in this order: the contents of files in a column (Parquet); lists of pixels in a column (Parquet), or text
that lists them; names of image files; or a column for each pixel. Labels are in a column with a name of
`LABEL_COLUMNS`. If there is none, they are, beside a column of images, in the only other column of integers or text,
and beside columns of pixels in the first column. Where several columns are possible, such as `fine_label` and
`coarse_label`, the user has to choose (`ReadOptions.label`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import isqrt
from typing import Literal, NamedTuple

from golmu.architecture import POOL_SIZE
from golmu.data.pixel_names import IDENTIFIER_COLUMN, pixel_places, reordered_notice
from golmu.data.readers.image_kinds import IMAGE_SUFFIXES
from golmu.data.readers.named_images import NamedImages
from golmu.data.readers.table_files import Table
from golmu.data.reading import ReadOptions, format_size
from golmu.errors import DataError, InputError
from golmu.names import list_names
from golmu.types import ImageShape

LABEL_COLUMNS = ("label", "labels", "class", "target", "y")
"""Names of a column of labels, in capitals or not; if several are present, the first of them here is used."""

LABEL_LIKE = re.compile(r"(?i).*[ _.-](label|labels|class|target)")
"""Names of columns that may hold labels too."""

IMAGE_COLUMNS = ("image", "images", "img", "picture", "pixels")
"""Names of the column of images, for tables in which several columns may be it."""

FILE_COLUMNS = ("file_name", "filename", "file", "image", "image_path", "path", "filepath", "image_id", "id", "name")
"""Names of the column of the names of image files, which may lack their endings there."""

SPLIT_COLUMNS = ("usage", "split", "subset", "partition")
"""Names of a column that says which rows to train and which to test on."""

PIXEL_TEXT = re.compile(r"[\[(\s]*\d+(\.\d*)?([,\s]+\d+(\.\d*)?){3,}[\])\s]*")
"""Text that lists pixels."""

MAX_COLUMNS_NAMED = 10
"""Columns, at most, that an error names."""

MAX_TEXT_COLUMNS_NAMED = 3
"""Columns of text, at most, that an error names."""

Kind = Literal["encoded", "lists", "files", "pixels"]


class Columns(NamedTuple):
    """What the columns of a table hold."""

    label: str
    kind: Kind
    """What the images are: contents of files, lists of pixels, names of files, or a column for each pixel."""
    images: list[str]
    """The column of images, or the columns of pixels by row, column and channel, the channel running fastest."""
    shape: ImageShape | None = None
    """(h, w, c) of the images, of columns of pixels."""
    split: str | None = None
    """The column that says which rows to train and to test on, if there is one."""


def choose_columns(table: Table, files: NamedImages, read_options: ReadOptions) -> Columns:
    """Determine which columns hold the labels and the images.

    Parameters
    ----------
    table
        The first of the tables.
    files
        The image files that it may name.
    read_options
        What the user asked for; notes are added.

    Raises
    ------
    DataError
        If there are too few, that is not clear, or the columns of numbers do not make images.
    InputError
        If they do not make images of the size that was asked for.
    """
    if len(table.names) == 1:
        raise table.too_few_columns()
    split = first_of(SPLIT_COLUMNS, table.names) if table.has_header else None
    if split == read_options.label or (split and any(map(_is_nested, table.first_values(split)))):
        split = None
    table.numbers -= {split}
    if (found := _column_of_images(table, files, read_options.label)) is not None:
        kind, image = found
        return Columns(_choose_label(table, read_options.label, image, split), kind, [image], split=split)
    label = _choose_label(table, read_options.label, None, split)
    return _choose_pixels(table, label, read_options)._replace(split=split)


def choose_image_columns(table: Table, files: NamedImages, read_options: ReadOptions) -> Columns:
    """Determine which columns hold the images, where labels do not matter: see `choose_columns`."""
    if (found := _column_of_images(table, files, read_options.label)) is not None:
        kind, image = found
        return Columns("", kind, [image])
    return _choose_pixels(table, "", read_options)


def first_of(wanted: Sequence[str], names: Sequence[str]) -> str | None:
    """Return the first of the wanted names, in capitals or not, that is among `names`, as it is written there."""
    lower = {name.strip().lower(): name for name in names}
    return next((lower[name] for name in wanted if name in lower), None)


def shape_of(n: int, read_options: ReadOptions) -> ImageShape | None:
    """Return the (h, w, c) of `n` pixels: as asked for, else a square, grey or RGB; None if they do not make it."""
    size, channels = read_options.size, read_options.channels
    for c in (1, 3) if channels is None else (channels,):
        side = isqrt(n // c)
        h, w = size or (side, side)
        if h * w * c == n and min(h, w) >= POOL_SIZE:
            return h, w, c
    if (size or channels) and not read_options.is_binding:
        return shape_of(n, ReadOptions())
    return None


def _column_of_images(table: Table, files: NamedImages, label: str | None) -> tuple[Kind, str] | None:
    """Return the column that holds whole images, and of what kind it is; None if pixels have columns of their own."""
    kind, names = likely_images(table, files, label)
    if kind == "pixels":
        return None
    known = FILE_COLUMNS if kind == "files" else IMAGE_COLUMNS
    image = first_of(known, names) or (names[0] if len(names) == 1 else None)
    if image is None:
        raise DataError(
            f"'{table.path}' has several columns that may hold images, {_name_columns(names)}: rename "
            f"the right one to {', '.join(known[:-1])} or {known[-1]}"
        )
    return kind, image


def likely_images(table: Table, files: NamedImages, label: str | None) -> tuple[Kind, list[str]]:
    """Return what the images of a table are, and the columns that may hold them; "pixels" if nothing else fits.

    Parameters
    ----------
    table
        The table.
    files
        The image files that it may name.
    label
        The column of labels, if the user named it.
    """
    return next(((kind, names) for kind, names in _likely_columns(table, files, label) if names), ("pixels", []))


def _likely_columns(table: Table, files: NamedImages, label: str | None) -> Iterator[tuple[Kind, list[str]]]:
    """Iterate over columns, none or more, that hold images of a kind, the likeliest first."""
    yield "encoded", table.encoded
    others = [name for name in table.names if name != label and not _is_label_name(name)]
    lists = [name for name in others if name in table.lists]
    values = {name: [value for value in table.first_values(name) if value] for name in others if name in table.texts}
    lists += [name for name, some in values.items() if some and all(map(PIXEL_TEXT.fullmatch, some))]
    yield "lists", [name for name in lists if name.strip().lower() in IMAGE_COLUMNS]
    numbers = _without_identifiers([name for name in others if name in table.numbers])
    if len(numbers) >= POOL_SIZE**2 and pixel_places(numbers) is not None:
        yield "pixels", numbers
    yield "files", [name for name, some in values.items() if some and all(map(_is_image_path, some))]
    yield "lists", lists
    for name in FILE_COLUMNS if table.has_header else ():  # those of ids
        column = first_of((name,), [name for name in others if name in table.texts | table.integers])
        if column and (some := table.first_values(column)) and all(files.find(value) is not None for value in some):
            yield "files", [column]
    if len(numbers) < POOL_SIZE**2:
        values |= {name: table.first_values(name) for name in others if name in table.integers}
        yield "files", [name for name, some in values.items() if some and all(_is_file(value, files) for value in some)]


def _is_file(value: object, files: NamedImages) -> bool:
    """Return whether a value names an image file, or several."""
    try:
        return files.find(value) is not None
    except DataError:  # which one is meant is told where the file is read
        return True


def _is_label_name(name: str) -> bool:
    return name.strip().lower() in LABEL_COLUMNS or LABEL_LIKE.fullmatch(name) is not None


def _is_nested(value: object) -> bool:
    return isinstance(value, list | dict | bytes)


def _is_image_path(value: str) -> bool:
    return value.strip().lower().endswith(IMAGE_SUFFIXES)


def _without_identifiers(names: Sequence[str]) -> list[str]:
    return [name for name in names if not IDENTIFIER_COLUMN.fullmatch(name.strip())]


def _choose_pixels(table: Table, label: str, read_options: ReadOptions) -> Columns:
    """Determine which columns hold a pixel each, in which order, and the shape that they make."""
    numbers = [name for name in table.names if name in table.numbers and name != label and not _is_label_name(name)]
    likely = _without_identifiers(numbers) if table.has_header else numbers
    for names in (likely, [name for name in likely if re.fullmatch(r"(?i)[a-z]*[ _.]?\d+(x\d+)?", name)]):
        shape, places = shape_of(len(names), read_options), pixel_places(names)
        if places is not None and places.grid and read_options.size is None and min(places.grid) >= POOL_SIZE:
            shape = (*places.grid, 1)
        if shape is None:
            continue
        is_sorted = places is None or places.is_sorted
        pixels = names if places is None else [names[i] for i in places.order]
        if not is_sorted:
            read_options.notes.append(reordered_notice(f"'{table.path}'"))
        if others := sorted(set(numbers) - set(pixels)):
            read_options.notes.append(_unread_notice(table, others))
        return Columns(label, "pixels", pixels, shape)
    if read_options.is_binding and (read_options.size or read_options.channels) and len(likely) >= POOL_SIZE**2:
        size = [f"size={format_size(read_options.size)}"] if read_options.size else []
        channels = [f"channels={read_options.channels}"] if read_options.channels else []
        asked = " and ".join(size + channels)
        raise InputError(
            f"{asked} was asked for, but '{table.path}' has {len(likely)} columns of pixels beside '{label}': leave "
            "out size and channels, or give a size with that many pixels"
        )
    others = [name for name in table.names if name not in table.numbers and name != label]
    text = f" (and columns of text: {', '.join(others[:MAX_TEXT_COLUMNS_NAMED])})" if others else ""
    has = (
        f"'{table.path}' has {len(likely)} columns of numbers beside '{label}'{text}, which do not make a square image"
    )
    if len(likely) >= POOL_SIZE**2:
        raise DataError(
            f"{has}, grey or RGB: give height, width and channels with --size and --channels (size=, channels=)"
        )
    raise DataError(
        f"{has}, and no column of images: give a column for each pixel, of lists of pixels, or of the names of image "
        f"files (such as a{IMAGE_SUFFIXES[0]}) that are beside the table; addresses and other text are not read"
    )


def _unread_notice(table: Table, names: Sequence[str]) -> str:
    """Return what to say about columns of numbers that are not read."""
    if list(names) == [""]:
        return f"1 column of '{table.path}' has no name and numbers the rows: it is not read as a pixel"
    columns = "1 column of numbers" if len(names) == 1 else f"{len(names):,} columns of numbers"
    read = "is not read as a pixel" if len(names) == 1 else "are not read as pixels"
    return f"{columns} in '{table.path}' {read}: {_name_columns(names)}"


def _choose_label(table: Table, wanted: str | None, image: str | None, split: str | None) -> str:
    """Return the column of labels: the wanted one, the one with such a name, or the only possible one."""
    if wanted is not None:
        if wanted not in table.names or wanted in table.encoded:
            raise InputError(
                f"label={wanted!r} was asked for, but '{table.path}' has no such column of labels: choose one of "
                f"{_name_columns(table.names)}"
            )
        return wanted
    others = [name for name in table.names if name not in table.encoded and name not in (image, split)]
    if table.has_header:
        if name := first_of(LABEL_COLUMNS, others):
            if len(alike := [other for other in others if other.strip().lower() == name.strip().lower()]) > 1:
                raise _several_labels(table, alike)
            return name
        others = _without_identifiers(others)
    choices = (
        [name for name in others if table.class_names(name)],
        [name for name in others if LABEL_LIKE.fullmatch(name)],
        others if image is not None else [],
    )
    likely = next((names for names in choices if names), [])
    if len(likely) > 1:
        raise _several_labels(table, likely)
    if likely:
        return likely[0]
    if image is None and len(others) > 1 and table.numbers.issuperset(others[1:]):
        return others[0]
    raise DataError(
        f"'{table.path}' has no column of labels: choose one with --label (label=), or name one 'label'; the columns "
        f"are {_name_columns(table.names)}"
    )


def _several_labels(table: Table, names: Sequence[str]) -> DataError:
    return DataError(
        f"'{table.path}' has several columns that may hold the labels, {_name_columns(names)}: choose one with "
        "--label (label=), or name one 'label'"
    )


def _name_columns(names: Sequence[str]) -> str:
    return list_names([name or "(no name)" for name in names], MAX_COLUMNS_NAMED)
