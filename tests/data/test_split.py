"""The stratified split against scikit-learn's, index by index."""

import re
import warnings

import numpy as np
import pytest

from golmu.data import Dataset, ImageSet
from golmu.data.split import stratified_folds, stratified_split
from golmu.errors import InputError


def image_set(n=20, shape=(6, 5, 1), n_classes=2):
    images = np.random.default_rng(n).integers(0, 256, (n, *shape), np.uint8)
    return ImageSet(images, np.arange(n, dtype=np.int64) % n_classes)


def dataset(train=None, test=None, class_names=("no", "yes")):
    return Dataset("tiny", image_set() if train is None else train, test, class_names, "memory")


@pytest.mark.parametrize(("validation", "random_state"), [(0.2, 42), (0.25, 0), (1 / 3, 2**32 - 1)])
def test_split_is_scikit_learns(validation, random_state):
    from sklearn.model_selection import train_test_split

    data = dataset(train=image_set(101, n_classes=2))
    fit, held_out = data.split(validation, random_state)
    expected = train_test_split(
        data.train.images,
        data.train.labels,
        stratify=data.train.labels,
        test_size=validation,
        random_state=random_state,
    )
    for got, want in zip((fit.images, held_out.images, fit.labels, held_out.labels), expected, strict=True):
        np.testing.assert_array_equal(got, want, strict=True)


@pytest.mark.parametrize("seed", range(40))
def test_split_is_scikit_learns_whatever_the_counts(seed):
    from sklearn.model_selection import train_test_split

    rng = np.random.default_rng(seed)
    labels = np.repeat(rng.permutation(50)[: rng.integers(2, 8)], rng.integers(2, 30, 7)[0]).astype(np.int64)
    labels = rng.permutation(np.r_[labels, labels[: rng.integers(0, len(labels))]])
    share = rng.uniform(0.3, 0.6)
    fit, held_out = train_test_split(np.arange(len(labels)), stratify=labels, test_size=share, random_state=seed)
    assert [part.tolist() for part in stratified_split(labels, share, seed)] == [fit.tolist(), held_out.tolist()]


def test_split_of_fashion_mnist_is_scikit_learns(fashion_mnist):
    from sklearn.model_selection import train_test_split

    fit, held_out = fashion_mnist.split()
    assert (len(fit), len(held_out)) == (48_000, 12_000)
    images, labels = fashion_mnist.train.images, fashion_mnist.train.labels
    expected = train_test_split(images, labels, stratify=labels, test_size=0.2, random_state=42)
    for got, want in zip((fit.images, held_out.images, fit.labels, held_out.labels), expected, strict=True):
        np.testing.assert_array_equal(got, want, strict=True)
    assert np.bincount(held_out.labels).tolist() == [1200] * 10


@pytest.mark.parametrize("share", [0.01, 0.2, 0.5, 0.99])
@pytest.mark.parametrize("counts", [[3] * 10, [2, 2], [2, 100, 3], [2] * 9 + [50]])
def test_each_class_is_in_both_parts_of_a_small_set(counts, share):
    labels = np.repeat(np.arange(len(counts)), counts)
    fit, held_out = stratified_split(labels, share, 42)
    assert sorted([*fit, *held_out]) == list(range(len(labels)))
    for part in (fit, held_out):
        assert np.bincount(labels[part], minlength=len(counts)).min() >= 1
    if share == 0.2:
        assert len(held_out) <= max(len(counts), np.ceil(0.2 * len(labels)) + len(counts) - 1)


def test_without_that_it_is_scikit_learns_with_a_class_left_out():
    from sklearn.model_selection import train_test_split

    labels = np.repeat([0, 1], [100, 2])
    fit, held_out = train_test_split(np.arange(102), stratify=labels, test_size=0.2, random_state=1)
    found = stratified_split(labels, 0.2, 1, at_least_one=False)
    assert [part.tolist() for part in found] == [fit.tolist(), held_out.tolist()]
    assert set(labels[held_out]) == {0}
    with pytest.raises(InputError, match="24 and 6 images are too few for 10 classes"):
        stratified_split(np.repeat(np.arange(10), 3), 0.2, 42, at_least_one=False)


@pytest.mark.parametrize("seed", range(40))
def test_folds_are_scikit_learns_whatever_the_counts(seed):
    from sklearn.model_selection import StratifiedKFold

    rng = np.random.default_rng(seed)
    labels = 3 * rng.integers(0, rng.integers(2, 7), rng.integers(40, 90))
    n_folds = int(rng.integers(2, 6))
    folds = stratified_folds(labels, n_folds, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a class has fewer images than there are folds
        expected = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(labels, labels)
        for fold, (_, held_out) in enumerate(expected):
            assert np.flatnonzero(folds == fold).tolist() == held_out.tolist()


@pytest.mark.parametrize("n_folds", [2, 5, 20])
def test_folds_share_out_every_class(n_folds):
    labels = np.random.default_rng(n_folds).permutation(np.repeat(np.arange(3), [2, 21, 40]))
    folds = stratified_folds(labels, n_folds, 0)
    counts = np.array([np.bincount(labels[folds == fold], minlength=3) for fold in range(n_folds)])
    assert (counts.max(axis=0) - counts.min(axis=0) <= 1).all()
    assert np.ptp(counts.sum(axis=1)) <= 1


def test_each_image_is_held_out_by_one_fold():
    data = dataset(train=image_set(23))
    parts = [data.fold(number, 4, 7) for number in range(1, 5)]
    assert [len(fit) + len(held_out) for fit, held_out in parts] == [23] * 4
    held_out = np.concatenate([part.images for _, part in parts])
    assert sorted(image.tobytes() for image in held_out) == sorted(image.tobytes() for image in data.train.images)
    for fit, part in parts:
        assert not {image.tobytes() for image in fit.images} & {image.tobytes() for image in part.images}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 5), "number must be an integer from 1 to 5, got 0"),
        ((6, 5), "number must be an integer from 1 to 5, got 6"),
        ((1, 1), "n_folds must be an integer from 2 to 20, got 1"),
        ((1, 21), "n_folds must be an integer from 2 to 20, got 21"),
        ((1, 5, -1), "random_state must be an integer from 0 to 4294967295, got -1"),
        ((1, 12), "'tiny' has 10 training images, too few for 12 folds: give fewer folds, or add images"),
    ],
)
def test_folds_that_cannot_be_are_refused(arguments, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$"):
        dataset(train=image_set(10)).fold(*arguments)


def test_a_class_of_one_image_has_no_folds():
    few = ImageSet(image_set(5).images, np.array([0, 0, 0, 0, 1]))
    with pytest.raises(InputError, match="'yes' has only 1 image, and each class needs 2"):
        dataset(train=few).fold(1, 2)
