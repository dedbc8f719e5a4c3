"""Images in tables, Parquet and CSV, as hubs and competitions publish them.

`table_folders` says which files make up a data set, `table_columns` which columns hold what, `table_labels` and
`table_images` read these.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.arrays import brighten
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.labels import PartLabels, number_labels
from golmu.data.quality import notices
from golmu.data.readers.image_files import Source
from golmu.data.readers.image_tree import ImageFolder
from golmu.data.readers.named_images import NamedImages
from golmu.data.readers.table_columns import Columns, choose_columns, likely_images
from golmu.data.readers.table_files import Table
from golmu.data.readers.table_folders import (
    PARTS,
    assign_files,
    find_tables,
    name_files,
    open_table,
    part_of,
    stem_of,
)
from golmu.data.readers.table_images import iterate_sources, read_pixels
from golmu.data.readers.table_labels import NO_LABEL, read_labels, read_values
from golmu.data.readers.threaded_reading import DecodedImages, read_images
from golmu.data.reading import ReadOptions
from golmu.errors import DataError, GolmuError, InputError
from golmu.names import clean_name

SPLIT_WORDS = {"training": "train", "train": "train", "publictest": "val", "privatetest": "test"}
"""What values of a column that splits the images mean, besides words that begin with those of `PARTS`."""


IMAGE_FOLDER_WORDS = ("image", "img", "pic", "photo", "data")
"""Beginnings of the names of folders that hold all images, and not those of a class."""


class _Part(NamedTuple):
    """The files that make up a part of a data set, and the labels of their rows."""

    tables: list[Table]
    labels: PartLabels


def holds_tables(folder: Path) -> bool:
    """Return whether there is a table in `folder`, or where `find_tables` looks besides."""
    return bool(find_tables(folder))


def name_images(folder: Path, tree: ImageFolder, label: str | None) -> bool:
    """Return whether a table of a folder, which holds `tree`, names image files that are in no class folders."""
    try:
        files = find_tables(folder)
        if not files or _holds_classes(tree):
            return False
        if any(inner.class_folders for inner in tree.class_folders.values()):  # these may be classes
            files = assign_files(folder, ReadOptions())[0][:1]
        return any(_names_images(file, folder, label) for file in files)
    except GolmuError:  # told where the tables are read, if they are
        return False


def _names_images(file: Path, folder: Path, label: str | None) -> bool:
    """Return whether the table `file` in `folder` has a column that names image files."""
    try:
        table = open_table(file)
        return likely_images(table, _images_named_by([table], folder), label)[0] == "files"
    except GolmuError:  # another table of the folder may be readable
        return False


def load_tables(path: Path, read_options: ReadOptions) -> Dataset:
    """Load the data set of a table or of a folder of tables, and name it after that.

    Raises
    ------
    DataError
        If a table is missing or damaged, has no labels or no images, or does not fit to the other tables.
    InputError
        If the pixels do not make images of the size that was asked for.
    """
    paths, candidates = assign_files(path, read_options) if path.is_dir() else ([path], [])
    tables = _open_tables(paths, read_options)
    columns = choose_columns(tables[0], _images_named_by(tables, path), read_options)
    parts = [_Part(tables, read_labels(tables, columns.label, read_options.notes))]
    for candidate in candidates:
        if len(parts) == 1:
            parts += _read_test_part(_open_tables(candidate, read_options), tables[0], columns, read_options)
        else:
            read_options.notes.append(f"{name_files(candidate)} is ignored, since there are test images already")
    numbers, class_names = _number_labels(parts, tables[0].class_names(columns.label))
    n, labels = len(numbers[0]), np.concatenate(numbers)
    is_train = np.arange(len(labels)) < n
    if len(parts) == 1 and columns.split is not None:
        is_train, is_used = _read_split(tables, columns.split, read_options)
    else:
        is_used = np.ones(len(labels), bool)
    files = [_images_named_by(part.tables, path) for part in parts]
    (images, is_good), names = _read_images(parts, columns, files, is_used, read_options)
    is_train, labels = is_train[is_good], labels[is_good]
    if not is_train.any():
        raise DataError(f"'{path}' holds no training image that can be read; fix or replace the images")
    everything, storage = ImageSet(images, labels, names), read_options.storage
    train, test = everything, None
    if not is_train.all():
        train, test = (everything.take(np.flatnonzero(is_part), storage) for is_part in (is_train, ~is_train))
    is_of_files = columns.kind in ("encoded", "files")
    if not is_of_files:
        train, test, notes = brighten(train, test)
        read_options.notes += notes
    name = path.resolve().name if path.is_dir() else stem_of(path)
    dataset = Dataset(name or "data", train, test, class_names, str(path))
    if is_of_files:
        read_options.notes += notices(dataset, read_options.storage)
    return dataset


def _open_tables(paths: list[Path], read_options: ReadOptions) -> list[Table]:
    """Open tables, and add what the user should know of each to the notes."""
    tables = [open_table(path) for path in paths]
    read_options.notes += [note for table in tables for note in table.notes]
    return tables


def _number_labels(
    parts: list[_Part], names: tuple[str, ...] | None
) -> tuple[list[NDArray[np.int64]], tuple[str, ...]]:
    """Return the labels of each part as class numbers, and the names of the classes: those of the file, if any."""
    if not len(parts[0].labels):
        raise DataError(f"'{parts[0].tables[0].path}' has no rows; give a table with images")
    if names is not None and len(set(cleaned := [clean_name(name) or name for name in names])) == len(names):
        names = tuple(cleaned)
    try:
        return number_labels([(f"'{part.tables[0].path}'", part.labels) for part in parts], names)
    except InputError as error:
        raise DataError(str(error)) from error


def _holds_classes(tree: ImageFolder) -> bool:
    """Return whether images in a folder, or in its folder for training, are sorted by class."""
    inner = tree.class_folders
    if sum(map(_is_class_name, inner)) > 1:
        return True
    return any(_holds_classes(place) for name, place in inner.items() if name.lower().startswith("train"))


def _is_class_name(name: str) -> bool:
    words = re.split(r"[^a-z]+", name.lower())
    return not any(word.startswith((*PARTS, *IMAGE_FOLDER_WORDS)) for word in words if word)


def _images_named_by(tables: list[Table], path: Path) -> NamedImages:
    """Return the image files that tables may name, of the data set at `path`."""
    near = tables[0].path.parent
    return NamedImages(path if path.is_dir() else near, near, part_of(tables[0].path, path))


def _read_test_part(tables: list[Table], training: Table, columns: Columns, read_options: ReadOptions) -> list[_Part]:
    """Return the test part that tables make, or nothing if they lack labels, as the tests of competitions do."""
    lacks = columns.label not in tables[0].names
    if not training.has_header:  # then only the number of columns tells it
        lacks = len(tables[0].names) != len(training.names)
    if training.has_header != tables[0].has_header and len(tables[0].names) == len(training.names):
        with_names, without = (training, tables[0]) if training.has_header else (tables[0], training)
        raise DataError(
            f"'{with_names.path}' has names of columns in its first row, but '{without.path}' has none; give both or "
            "neither"
        )
    labels = None if lacks else read_labels(tables, columns.label, read_options.notes)
    if labels is None or (isinstance(labels, np.ndarray) and len(labels) and (labels == NO_LABEL).all()):
        read_options.notes.append(
            f"{name_files([table.path for table in tables])} has no labels, so it is not used as test images"
        )
        return []
    return [_Part(tables, labels)] if len(labels) else []


def _read_split(
    tables: list[Table], column: str, read_options: ReadOptions
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which rows are trained on, and which are used at all, (n,) each, as a column says it."""
    values = read_values(tables, column)
    parts = np.array([_part_named(value) for value in values.different])[values.codes]
    everything = np.ones(len(parts), bool)
    test = next((part for part in ("test", "val") if (parts == part).any()), "")
    if (parts == "train").all():
        return everything, everything
    if not (parts == "train").any() or not test:
        read_options.notes.append(
            f"the column '{column}' of '{tables[0].path}' is not heeded, since its values are not train, test and val"
        )
        return everything, everything
    is_used = (parts == "train") | (parts == test)
    note = f"the column '{column}' of '{tables[0].path}' says which images are for training and which for the test"
    if n_unknown := int((parts == "").sum()):
        note += f"; rows with another value or none ({n_unknown:,}) are left out"
    if n_validation := int((~is_used).sum()) - n_unknown:
        note += f"; those for validation ({n_validation:,}) are ignored, since there are test images"
    read_options.notes.append(note)
    return parts == "train", is_used


