"""How the console command ends when something is wrong: one line that says what, and the exit status."""

import json
import shutil

import pytest
from command import read
from wrong_commands import WRONG

from golmu.data.readers.idx import MNIST_FILES
from golmu.runs import job


@pytest.fixture
def places(tmp_path, data, finished, pictures):
    """Names for the paths in the table below."""
    corrupt = shutil.copytree(data, tmp_path / "corrupt")
    content = (corrupt / MNIST_FILES[0]).read_bytes()
    (corrupt / MNIST_FILES[0]).write_bytes(content[:-1])
    partial = shutil.copytree(data, tmp_path / "partial")
    (partial / MNIST_FILES[2]).unlink()
    (tmp_path / "file").write_text("x")
    empty = tmp_path / "empty"
    empty.mkdir()
    no_model = shutil.copytree(finished.folder, tmp_path / "no_model")
    (no_model / "model.safetensors").unlink()
    bad_model = shutil.copytree(finished.folder, tmp_path / "bad_model")
    (bad_model / "model.safetensors").write_bytes(b"x" * 100)
    bad_run = shutil.copytree(finished.folder, tmp_path / "bad_run")
    (bad_run / "run.json").write_text("[1]")
    return {
        "tmp": tmp_path, "data": data, "run": finished.folder, "pictures": pictures, "corrupt": corrupt,
        "partial": partial, "no_model": no_model, "bad_model": bad_model, "bad_run": bad_run, "empty": empty,
    }  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line_and_exit_status_2(case, run, places):
    line, text = WRONG[case]
    status, out, err = run(*(word.format(**places) for word in line.split()))
    assert status == 2
    assert err.startswith(f"golmu: error: {text.format(**places)}")
    whole = not text.endswith((": ", " (", ", ", "'.", "--epchs", "argument"))
    assert err.count("\n") == 1
    assert not whole or err == f"golmu: error: {text.format(**places)}\n"
    assert not out or case == "far too many kernels"


def test_the_data_of_another_network_are_refused(run, finished, tmp_path, write_idx, data):
    other = shutil.copytree(data, tmp_path / "other")
    for name in (MNIST_FILES[0], MNIST_FILES[2]):
        content = bytearray((other / name).read_bytes())
        content[11], content[15] = content[15], content[11]  # 5×6 pixels instead of 6×5
        (other / name).write_bytes(content)
    assert run("evaluate", finished.folder, other) == (
        2,
        [],
        f"golmu: error: other holds images of shape (5, 6, 1), but {finished.folder} was trained on (6, 5, 1)\n",
    )


def test_a_run_that_does_not_say_its_data_is_incomplete(run, places):
    record = read(places["run"])
    del record["data"]
    (places["no_model"] / "run.json").write_text(json.dumps(record))
    shutil.copy(places["run"] / "model.safetensors", places["no_model"])
    status, _, err = run("evaluate", places["no_model"])
    assert status == 2
    assert err.endswith("run.json is incomplete: 'data' is missing\n")


def test_a_name_with_spaces_and_a_line_break_is_shown_on_one_line(run):
    status, _, err = run("evaluate", "a  b\nc")
    assert (status, err) == (2, "golmu: error: there is no run folder a  b c\n")


def test_a_sheet_that_cannot_be_written(run, data, tmp_path):
    (tmp_path / "sheet.png").mkdir()
    for sheet, reason in (("none/a.png", f"there is no folder {tmp_path}/none"), ("sheet.png", "Is a directory")):
        path = tmp_path / sheet
        text = f"golmu: error: the sheet cannot be written to {path}: {reason}\n"
        assert run("data", data, "--sheet", path) == (1, [], text)


def test_errors_of_the_system_are_one_line(run, data, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(job, "new_run", full)
    assert run("train", data)[::2] == (1, "golmu: error: [Errno 28] No space left on device\n")

    def exhausted(*_):
        raise MemoryError("1 TiB for an array")

    monkeypatch.setattr(job, "new_run", exhausted)
    assert run("train", data)[::2] == (1, "golmu: error: out of memory: 1 TiB for an array\n")


def test_an_empty_argument_is_not_the_current_folder(run, places):
    status, out, err = run("predict", places["run"], "")
    assert (status, out) == (2, [])
    assert err == (
        f"golmu: error: argument 3 behind {places['run']} must not be empty, got '': give its value, or leave it out; "
        "a variable of the shell that is not set is empty too\n"
    )
