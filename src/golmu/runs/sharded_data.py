"""The data of a training that stay on disk: a packed folder, of which a part is held out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from golmu.analysis.labelled_images import JudgedImages, LabelledImages
from golmu.data.shards.index import ShardIndex
from golmu.data.shards.sharded_images import ShardedImages
from golmu.data.shards.split import hold_out
from golmu.engines.contract import Engine, Prepared
from golmu.errors import DataError
from golmu.runs.data_record import Split
from golmu.training.streaming import Stream
from golmu.types import Images, Labels

MAX_JUDGED, MAX_JUDGED_BYTES = 65_536, 2**25
"""Images of a part, and their bytes, that a report is drawn on at most: they are in memory at once."""

SAMPLE_SEED = 42


@dataclass(frozen=True, eq=False)
class ShardedData:
    """Images and labels of a packed folder, as `golmu.runs.job.TrainingData` has those in memory."""

    index: ShardIndex
    split: Split
    class_weight: str | None = None
    """"balanced" for classes that count alike, whatever their numbers of images."""

    def __post_init__(self) -> None:
        if len(self.index.class_names) < 2:
            raise DataError(
                f"{self.index.name} holds one class only, '{self.index.class_names[0]}': at least 2 are needed"
            )

    @cached_property
    def _parts(self) -> tuple[ShardedImages, ShardedImages]:
        return hold_out(self.index, self.split.validation, self.split.random_state)

    @property
    def images(self) -> ShardedImages:
        """The images to fit on, (n, h, w, c)."""
        return self._parts[0]

    @property
    def held_out(self) -> ShardedImages:
        """The images to validate on, (n, h, w, c)."""
        return self._parts[1]

    @property
    def n_images(self) -> int:
        """Images to fit on."""
        return len(self.images)

    @property
    def classes(self) -> NDArray[np.int64]:
        """(C,): the number of each class."""
        return np.arange(len(self.index.class_names))

    @property
    def class_names(self) -> tuple[str, ...]:
        """(C,)"""
        return self.index.class_names

    @property
    def fingerprint(self) -> dict[str, Any]:
        """What tells these data from others: the digests of the shards, and the split."""
        said = f"{self.index.digest} {self.split.validation!r} {self.split.random_state}"
        printed: dict[str, Any] = {
            part: {
                "shape": list(images.shape),
                "dtype": "uint8",
                "sha256": hashlib.sha256(f"{part} {said}".encode()).hexdigest(),
            }
            for part, images in (("training", self.images), ("validation", self.held_out))
        }
        if self._class_factors is not None:
            printed["importance"] = hashlib.sha256(self._class_factors.data).hexdigest()
        return printed

    @cached_property
    def _class_factors(self) -> NDArray[np.float32] | None:
        """(C,): how much each sample of a class counts, as `golmu.data.sample_weight.importance` has it."""
        if self.class_weight is None:
            return None
        counts = self.images.count_classes(len(self.classes))
        return np.asarray(len(self.images) / (len(counts) * counts), np.float32)

    def prepare(self, engine: Engine) -> tuple[Stream, Stream]:
        """The images to train and to validate on, which are read as the engine needs them."""
        factors = self._class_factors

        def prepare(images: Images, labels: Labels) -> Prepared:
            return engine.prepare(images, labels, None if factors is None else factors[labels])

        return Stream(self.images, prepare), Stream(self.held_out, engine.prepare)

    @property
    def n_copies(self) -> int:
        """Nothing is known of copies: to find them, a digest of each image would have to be in memory."""
        return 0

    @property
    def judged(self) -> JudgedImages:
        """The validation images, and the test images if there are any; they stay on disk."""
        return JudgedImages(label_shards("validation", self.held_out), test_shards(self.index))


def test_shards(index: ShardIndex) -> LabelledImages | None:
    """The test images of a packed folder, which stay on disk, if there are any."""
    return None if index.test is None else label_shards("test", ShardedImages(index.test.shards))


def label_shards(name: str, images: ShardedImages, outputs: NDArray[np.int64] | None = None) -> LabelledImages:
    """Images that stay on disk, and their labels, which do not.

    `outputs` (classes,) is the output of the network for each class of the data; by default its number.
    """
    labels = images.labels
    # Whoever judges images takes them in parts, or asks for a sample first.
    return LabelledImages(name, cast("Images", images), labels if outputs is None else outputs[labels])


def sample_judged(judged: JudgedImages) -> JudgedImages:
    """The same images in memory; of many that are on disk, a sample, and a note that says so."""
    notes, parts = list(judged.notes), []
    for part in (judged.validation, judged.test):
        if part is None or part.on_disk is None:
            parts.append(part)
            continue
        sample = _sample(part, part.on_disk)
        parts.append(sample)
        if (n := len(sample)) < len(part):
            notes.append(f"{n:,} of the {len(part):,} {part.name} images are shown, drawn at random")
    return JudgedImages(parts[0], parts[1], judged.missing, tuple(notes))


def _sample(part: LabelledImages, images: ShardedImages) -> LabelledImages:
    """Some of the images, whole blocks drawn at random: the shards were shuffled, and blocks are read much faster."""
    most = min(MAX_JUDGED, max(1, MAX_JUDGED_BYTES // prod(images.image_shape)), len(images))
    order = np.random.default_rng(SAMPLE_SEED).permutation(len(images.counts))
    n_blocks = 1 + int(np.searchsorted(np.cumsum(images.counts[order]), most))
    starts = np.cumsum(images.counts) - images.counts
    rows = np.concatenate([starts[block] + np.arange(images.counts[block]) for block in order[:n_blocks].tolist()])
    rows = np.sort(rows[:most])
    return LabelledImages(part.name, images[rows], part.labels[rows], None, None if most == len(images) else rows)