def _part_named(value: object) -> str:
    """Return the one of `PARTS` that a value of a splitting column means, or ""."""
    word = str(value).strip().lower()
    return SPLIT_WORDS.get(word) or next((part for part in PARTS if word.startswith(part)), "")


def _read_images(
    parts: list[_Part],
    columns: Columns,
    files: list[NamedImages],
    is_used: NDArray[np.bool_],
    read_options: ReadOptions,
) -> tuple[DecodedImages, tuple[str, ...] | None]:
    """Read the images of the rows that are used, as far as they can be read, and the names of their files."""
    if columns.kind in ("pixels", "lists"):
        tables = [table for part in parts for table in part.tables]
        images = read_pixels(tables, columns, len(is_used), read_options)
        used = images if is_used.all() else read_options.storage.take(images, np.flatnonzero(is_used))
        return DecodedImages(used, is_used), None

    def sources() -> Iterator[list[Source]]:
        start = 0
        for part, named in zip(parts, files, strict=True):
            for some in iterate_sources(part.tables, columns, named):
                yield [one for one, used in zip(some, is_used[start : start + len(some)], strict=True) if used]
                start += len(some)

    images, is_readable = read_images(sources, int(is_used.sum()), read_options)
    is_good = is_used.copy()
    is_good[is_used] = is_readable
    names = None
    if columns.kind == "files":
        found = (source for some in sources() for source in some)
        names = tuple(files[0].name_of(source) for source, good in zip(found, is_readable, strict=True) if good)
    return DecodedImages(images, is_good), names
