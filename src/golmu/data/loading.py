"""Load a data set by its name, from a folder of IDX files, or from an `.npz` file."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from golmu.data import fashion_mnist
from golmu.data.dataset import Dataset, ImageSet
from golmu.data.idx import MNIST_FILES, as_path, find_idx_files, read_idx
from golmu.data.npz import read_npz
from golmu.errors import DataError, InputError

_LOADERS = {fashion_mnist.NAME: fashion_mnist.load}

DATASET_NAMES = tuple(_LOADERS)
"""What `load_dataset` knows by name."""

# A damaged label file must not make a million class names, nor the network a million outputs.
_MAX_CLASSES = 65_536


def load_dataset(name: str | Path, *, folder: str | Path | None = None) -> Dataset:
    """Load a data set by name, from a folder of IDX files, or from an `.npz` file.

    Parameters
    ----------
    name
        "fashion-mnist", or the path of a folder with the four files of an MNIST-like data set
        (`train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`,
        `t10k-labels-idx1-ubyte`, each plain or with `.gz`): images uint8, (n, h, w) or (n, h, w, c), labels of
        an integer type, (n,). Such a data set is named after its folder and its classes "0", "1", ... Or the path
        of an `.npz` file with x_train, y_train, x_test and y_test, or x and y, of such images and labels; labels may
        be text there.
    folder
        Where to look first for the files of a data set that is given by name.

    Returns
    -------
    The data set: images uint8 (n, h, w, c), labels int64 (n,).

    Raises
    ------
    DataError
        The name is unknown, or the files are missing, damaged or do not fit together.
    InputError
        `folder` is given although `name` is a folder itself.
    InputTypeError
        `name` or `folder` is neither text nor a path.
    """
    path = as_path(name, "name")
    if folder is not None:
        folder = as_path(folder, "folder")
    if load := _LOADERS.get(str(name)):
        return load(folder)
    if path.suffix.lower() == ".npz":
        if folder is not None:
            raise InputError(f"name='{name}' is a file itself, so folder='{folder}' has no use; leave it out")
        return load_npz(path)
    if str(name) and _is_folder(path):
        if folder is not None:
            raise InputError(f"name='{name}' is a folder itself, so folder='{folder}' has no use; leave it out")
        return load_idx_folder(path)
    raise DataError(_unknown(name))


def load_idx_folder(folder: Path) -> Dataset:
    """Load the four IDX files of an MNIST-like data set, whatever they show; `load_dataset` says more.

    Raises
    ------
    DataError
        A file is missing or damaged, or the files do not fit together.
    """
    files = {name: paths[0] for name, paths in find_idx_files(folder).items()}
    train_images, train_labels, test_images, test_labels = (files[name] for name in MNIST_FILES)
    train = _image_set(train_images, train_labels)
    test = _image_set(test_images, test_labels)
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"folder '{folder}' holds training images of shape {train.images.shape[1:]} and test images of shape "
            f"{test.images.shape[1:]}, where one shape was expected; put files of one data set into it"
        )
    n_classes = 1 + max(int(train.labels.max()), int(test.labels.max()))
    return Dataset(
        name=folder.resolve().name,
        train=train,
        test=test,
        class_names=tuple(str(label) for label in range(n_classes)),
        source=str(folder),
    )


def load_npz(path: Path) -> Dataset:
    """Load an `.npz` file (`golmu.data.npz`): images uint8, (n, h, w) or (n, h, w, c), labels integers or text, (n,).

    Raises
    ------
    DataError
        The file is missing or damaged, or its arrays do not fit together.
    """
    training, test = read_npz(path)
    pairs = [training] if test is None else [training, test]
    if all(labels.dtype.kind == "U" for _, labels in pairs):
        names, codes = np.unique(np.concatenate([labels.ravel() for _, labels in pairs]), return_inverse=True)
        parts = np.split(codes, [pairs[0][1].size])
        pairs = [(images, codes) for (images, _), codes in zip(pairs, parts, strict=False)]
        class_names = tuple(str(name) for name in names)
    else:
        class_names = ()
    sets = [
        _checked(images, labels.reshape(-1) if labels.ndim == 2 and labels.shape[1] == 1 else labels, x, y)
        for (images, labels), x, y in zip(
            pairs, (f"{path}: x_train", f"{path}: x_test"), (f"{path}: y_train", f"{path}: y_test"), strict=False
        )
    ]
    if len({part.images.shape[1:] for part in sets}) > 1:
        raise DataError(
            f"'{path}' holds training images of shape {sets[0].images.shape[1:]} and test images of shape "
            f"{sets[1].images.shape[1:]}, where one shape was expected"
        )
    n_classes = 1 + max(int(part.labels.max()) for part in sets)
    return Dataset(
        name=path.stem,
        train=sets[0],
        test=sets[1] if len(sets) > 1 else None,
        class_names=class_names or tuple(str(label) for label in range(n_classes)),
        source=str(path),
    )


def _image_set(images_path: Path, labels_path: Path) -> ImageSet:
    """Read images and labels, and check that they are what they should be and match in number."""
    return _checked(read_idx(images_path), read_idx(labels_path), images_path, labels_path)


def _checked(images: NDArray[Any], labels: NDArray[Any], images_path: Path | str, labels_path: Path | str) -> ImageSet:
    """Images and labels that are what they should be and match in number; the paths say in errors where they are."""
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.size == 0:
        raise DataError(
            f"'{images_path}' holds {_describe(images)}, where images of uint8 with shape (n, h, w) or (n, h, w, c) "
            f"and no axis of length 0 were expected; name a file of images so"
        )
    if labels.dtype.kind not in "iu" or labels.ndim != 1:
        raise DataError(
            f"'{labels_path}' holds {_describe(labels)}, where labels of an integer type with shape (n,) were "
            f"expected; name a file of labels so"
        )
    if len(images) != len(labels):
        raise DataError(
            f"'{images_path}' holds {len(images)} images, but '{labels_path}' holds {len(labels)} labels, where one "
            f"for each image was expected; put data of one set together"
        )
    if not 0 <= labels.min() <= labels.max() < _MAX_CLASSES:
        raise DataError(
            f"'{labels_path}' holds labels from {labels.min()} to {labels.max()}, where 0 to {_MAX_CLASSES - 1} were "
            f"expected; number the classes from 0"
        )
    # (n, h, w) is the usual form of one channel.
    images = images.reshape(*images.shape[:3], -1)
    return ImageSet(images, labels.astype(np.int64))


def _describe(array: NDArray[Any]) -> str:
    return f"{array.dtype} with shape {array.shape}"


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name too long for the file system, or one with a null byte
        return False


def _unknown(name: str | Path) -> str:
    """What to say about a name that is neither a data set's nor a folder's."""
    text = str(name)
    known = ", ".join(f"'{name}'" for name in _LOADERS)
    if isinstance(name, os.PathLike) or Path(text).name != text != "" or os.path.lexists(text):
        return (
            f"'{text}' is not a folder; give a folder that holds the four files {', '.join(MNIST_FILES)} (each may "
            f"end in .gz), or the name of a known data set: {known}"
        )
    close = difflib.get_close_matches(text.lower(), _LOADERS, n=1, cutoff=0.5)
    question = f", did you mean '{close[0]}'?" if close else ""
    return (
        f"there is no data set named '{text}'{question} (known: {known}); give one of these names, or the path of a "
        f"folder that holds the files {', '.join(MNIST_FILES)}"
    )
