"""What a run survives: being killed at any moment, a full disk, a folder that cannot be written or goes away."""

import errno
import os
import random
import re
import shutil
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path

import killed
import pytest
from command import SETTINGS, read
from small_network import equal

from golmu import ConvolutionNetwork
from golmu import system as files
from golmu.errors import GolmuError, SaveError
from golmu.model.model import load_model
from golmu.runs import folder as runs
from golmu.runs.checkpoint import load_checkpoint

SCRIPT = Path(killed.__file__)
KILLS = 30


def begin(folder, *moment, n_kernels="2"):
    return subprocess.Popen(
        [sys.executable, SCRIPT, folder, n_kernels, *moment],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def assert_ends_as(folder, whole, n_kernels=2):
    """Goes on in `folder` to the end, which is that of an uninterrupted training."""
    made = killed.train(folder, n_kernels=n_kernels)
    assert made.history.losses == whole.history.losses
    assert made.history.val_losses == whole.history.val_losses
    assert equal(made.engine.get_weights(), whole.engine.get_weights())
    assert equal(load_model(folder / runs.MODEL).weights, whole.engine.get_weights())


@pytest.fixture(scope="module")
def whole():
    return killed.train()


def test_kill_9_at_random_moments(tmp_path, whole):
    """Thirty kills, each of a process that went on where the one before was killed, the writing included."""
    rng, folder, kills, places = random.Random(5), tmp_path / "run", 0, set()
    copies = []
    while kills < KILLS:
        with begin(folder) as running:
            running.stdout.read(len("trains"))
            time.sleep(rng.uniform(0, 0.06))
            running.kill()
            ended = running.stdout.read()
        if "ends" in ended:  # it was faster: begin anew, so that every kill hits a training
            shutil.rmtree(folder)
            continue
        kills += 1
        checkpoint = folder / runs.CHECKPOINT
        if checkpoint.exists():
            state = load_checkpoint(checkpoint).state
            places.add((len(state.history.losses), len(state.batch_losses)))
        copies.append(shutil.copytree(folder, tmp_path / f"copy{kills}") if folder.exists() else None)
    assert len(places) > KILLS / 2
    for copy in copies:
        if copy is not None:
            assert_ends_as(copy, whole)


@pytest.mark.parametrize("moment", [f"{name} {count}" for name in ("fsync", "replace", "open") for count in (3, 6, 9)])
def test_kill_9_at_a_moment_of_writing(tmp_path, whole, moment):
    with begin(tmp_path / "run", moment) as running:
        assert running.wait(60) == -9
    assert_ends_as(tmp_path / "run", whole)


def test_kill_9_of_a_training_of_two_blocks(tmp_path):
    for moment in ("fsync 6", "replace 9", "open 30"):
        with begin(tmp_path / "run", moment, n_kernels="2,3") as running:
            assert running.wait(60) == -9
    assert_ends_as(tmp_path / "run", killed.train(n_kernels=(2, 3)), (2, 3))


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("place", ["open", "fsync", "replace"])
def test_a_checkpoint_that_cannot_be_written(tmp_path, whole, monkeypatch, number, place):
    """At each step of a write: one error, the checkpoint before intact, nothing left behind, and it goes on."""
    home = files.os if place == "fsync" else Path
    real, calls = getattr(home, place), []

    def fail(*arguments, **options):
        if place == "open" and "xb" not in arguments:  # only those that begin a write
            return real(*arguments, **options)
        calls.append(place)
        if len(calls) > 12:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(home, place, fail)
        patch.setattr(files.time, "sleep", lambda _seconds: None)
        text = f"^the checkpoint cannot be written to .*: {os.strerror(number)}$"
        with pytest.raises(SaveError, match=text):
            killed.train(tmp_path / "run")
    assert len(load_checkpoint(tmp_path / "run" / runs.CHECKPOINT).state.history.losses) > 1
    assert not list((tmp_path / "run").glob(f".*{files.PART_SUFFIX}"))
    assert_ends_as(tmp_path / "run", whole)


FULL_DISK = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from golmu.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (BYTES, BYTES))
main()
"""


def test_a_file_that_may_not_grow_is_one_line_and_exit_status_1(run, data, tmp_path):
    """The system itself refuses to write: the limit of a file's size stands for a full disk."""
    folder = tmp_path / "run"
    assert run("train", data, *SETTINGS, "--run", folder)[0] == 0
    before = (folder / runs.CHECKPOINT).read_bytes()
    code = FULL_DISK.replace("BYTES", str(len(before) // 2))
    command = [sys.executable, "-c", code, "train", "--resume", folder, "--epochs=9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"golmu: error: .* cannot be written.*: File too large\n", done.stderr)
    assert (folder / runs.CHECKPOINT).read_bytes() == before
    assert run("train", "--resume", folder, "--epochs=9")[0] == 0


def test_a_folder_that_goes_away(tmp_path):
    def remove(progress):
        if progress.epoch == 2 and progress.samples == 0:
            shutil.rmtree(tmp_path / "run")

    text = f"^the checkpoint cannot be written to {re.escape(str(tmp_path))}/run/.*: No such file or directory$"
    network = ConvolutionNetwork(2, 4, 8, 0.2, random_state=3)
    with pytest.raises(SaveError, match=text):
        network.fit(killed.X, killed.Y, 5, run=tmp_path / "run", callback=remove)
    assert network.predict(killed.X).shape == (60,)  # what was trained is still in memory


def test_a_folder_that_cannot_be_made():
    with pytest.raises(GolmuError, match=r"^the run folder /proc/golmu cannot be made \(.*\): give another folder$"):
        ConvolutionNetwork().fit(killed.X, killed.Y, 1, run="/proc/golmu")


def test_an_error_is_noted_in_the_run_where_it_can_be(tmp_path, monkeypatch):
    real, calls = files.os.fsync, []

    def fail_once(descriptor):
        calls.append(descriptor)
        if len(calls) == 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor)

    monkeypatch.setattr(files.os, "fsync", fail_once)
    with pytest.raises(SaveError):
        killed.train(tmp_path / "run")
    assert read(tmp_path / "run")["status"] == "failed"
    assert read(tmp_path / "run")["error"].endswith("No space left on device")


def test_memory_does_not_grow_with_checkpoints(tmp_path):
    held = {}

    def look(progress):
        if progress.samples == 0:
            held[progress.epoch] = tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        killed.train(tmp_path / "run", look)
    finally:
        tracemalloc.stop()
    assert held[killed.EPOCHS] - held[10] < 100_000
