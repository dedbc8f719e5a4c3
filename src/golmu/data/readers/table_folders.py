"""Which tables make up a data set: one file, or those of a folder, which may be cut into shards.

In a folder the name of a file tells what it holds: `train`, `test`, and `val` or `validation`, which holds the test
images if `test` is missing or has no labels, and is ignored otherwise. A table may be split into several files whose
names differ only in their numbers, and in the hash that a hub appends to each. The tables of a folder lie in it, in its
folder `data`, or in the only one of its folders that holds any, as in a clone from a hub.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from golmu.data.readers.table_files import Table
from golmu.data.reading import ReadOptions
from golmu.data.storage import MAX_BYTES
from golmu.errors import DataError
from golmu.names import list_names

PARQUET_SUFFIXES = (".parquet",)
CSV_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
TABLE_SUFFIXES = (*PARQUET_SUFFIXES, *CSV_SUFFIXES)
"""Endings of the file names that are tables; in a folder that holds both kinds, those of Parquet are read."""

PARTS = {"train": "training", "test": "test", "val": "validation"}
"""Beginnings of the word in the name of a file that tells what it holds, and what sentences call it."""

HASH_ENDING = re.compile(r"-[0-9a-f]{16}$")
"""The hash of the content that a hub appends to the name of a file."""

SHARD_ENDING = re.compile(r"([0-9]{1,9})-of-([0-9]{1,9})$")
"""The number of a file, and how many there are, where a table is cut into several."""

MAX_SHARDS_NAMED = 3
"""Files that are missing, at most, that a notice names."""

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
"""The beginning of what a clone without Git LFS has in place of a large file."""

MAX_FOLDERS_NAMED, MAX_TABLES_NAMED = 5, 5
"""Folders and tables, at most, that an error names."""


def is_table_name(name: str) -> bool:
    """Return whether a file of this name counts as a table."""
    return name.lower().endswith(TABLE_SUFFIXES)


def stem_of(path: Path) -> str:
    """Return the name of a table without its ending."""
    lower = path.name.lower()
    suffix = max((suffix for suffix in TABLE_SUFFIXES if lower.endswith(suffix)), key=len, default="")
    return path.name[: len(path.name) - len(suffix)]


def open_table(path: Path) -> Table:
    """Open the table at `path`, by the ending of its name.

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
            'pip install "golmu[tables]"'
        ) from error
    from golmu.data.readers.csv_files import CsvTable  # noqa: PLC0415  both need pyarrow
    from golmu.data.readers.parquet_files import ParquetTable  # noqa: PLC0415

    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"'{path}' is a folder, a device or a pipe, not a table; give the path of a regular file")
        if not 0 < status.st_size <= MAX_BYTES:
            raise DataError(f"'{path}' has {status.st_size} bytes, but 1 to {MAX_BYTES} are read; check or split it")
        with path.open("rb") as file:
            if file.read(len(LFS_POINTER)) == LFS_POINTER:
                raise DataError(
                    f"'{path}' only points to a file that Git LFS keeps: run git lfs pull in its folder, or download it"
                )
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({error.strerror or error}); check the path") from error
    return ParquetTable(path) if path.name.lower().endswith(PARQUET_SUFFIXES) else CsvTable(path)


def find_tables(folder: Path) -> list[Path]:
    """List the tables of one kind, by name: those in `folder`, in its folder `data`, or in its only folder with any.

    Those of folders that are called like parts, such as `train` and `test`, are taken together.

    Raises
    ------
    DataError
        If several other folders in `folder` hold tables, and it holds none itself.
    """
    for place in (folder, folder / "data"):
        if tables := _tables_in(place):
            return tables
    inner = [(place, tables) for place in _folders_in(folder) if (tables := _tables_in(place))]
    if inner and all(_part_named(place.name) for place, _ in inner):
        return [table for _, tables in inner for table in tables]
    if len(inner) > 1:
        named = list_names([place.name for place, _ in inner], MAX_FOLDERS_NAMED)
        raise DataError(f"'{folder}' holds tables in several folders, {named}: give the path of one of them")
    return inner[0][1] if inner else []


