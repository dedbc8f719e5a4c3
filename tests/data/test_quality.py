"""What is said about a data set before training: few images, unbalanced classes, duplicates."""

import numpy as np
import pytest

from golmu import Dataset
from golmu.data import ImageSet
from golmu.data.quality import class_counts, notices
from golmu.errors import GolmuWarning


def images(n, first=0):
    """Images (n, 4, 4) that all differ, whose brightest pixel is white."""
    pixels = np.zeros((n, 4, 4), np.uint8)
    pixels[:, 0, 0], pixels[:, 0, 1], pixels[:, 0, 2] = 255, (np.arange(n) + first) % 256, (np.arange(n) + first) // 256
    return pixels


def test_one_class_cannot_be_trained_on():
    dataset = Dataset.from_arrays(np.arange(3 * 16, dtype=np.uint8).reshape(3, 4, 4) * 5, [1, 1, 1])
    assert "all training images are of one class, '1': training needs at least 2" in notices(dataset)


def test_images_are_counted_by_class():
    x = images(5)
    train, test = ImageSet(x[..., None], np.array([0, 2, 2, 0, 2])), ImageSet(x[:2, ..., None], np.array([1, 1]))
    dataset = Dataset("a", train, test, ("0", "1", "2"), "memory")
    assert [counts.tolist() for counts in class_counts(dataset)] == [[2, 0, 3], [0, 2, 0]]
    without_test = Dataset.from_arrays(x, [0, 1, 2, 0, 2])
    assert [counts.tolist() for counts in class_counts(without_test)] == [[2, 1, 2], [0, 0, 0]]


def test_enough_different_images_of_each_class_are_no_problem():
    dataset = Dataset.from_arrays(images(40), np.arange(40) % 4, test_images=images(4, 40), test_labels=range(4))
    assert notices(dataset) == []


def test_several_classes_and_images_are_counted_and_named():
    x, labels = images(112), np.r_[np.zeros(100), [1, 2, 3, 4, 5, 6], [7] * 6].astype(int)
    x[1:4] = x[0]
    x[100:102] = x[10:12]
    train, test = ImageSet(x[..., None], labels), ImageSet(x[:3, ..., None], np.array([8, 8, 0]))
    dataset = Dataset("a", train, test, tuple("abcdefghi"), "memory")
    remove = "remove the copies: an image in both parts makes the accuracy too high"
    assert notices(dataset) == [
        "test images, but no training images: i",
        "6 classes have only one training image, so that none can be held out for validation: add images, or remove "
        "b, c, d, e, f, ...",
        "7 classes have fewer than 10 training images: b (1), c (1), d (1), e (1), f (1), ...",
        "the classes are unbalanced: 'a' has 100 training images, 'b' has 1",
        f"3 training images are duplicates of others; {remove}",
        "2 images appear in more than one training class; keep each image in its true class only",
        f"3 of 3 test images are in the training data too; {remove}",
    ]


def test_nearly_black_images_are_noticed_first():
    pixels = images(20)
    pixels[:, 0, 0] = 21
    with pytest.warns(GolmuWarning, match="^the brightest pixel is 21"):
        dataset = Dataset.from_arrays(pixels, np.arange(20) % 2)
    assert notices(dataset) == [
        "the brightest pixel is 21, but 255 is white, so the images are nearly black: if 21 is meant to be white, "
        "multiply the pixels by 255/21"
    ]
