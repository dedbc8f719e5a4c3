"""Image sets: what they hold, and what they refuse."""

import numpy as np
import pytest

from golmu.data import ImageSet
from golmu.errors import InputError, InputTypeError


def image_set(n=20, shape=(6, 5, 1), n_classes=2):
    images = np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)
    return ImageSet(images, np.arange(n, dtype=np.int64) % n_classes)


IMAGES, LABELS = image_set().images, image_set().labels


def test_image_set_has_a_length():
    assert len(image_set(7)) == 7


@pytest.mark.parametrize(
    ("images", "labels", "text"),
    [
        (IMAGES / 255, LABELS, r"images must hold uint8, but holds float64; convert it with astype\('uint8'\)"),
        (IMAGES[..., 0], LABELS, r"images must have shape \(n, h, w, c\) .* but has shape \(20, 6, 5\)"),
        (IMAGES[:0], LABELS[:0], r"images must have shape .* no axis of length 0, but has shape \(0, 6, 5, 1\)"),
        (IMAGES, LABELS.astype(np.int32), "labels must hold int64, but holds int32"),
        (IMAGES, LABELS[:, None], r"labels must have shape \(n,\) .* but has shape \(20, 1\)"),
        (IMAGES, LABELS[:-1], "images and labels must match in number, but there are 20 images and 19 labels"),
        (IMAGES, LABELS - 3, "labels must be 0 or more, but the lowest is -3; number classes from 0"),
    ],
)
def test_image_set_names_a_wrong_array(images, labels, text):
    with pytest.raises(InputError, match=text):
        ImageSet(images, labels)


def test_image_set_names_a_wrong_type():
    with pytest.raises(InputTypeError, match=r"images must be a NumPy array of uint8 .* but is a list"):
        ImageSet(IMAGES.tolist(), LABELS)
    with pytest.raises(InputTypeError, match=r"labels must be a NumPy array of int64 with shape \(n,\), but is a Non"):
        ImageSet(IMAGES, None)


def test_images_carry_the_names_of_their_files():
    images, labels = np.arange(3 * 4, dtype=np.uint8).reshape(3, 2, 2, 1), np.array([0, 1, 1])
    named = ImageSet(images, labels, ("a/1.png", "b/1.png", "b/2.png"))
    taken = named.take(np.array([2, 0]))
    assert (taken.files, taken.labels.tolist()) == (("b/2.png", "a/1.png"), [1, 0])
    assert np.array_equal(taken.images, images[[2, 0]])
    assert ImageSet(images, labels).take(np.array([1])).files is None
    with pytest.raises(InputError, match=r"^files must name each image, but there are 3 images and 1 names; give one"):
        ImageSet(images, labels, ("a/1.png",))
