"""The run folder: it is made empty, and locked before it is trusted to be."""

import contextlib

import pytest

from golmu.errors import RunError
from golmu.runs import folder as module
from golmu.runs.folder import LOCK, new_run


def test_a_run_that_ended_while_another_waited_is_not_replaced(tmp_path, monkeypatch):
    """Two processes saw the folder empty; the first has trained and left before the second asks for the lock."""
    real = module.lock_run

    @contextlib.contextmanager
    def lock_after_the_other(place):
        (place / "run.json").write_text("of the other")
        with real(place):
            yield

    monkeypatch.setattr(module, "lock_run", lock_after_the_other)
    with pytest.raises(RunError, match="is not empty: give a new folder"), new_run(tmp_path / "run", ""):
        pytest.fail("the folder of another run was taken")
    assert (tmp_path / "run" / "run.json").read_text() == "of the other"


def test_a_folder_of_other_things_gets_no_lock(tmp_path):
    (tmp_path / "letter.txt").touch()
    with pytest.raises(RunError, match="is not empty"), new_run(tmp_path, ""):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_what_goes_wrong_inside_is_not_taken_for_the_folders_fault(tmp_path):
    with pytest.raises(OSError, match="of the training"), new_run(tmp_path / "run", ""):
        raise OSError(5, "of the training")


def test_folders_without_a_name_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = []
    for _ in range(3):
        with new_run(None, "x") as folder:
            names.append(str(folder))
            assert [path.name for path in folder.iterdir()] == [LOCK]
    assert names == ["runs/x", "runs/x-2", "runs/x-3"]
