"""What Golmu asks of the operating system: cores, whole files, and locks."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from golmu.errors import SaveError

MAX_THREADS = 1024
"""More threads are most likely a mistyped number; each has buffers of its own."""

PART_SUFFIX = ".part"
"""How the names of files end that are being written."""


def usable_cores() -> int:
    """Number of cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_writable(path: Path, what: str) -> None:
    """Raise `SaveError` if the folder of `path` does not exist: better before the work than after it.

    Parameters
    ----------
    path
        The file that will be written.
    what
        What the error calls the file, such as "the report".
    """
    if not path.parent.is_dir():
        raise SaveError(f"{what} cannot be written to {path}: there is no folder {path.parent}")


def read_file(path: Path) -> bytes:
    """Read a whole file.

    Raises
    ------
    OSError
        If it cannot be read, or is a device or a pipe, which may never end.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise OSError(errno.EINVAL, "it is a device or a pipe, where a file is expected")
    return path.read_bytes()


def write_file(path: Path, content: str | bytes, what: str) -> None:
    """Write a whole file (`write_atomically`); text as UTF-8.

    Parameters
    ----------
    path, content
        The file, which is replaced, and what it is to hold.
    what
        What the error calls the file, such as "the report".

    Raises
    ------
    SaveError
        If the file cannot be written; what stood at `path` is untouched.
    """
    try:
        # A name of a file that is no UTF-8 comes out as an escape, which is what JSON has for it too.
        write_atomically(path, content.encode(errors="backslashreplace") if isinstance(content, str) else content)
    except OSError as error:
        raise SaveError(f"{what} cannot be written to {path}: {error.strerror or error}") from error


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`: a reader, or a crash at any moment, finds the old file or the new one, whole.

    A link is followed: the file that it points to is replaced.

    Raises
    ------
    OSError
        If the folder cannot be written, or `path` is a device, a pipe or a folder; what stood there is untouched.
    """
    path = Path(os.path.realpath(path))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no regular file")
    # The temporary file lies in the same folder, since a rename is atomic only within one file system.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=PART_SUFFIX, dir=path.parent)
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


@contextlib.contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold the lock of the file at `path` until the block or the process ends, however it ends.

    Raises
    ------
    BlockingIOError
        If another process holds it.
    OSError
        If the file cannot be opened or made.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            _lock(descriptor)
        except OSError as error:
            raise BlockingIOError(error.errno, error.strerror) from error
        yield
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock of the file at `path`; if that cannot be told, False."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        _lock(descriptor)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _lock(descriptor: int) -> None:
    """Take the lock of an open file, which the system frees when its holder ends, or raise `OSError` at once."""
    if os.name == "nt":
        import msvcrt  # noqa: PLC0415  each system has only one of the two

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power failure, where the system can sync a folder."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
