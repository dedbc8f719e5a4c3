"""What Golmu asks of the operating system: cores, whole files, locks, and how a command is typed."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import secrets
import shlex
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from golmu.errors import SaveError

MAX_THREADS = 1024
"""More threads are most likely a mistyped number; each has buffers of its own."""

PART_SUFFIX = ".part"
"""How the names of files end that are being written."""


RENAME_WAITS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
"""Seconds to wait before a rename is tried again: about one in all."""

LOCK_WAIT = 0.005
"""Seconds to wait before a lock that another process holds is tried again."""

CONTROL_GROUPS = Path("/sys/fs/cgroup")
OWN_CONTROL_GROUP = Path("/proc/self/cgroup")
"""Where Linux shows the limits of groups of processes, and the group of this process."""


def usable_cores() -> int:
    """Number of cores that this process may run on, or whose time it may use: a container's quota may be less."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, MAX_THREADS, math.ceil(min(_quotas(), default=cores))))


def _quotas() -> Iterator[float]:
    """Yield how many cores' time this process's control group, and those around it, may use.

    Source: Linux's "Control Group v2", section "CPU Interface Files": `cpu.max` holds microseconds and a period.
    """
    with contextlib.suppress(OSError, ValueError):
        for line in OWN_CONTROL_GROUP.read_text(encoding="utf-8").splitlines():
            if line.startswith("0::"):
                group = CONTROL_GROUPS / line.removeprefix("0::").strip("/")
                # In a container its own group may be shown as the root of all.
                for folder in (group, *group.parents):
                    if not folder.is_relative_to(CONTROL_GROUPS):
                        return
                    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
                        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
                        if quota != "max":
                            yield int(quota) / int(period)


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
    # The draft lies in the same folder, since a rename is atomic only within one file system; and it is as readable as
    # any file of its user, unlike those of `tempfile`.
    draft = path.parent / f".{secrets.token_hex(8)}{PART_SUFFIX}"
    try:
        with draft.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        _rename(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
    _sync_folder(path.parent)


@contextlib.contextmanager
def folder_draft(path: Path, what: str) -> Iterator[Path]:
    """Give an empty folder to fill, which takes the place of `path` when the block ends; if it raises, nothing remains.

    A folder at `path` is replaced as a whole: a reader, or a crash, finds the old one or the new one. For the moment
    between two renames there is none, and a crash then leaves the old one beside, under a name that ends in .part.

    Parameters
    ----------
    path
        The folder, which is made or replaced. The folder that it lies in is made too, but none above that.
    what
        What the error calls it, such as "the export".

    Raises
    ------
    SaveError
        If the folder cannot be written; what stood at `path` is untouched.
    """
    path = Path(os.path.realpath(path))
    token = secrets.token_hex(8)
    draft, old = (path.parent / f".{token}{state}{PART_SUFFIX}" for state in ("", ".old"))
    is_new = not path.parent.exists()
    try:
        path.parent.mkdir(exist_ok=True)
        draft.mkdir()
        yield draft
        for file in draft.rglob("*"):
            if file.is_file():
                _sync_file(file)
        if path.exists():
            _rename(path, old)
        try:
            _rename(draft, path)
        except OSError:
            if old.exists():
                _rename(old, path)
            raise
        _sync_folder(path.parent)
    except BaseException as error:
        shutil.rmtree(draft, ignore_errors=True)
        if is_new:
            with contextlib.suppress(OSError):
                path.parent.rmdir()
        if isinstance(error, OSError):
            raise SaveError(f"{what} cannot be written to {path}: {error.strerror or error}") from error
        raise
    shutil.rmtree(old, ignore_errors=True)


def _rename(draft: Path, path: Path) -> None:
    """Rename a file; on Windows a virus scanner, an indexer or Excel may hold the old one for a moment."""
    for wait in RENAME_WAITS:
        try:
            draft.replace(path)
        except PermissionError:
            time.sleep(wait)
        else:
            return
    draft.replace(path)


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


@contextlib.contextmanager
def wait_for_lock(path: Path) -> Iterator[None]:
    """Hold the lock of the file at `path`, as `lock_file` does, as soon as no other process holds it.

    Raises
    ------
    OSError
        If the file cannot be opened or made, or its file system knows no locks.
    """
    with contextlib.ExitStack() as stack:
        while True:
            try:
                stack.enter_context(lock_file(path))
                break
            except BlockingIOError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                    raise OSError(error.errno, error.strerror) from error
                time.sleep(LOCK_WAIT)
        yield


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


def join_command(words: list[str]) -> str:
    """Return a command line that can be typed: its words quoted for the shell of this system."""
    if os.name == "nt":
        from subprocess import list2cmdline  # noqa: PLC0415

        return list2cmdline(words)
    return shlex.join(words)


def _lock(descriptor: int) -> None:
    """Take the lock of an open file, which the system frees when its holder ends, or raise `OSError` at once."""
    if os.name == "nt":
        import msvcrt  # noqa: PLC0415  each system has only one of the two

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        import fcntl  # noqa: PLC0415

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power failure, where the system can sync a folder."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
