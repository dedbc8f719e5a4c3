"""held-out.csv: it comes back, its images are found again, and whatever else it holds is one error."""

import numpy as np
import pytest

from golmu.errors import RunError
from golmu.runs.held_out import HeldOut, count_copies, digests, read_held_out, write_held_out

IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3, 1), np.uint8)
ODD = ["a,b", 'say "no"', "two\nlines", "re\rturn", "nu\udcff", "\0", "", " 골무 "]


def test_a_list_comes_back_as_it_was_written(tmp_path):
    images = np.random.default_rng(1).integers(0, 256, (len(ODD), 4, 3, 1), np.uint8)
    held_out = HeldOut.of(images, ODD, ODD[::-1])
    write_held_out(tmp_path, held_out)
    assert read_held_out(tmp_path) == held_out
    numbers, places = held_out.find(digests(images[::-1]), ODD[::-1])
    assert numbers.tolist() == places[::-1].tolist() == [*range(len(ODD))]
    assert len(held_out) == len(ODD)


def test_images_without_files_have_none(tmp_path):
    write_held_out(tmp_path, HeldOut.of(IMAGES, "ababa", None))
    assert read_held_out(tmp_path).files == ("",) * 5


def test_images_are_found_by_pixels_and_class_and_each_once():
    held_out = HeldOut.of(IMAGES[[0, 1, 1, 2, 3]], "aabbb", None)
    now = IMAGES[[3, 1, 4, 1, 1, 0]].copy()
    numbers, places = held_out.find(digests(now), "babaab")
    assert (numbers.tolist(), places.tolist()) == ([1, 4], [1, 0])
    assert [part.tolist() for part in held_out.find(digests(IMAGES[4:]), "a")] == [[], []]


def test_a_digest_is_of_the_pixels_in_whatever_form():
    as_floats = IMAGES.astype(np.float32) / 255
    assert (
        digests(IMAGES) == digests(as_floats) == digests(np.asfortranarray(IMAGES)) == digests(IMAGES.repeat(2, 0)[::2])
    )
    assert len(set(digests(IMAGES))) == 5


def test_without_a_file_there_is_none(tmp_path):
    assert read_held_out(tmp_path) is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is damaged: "), (b"digest,class,file\n", "is damaged: "), (b"a,b,c\n1,2,3\n", "is damaged: "),
        (b"digest,class,file\n1,2\n", "is damaged: "), (b'digest,class,file\n"1,2,3', "is damaged: "),
        (b"\xff", "is damaged: "), (b"digest,class,file\n" + b"9" * 200_000 + b",a,b\n", "is damaged: "),
    ],
)  # fmt: skip
def test_any_other_content_is_one_error(tmp_path, content, said):
    (tmp_path / "held-out.csv").write_bytes(content)
    with pytest.raises(RunError, match=rf"held-out\.csv {said}"):
        read_held_out(tmp_path)


def test_images_that_are_trained_on_too_are_counted():
    images = np.random.default_rng(0).integers(0, 256, (9, 4, 5, 3), np.uint8)
    for kind in (images, images / np.float32(255)):
        assert count_copies(kind[:3], kind[3:]) == 0
        assert count_copies(kind[:4], kind[2:]) == 2
        assert count_copies(kind[[0, 0, 1]], kind[[0, 5, 5]]) == 2
