"""Writing packed folders: the order, the files, and processes that are interrupted."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packed import numbered_dataset, numbers_of, pack_dataset, small_shards
from PIL import Image

from golmu import load_dataset
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.loading import read_dataset
from golmu.data.reading import ReadOptions
from golmu.data.shards import packing
from golmu.data.shards.sharded_images import ShardedImages
from golmu.errors import DataError, RunError, SaveError


def content(part):
    return sorted((image.tobytes(), label) for image, label in zip(part.images, part.labels.tolist(), strict=True))


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_images_are_shuffled_once_and_keep_their_labels(index):
    images = ShardedImages(index.train.shards)
    order = numbers_of(images[:])
    assert sorted(order) == list(range(300))
    assert [number % 3 for number in order] == images.labels.tolist()
    assert abs(np.corrcoef(order, np.arange(300))[0, 1]) < 0.2
    assert sorted(numbers_of(ShardedImages(index.test.shards)[:])) == list(range(300, 340))


def test_nothing_else_remains_in_the_folder(index):
    assert sorted(files(index.folder)) == [
        "shards.json", "test-00000-images.npy", "test-00000-labels.npy", "train-00000-images.npy",
        "train-00000-labels.npy", "train-00001-images.npy", "train-00001-labels.npy", "train-00002-images.npy",
        "train-00002-labels.npy",
    ]  # fmt: skip


def test_the_seed_decides_on_the_order(tmp_path, monkeypatch):
    with small_shards(monkeypatch):
        first, again, other = (
            pack_dataset(numbered_dataset(), tmp_path / name, seed=seed)
            for name, seed in (("a", 1), ("b", 1), ("c", 2))
        )
    assert files(first.folder) == files(again.folder)
    assert first.digest == again.digest != other.digest


def test_a_class_number_without_images_is_no_class(tmp_path):
    dataset = numbered_dataset(30, 6)
    train = ImageSet(dataset.train.images, np.where(dataset.train.labels == 1, 3, dataset.train.labels))
    test = ImageSet(dataset.test.images, np.where(dataset.test.labels == 1, 3, dataset.test.labels))
    index = pack_dataset(Dataset("gap", train, test, ("a", "b", "c", "d"), "memory"), tmp_path / "packed")
    assert index.class_names == ("a", "c", "d")
    assert index.train.class_counts == (10, 10, 10)
    assert index.test.class_counts == (2, 2, 2)


def test_large_images_make_small_shards(tmp_path, monkeypatch):
    monkeypatch.setattr(packing, "SHARD_BYTES", 7 * 20)
    index = pack_dataset(numbered_dataset(30), tmp_path / "packed")
    assert [shard.n for shard in index.train.shards] == [7, 7, 7, 7, 2]


def test_a_folder_that_holds_something_is_refused(tmp_path, index):
    with pytest.raises(RunError, match="is packed already: give a new folder"):
        pack_dataset(numbered_dataset(), index.folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("mine")
    with pytest.raises(RunError, match="is not empty: give a new folder"):
        pack_dataset(numbered_dataset(), tmp_path / "other")
    with pytest.raises(RunError, match="is a file: give a new folder"):
        pack_dataset(numbered_dataset(), tmp_path / "other" / "letter.txt")
    with pytest.raises(SaveError, match="there is no folder"):
        pack_dataset(numbered_dataset(), tmp_path / "a" / "b")
    assert (tmp_path / "other" / "letter.txt").read_text() == "mine"


def test_another_process_that_packs_is_not_disturbed(tmp_path):
    output = tmp_path / "packed"

    def read(storage):
        with pytest.raises(RunError, match="another process packs into"):
            pack_dataset(numbered_dataset(), output)
        return numbered_dataset()

    assert len(packing.pack(read, output).train) == 300


def test_data_that_cannot_be_read_leave_no_shards(tmp_path):
    def read(storage):
        raise DataError("no")

    with pytest.raises(DataError, match="no"):
        packing.pack(read, tmp_path / "packed")
    assert not (tmp_path / "packed").exists()
    assert len(pack_dataset(numbered_dataset(), tmp_path / "packed").train) == 300  # and may be tried again


class StoppedError(Exception):
    """What ends a packing."""


def interrupted_after(monkeypatch, n_shards, output, dataset, **options):
    """Pack until so many shards are written."""
    real, written = packing._write_array, []

    def write(*arguments):
        if n_shards is not None and len(written) == 2 * n_shards:
            raise StoppedError
        written.append(arguments[0])
        real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(packing, "_write_array", write)
        if n_shards is None:
            return pack_dataset(dataset, output, **options), written
        with pytest.raises(StoppedError):
            pack_dataset(dataset, output, **options)
    return None, written


@pytest.mark.parametrize("n_shards", [0, 1, 2, 3])
def test_whole_shards_are_not_written_again(tmp_path, monkeypatch, index, n_shards):
    output = tmp_path / "again"
    interrupted_after(monkeypatch, n_shards, output, numbered_dataset(300, 40))
    again, written = interrupted_after(monkeypatch, None, output, numbered_dataset(300, 40))
    assert len(written) == 8 - 2 * n_shards
    assert files(again.folder) == files(index.folder)


def test_shards_of_other_data_or_another_seed_or_damaged_ones_are_written_again(tmp_path, monkeypatch, index):
    for number, (dataset, seed) in enumerate([(numbered_dataset(301, 40), 42), (numbered_dataset(300, 40), 43)]):
        output = tmp_path / str(number)
        interrupted_after(monkeypatch, 2, output, dataset, seed=seed)
        assert files(pack_dataset(numbered_dataset(300, 40), output).folder) == files(index.folder)
    output = tmp_path / "damaged"
    interrupted_after(monkeypatch, 2, output, numbered_dataset(300, 40))
    (output / "train-00000-images.npy").write_bytes(b"")
    assert files(pack_dataset(numbered_dataset(300, 40), output).folder) == files(index.folder)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"digest": 1}', b"\xff"])
def test_a_note_that_was_cut_only_costs_work(tmp_path, monkeypatch, index, content):
    output = tmp_path / "again"
    interrupted_after(monkeypatch, 2, output, numbered_dataset(300, 40))
    (output / packing.STARTED).write_bytes(content)
    assert files(pack_dataset(numbered_dataset(300, 40), output).folder) == files(index.folder)


KILLED = """
import os, signal, sys
from pathlib import Path
from golmu.cli.commands.pack import pack_data
from golmu.data import storage
from golmu.data.readers import threaded_reading
from golmu.data.shards import packing
packing.IMAGES_PER_SHARD, storage.SECONDS_BETWEEN_NOTES, threaded_reading.FILES_PER_PART = 40, 0, 4
function, count, calls = sys.argv[3], int(sys.argv[4]), []
real = getattr(os, function)
def dying(*arguments, **options):
    calls.append(function)
    if len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **options)
