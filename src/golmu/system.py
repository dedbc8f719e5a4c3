"""Writing files so that nothing a user has made is lost."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

PART = ".part"
"""How the names of files end that are being written."""


def write_atomically(path: Path, content: bytes) -> None:
    """Writes `content` to `path`: a reader, or a crash at any moment, finds the old file or the new one, whole.

    Raises
    ------
    OSError
        If the folder cannot be written; what stood at `path` is untouched.
    """
    # The temporary file lies in the same folder, since a rename is atomic only within one file system.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; what a run leaves is as readable as any file of its user.
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
    _sync_folder(path.parent)


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Makes a rename in `folder` survive a power failure, where the system can sync a folder."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
