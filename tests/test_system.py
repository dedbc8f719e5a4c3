"""Whole files, locks and cores."""

import errno
import os
import shlex
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from golmu import system
from golmu.errors import SaveError
from golmu.system import check_writable, folder_draft, is_locked, lock_file, usable_cores, write_atomically, write_file


def test_a_file_is_written_whole_with_its_text_as_utf_8(tmp_path):
    write_file(tmp_path / "a.txt", "골무\n", "the text")
    assert (tmp_path / "a.txt").read_bytes() == "골무\n".encode()
    write_file(tmp_path / "a.txt", b"\x00", "the text")
    assert (tmp_path / "a.txt").read_bytes() == b"\x00"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_the_old_file_stays_where_the_new_one_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(system.os, "fsync", full)
    with pytest.raises(SaveError, match=r"^the text cannot be written to .*a\.txt: No space left on device$"):
        write_file(tmp_path / "a.txt", "new", "the text")
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_missing_folder_is_named_before_the_work(tmp_path):
    check_writable(tmp_path / "a.txt", "the text")
    with pytest.raises(SaveError, match=r"^the text cannot be written to .*: there is no folder .*nowhere$"):
        check_writable(tmp_path / "nowhere" / "a.txt", "the text")


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_a_file_is_as_readable_as_its_users_others(tmp_path):
    (tmp_path / "other").write_text("")
    write_atomically(tmp_path / "a", b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_a_lock_is_held_by_one_and_freed_with_its_holder(tmp_path):
    path = tmp_path / ".lock"
    assert not is_locked(path)
    with lock_file(path):
        assert is_locked(path)
        with pytest.raises(BlockingIOError), lock_file(path):
            pass
    assert not is_locked(path)
    code = "import sys; from pathlib import Path; from golmu.system import lock_file\n" \
           "with lock_file(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"  # fmt: skip
    with subprocess.Popen([sys.executable, "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        assert is_locked(path)
        holder.kill()
    assert not is_locked(path)


def test_a_lock_in_no_folder_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError), lock_file(tmp_path / "nowhere" / ".lock"):
        pass


def test_usable_cores_are_at_least_one():
    assert 1 <= usable_cores() <= os.cpu_count()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system cannot bind a process to cores")
def test_usable_cores_heeds_affinity():
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})
        assert usable_cores() == 1
    finally:
        os.sched_setaffinity(0, cores)


