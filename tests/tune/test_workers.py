"""The processes of a search: who lives is seen at once, and one at a time has its turn."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from postgres import find_binaries, server

from golmu.tune.workers import DatabaseWorkers, FileWorkers

LIVES_IN_A_FOLDER = """
import sys, time
from pathlib import Path
from golmu.tune.workers import FileWorkers
with FileWorkers.join(Path(sys.argv[1])) as workers:
    print(workers.name, flush=True)
    time.sleep(600)
"""

LIVES_IN_A_DATABASE = """
import sys, time
import psycopg
from golmu.tune.workers import DatabaseWorkers
with psycopg.connect(sys.argv[1], autocommit=True) as connection, DatabaseWorkers.join(connection, "s") as workers:
    with workers.turn():
        print(workers.name, flush=True)
        time.sleep(600)
"""


def start(code, *arguments):
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    return process, process.stdout.readline().strip()


def kill(process):
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_a_process_is_alive_until_it_is_killed(tmp_path):
    other, name = start(LIVES_IN_A_FOLDER, tmp_path / "w")
    with FileWorkers.join(tmp_path / "w") as workers:
        assert workers.is_alive(name)
        assert workers.is_alive(workers.name)
        assert not workers.is_alive("nobody")
        kill(other)
        assert not workers.is_alive(name)
        assert (tmp_path / "w" / f"{name}.lock").exists()
    assert [path.name for path in (tmp_path / "w").iterdir()] == ["turn.lock"]  # the last one tidies up


def test_one_process_at_a_time_has_its_turn(tmp_path):
    with FileWorkers.join(tmp_path) as one, FileWorkers.join(tmp_path) as other:
        assert one.name != other.name
        began = threading.Event()

        def wait():
            with other.turn():
                began.set()

        waiting = threading.Thread(target=wait)
        with one.turn():
            waiting.start()
            assert not began.wait(0.1)
        waiting.join()
        assert began.is_set()
        assert one.is_alive(other.name)


@pytest.mark.skipif(find_binaries() is None, reason="needs PostgreSQL")
def test_processes_that_share_a_database():
    import psycopg

    with server() as address:
        url = address.replace("+psycopg", "")
        with (
            psycopg.connect(url, autocommit=True) as connection,
            DatabaseWorkers.join(connection, "s") as workers,
            psycopg.connect(url, autocommit=True) as elsewhere,
            DatabaseWorkers.join(elsewhere, "another study") as others,
        ):
            other, name = start(LIVES_IN_A_DATABASE, url)
            assert workers.is_alive(name)
            assert workers.is_alive(workers.name)
            assert not workers.is_alive("nobody")
            assert not others.is_alive(name)
            with others.turn():
                pass
            kill(other)
            with workers.turn():  # comes as soon as the database has noticed
                pass
            while workers.is_alive(name):
                time.sleep(0.01)