setattr(os, function, dying)
pack_data(sys.argv[1], Path(sys.argv[2]))
print(len(calls))
"""


@pytest.fixture
def class_folders(tmp_path):
    """Two classes of 60 small PNG files, one of which is no image."""
    for number, image in enumerate(np.random.default_rng(0).integers(0, 256, (120, 6, 6), np.uint8)):
        path = tmp_path / "images" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    return tmp_path / "images"


def run(*arguments):
    command = [sys.executable, "-c", KILLED, *map(str, arguments)]
    return subprocess.run(command, check=False, capture_output=True, text=True)


@pytest.mark.skipif(os.name == "nt", reason="no kill -9")
def test_packing_goes_on_after_kill_9_at_any_moment(class_folders, tmp_path):
    """Killed at each of its fsyncs in turn, in one folder: each process goes on where the last one was killed."""
    whole = run(class_folders, tmp_path / "whole", "fsync", 10**6)
    assert whole.returncode == 0, whole.stderr
    n = int(whole.stdout)
    for moment in (1, 2, 3, 5, 8, 13, n - 1, n):
        output = tmp_path / f"at-{moment}"
        assert run(class_folders, output, "fsync", moment).returncode == -9
        last = run(class_folders, output, "fsync", 10**6)
        assert last.returncode == 0 or "is packed already" in last.stderr, last.stderr
        assert files(output) == files(tmp_path / "whole")


@pytest.mark.skipif(os.name == "nt", reason="no kill -9")
def test_images_that_were_decoded_are_not_decoded_again(class_folders, tmp_path, monkeypatch):
    output = tmp_path / "packed"
    whole = int(run(class_folders, tmp_path / "whole", "fsync", 10**6).stdout)
    assert run(class_folders, output, "fsync", whole - 5).returncode == -9
    noted = Path(output / ".decoded.json").read_text()
    decoded = []
    monkeypatch.setattr(
        "golmu.data.readers.threaded_reading.read_image",
        lambda source, **options: decoded.append(source) or (_ for _ in ()).throw(AssertionError),
    )
    options = ReadOptions()

    def read(storage):
        options.storage = storage
        return read_dataset(class_folders, None, options)

    index = packing.pack(read, output)
    assert '"done": 120' in noted
    assert decoded == []
    assert sorted(index.train.class_counts) == [60, 60]


def test_what_is_packed_from_files_is_what_is_loaded_from_them(class_folders, tmp_path):
    (class_folders / "a" / "broken.png").write_bytes(b"\x89PNG no more")
    options = ReadOptions(skip_bad=True)

    def read(storage):
        options.storage = storage
        return read_dataset(class_folders, None, options)

    packing.pack(read, tmp_path / "packed")
    in_memory = read_dataset(class_folders, None, ReadOptions(skip_bad=True))
    assert content(load_dataset(tmp_path / "packed").train) == content(in_memory.train)
    assert len(options.left_out) == 1
