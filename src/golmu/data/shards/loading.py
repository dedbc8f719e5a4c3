"""A packed folder as an ordinary data set, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from golmu.data.dataset import Dataset, check_split
from golmu.data.image_set import ImageSet
from golmu.data.reading import ReadOptions
from golmu.data.shards.index import ShardIndex, ShardPart, read_index
from golmu.data.shards.sharded_images import ShardedImages
from golmu.data.shards.split import hold_out
from golmu.errors import DataError


@dataclass(frozen=True, eq=False, kw_only=True)
class PackedDataset(Dataset):
    """A data set that was read from a packed folder; it holds out the images that a training on the folder holds out.

    Attributes
    ----------
    index
        What the folder holds.
    """

    index: ShardIndex

    def split(
        self, validation: float = 0.2, random_state: int = 42, *, at_least_one: bool = True
    ) -> tuple[ImageSet, ImageSet]:
        """Split `train` as `Dataset.split` does, but by another draw, which needs no more than a shard in memory."""
        check_split(validation, random_state)
        parts = hold_out(self.index, float(validation), int(random_state))
        return self.train.take(parts[0].rows), self.train.take(parts[1].rows)


def load_shards(folder: Path, read_options: ReadOptions) -> Dataset:
    """Load a packed folder whole.

    Raises
    ------
    DataError
        If a file is missing, cut or damaged, or the images do not fit into memory.
    InputError
        If the options ask for what packed images do not have.
    """
    index = read_index(folder)
    check_options(index, read_options)
    index.check(read_options.progress)
    try:
        test = None if index.test is None else _load(index.test)
        return PackedDataset(index.name, _load(index.train), test, index.class_names, str(folder), index=index)
    except MemoryError as error:
        raise DataError(
            f"'{folder}' holds {index.n_bytes:,} bytes of images, which do not fit into memory: train on it with golmu "
            "train, which reads it piece by piece"
        ) from error


def check_options(index: ShardIndex, read_options: ReadOptions) -> None:
    """Raise `InputError` if the options ask for what packed images do not have."""
    read_options.check_no_table(index.name)
    read_options.check_arrays(index.image_shape, index.name)


def _load(part: ShardPart) -> ImageSet:
    images = ShardedImages(part.shards)
    return ImageSet(images[:], images.labels)
