"""Whole files, locks and cores."""

import os
import stat
import subprocess
import sys

import pytest

from golmu import system
from golmu.errors import SaveError
from golmu.system import check_writable, is_locked, lock_file, usable_cores, write_atomically, write_file


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
