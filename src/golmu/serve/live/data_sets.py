"""The data sets that a visitor can choose: each is loaded and split once, when it is first wanted, for all visitors."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, NamedTuple

from golmu.about import DATASET_NAMES
from golmu.checks import one_of
from golmu.data.loading import load_dataset
from golmu.data.named import digits, fashion_mnist
from golmu.names import printable
from golmu.runs.job import SplitDataset

OWN = "own"
"""What the page calls the data that the user has named as the page was started."""


class Facts(NamedTuple):
    """What is known of a data set before it is loaded."""

    title: str
    n_images: int
    """Training images, those that will be held out among them."""
    class_names: tuple[str, ...]
    shape: tuple[int, int, int]
    """(h, w, c)."""
    recipe: str
    """The name of the recipe to begin with."""


NAMED = {
    fashion_mnist.NAME: Facts("Fashion-MNIST", 60_000, fashion_mnist.CLASS_NAMES, (28, 28, 1), "chapter"),
    digits.NAME: Facts("digits", 1437, tuple(map(str, range(10))), (8, 8, 1), "any"),
}

assert tuple(NAMED) == DATASET_NAMES


class DataSets:
    """The data sets; any number of threads may load them.

    Parameters
    ----------
    own
        The user's own data, if there are any.
    own_recipe
        The name of the recipe that suits them.
    folder
        A folder to search first for Fashion-MNIST.
    first
        The name of the data set that is chosen at first; by default one that suits.
    """

    def __init__(
        self, own: SplitDataset | None = None, own_recipe: str = "any", *, folder: Path | None = None,
        first: str | None = None,
    ) -> None:  # fmt: skip
        self._folder, self._own_recipe, self._first = folder, own_recipe, first
        self._loaded = {} if own is None else {OWN: own}
        self._locks = {name: threading.Lock() for name in NAMED}

    @property
    def names(self) -> tuple[str, ...]:
        """What can be chosen."""
        return (*((OWN,) if OWN in self._loaded else ()), *NAMED)

    @property
    def default(self) -> str:
        """The one that was asked for, the user's own, or Fashion-MNIST, or where that must be fetched, the digits."""
        if self._first in self.names:
            return str(self._first)
        if OWN in self._loaded:
            return OWN
        return fashion_mnist.NAME if self.is_here(fashion_mnist.NAME) else digits.NAME

    def is_here(self, name: str) -> bool:
        """Whether a data set needs no download."""
        return name in self._loaded or name != fashion_mnist.NAME or fashion_mnist.is_here(self._folder)

    def describe(self) -> list[dict[str, Any]]:
        """Return what the page shows of each data set."""
        return [{"name": name, **self._facts(name)._asdict(), "is_here": self.is_here(name)} for name in self.names]

    def check(self, name: str) -> str:
        """Return a name, or raise `InputError` if there is no such data set."""
        return one_of(name, self.names, "data_set")

    def title(self, name: str) -> str:
        """Return what a data set is called."""
        return self._facts(name).title

    def load(self, name: str) -> SplitDataset:
        """Return a data set, loaded and split if it is not yet; this takes a second, or a download.

        Raises
        ------
        InputError
            If there is none of that name.
        DataError
            If it cannot be had.
        """
        self.check(name)
        if name == OWN:
            return self._loaded[OWN]
        with self._locks[name]:
            if name not in self._loaded:
                folder = self._folder if name == fashion_mnist.NAME else None
                self._loaded[name] = SplitDataset.of(load_dataset(name, folder=folder), name)
            return self._loaded[name]

    def _facts(self, name: str) -> Facts:
        if name in NAMED:
            return NAMED[name]
        data, record = self._loaded[name].data, self._loaded[name].record
        names = tuple(printable(one) for one in data.class_names)
        height, width, channels = data.images.shape[1:]
        title = printable(self._loaded[name].name)
        return Facts(title, record.train + record.validation, names, (height, width, channels), self._own_recipe)
