"""Folders of image files as a tree in memory, whether they lie on a disk or in an archive.

What is hidden or left by a system (`golmu.data.readers.image_kinds.is_hidden`) is not in the tree. Links are followed,
but for those that lead back to a folder around them. A run folder, which Golmu made and which holds figures, is marked,
and never read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from golmu.data.readers.image_files import Source
from golmu.data.readers.image_kinds import describe_kinds, is_hidden, is_image_name, is_known_image, suffix_of
from golmu.errors import DataError, warn

RUN_FILE, RUN_FILES = "run.json", {"history.csv", "model.safetensors", "checkpoint.safetensors"}
"""The file of which each run folder has one, and those of which it has at least one beside."""

Parts = tuple[str, ...]
"""The names on the way from the data's folder to a file or a folder in it."""


class FoundImage(NamedTuple):
    """An image file: the names that lead to it, and where its content is."""

    parts: Parts
    source: Source


@dataclass(eq=False)
class ImageFolder:
    """A folder. Links may put it into several others, or into itself."""

    folders: dict[str, ImageFolder] = field(default_factory=dict)
    images: dict[str, Source] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)
    """Names of the other files."""

    def add_file(self, name: str, source: Source) -> None:
        """Add a file, to the images or to the others."""
        if is_image_name(name):
            self.images[name] = source
        else:
            self.others.append(name)

    @property
    def is_run(self) -> bool:
        """Whether this is a run folder."""
        return RUN_FILE in self.others and not RUN_FILES.isdisjoint(self.others)

    @property
    def has_images(self) -> bool:
        """Whether there is an image in this folder or in a folder inside it."""
        waiting, seen = [self], {id(self)}
        while waiting:
            folder = waiting.pop()
            if folder.is_run:
                continue
            if folder.images:
                return True
            waiting += [inner for inner in folder.folders.values() if id(inner) not in seen]
            seen.update(map(id, folder.folders.values()))
        return False

    @property
    def class_folders(self) -> dict[str, ImageFolder]:
        """The folders that hold images, by name."""
        return {name: inner for name, inner in self.folders.items() if inner.has_images}

    def walk(self) -> Iterator[tuple[Parts, ImageFolder]]:
        """Iterate over this folder and all inside it, each once, with the names that lead there; not over runs."""
        waiting: list[tuple[Parts, ImageFolder]] = [((), self)]
        seen: set[int] = set()
        while waiting:
            parts, folder = waiting.pop()
            if id(folder) in seen or folder.is_run:
                continue
            seen.add(id(folder))
            yield parts, folder
            waiting += [((*parts, name), folder.folders[name]) for name in sorted(folder.folders, reverse=True)]

    def list_images(self, before: Parts = ()) -> list[FoundImage]:
        """List the images in this folder and in those inside it, by name; `before` are the names that lead here."""
        return sorted(
            FoundImage((*before, *parts, name), source)
            for parts, folder in self.walk()
            for name, source in folder.images.items()
        )

    def count_others(self) -> Counter[str]:
        """Count the files that are not read, in this folder and in those inside it, by their kind."""
        return Counter(suffix_of(name) for _, folder in self.walk() for name in folder.others)

    @property
    def loose_images(self) -> list[str]:
        """Names of the images in this folder itself, those that cannot be read here included."""
        return sorted([*self.images, *filter(is_known_image, self.others)])

    def find_runs(self) -> list[Parts]:
        """List the run folders in this folder and in those inside it, by the names that lead there."""
        return sorted(
            (*parts, name) for parts, folder in self.walk() for name, inner in folder.folders.items() if inner.is_run
        )


def scan_folder(path: Path, unreadable: list[str] | None = None) -> ImageFolder:
    """Read the tree of the folder at `path`.

    Parameters
    ----------
    path
        A folder.
    unreadable
        Receives what is wrong with each folder inside that cannot be looked into; by default that is an error.

    Raises
    ------
    DataError
        If the folder cannot be looked into.
    """
    root = ImageFolder()
    top = os.path.realpath(path)
    known = {top: root}
    waiting = [(path, top, root)]
    while waiting:
        place, real_place, folder = waiting.pop()
        try:
            entries = visible_entries(place)
        except DataError as error:
            if unreadable is None or folder is root:
                raise
            unreadable.append(str(error))
            continue
        for entry in entries:
            if not is_folder(entry):
                folder.add_file(entry.name, Path(entry.path))
                continue
            is_link = entry.is_symlink() or getattr(entry, "is_junction", bool)()
            real = os.path.realpath(entry.path) if is_link else os.path.join(real_place, entry.name)  # noqa: PTH118
            if is_link and _is_within(real_place, real):  # a circle
                continue
            if real not in known:
                known[real] = ImageFolder()
                waiting.append((Path(entry.path), real, known[real]))
            folder.folders[entry.name] = known[real]
    return root


def visible_entries(folder: Path) -> list[os.DirEntry[str]]:
    """List the entries of `folder` that are not hidden.

    Raises
    ------
    DataError
        If the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            return [entry for entry in entries if not is_hidden(entry.name)]
    except OSError as error:
        raise DataError(
            f"cannot look into folder '{folder}' for image files ({error.strerror or error}); check its permissions"
        ) from error


def is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder or leads to one; a link to itself, or to where one may not look, does not."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def find_images(paths: Iterable[Path]) -> list[Path]:
    """List the image files among `paths`; a folder stands for the images in it and in its subfolders, by name.

    Raises
    ------
    DataError
        If a path does not exist, or a folder holds no image.
    """
    files: list[Path] = []
    for path in paths:
        try:
            if not path.exists():
                raise DataError(f"there is no image {path}")
            files += _images_in(path) if path.is_dir() else [path]
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    return files


def _images_in(folder: Path) -> list[Path]:
    tree = scan_folder(folder)
    files = [folder.joinpath(*image.parts) for image in tree.list_images()]
    others = tree.count_others()
    if not files:
        found = f"only files of other kinds: {describe_kinds(others)}" if others else "no file at all"
        raise DataError(f"the folder {folder} holds no image that is read, and {found}")
    if others:
        warn(passed_over_notice(str(folder), others))
    return files


def passed_over_notice(place: str, others: Counter[str]) -> str:
    """Return what to say about files in `place` that are not read, from their numbers by kind."""
    n = others.total()
    files = "1 file" if n == 1 else f"{n:,} files"
    return f"{files} in '{place}' {'is' if n == 1 else 'are'} not read: {describe_kinds(others)}"
