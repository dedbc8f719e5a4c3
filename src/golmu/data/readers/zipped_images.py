"""Folders of image files packed into a `.zip`, read in memory: nothing is unpacked to the disk.

The names in an archive are UTF-8 if it says so. If not, they are as the system wrote them that made it: mostly in UTF-8
or, on Korean Windows, in CP949. These are tried in turn, before CP437, which the format names.
"""

from __future__ import annotations

import stat
import zipfile
from functools import partial
from pathlib import Path

from golmu.data.readers.image_files import Packed
from golmu.data.readers.image_kinds import is_hidden
from golmu.data.readers.image_tree import ImageFolder
from golmu.errors import DataError
from golmu.names import decode_name

MAX_ENTRIES = 2_000_000
"""Files in an archive, at most."""

MAX_FILE_BYTES = 2**28
"""Bytes of an image file, at most, as many as 50 million pixels need in the largest formats."""

IS_UTF8, IS_ENCRYPTED = 0x800, 0x1
"""Bits of an entry's flags."""


def scan_zip(path: Path) -> ImageFolder:
    """Read the tree of the folders in the archive at `path`.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged or no archive, or holds more than `MAX_ENTRIES`.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DataError(f"'{path}' is a device or a pipe, not a .zip file")
        archive = zipfile.ZipFile(path)  # stays open as long as its images are read
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({error.strerror or error}); check the path") from error
    except (zipfile.BadZipFile, ValueError, NotImplementedError, LookupError) as error:
        raise DataError(f"'{path}' is not a whole .zip file ({error}); copy or download the file again") from error
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise DataError(f"'{path}' holds {len(entries):,} files, but at most {MAX_ENTRIES:,} are read; split it")
    root = ImageFolder()
    for entry in entries:
        place = _place_of(entry)
        parts = tuple(part for part in place.split("/") if part not in ("", "."))
        if not parts or ".." in parts or any(map(is_hidden, parts)):
            continue
        is_folder = place.endswith("/")
        folder = root
        for name in parts if is_folder else parts[:-1]:
            folder = folder.folders.setdefault(name, ImageFolder())
        if not is_folder:
            name = f"{path}/{'/'.join(parts)}"
            folder.add_file(parts[-1], Packed(partial(_unpack, archive, entry, name), name))
    return root


def _place_of(entry: zipfile.ZipInfo) -> str:
    """Return the path of an entry in its archive, with slashes."""
    name = entry.orig_filename
    if not entry.flag_bits & IS_UTF8:
        raw = name.encode("cp437")  # as the standard library has decoded it
        name = decode_name(raw, lambda raw: raw.decode("cp437"))
    return name.replace("\\", "/")


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> bytes:
    """Return the content of an entry.

    Raises
    ------
    DataError
        If it is damaged, encrypted or too large.
    """
    if entry.flag_bits & IS_ENCRYPTED:
        raise DataError(f"{name} is encrypted: unpack the archive first")
    if entry.file_size > MAX_FILE_BYTES:
        raise DataError(f"{name} declares {entry.file_size:,} bytes, but at most {MAX_FILE_BYTES:,} are read")
    try:
        with archive.open(entry) as file:
            return file.read(MAX_FILE_BYTES)
    except Exception as error:  # each method of compression has errors of its own
        raise DataError(f"{name} cannot be unpacked: {error}") from error
