"""The index of a packed folder, and what is said of shards that are not as they were."""

import json
import re

import numpy as np
import pytest

from golmu.data.shards.index import INDEX, is_packed, read_index
from golmu.errors import DataError


def test_an_index_says_what_was_packed(index):
    assert read_index(index.folder) == index
    assert index.image_shape == (4, 5, 1)
    assert index.class_names == ("a", "b", "c")
    assert index.train.class_counts == (100, 100, 100)
    assert index.test.class_counts == (14, 13, 13)
    assert [shard.n for shard in index.train.shards] == [128, 128, 44]
    assert index.n_bytes == 340 * 20
    index.check()
    assert is_packed(index.folder)
    assert not is_packed(index.folder.parent)
    assert not is_packed("\0")


def test_the_files_are_numpys_own(index):
    shard = index.train.shards[0]
    images, labels = np.load(shard.images_path, mmap_mode="r"), np.load(shard.labels_path)
    assert images.shape == (128, 4, 5, 1)
    assert images.dtype == np.uint8
    assert labels.dtype == np.uint16
    assert (images == shard.read_images(0, 128)).all()
    assert (images[5:9] == shard.read_images(5, 9)).all()
    assert labels[7:20].tolist() == shard.read_labels(7, 20).tolist()


def test_a_missing_shard_is_named(index):
    index.train.shards[1].labels_path.unlink()
    with pytest.raises(DataError, match=r"train-00001-labels.npy' is missing; put the file back"):
        read_index(index.folder)


def test_a_cut_shard_is_named_before_any_image_of_it_is_used(index):
    path = index.train.shards[1].images_path
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"train-00001-images.npy' is cut: it has"):
        read_index(index.folder).train.shards[1].read_images(0, 3)


def test_a_shard_that_is_cut_while_it_is_read_is_an_error(index):
    shard = index.train.shards[0]
    shard.read_images(0, 1)  # its size was right
    shard.images_path.write_bytes(shard.images_path.read_bytes()[:500])
    with pytest.raises(DataError, match="is cut: it has become shorter while it is read"):
        shard.read_images(100, 128)
    shard.images_path.unlink()
    with pytest.raises(DataError, match="is missing"):
        shard.read_images(0, 1)


@pytest.mark.parametrize("what", ["images", "labels"])
def test_a_damaged_shard_is_named(index, what):
    path = getattr(index.train.shards[2], f"{what}_path")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=f"train-00002-{what}.npy' is damaged: its content is not what was packed"):
        index.check()


def test_the_progress_of_the_check_counts_images(index):
    seen = []
    index.check(lambda done, total: seen.append((done, total)))
    assert seen == [(128, 340), (256, 340), (300, 340), (340, 340)]


def test_another_array_in_the_place_of_a_shard_is_refused(index):
    shard = index.train.shards[0]
    np.save(shard.images_path, np.zeros((128, 5, 4, 1), np.uint8))
    with pytest.raises(DataError, match=re.escape("it holds uint8 (128, 5, 4, 1), not uint8 (128, 4, 5, 1)")):
        shard.read_images(0, 1)
    shard.labels_path.write_bytes(b"no array")
    with pytest.raises(DataError, match="is damaged: it is no NumPy file"):
        shard.read_labels()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("format", 2, "needs a later version of golmu"),
        ("format", "1", "'format' must be an integer of at least 1"),
        ("name", 3, "'name' must be text"),
        ("shape", [4, 5], "'shape' must be height, width and channels"),
        ("shape", [4, -5, 1], "'shape' must be height, width and channels"),
        ("class_names", ["a", "a", "c"], "'class_names' must be different names"),
        ("class_names", ["a", "b"], "do not fit together"),
        ("train", None, "'train' must be an object"),
        ("train", [], "'train' must be an object"),
        ("test", [], "'test' must be an object"),
        ("train", 5, "'train' must be an object"),
    ],
)
def test_an_index_that_says_what_cannot_be_is_refused(index, name, value, words):
    said = json.loads((index.folder / INDEX).read_text())
    said[name] = value
    (index.folder / INDEX).write_text(json.dumps(said))
    with pytest.raises(DataError, match=words):
        read_index(index.folder)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("name", "../../etc/passwd", "'name' must be the name of a shard"),
        ("n", 0, "'n' must be an integer from 1 to 65536"),
        ("n", 10**30, "'n' must be an integer from 1 to 65536"),
        ("n", 127, "do not fit together"),
        ("images_sha256", "abc", "'images_sha256' must be a SHA-256"),
    ],
)
def test_a_shard_that_cannot_be_is_refused(index, name, value, words):
    said = json.loads((index.folder / INDEX).read_text())
    said["train"]["shards"][0][name] = value
    (index.folder / INDEX).write_text(json.dumps(said))
    with pytest.raises(DataError, match=words):
        read_index(index.folder)


def test_counts_of_classes_are_held_against_the_labels(index):
    path = index.folder / INDEX
    as_packed = json.loads(path.read_text())
    for part, counts in (("train", [99, 101, 100]), ("test", [13, 14, 13])):
        path.write_text(json.dumps(as_packed | {part: as_packed[part] | {"class_counts": counts}}))
        with pytest.raises(DataError, match=r"shards\.json' is damaged: it counts other images of each class"):
            read_index(index.folder).check()
    fewer = {
        "class_names": ["a", "b"],
        "train": as_packed["train"] | {"class_counts": [100, 200]},
        "test": as_packed["test"] | {"class_counts": [14, 26]},
    }
    path.write_text(json.dumps(as_packed | fewer))
    with pytest.raises(DataError, match="it counts other images"):
        read_index(index.folder).check()


def test_a_shard_that_is_named_twice_is_refused(index):
    path = index.folder / INDEX
    said = json.loads(path.read_text())
    path.write_text(json.dumps(said | {"test": said["train"]}))
    with pytest.raises(DataError, match="it names a shard twice"):
        read_index(index.folder)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000, b"null"])
def test_an_index_that_is_no_json_object_is_one_error(index, content):
    (index.folder / INDEX).write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        read_index(index.folder)


def test_a_folder_without_an_index_is_no_packed_one(tmp_path):
    with pytest.raises(DataError, match=r"is no packed folder: it lacks shards.json; make one with golmu pack"):
        read_index(tmp_path)


def test_other_data_have_another_digest(index):
    before = index.digest
    path = index.folder / INDEX
    text = path.read_text()
    digest = index.train.shards[0].images_digest
    path.write_text(text.replace(digest, digest[::-1]))
    assert read_index(index.folder).digest != before


def test_other_names_of_the_classes_are_other_data(index):
    before = index.digest
    said = json.loads((index.folder / INDEX).read_text())
    said["class_names"] = ["b", "a", "c"]
    (index.folder / INDEX).write_text(json.dumps(said))
    assert read_index(index.folder).digest != before
