"""Where trials are kept: a journal that survives kills and half lines, and the URL of a database."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from postgres import find_binaries, server

from golmu.errors import InputError, RunError, SaveError
from golmu.tune.storage import JOURNAL, JournalLock, cut_half_line, hide_password, open_database, open_journal

optuna = pytest.importorskip("optuna")

HOLDS_THE_LOCK = """
import sys, time
from pathlib import Path
from golmu.tune.storage import JournalLock
lock = JournalLock(Path(sys.argv[1]))
lock.acquire()
print("held", flush=True)
time.sleep(600)
"""


def add_trials(folder, count):
    with open_journal(folder) as shared:
        study = optuna.create_study(storage=shared.storage, study_name="s", load_if_exists=True)
        for _ in range(count):
            study.tell(study.ask(), 1.0)
        return len(study.trials)


@pytest.mark.parametrize("half", [b"{", b'{"op_code": 4, "worker_id"', b"\x00" * 5000])
def test_half_a_line_at_the_end_is_cut_off(tmp_path, half):
    assert add_trials(tmp_path, 2) == 2
    path = tmp_path / JOURNAL
    whole = path.read_bytes()
    path.write_bytes(whole + half)
    assert add_trials(tmp_path, 0) == 2
    assert path.read_bytes().startswith(whole + b'{"op_code"')
    path.write_bytes(whole + half)
    assert add_trials(tmp_path, 1) == 3


def test_a_line_cut_off_while_the_journal_is_in_use_is_cut_off_too(tmp_path):
    with open_journal(tmp_path) as shared:
        study = optuna.create_study(storage=shared.storage)
        study.tell(study.ask(), 1.0)
        with (tmp_path / JOURNAL).open("ab") as file:  # another process, killed as it writes
            file.write(b'{"op_code"')
        study.tell(study.ask(), 2.0)
        assert [trial.value for trial in study.trials] == [1.0, 2.0]


def test_only_what_stands_behind_the_last_line_break_is_cut(tmp_path):
    path = tmp_path / "x"
    cut_half_line(path)  # no file is no half line
    assert not path.exists()
    for content, left in ((b"", b""), (b"a", b""), (b"a\nb", b"a\n"), (b"a\nb\n", b"a\nb\n"), (b"\n\nx\r", b"\n\n")):
        path.write_bytes(content)
        cut_half_line(path)
        assert path.read_bytes() == left


def test_a_damaged_journal_is_said(tmp_path):
    add_trials(tmp_path, 1)
    path = tmp_path / JOURNAL
    lines = path.read_bytes().splitlines(keepends=True)
    for wrong in (b"nonsense\n", b"[1]\n", b"{}\n"):
        path.write_bytes(b"".join([lines[0], wrong, *lines[1:]]))
        with pytest.raises(RunError, match=f"^{path} is damaged: put it back as it was, or start another search$"):
            add_trials(tmp_path, 0)
    path.unlink()
    path.mkdir()
    with pytest.raises(RunError, match=f"^{path} cannot be used: Is a directory$"):
        add_trials(tmp_path, 0)


def test_a_journal_that_cannot_be_written_any_more_is_named(tmp_path):
    path = tmp_path / JOURNAL
    with open_journal(tmp_path) as shared:
        path.rename(tmp_path / "before")
        path.mkdir()
        with pytest.raises(
            SaveError, match=r"^the trials cannot be written to .*journal\.log: .*continue with --resume$"
        ):
            optuna.create_study(storage=shared.storage, study_name="s")


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path):
    path = tmp_path / JOURNAL
    holder = subprocess.Popen([sys.executable, "-c", HOLDS_THE_LOCK, path], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    lock, got = JournalLock(path), threading.Event()
    waiting = threading.Thread(target=lambda: (lock.acquire(), got.set()))
    waiting.start()
    assert not got.wait(0.1)
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    waiting.join()
    lock.release()
    holder.stdout.close()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:secret@host:5432/golmu", "postgresql://me@host:5432/golmu"),
        ("postgresql+psycopg://me:s%40e@host/golmu", "postgresql+psycopg://me@host/golmu"),
        ("postgresql://me@/db?host=/run/pg&password=secret", "postgresql://me@/db?host=/run/pg"),
        ("postgresql:///db?host=/run/pg&sslpassword=x", "postgresql:///db?host=/run/pg"),
        ("postgresql://host/db", "postgresql://host/db"),
        ("postgresql://a:b@c:d@host/db", "postgresql://a@host/db"),
    ],
)
def test_a_password_is_not_shown(url, shown):
    assert hide_password(url) == shown


@pytest.mark.parametrize("url", ["secret", "postgresql://", "postgresql://host", "postgresql://h:secret/db", "://x/y"])
def test_what_is_no_url_is_not_shown_either(url):
    with pytest.raises(InputError, match=r"^--storage must be a URL such as postgresql\+psycopg://USER@HOST/DATABASE"):
        hide_password(url)


def test_other_databases_are_refused():
    for url in ("mysql://me:secret@host/db", "sqlite:///x.db"):
        with pytest.raises(InputError, match=r"other databases than PostgreSQL are not supported$"):
            hide_password(url)


@pytest.mark.skipif(find_binaries() is None, reason="needs PostgreSQL")
def test_a_database_in_which_no_tables_may_be_made_is_one_line():
    import psycopg

    with server() as url:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("CREATE ROLE guest LOGIN")
            connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        guest = url.replace("golmu@", "guest:secret@")
        with pytest.raises(RunError) as raised, open_database(guest, "s"):
            pass
        assert str(raised.value) == (
            f"the storage {url.replace('golmu@', 'guest@')} cannot be used: permission denied for schema public"
        )


def test_a_database_that_does_not_answer_is_one_line_without_the_password(tmp_path):
    url = f"postgresql://me:secret@/db?host={tmp_path}"
    with pytest.raises(RunError) as raised, open_database(url, "s"):
        pass
    text = str(raised.value)
    assert text.startswith(f"the storage postgresql://me@/db?host={tmp_path} cannot be used: ")
    assert "secret" not in text
    assert "\n" not in text
