"""Images with their labels: plain arrays, checked once, when the set is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data.storage import MEMORY, Memory
from golmu.errors import InputError, InputTypeError


@dataclass(frozen=True, eq=False)
class ImageSet:
    """Images and the class that each one shows.

    Attributes
    ----------
    images
        uint8, shape (n, h, w, c), values 0 to 255; n, h, w and c are 1 or more.
    labels
        int64, shape (n,), each 0 or more: the number of the image's class.
    files
        (n,) names of the image files, from the data's own folder on, with slashes, such as "train/cat/1.jpg"; or None
        if the images come from no files of their own.

    Raises
    ------
    InputError
        If a shape, an element type or a label is not as described above; the message says which.
    InputTypeError
        If `images` or `labels` is not a NumPy array.

    Examples
    --------
    >>> import numpy as np
    >>> from golmu import ImageSet
    >>> images = ImageSet(np.zeros((4, 8, 8, 1), np.uint8), np.array([0, 1, 0, 1]))
    >>> images
    <ImageSet: 4 images of 8x8x1, 2 classes>
    >>> images.take(np.array([1, 3])).labels.tolist()
    [1, 1]
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    files: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        _check_array("images", self.images, np.dtype(np.uint8), ("n", "h", "w", "c"))
        _check_array("labels", self.labels, np.dtype(np.int64), ("n",))
        if len(self.images) != len(self.labels):
            raise InputError(
                f"images and labels must match in number, but there are {len(self.images)} images and "
                f"{len(self.labels)} labels; give one label for each image"
            )
        if self.files is not None and len(self.files) != len(self.images):
            raise InputError(
                f"files must name each image, but there are {len(self.images)} images and {len(self.files)} names; "
                "give one name for each image, or None"
            )
        lowest = int(self.labels.min())
        if lowest < 0:
            raise InputError(f"labels must be 0 or more, but the lowest is {lowest}; number classes from 0")

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.images.shape[1:]))
        return f"<ImageSet: {len(self):,} images of {shape}, {len(np.unique(self.labels)):,} classes>"

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)

    def take(self, indices: NDArray[np.int64], storage: Memory = MEMORY) -> ImageSet:
        """Return an image set of copies of the images at `indices`, (m,), in their order; m is 1 or more."""
        files = None if self.files is None else tuple(self.files[i] for i in indices.tolist())
        return ImageSet(storage.take(self.images, indices), self.labels[indices], files)


def _check_array(name: str, array: Any, dtype: np.dtype[Any], axes: tuple[str, ...]) -> None:
    """Raise unless `array` is a NumPy array of `dtype` with one axis, not empty, for each name in `axes`."""
    shape = f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"
    if not isinstance(array, np.ndarray):
        raise InputTypeError(
            f"{name} must be a NumPy array of {dtype} with shape {shape}, but is a {type(array).__name__}; "
            f"convert it with numpy.asarray"
        )
    if array.dtype != dtype:
        raise InputError(f"{name} must hold {dtype}, but holds {array.dtype}; convert it with astype('{dtype}')")
    if array.ndim != len(axes) or array.size == 0:
        raise InputError(
            f"{name} must have shape {shape} with no axis of length 0, but has shape {array.shape}; reshape it"
        )
