"""Images to look at, chosen by what the network of a moment makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.dead_kernels import MAX_MAP_VALUES, with_kernels
from golmu.analysis.labelled_images import LabelledImages
from golmu.architecture import POOL_SIZE
from golmu.checks import integer_within, one_of
from golmu.engines import create_engine
from golmu.errors import InputError
from golmu.metrics import softmax
from golmu.model.model import Model
from golmu.model.predictor import Predictor

WHICH = ("class", "mistakes", "unsure", "random", "cell", "excite")
"""How images are chosen: those of a class, wrong ones, the least sure, any, those of a cell of the confusion matrix,
and those that excite a kernel most."""

MAX_IMAGES = 60
"""Images in an answer, at most."""

MAX_EXCITED_VALUES = 2**26
"""Values of the maps that are searched for the images that excite a kernel, at most: fewer images of large networks."""


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A network as it was at one moment of its training, and the images on which it is judged."""

    model: Model
    epoch: int
    """Epochs finished."""
    batch: int
    """Batches of the running epoch that were done."""
    images: LabelledImages | None
    """The validation images, uint8; None if they cannot be had."""
    missing: str = ""
    """Why not."""

    @property
    def judged(self) -> LabelledImages:
        """The images on which the network is judged.

        Raises
        ------
        InputError
            If they cannot be had.
        """
        if self.images is None:
            raise InputError(f"the images of this run cannot be had: {self.missing}")
        return self.images

    @cached_property
    def predictor(self) -> Predictor:
        """The network, ready to answer in one thread, so that a training beside it keeps its own."""
        engine = create_engine("fused", self.model.architecture, 1, self.model.preprocessing)
        engine.set_weights(self.model.weights)
        return Predictor(self.model, engine)

    @cached_property
    def probabilities(self) -> NDArray[np.float32]:
        """What the network says of each image, (n, C)."""
        return softmax(self.predictor.engine.logits(self.judged.images))


class Choice(NamedTuple):
    """Which images are wanted."""

    which: str
    """One of `WHICH`."""
    label: int | None = None
    """The class, for `class` and `cell`; for others only images of this class, if it is given."""
    predicted: int | None = None
    """The class that the network says, for `cell`."""
    block: int = 0
    kernel: int = 0
    """For `excite`, both counted from 0."""
    n: int = 20
    """Images at most."""
    seed: int = 0
    """For `random` and `class`."""


class Chosen(NamedTuple):
    """Images that were chosen."""

    indices: NDArray[np.int64]
    """(m,): where each is among the validation images."""
    excitement: NDArray[np.float32] | None = None
    """(m,), for `excite`: the kernel's largest activation in each."""
    places: NDArray[np.int32] | None = None
    """(m, 2), for `excite`: row and column of that activation in the block's maps."""
    n_searched: int = 0
    """Images among which these were chosen."""


def choose(snapshot: Snapshot, choice: Choice) -> Chosen:
    """Choose images.

    Raises
    ------
    InputError, InputTypeError
        If the choice names a class, a block or a kernel that the network has not.
    """
    a, labels = snapshot.model.architecture, snapshot.judged.labels
    one_of(choice.which, WHICH, "which")
    for name, value in (("class", choice.label), ("predicted", choice.predicted)):
        if value is not None:
            integer_within(value, name, 0, a.n_classes - 1)
    if choice.which == "excite":
        return _most_excited(snapshot, choice)
    if (choice.label is None and choice.which in ("class", "cell")) or (
        choice.predicted is None and choice.which == "cell"
    ):
        raise InputError(f"which={choice.which!r} needs a class, and for a cell predicted too: give their numbers")
    wanted = np.ones(len(labels), bool) if choice.label is None else labels == choice.label
    if choice.which in ("class", "random"):
        order = np.random.default_rng(choice.seed).permutation(np.flatnonzero(wanted))
        return Chosen(order[: choice.n], n_searched=len(labels))
    confidence, said = snapshot.probabilities.max(axis=1), snapshot.probabilities.argmax(axis=1)
    if choice.which == "mistakes":
        wanted &= said != labels
    elif choice.which == "cell":
        wanted &= said == choice.predicted
    chosen = np.flatnonzero(wanted)
    order = np.argsort(confidence[chosen] if choice.which == "unsure" else -confidence[chosen], kind="stable")
    return Chosen(chosen[order[: choice.n]], n_searched=len(labels))


def describe(snapshot: Snapshot, chosen: Chosen) -> list[dict[str, Any]]:
    """Return what the page says of each image: its number, its class, and what the network says of it."""
    probabilities = softmax(snapshot.predictor.engine.logits(snapshot.judged.images[chosen.indices]))
    items: list[dict[str, Any]] = [
        {
            "index": index,
            "label": int(snapshot.judged.labels[index]),
            "predicted": int(row.argmax()),
            "probability": float(row.max()),
        }
        for index, row in zip(chosen.indices.tolist(), probabilities, strict=True)
    ]
    if chosen.excitement is not None and chosen.places is not None:
        for item, value, (row, column) in zip(items, chosen.excitement.tolist(), chosen.places.tolist(), strict=True):
            item |= {"activation": value, "row": row, "column": column}
    return items


def _most_excited(snapshot: Snapshot, choice: Choice) -> Chosen:
    """Find the images in which a kernel's activation, where it is pooled, is largest."""
    engine, images = snapshot.predictor.engine, snapshot.judged.images
    a = engine.architecture
    block = a.blocks[integer_within(choice.block, "block", 0, a.n_blocks - 1)]
    integer_within(choice.kernel, "kernel", 0, block.n_kernels - 1)
    alone = with_kernels(engine, choice.block, np.array([choice.kernel]))
    per_image = max(int(np.prod(one.maps_shape)) for one in alone.architecture.blocks[: choice.block + 1])
    images = images[: max(1, MAX_EXCITED_VALUES // per_image)]
    rows, columns, _ = block.pooled_shape
    together, largest, at = max(1, MAX_MAP_VALUES // per_image), [], []
    for start in range(0, len(images), together):
        maps = alone.feature_maps(images[start : start + together], choice.block)[..., 0]
        flat = maps[:, : POOL_SIZE * rows, : POOL_SIZE * columns].reshape(len(maps), -1)
        at.append(flat.argmax(axis=1))
        largest.append(flat.max(axis=1))
    activations, places = np.maximum(np.concatenate(largest), 0), np.concatenate(at)
    indices = np.argsort(-activations, kind="stable")[: choice.n]
    row, column = np.divmod(places[indices], POOL_SIZE * columns)
    places = np.stack([row, column], axis=1).astype(np.int32)
    return Chosen(indices, activations[indices], places, len(images))
