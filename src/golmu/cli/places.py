"""Where a command writes what its user does not place: in the current folder, but never in a folder that it reads."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

from golmu.about import DATASET_NAMES
from golmu.errors import InputError, warn


def default_place(path: Path, data: str) -> Path:
    """Return where a file or folder goes whose place is not given: `path`, or beside the data that it would lie in.

    Parameters
    ----------
    path
        Where it would go, as seen from the current folder.
    data
        What is read.
    """
    folder = _data_folder(data)
    if folder is None or not _is_inside(path, folder):
        return path
    outside = _above(folder)
    beside = Path(os.path.relpath(outside / path))
    warn(f"nothing is written into the folder of the data: {path} goes beside it, to {beside}")
    return beside


def lies_in_data(path: Path, data: str) -> bool:
    """Tell whether a place lies in the folder that is read as data."""
    folder = _data_folder(data)
    return folder is not None and _is_inside(path, folder)


def refuse_in_data(path: Path | None, data: str, option: str, run: Path | None = None) -> None:
    """Raise `InputError` if the place that a user gives lies in the folder of data that is read.

    A place in the folder of a run is right, wherever that lies, since a run folder is never read as data.
    """
    folder = _data_folder(data)
    if path is None or folder is None or not _is_inside(path, folder):
        return
    if run is None or not _is_inside(path, run.resolve()):
        better = os.path.relpath(_above(folder) / path.name)
        raise InputError(
            f"{option} {path} lies in {data}, which is read as data: give a place outside, such as {option} {better}"
        )


def refuse_to_replace(output: Path | None, paths: Iterable[Path]) -> None:
    """Raise `InputError` if what is written would replace one of the files that are read, links followed."""
    if output is None:
        return
    for path in paths:
        if _is_same(output, path):
            raise InputError(f"--output {output} is a file that is read, and would be replaced: give another place")


def _is_same(output: Path, path: Path) -> bool:
    try:
        return output.samefile(path)
    except (OSError, ValueError):  # there is no such file, so nothing is lost
        return False


def _above(folder: Path) -> Path:
    """Return the folder above that of data; above that too if it is data itself, with several parts of them."""
    from golmu.data.readers.folder_layout import is_part_name  # noqa: PLC0415  imports Pillow

    above = folder.parent
    with contextlib.suppress(OSError):
        if is_part_name(folder.name) and any(
            is_part_name(one.name) and one.is_dir() for one in above.iterdir() if one.name != folder.name
        ):
            return above.parent
    return above


def _data_folder(data: str) -> Path | None:
    """Return the folder that is read as data, with links followed; None if it is no folder."""
    if data in DATASET_NAMES or not data:
        return None
    try:
        folder = Path(data).resolve()
        return folder if folder.is_dir() else None
    except (OSError, ValueError):  # it cannot be read either, which has an error of its own
        return None


def _is_inside(path: Path, folder: Path) -> bool:
    try:
        return path.resolve().is_relative_to(folder)
    except (OSError, ValueError, RuntimeError):
        return False
