"""Where the trials of a search are kept: a journal, which is a file in its folder, or a PostgreSQL database."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from golmu.errors import InputError, RunError, SaveError
from golmu.system import wait_for_lock
from golmu.tune.workers import DatabaseWorkers, FileWorkers, Workers

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

JOURNAL, WORKERS = "journal.log", "workers"

SCHEMES = ("postgresql", "postgresql+psycopg")

WANTED = "a URL such as postgresql+psycopg://USER@HOST/DATABASE"

SECRETS = ("password", "sslpassword")
"""Settings of a connection that nothing shows or writes."""

CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Shared:
    """A storage, and the processes that use it."""

    storage: BaseStorage
    workers: Workers


@contextmanager
def open_journal(folder: Path) -> Iterator[Shared]:
    """Use the journal in a folder, which is made if there is none, until the block ends.

    Raises
    ------
    RunError
        If it is damaged, or cannot be read or written.
    SaveError
        Within the block, if a line cannot be added to it.
    """
    from optuna.storages import JournalStorage  # noqa: PLC0415  half a second to import
    from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415

    class Backend(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            try:
                super().append_logs(logs)
            except OSError as error:
                raise SaveError(
                    f"the trials cannot be written to {path}: {error.strerror or error}; fix this, and continue with "
                    "--resume"
                ) from error

    path = folder / JOURNAL
    lock: Any = JournalLock(path)
    with ExitStack() as stack:
        try:
            workers = stack.enter_context(FileWorkers.join(folder / WORKERS))
            with lock:  # what a process that was killed has half written is cut off
                storage = JournalStorage(Backend(str(path), lock_obj=lock))
        except OSError as error:
            raise RunError(f"{path} cannot be used: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # a line that is no JSON, or lacks something
            raise RunError(f"{path} is damaged: put it back as it was, or start another search") from error
        yield Shared(storage, workers)


class JournalLock:
    """The lock under which lines are added to a journal; Optuna's own would outlive a process that was killed.

    A power failure, a full disk or a kill may leave half a line at the end. Optuna would write the next line behind it,
    and could read neither, so it is cut off first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: ExitStack | None = None

    def acquire(self) -> bool:
        """Wait for the lock, and leave the journal with whole lines only."""
        with ExitStack() as stack:
            stack.enter_context(wait_for_lock(self._path.with_suffix(".lock")))
            cut_half_line(self._path)
            self._held = stack.pop_all()
        return True

    def release(self) -> None:
        """Let others write."""
        if self._held is not None:
            self._held.close()
            self._held = None

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def cut_half_line(path: Path) -> None:
    """Cut off what stands behind the last line break of a file, if there is such a file."""
    with suppress(FileNotFoundError), path.open("rb+") as file:
        end = position = file.seek(0, 2)
        while position:
            file.seek(position - 1)
            if file.read(1) == b"\n":
                break
            position -= 1
        if position < end:
            file.truncate(position)


@contextmanager
def open_database(url: str, study: str) -> Iterator[Shared]:
    """Use a PostgreSQL database until the block ends; tables that it lacks are made.

    Raises
    ------
    InputError
        If the URL is none.
    RunError
        If the database cannot be used.
    """
    import psycopg  # noqa: PLC0415
    from optuna.exceptions import StorageInternalError  # noqa: PLC0415  half a second to import
    from optuna.storages import RDBStorage  # noqa: PLC0415

    place = hide_password(url)
    rest = url.partition("://")[2]
    try:
        with psycopg.connect(
            f"postgresql://{rest}", autocommit=True, connect_timeout=CONNECT_SECONDS
        ) as connection, DatabaseWorkers.join(connection, study) as workers:  # fmt: skip
            with workers.turn(), warnings.catch_warnings():  # two processes at once would make the tables twice
                warnings.simplefilter("ignore")
                try:
                    storage = RDBStorage(f"postgresql+psycopg://{rest}", engine_kwargs={"pool_pre_ping": True})
                except Exception as error:  # of SQLAlchemy, or of tables that another version of Optuna made
                    raise StorageInternalError(str(error)) from error
            try:
                yield Shared(storage, workers)
            finally:
                storage.engine.dispose()
    except (psycopg.Error, StorageInternalError) as error:
        reason = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
        lines = str(getattr(reason, "orig", reason)).strip().splitlines()
        raise RunError(f"the storage {place} cannot be used: {lines[0] if lines else type(reason).__name__}") from None


def split_url(url: str) -> SplitResult:
    """Return the parts of a database's URL, as `urllib.parse.urlsplit` does.

    Raises
    ------
    InputError
        If it is none; the error does not show it, since it may hold a password.
    """
    scheme, mark, _ = url.partition("://")
    if mark and scheme not in SCHEMES:
        raise InputError(f"--storage must be {WANTED}: other databases than PostgreSQL are not supported")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        mark = ""
    if not mark or not parts.path.strip("/"):
        raise InputError(f"--storage must be {WANTED}; what is given is none")
    return parts


def hide_password(url: str) -> str:
    """Return a database's URL without its password, which may be shown and written."""
    parts = split_url(url)
    user, at, host = parts.netloc.rpartition("@")
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in SECRETS]
    shown = f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"
    return f"{shown}?{urlencode(query, safe='/')}" if query else shown
