"""Image files that a table names: by a path, by a name alone, or by an id, which is a name without its ending.

Only files in the folder of the table, or below it, are taken. What a table says of the folders above, such as those of
the computer on which it was made, is heeded only to tell files of one name apart.
"""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath

from golmu.data.readers.image_files import Lacking, Source
from golmu.data.readers.image_kinds import is_image_name
from golmu.data.readers.image_tree import scan_folder
from golmu.errors import DataError


class NamedImages:
    """The image files in a folder, and in the folders in it, by what tables call them.

    Parameters
    ----------
    folder
        Where to look.
    near
        The folder in it that the table is in: of two files that are called alike, the one there is meant.
    part
        A word such as "train": or else the one in a folder of that name.
    """

    def __init__(self, folder: Path, near: Path, part: str) -> None:
        self.folder, self._near, self._part = folder, near, part
        self._by_name: dict[str, list[Path]] | None = None
        self._by_stem: dict[str, list[Path]] = {}

    def source_of(self, name: object, row: str) -> Path | Lacking:
        """Return the file that is meant by `name`, which stands in `row`; if there is none, where it should be.

        Raises
        ------
        DataError
            If several files may be meant.
        """
        return self.find(name) or Lacking(self._near.joinpath(*_parts_of(name)), row)

    def find(self, name: object) -> Path | None:
        """Return the file that is meant by `name`, or None if there is none.

        Raises
        ------
        DataError
            If several files may be meant.
        """
        if not (parts := _parts_of(name)):
            return None
        if is_image_name(parts[-1]):
            for folder in (self._near, self.folder):
                if _is_file(direct := folder.joinpath(*parts)):
                    return direct
        self._list_files()
        found = (self._by_name or {}).get(_plain(parts[-1])) or self._by_stem.get(_plain(parts[-1])) or []
        for n in range(2, len(parts) + 1):  # those that agree with the path the furthest
            found = [file for file in found if self._agrees(file, parts, n)] or found
        if len(found) > 1:
            found = [file for file in found if self._near in file.parents] or found
        if len(found) > 1:
            found = [file for file in found if self._part in self._folders(file)] or found
        if len(found) > 1:
            raise DataError(
                f"'{name}' may be '{found[0]}' or '{found[1]}': give its path within '{self.folder}' in the table"
            )
        return found[0] if found else None

    def name_of(self, source: Source) -> str:
        """Return the name of a file that was found, from the folder on."""
        assert isinstance(source, Path)
        return source.relative_to(self.folder).as_posix()

    def _list_files(self) -> None:
        if self._by_name is None:
            self._by_name = {}
            for parts, _ in scan_folder(self.folder, []).list_images():
                file = self.folder.joinpath(*parts)
                self._by_name.setdefault(_plain(file.name), []).append(file)
                self._by_stem.setdefault(_plain(file.stem), []).append(file)

    def _folders(self, file: Path) -> list[str]:
        return [part.lower() for part in file.relative_to(self.folder).parts[:-1]]

    def _agrees(self, file: Path, parts: list[str], n: int) -> bool:
        """Return whether the last folders of the file, n with its name, are those of the path."""
        return [*map(_plain, file.parts[-n:-1])] == [*map(_plain, parts[-n:-1])]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system
        return False


def _parts_of(name: object) -> list[str]:
    """Split a path at its slashes of either kind, without what leads out of the folder in which it is looked for."""
    path = PurePosixPath(str(name).strip().replace("\\", "/").replace("\0", ""))
    return [part for part in path.parts if part.strip("/") not in ("", "..")]


def _plain(name: str) -> str:
    """Return a name in the composed form of Unicode: archives made on a Mac have the other."""
    return unicodedata.normalize("NFC", name)
