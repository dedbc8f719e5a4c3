"""A PostgreSQL server for the tests: a cluster of its own in a temporary folder, which listens on a socket there."""

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

SERVER_USER = "postgres"
"""Who runs the server where the tests run as root, which PostgreSQL refuses."""

OPTIONS = "-c listen_addresses='' -c fsync=off -c max_connections=30"


def find_binaries():
    """The folder of `initdb` and `pg_ctl`, as Debian installs them or on the path; None where there are none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    return folders[-1].parent if folders else None


@contextmanager
def server():
    """The URL of a database of a server that runs until the block ends."""
    binaries = find_binaries()
    other = {"user": SERVER_USER, "group": SERVER_USER, "extra_groups": []} if os.geteuid() == 0 else {}
    folder = Path(tempfile.mkdtemp(prefix="golmu-postgres-"))  # short, since a socket's path is

    def call(name, *arguments):
        subprocess.run(
            [binaries / name, "-D", folder / "data", *arguments], check=True, stdout=subprocess.DEVNULL, cwd=folder,
            **other,
        )  # fmt: skip

    try:
        if other:
            shutil.chown(folder, SERVER_USER, SERVER_USER)
        call("initdb", "--auth=trust", "--no-sync", "--username=golmu", "--encoding=UTF8", "--locale=C")
        call("pg_ctl", "--wait", "--silent", f"--log={folder / 'log'}", "-o", f"{OPTIONS} -k {folder}", "start")
        try:
            yield f"postgresql+psycopg://golmu@/postgres?host={folder}"
        finally:
            call("pg_ctl", "--wait", "--silent", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