@pytest.mark.parametrize(("own", "limits", "cores"), [
    ("0::/\n", {"": "150000 100000"}, 2),
    ("0::/\n", {"": "50000 100000"}, 1),
    ("0::/a/b\n", {"a/b": "max 100000", "a": "200000 100000", "": "max 100000"}, 2),
    ("0::/a/b\n", {"a/b": "300000 100000", "a": "100000 100000"}, 1),
    ("12:cpu:/a\n0::/a\n", {"a": "max 100000"}, 64),
    ("0::/../../a\n", {"a": "100000 100000"}, 64), ("0::/a\n", {}, 64), ("0::/a\n", {"a": "nonsense"}, 64),
    ("0::/a\n", {"a": ""}, 64), ("0::/a\n", {"a": "100000 0"}, 64), ("", {}, 64), (None, {}, 64),
])  # fmt: skip
def test_a_containers_quota_limits_the_cores(tmp_path, monkeypatch, own, limits, cores):
    monkeypatch.setattr(system, "OWN_CONTROL_GROUP", tmp_path / "own")
    monkeypatch.setattr(system, "CONTROL_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: range(64), raising=False)
    if own is not None:
        (tmp_path / "own").write_text(own)
    for group, limit in limits.items():
        (tmp_path / "groups" / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / "groups" / group / "cpu.max").write_text(limit)
    assert usable_cores() == cores


@pytest.mark.parametrize("n_failures", [1, 3, 7, 8])
def test_a_file_that_another_program_holds_is_tried_again(tmp_path, monkeypatch, n_failures):
    """Windows refuses to replace a file that is open, as a virus scanner, an indexer or Excel may have it."""
    real, calls = Path.replace, []

    def refuse(self, target):
        calls.append(target)
        if len(calls) <= n_failures:
            raise PermissionError(13, "The process cannot access the file")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(system.time, "sleep", lambda _seconds: None)
    if n_failures > len(system.RENAME_WAITS):
        with pytest.raises(SaveError, match="cannot access"):
            write_file(tmp_path / "a", "x", "the text")
        assert list(tmp_path.iterdir()) == []
    else:
        write_file(tmp_path / "a", "x", "the text")
        assert (tmp_path / "a").read_text() == "x"
    assert sum(system.RENAME_WAITS) == pytest.approx(1, abs=0.1)


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_writing_a_file_never_changes_the_umask(tmp_path, monkeypatch):
    """It belongs to all threads: while one had set it to read it, another made private files, or kept the wrong one."""
    monkeypatch.setattr(os, "umask", None)
    write_file(tmp_path / "a", "x", "the text")


@pytest.mark.parametrize(("name", "line"), [("posix", "golmu train 'a b' \"it's\""), ("nt", 'golmu train "a b" it\'s')])
def test_a_command_is_quoted_for_the_systems_own_shell(monkeypatch, name, line):
    monkeypatch.setattr(system.os, "name", name)
    words = ["golmu", "train", "a b", "it's"]
    joined = system.join_command(words)
    monkeypatch.undo()
    assert joined == line or shlex.split(joined) == words


@pytest.mark.skipif(os.name == "nt", reason="POSIX files")
def test_a_device_or_a_pipe_is_never_replaced_and_a_link_is_followed(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, reason in ((tmp_path / "pipe", "it is no regular file"), (tmp_path, "Is a directory")):
        with pytest.raises(SaveError, match=reason):
            write_file(path, "x", "the text")
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_file(tmp_path / "link", "x", "the text")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text() == "x"


def test_a_folder_is_written_whole(tmp_path):
    folder = tmp_path / "new" / "a"
    with folder_draft(folder, "the export") as draft:
        (draft / "sub").mkdir()
        (draft / "sub" / "x").write_text("1")
        assert not folder.exists()
    assert (folder / "sub" / "x").read_text() == "1"
    with folder_draft(folder, "the export") as draft:
        (draft / "y").write_text("2")
        assert (folder / "sub" / "x").read_text() == "1"
    assert [path.name for path in folder.iterdir()] == ["y"]
    assert [path.name for path in folder.parent.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("x"), ValueError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(28, "No space left on device"), SaveError),
    ],
)
def test_nothing_remains_of_a_folder_that_cannot_be_filled(tmp_path, error, expected):
    def fill(draft):
        (draft / "x").write_text("1")
        raise error

    with pytest.raises(expected), folder_draft(tmp_path / "new" / "a", "the export") as draft:
        fill(draft)
    assert list(tmp_path.iterdir()) == []


def test_the_old_folder_stays_where_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").touch()
    own, calls = system._rename, []

    def failing(draft, path):
        calls.append(path)
        if len(calls) == 2:
            raise OSError(13, "Permission denied")
        own(draft, path)

    monkeypatch.setattr(system, "_rename", failing)
    text = r"^the export cannot be written to .*a: Permission denied$"
    with pytest.raises(SaveError, match=text), folder_draft(tmp_path / "a", "the export") as draft:
        (draft / "x").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "old"]


def test_a_link_to_a_folder_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with folder_draft(tmp_path / "link", "the export") as draft:
        (draft / "x").touch()
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real" / "x").exists()


def test_a_lock_is_waited_for_until_its_holder_lets_go(tmp_path):
    path, got = tmp_path / "lock", threading.Event()

    def wait():
        with system.wait_for_lock(path):
            got.set()

    waiting = threading.Thread(target=wait)
    with system.lock_file(path):
        waiting.start()
        assert not got.wait(0.1)
    waiting.join()
    assert got.is_set()


def test_where_a_file_system_knows_no_locks_nothing_waits(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(system, "_lock", refuse)
    with pytest.raises(OSError, match=r"No locks available"), system.wait_for_lock(tmp_path / "lock"):
        pass
