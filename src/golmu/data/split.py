"""The stratified split and the stratified folds: a share of every class, drawn as scikit-learn draws it.

scikit-learn takes longer to import than Fashion-MNIST takes to load, and a training that starts at once should not wait
for it. `tests/data/test_split.py` compares both with scikit-learn's, index by index.
"""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from golmu.errors import InputError

Indices = NDArray[np.int64]


def stratified_split(
    labels: Indices, share: float, random_state: int, *, at_least_one: bool = True
) -> tuple[Indices, Indices]:
    """Draw indices to fit on and indices to hold out, each class in the same proportion, both shuffled.

    They are those of `train_test_split(np.arange(n), stratify=labels, test_size=share, random_state=random_state)`,
    but that each class has an image in both parts: where it would have none, one is moved.

    Parameters
    ----------
    labels
        (n,) class of each sample.
    share
        Share of the samples to hold out, above 0 and below 1; the number is rounded up.
    random_state
        Seed of NumPy's `RandomState`.
    at_least_one
        Whether each class has a sample in both parts. If not, a small class may have none in one of them, as in
        scikit-learn's split.

    Raises
    ------
    InputError
        If a class has fewer than 2 samples; or without `at_least_one`, a part has fewer samples than there are classes.
    """
    classes, codes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    n_held_out = ceil(share * len(labels))
    n_fit = len(labels) - n_held_out
    if counts.min() < 2:
        raise InputError(f"class {classes[counts.argmin()]} has 1 image, but needs 2 to be in both parts")
    if not at_least_one and min(n_fit, n_held_out) < len(classes):
        raise InputError(f"{n_fit} and {n_held_out} images are too few for {len(classes)} classes")
    rng = np.random.RandomState(random_state)
    fit_counts = _proportional_draw(counts, n_fit, rng)
    held_out_counts = _proportional_draw(counts - fit_counts, n_held_out, rng)
    if at_least_one:
        moved = (held_out_counts == 0).astype(np.int64) - (fit_counts == 0)
        fit_counts, held_out_counts = fit_counts - moved, held_out_counts + moved
    members = np.split(np.argsort(codes, kind="stable"), np.cumsum(counts)[:-1])
    fit, held_out = [], []
    for of_class, n_of_fit, n_of_held_out in zip(members, fit_counts, held_out_counts, strict=True):
        shuffled = of_class[rng.permutation(len(of_class))]
        fit.append(shuffled[:n_of_fit])
        held_out.append(shuffled[n_of_fit : n_of_fit + n_of_held_out])
    return rng.permutation(np.concatenate(fit)), rng.permutation(np.concatenate(held_out))


def stratified_folds(labels: Indices, n_folds: int, random_state: int) -> Indices:
    """Deal samples out to folds, each class as evenly as possible, and all of them too.

    They are the test folds of `StratifiedKFold(n_folds, shuffle=True, random_state=random_state)`. No fold has two
    samples of a class before each has one.

    Parameters
    ----------
    labels
        (n,) class of each sample.
    n_folds
        Number of folds, from 2 to n.
    random_state
        Seed of NumPy's `RandomState`.

    Returns
    -------
    (n,) the fold of each sample, counted from 0.
    """
    _, first, codes = np.unique(labels, return_index=True, return_inverse=True)
    codes = np.argsort(np.argsort(first))[codes]  # classes are numbered as they appear, and drawn in that order
    # Samples sorted by class are dealt out one by one, as cards are.
    dealt = np.sort(codes)
    rng = np.random.RandomState(random_state)
    folds = np.empty(len(labels), np.int64)
    for code in range(len(first)):
        of_class = np.sort(np.flatnonzero(dealt == code) % n_folds)
        rng.shuffle(of_class)
        folds[codes == code] = of_class
    return folds


def _proportional_draw(counts: Indices, n: int, rng: np.random.RandomState) -> Indices:
    """Return how many of `n` draws fall to each class: the most likely numbers, with ties broken at random."""
    expected = counts / counts.sum() * n
    draws = np.floor(expected)
    missing = int(n - draws.sum())
    remainders = expected - draws
    for remainder in np.sort(np.unique(remainders))[::-1]:
        if missing == 0:
            break
        (tied,) = np.nonzero(remainders == remainder)
        n_more = min(len(tied), missing)
        draws[rng.choice(tied, size=n_more, replace=False)] += 1
        missing -= n_more
    result: Indices = draws.astype(np.int64)
    return result