def assign_files(folder: Path, read_options: ReadOptions) -> tuple[list[Path], list[list[Path]]]:
    """Return the files to train on, and lists of those that may be tested on, the likelier ones first.

    Raises
    ------
    DataError
        If no table is to be trained on, or several tables may be.
    """
    files_of: dict[str, list[Path]] = {part: [] for part in (*PARTS, "")}
    for file in find_tables(folder):
        files_of[part_of(file, folder)].append(file)
    if not files_of["train"]:
        files_of["train"], files_of[""] = files_of[""], []
    if not files_of["train"]:
        raise DataError(
            f"'{folder}' holds {name_files(files_of['test'] or files_of['val'])}, but no table named train: add one, "
            "or give the path of a single table"
        )
    if others := files_of.pop(""):
        read_options.notes.append(f"{name_files(others)} is ignored, since its name says neither train nor test")
    for part, files in files_of.items():
        names = {HASH_ENDING.sub("", stem_of(file).lower()) for file in files}
        if len(names) < len(files) or len({re.sub(r"\d+", "0", name) for name in names}) > 1:
            raise DataError(
                f"'{folder}' holds {len(files)} tables of {PARTS[part]} images, "
                f"{list_names([file.name for file in files], MAX_TABLES_NAMED)}: give the path of one, or name "
                "them train and test"
            )
        read_options.notes += _missing_shards(folder, names)
    return files_of["train"], [files for part in ("test", "val") if (files := files_of[part])]


def _missing_shards(folder: Path, names: set[str]) -> list[str]:
    """Return a sentence if the names of a part's files say that there are more of them than these."""
    shards = [found for name in names if (found := SHARD_ENDING.search(name))]
    if not shards or len({shard[2] for shard in shards}) > 1:
        return []
    numbers, total = {int(shard[1]) for shard in shards}, int(shards[0][2])
    first = int(0 not in numbers and total in numbers)
    if len(numbers) >= total:
        return []
    some = [i for i in range(first, first + min(total, len(numbers) + MAX_SHARDS_NAMED)) if i not in numbers]
    before, digits = shards[0].string[: shards[0].start()], len(shards[0][1])
    named = list_names([f"{before}{i:0{digits}}-of-{shards[0][2]}" for i in some], MAX_SHARDS_NAMED)
    n = total - len(numbers)
    return [f"'{folder}' lacks {n:,} of the {total:,} files of a table, whose images are missing: {named}"]


def name_files(files: Sequence[Path]) -> str:
    """Return the first of the files, and how many more there are, as a sentence names them."""
    return f"'{files[0]}'" + (f" (and {len(files) - 1} more)" if len(files) > 1 else "")


def part_of(file: Path, folder: Path) -> str:
    """Return which of `PARTS` the name of a table says it holds, or that of a folder in `folder` with it; or ""."""
    part = _part_named(HASH_ENDING.sub("", stem_of(file)))
    return part or (_part_named(file.parent.name) if folder in file.parent.parents else "")


def _part_named(name: str) -> str:
    words = re.split(r"[^a-z]+", name.lower())
    return next((part for part in PARTS if any(word.startswith(part) for word in words)), "")


def _tables_in(folder: Path) -> list[Path]:
    """List the tables of one kind in `folder`, by name."""
    try:
        with os.scandir(folder) as entries:  # of which there may be very many
            names = sorted(entry.name for entry in entries if is_table_name(entry.name) and entry.name[0] != ".")
    except OSError:
        return []
    for suffixes in (PARQUET_SUFFIXES, CSV_SUFFIXES):
        files = [folder / name for name in names if name.lower().endswith(suffixes)]
        if tables := [file for file in files if not file.is_dir()]:
            return tables
    return []


def _folders_in(folder: Path) -> list[Path]:
    try:
        return sorted(place for place in folder.iterdir() if not place.name.startswith(".") and place.is_dir())
    except OSError:
        return []
