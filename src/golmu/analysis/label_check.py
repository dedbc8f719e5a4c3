"""Confident learning: labels that are most likely wrong, by networks that have not seen the images.

Source: Northcutt, Jiang and Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal of
Artificial Intelligence Research 70, 2021, section 3. Below, p(j; x) is the probability of class j for image x by a
network that was not trained on x, and ỹ the label that x was given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from golmu.types import Labels

NONE = -1
"""The confident class of an image that is like no class."""


@dataclass(frozen=True, eq=False)
class LabelCheck:
    """How far the labels of n images are to be believed."""

    labels: Labels
    """(n,): the label given to each image."""
    suggested: Labels
    """(n,): the most probable class of each image apart from its label."""
    believability: NDArray[np.float64]
    """(n,): p(ỹ; x), the probability of the given label."""
    probability: NDArray[np.float64]
    """(n,): the probability of the suggested class."""
    is_doubtful: NDArray[np.bool_]
    """(n,): whether the image is confidently of another class than its label: off the joint's diagonal."""
    order: NDArray[np.int64]
    """(n,): the images, the doubtful ones first, and within both parts the least believable first."""

    @property
    def doubtful(self) -> NDArray[np.int64]:
        """The numbers of the doubtful images, the least believable first."""
        return self.order[: int(self.is_doubtful.sum())]


def check_labels(probabilities: NDArray[np.floating], labels: Labels) -> LabelCheck:
    """Rank images by how little their labels are to be believed.

    An image is doubtful if its confident class (`confident_classes`) is not its label. Both parts are ranked by
    p(ỹ; x), the paper's self-confidence. Its normalized margin, which subtracts the largest p(j; x) with j ≠ ỹ, found
    fewer labels that had been changed.

    Parameters
    ----------
    probabilities
        (n, C), C at least 2: p(j; x), out of fold.
    labels
        (n,): ỹ, from 0 to C − 1.
    """
    rows = np.arange(len(labels))
    others = np.array(probabilities, np.float64)
    believability = others[rows, labels].copy()
    others[rows, labels] = -1
    suggested = others.argmax(axis=1)
    confident = confident_classes(probabilities, labels)
    is_doubtful = (confident != NONE) & (confident != labels)
    suggested = np.where(is_doubtful, confident, suggested)
    order = np.lexsort((believability, ~is_doubtful))
    return LabelCheck(labels, suggested, believability, others[rows, suggested], is_doubtful, order)


def thresholds(probabilities: NDArray[np.floating], labels: Labels) -> NDArray[np.float64]:
    """Return the threshold of each class, (C,), infinity for a class without images.

    t_j = mean of p(j; x) over the images x with label j: how confident the networks are of the class where it is given
    (equation 2).
    """
    n_classes = probabilities.shape[1]
    sums = np.bincount(labels, probabilities[np.arange(len(labels)), labels], n_classes)
    counts = np.bincount(labels, minlength=n_classes)
    means: NDArray[np.float64] = np.divide(sums, counts, out=np.full(n_classes, np.inf), where=counts > 0)
    return means


def confident_classes(probabilities: NDArray[np.floating], labels: Labels) -> Labels:
    """Return the class that each image is confidently of, (n,), or `NONE`.

    It is the most probable of the classes whose threshold the image reaches: argmax of p(j; x) over j with
    p(j; x) ≥ t_j. The paper's confident joint counts the images by their label and this class (equation 1).
    """
    reached = np.where(probabilities >= thresholds(probabilities, labels), probabilities, -1.0)
    return np.where(reached.max(axis=1) >= 0, reached.argmax(axis=1), NONE)
