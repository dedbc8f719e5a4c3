"""The data set: named images to learn from and to test on, checked once, when it is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from golmu.checks import integer_within
from golmu.data.arrays import are_shares, brighten, leave_out_untrained, users_images, users_labels
from golmu.data.image_set import ImageSet
from golmu.data.inputs import MAX_CLASSES_NAMED
from golmu.data.pixel_arrays import as_numbers
from golmu.data.split import stratified_folds, stratified_split
from golmu.errors import InputError, InputTypeError, warn
from golmu.names import look_alike_notice

MAX_FOLDS = 20
"""Folds of a data set, at most: each is a training."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A named set of training images, and of test images where the source has them.

    Attributes
    ----------
    name
        What the data set is called, such as "fashion-mnist".
    train
        The images to learn from.
    test
        Images that are never learned from, of the same (h, w, c), or None.
    class_names
        One name for each class, in the order of the labels.
    source
        Where the data came from: a folder, or an address.

    Raises
    ------
    InputError
        If the test images have another (h, w, c) than the training images, or a label has no class name.
    InputTypeError
        If `train` or `test` is not an `ImageSet`.
    """

    name: str
    train: ImageSet
    test: ImageSet | None
    class_names: tuple[str, ...]
    source: str

    def __post_init__(self) -> None:
        self._check_labels("train", self.train)
        if self.test is None:
            return
        self._check_labels("test", self.test)
        if self.test.images.shape[1:] != self.train.images.shape[1:]:
            raise InputError(
                f"test images must have the shape of the training images {self.train.images.shape[1:]}, "
                f"but have {self.test.images.shape[1:]}; scale or crop them to one size"
            )

    @classmethod
    def from_arrays(
        cls, images: Any, labels: Any, class_names: Sequence[str] | None = None, *,
        test_images: Any = None, test_labels: Any = None, name: str = "arrays",
    ) -> Dataset:  # fmt: skip
        """Make a data set of arrays in memory, or of anything that `numpy.asarray` converts, such as data frames.

        Parameters
        ----------
        images
            (n, h, w, c), (n, h, w), or flattened squares (n, h·w); the columns of a data frame are put in the order of
            the numbers in their names. Integers from 0 to 255 are taken as they are, and so
            are floats that are all whole, such as `fetch_openml` returns; floats in [0, 1] are multiplied by 255 and
            rounded. Integers that are all 0 or 1 are multiplied by 255 too, with a warning. There is also a warning if
            all images are nearly black.
        labels
            (n,) integers, booleans or strings; or one-hot, (n, classes). Integers from 0 on are class numbers; if some
            are below 0 or above 65,535, each different one is a class. Strings lose the spaces around them, and are
            integers if all of them are (`docs/en/reference/names.md`).
        class_names
            A name for each class: for integers in their order, for strings all of these, in the order in which they
            are numbered. By default the integers, or the strings sorted, as numbers if all of them are.
        test_images, test_labels
            Images that are never learned from, and their labels, of the same kinds. Those of a class that has no
            training images are left out, with a warning.
        name
            What to call the data set.

        Raises
        ------
        InputError, InputTypeError
            If an argument cannot be used; the message says which, what was expected and what was received.

        Examples
        --------
        >>> import numpy as np
        >>> from golmu import Dataset
        >>> images = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4)
        >>> dataset = Dataset.from_arrays(images, ["cat", "dog", "cat", "dog", "cat", "dog"])
        >>> dataset.class_names, dataset.train.labels.tolist()
        (('cat', 'dog'), [0, 1, 0, 1, 0, 1])
        """
        if (test_images is None) != (test_labels is None):
            raise InputTypeError("test_images and test_labels belong together: give both, or neither")
        given = {"images": as_numbers(images, "images")}
        if test_images is not None:
            given["test_images"] = as_numbers(test_images, "test_images")
        is_share = are_shares(*given.values())
        sets = [users_images(array, argument, is_share=is_share) for argument, array in given.items()]
        parts = [(labels, len(sets[0]), "labels")]
        if test_images is not None:
            parts.append((test_labels, len(sets[1]), "test_labels"))
        numbers, names = users_labels(parts, class_names)
        train, *rest = map(ImageSet, sets, numbers)
        test, names, untrained = leave_out_untrained(train, rest[0] if rest else None, names)
        train, test, notes = brighten(train, test)
        for note in [*untrained, *notes, *look_alike_notice(names)]:
            warn(note)
        return cls(str(name), train, test, names, "memory")

    def split(
        self, validation: float = 0.2, random_state: int = 42, *, at_least_one: bool = True
    ) -> tuple[ImageSet, ImageSet]:
        """Split `train` into a part to fit on and a part to validate on, each class in the same proportion.

        The split is that of scikit-learn's
        `train_test_split(images, labels, stratify=labels, test_size=validation, random_state=random_state)`:
        the same images in the same order, but that each class has an image in both parts. On Fashion-MNIST the
        defaults give 48,000 and 12,000 images.

        Parameters
        ----------
        validation
            The share of images to validate on, between 0 and 1, both excluded.
        random_state
            The seed of the shuffle, 0 to 2**32 - 1.
        at_least_one
            Whether each class has an image in both parts; if not, a small class may have none in one of them, as in
            scikit-learn's split.

        Returns
        -------
        (fit, validation): two image sets that own copies of their images.

        Raises
        ------
        InputError
            If an argument is out of range, or a class has only one image, which cannot be in both parts.
        InputTypeError
            If an argument is not a number.

        Examples
        --------
        >>> import golmu
        >>> train, validation = golmu.load_dataset("digits").split()
        >>> len(train), len(validation)
        (1149, 288)
        """
        check_split(validation, random_state)
        self._refuse_single_images()
        labels = self.train.labels
        fit, held_out = stratified_split(labels, float(validation), int(random_state), at_least_one=at_least_one)
        return self.train.take(fit), self.train.take(held_out)

    def fold(self, number: int, n_folds: int, random_state: int = 42) -> tuple[ImageSet, ImageSet]:
        """Split `train` into folds, and return the images of all folds but one, and those of this one.

        The folds are those of scikit-learn's `StratifiedKFold(n_folds, shuffle=True, random_state=random_state)`.

        Parameters
        ----------
        number
            Which fold to hold out, from 1 to `n_folds`.
        n_folds
            Number of folds, from 2 to `MAX_FOLDS`.
        random_state
            The seed of the shuffle, 0 to 2**32 - 1.

        Returns
        -------
        (fit, validation): two image sets that own copies of their images, in their order.

        Raises
        ------
        InputError
            If an argument is out of range, a class has only one image, or there are fewer images than folds.
        InputTypeError
            If an argument is not an integer.

        Examples
        --------
        >>> import golmu
        >>> dataset = golmu.load_dataset("digits")
        >>> [len(dataset.fold(number, 5)[1]) for number in range(1, 6)]
        [288, 288, 287, 287, 287]
        """
        n_folds = integer_within(n_folds, "n_folds", 2, MAX_FOLDS)
        number = integer_within(number, "number", 1, n_folds)
        random_state = integer_within(random_state, "random_state", 0, 2**32 - 1)
        self._refuse_single_images()
        if len(self.train) < n_folds:
            raise InputError(
                f"'{self.name}' has {len(self.train)} training images, too few for {n_folds} folds: give fewer folds, "
                "or add images"
            )
        is_held_out = stratified_folds(self.train.labels, n_folds, random_state) == number - 1
        return self.train.take(np.flatnonzero(~is_held_out)), self.train.take(np.flatnonzero(is_held_out))

    def _refuse_single_images(self) -> None:
        """Raise `InputError` if a class has only one image, which cannot be trained on and held out."""
        if len(single := np.flatnonzero(np.bincount(self.train.labels) == 1)):
            named = ", ".join(f"'{self.class_names[label]}'" for label in single[:MAX_CLASSES_NAMED])
            more = f" and {len(single) - MAX_CLASSES_NAMED} more" if len(single) > MAX_CLASSES_NAMED else ""
            raise InputError(
                f"'{self.name}' cannot be split by class, since {named}{more} {'has' if len(single) == 1 else 'have'} "
                "only 1 image, and each class needs 2, one to train on and one to validate on: add images, or remove "
                "the class"
            )

    def _check_labels(self, part: str, image_set: ImageSet) -> None:
        if not isinstance(image_set, ImageSet):
            raise InputTypeError(f"{part} must be an ImageSet, but is a {type(image_set).__name__}")
        highest = int(image_set.labels.max())
        if highest >= len(self.class_names):
            raise InputError(
                f"class_names must name every label, but {part} has label {highest} and there are "
                f"{len(self.class_names)} names, for labels 0 to {len(self.class_names) - 1}; add the missing names"
            )


def check_split(validation: Any, random_state: Any) -> None:
    """Raise unless the arguments of `Dataset.split` have the right type and range."""
    if isinstance(validation, bool) or not isinstance(validation, Real):
        raise InputTypeError(
            f"validation must be a number between 0 and 1, but is {validation!r}; give a share such as 0.2"
        )
    if not 0 < float(validation) < 1:
        raise InputError(f"validation must be between 0 and 1, both excluded, but is {validation!r}; try 0.2")
    if isinstance(random_state, bool) or not isinstance(random_state, Integral):
        raise InputTypeError(f"random_state must be an integer, but is {random_state!r}; give a seed such as 42")
    if not 0 <= int(random_state) < 2**32:
        raise InputError(f"random_state must be 0 to 2**32 - 1, but is {random_state!r}; try 42")
