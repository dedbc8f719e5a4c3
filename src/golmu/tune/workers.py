"""The processes that share a search: each can tell which of the others still live, and they take turns.

Both rest on locks that the system, or the database, frees as soon as their process ends, however it ends. So a trial
whose process was killed is known at once, without a clock.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from golmu.system import is_locked, lock_file, wait_for_lock

if TYPE_CHECKING:
    from psycopg import Connection

TURN = "turn.lock"

KEEP_ALIVE = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}
"""Seconds and tries after which PostgreSQL gives up a connection to a computer that is off: a minute, and not hours."""


class Workers(Protocol):
    """The processes that share a search, of which this one is called `name`."""

    name: str

    def turn(self) -> AbstractContextManager[None]:
        """Keep all others from their turn until the block ends."""

    def is_alive(self, name: str) -> bool:
        """Whether the process called `name` has not ended."""


class FileWorkers:
    """Processes on one computer: each holds the lock of a file of its own in `folder`."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self._folder = folder

    def turn(self) -> AbstractContextManager[None]:
        """Hold the one lock that all processes take before they choose a trial."""
        return wait_for_lock(self._folder / TURN)

    def is_alive(self, name: str) -> bool:
        """Whether a process holds the lock of its file."""
        return is_locked(self._path(name))

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    @classmethod
    @contextmanager
    def join(cls, folder: Path) -> Iterator[FileWorkers]:
        """Be one of the processes until the block ends.

        Raises
        ------
        OSError
            If the folder cannot be written.
        """
        folder.mkdir(exist_ok=True)
        workers = cls(folder, secrets.token_hex(8))
        with workers.turn():  # a file without a lock, which another may delete, is seen by nobody else
            own = lock_file(workers._path(workers.name))
            own.__enter__()
        try:
            yield workers
        finally:
            with workers.turn():
                own.__exit__(None, None, None)
                for path in folder.glob("*.lock"):
                    if not is_locked(path):
                        path.unlink(missing_ok=True)


class DatabaseWorkers:
    """Processes anywhere: each holds an advisory lock of PostgreSQL, in a connection of its own.

    PostgreSQL's documentation, section "Advisory Locks": a lock of a session is freed when the session ends.
    """

    def __init__(self, connection: Connection, study: str, name: str) -> None:
        self.name = name
        self._connection = connection
        self._study = study

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Hold the one lock that all processes of this study take before they choose a trial."""
        self._call("pg_advisory_lock", "turn")
        try:
            yield
        finally:
            self._call("pg_advisory_unlock", "turn")

    def is_alive(self, name: str) -> bool:
        """Whether a session holds the process's lock."""
        if name == self.name:  # a session may take a lock again that it holds
            return True
        is_free = self._call("pg_try_advisory_lock", name)
        if is_free:
            self._call("pg_advisory_unlock", name)
        return not is_free

    def _call(self, function: str, name: str) -> bool:
        key = blake2b(f"golmu/{self._study}/{name}".encode(), digest_size=8).digest()
        row = self._connection.execute(
            f"SELECT {function}(%s)".encode(), [int.from_bytes(key, "big", signed=True)]
        ).fetchone()
        return row is not None and row[0] is True

    @classmethod
    @contextmanager
    def join(cls, connection: Connection, study: str) -> Iterator[DatabaseWorkers]:
        """Be one of the processes until the connection closes, which commits by itself.

        Raises
        ------
        psycopg.Error
            If the connection breaks.
        """
        for setting, value in KEEP_ALIVE.items():
            connection.execute(f"SET {setting} = {value}".encode())
        workers = cls(connection, study, secrets.token_hex(8))
        workers._call("pg_advisory_lock", workers.name)
        yield workers
