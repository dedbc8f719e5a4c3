"""Load a data set by its name, from a folder, or from a file."""

from __future__ import annotations

import difflib
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from golmu.data.arrays import users_images, users_labels
from golmu.data.brightness import brightened
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.named import digits, fashion_mnist
from golmu.data.readers.idx import as_path
from golmu.data.readers.idx_folders import find_idx_sets, load_idx_folder
from golmu.data.readers.npz import read_npz
from golmu.data.reading import Progress, Reading, as_size
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError

_LOADERS = {fashion_mnist.NAME: fashion_mnist.load, digits.NAME: digits.load}

DATASET_NAMES = tuple(_LOADERS)
"""What `load_dataset` knows by name."""


SUFFIXES = (".npz", ".parquet", ".csv")
"""How the names of files end that are data sets."""

WHAT_DATA_IS = (
    "a data set by name (fashion-mnist, digits), a folder of class folders of images, of IDX files or of tables, or an "
    ".npz, .parquet or .csv file"
)
"""What `load_dataset` and every command take."""


def load_dataset(
    name: str | Path,
    *,
    folder: str | Path | None = None,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    skip_bad: bool = False,
    label: str | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Load a data set by name, from a folder, or from a file.

    Parameters
    ----------
    name
        - "fashion-mnist", or scikit-learn's "digits".
        - The path of a folder that holds a folder of image files for each class, or `train` with such folders, and
          `test` or `val` likewise (`golmu.data.readers.class_folders`). The images may be of any size and mode: they are
          decoded, turned upright, made grey or RGB, scaled with their aspect ratio kept, and centred on their ground.
        - The path of a folder with the four IDX files of MNIST, KMNIST, Fashion-MNIST, EMNIST or QMNIST, or of others
          under such names (`golmu.data.readers.idx_folders`); images uint8, (n, h, w) or (n, h, w, c). Where it holds several
          data sets, as EMNIST's does, FOLDER/emnist-letters is one of them.
        - The path of a Parquet or CSV file, or of a folder of these (`golmu.data.readers.tables`; needs pyarrow): a column of
          labels, and a column of encoded images, or one for each pixel.
        - The path of an `.npz` file with x_train, y_train, x_test and y_test, or x and y, of such images and labels;
          labels may be text there.

        Pixels in arrays and columns that are integers, 0 and 1 only, are taken as 0 and 255, with a warning.
    folder
        Where to look first for the files of a data set that is given by name.
    size
        Height and width that image files are fitted to, in pixels, or one number for both. By default the size of all
        files if it is one, else 28, with a warning. Where each pixel has a column in a table: how they are cut.
    channels
        1 for grey or 3 for RGB images from image files. By default 3 if any of them has colours.
    skip_bad
        Whether image files that cannot be read are left out, with a warning, rather than refused.
    label
        The column of a Parquet or CSV file that holds the labels. By default the one that is called so, or the only one
        that may be.
    progress
        Called with the number of image files that are decoded, and of all, while they are.

    Returns
    -------
    The data set: images uint8 (n, h, w, c), labels int64 (n,).

    Raises
    ------
    DataError
        The name is unknown, or the files are missing, damaged or do not fit together.
    InputError
        `folder` is given although `name` is a path itself; or `size` or `channels` is out of range, or given although
        the data are no image files and have another; or there is no column `label`.
    InputTypeError
        An argument is of a wrong type.
    """
    reading = Reading(as_size(size), channels, skip_bad, label, progress)
    dataset = read_dataset(name, folder, reading)
    for note in reading.notes:
        warnings.warn(note, GolmuWarning, stacklevel=2)
    return dataset


def read_dataset(name: str | Path, folder: str | Path | None, reading: Reading) -> Dataset:
    """As `load_dataset`, but what there is to warn of is left in `reading.notes`."""
    path = as_path(name, "name")
    if folder is not None:
        folder = as_path(folder, "folder")
    if load := _LOADERS.get(str(name)):
        return _as_it_is(load(folder), reading)
    is_folder = bool(str(name)) and _is_folder(path)
    is_idx_set = not os.path.lexists(path) and _is_folder(path.parent) and path.name in find_idx_sets(path.parent)
    suffix = path.suffix.lower()
    if folder is not None and (is_folder or is_idx_set or suffix in SUFFIXES):
        kind = "folder" if is_folder else "file"
        raise InputError(f"name='{name}' is a {kind} itself, so folder='{folder}' has no use; leave it out")
    if is_folder:
        return _load_folder(path, reading)
    if is_idx_set:
        return _as_it_is(load_idx_folder(path.parent, path.name), reading)
    if suffix == ".npz":
        return _as_it_is(load_npz(path), reading)
    if suffix in SUFFIXES:
        from golmu.data.readers.tables import load_tables  # noqa: PLC0415  imports Pillow

        return load_tables(path, reading)
    raise DataError(_unknown(name))


def _load_folder(folder: Path, reading: Reading) -> Dataset:
    from golmu.data.readers.class_folders import holds_class_folders, load_class_folders  # noqa: PLC0415  imports Pillow
    from golmu.data.readers.image_files import is_image_name  # noqa: PLC0415
    from golmu.data.readers.tables import holds_tables, load_tables  # noqa: PLC0415

    if find_idx_sets(folder):
        return _as_it_is(load_idx_folder(folder), reading)
    if holds_class_folders(folder):
        reading.check_no_table(str(folder))
        return load_class_folders(folder, reading)
    if holds_tables(folder):
        return load_tables(folder, reading)
    if any(is_image_name(entry.name) for entry in folder.iterdir()):
        raise DataError(
            f"'{folder}' holds images, but no folder for each class: move the images of each class into a folder of "
            "the class's name"
        )
    raise DataError(f"'{folder}' holds no data set; give {WHAT_DATA_IS}")


def _as_it_is(dataset: Dataset, reading: Reading) -> Dataset:
    """A data set of arrays, which is not fitted to anything."""
    reading.check_no_table(dataset.name)
    reading.check_arrays(dataset.train.images.shape[1:], dataset.name)
    train, test, notes = brightened(dataset.train, dataset.test)
    reading.notes += notes
    return replace(dataset, train=train, test=test)


def load_npz(path: Path) -> Dataset:
    """Load an `.npz` file (`golmu.data.readers.npz`) of arrays such as `Dataset.from_arrays` takes.

    Raises
    ------
    DataError
        The file is missing or damaged, or its arrays cannot be used, or do not fit together.
    """
    arrays = read_npz(path)
    names = [*arrays]
    texts = [labels.ravel() for labels in (arrays[name] for name in names[1::2]) if labels.dtype.kind == "U"]
    # A class that is in the test only is noticed later, and refused by nobody.
    known = tuple(map(str, np.unique(np.concatenate(texts)))) if len(texts) == len(names[1::2]) else None
    parts: list[ImageSet] = []
    try:
        for x, y in zip(names[::2], names[1::2], strict=True):
            images = users_images(arrays.pop(x), x)
            labels, known = users_labels(arrays[y], len(images), None, y, known)
            parts.append(ImageSet(images, labels))
    except (InputError, InputTypeError) as error:
        raise DataError(f"'{path}': {error}") from error
    assert known is not None
    if len({part.images.shape[1:] for part in parts}) > 1:
        raise DataError(
            f"'{path}' holds training images of shape {parts[0].images.shape[1:]} and test images of shape "
            f"{parts[1].images.shape[1:]}, where one shape was expected"
        )
    return Dataset(path.stem, parts[0], parts[1] if len(parts) > 1 else None, known, str(path))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name too long for the file system, or one with a null byte
        return False


def _unknown(name: str | Path) -> str:
    """What to say about a name that is neither a data set's nor that of something that is read."""
    text = str(name)
    if os.path.lexists(text):
        return f"'{text}' is a file of a kind that is not read; give {WHAT_DATA_IS}"
    if isinstance(name, os.PathLike) or Path(text).name != text != "" or Path(text).suffix:
        return f"there is no '{text}'; give {WHAT_DATA_IS}"
    close = difflib.get_close_matches(text.lower(), _LOADERS, n=1, cutoff=0.5)
    question = f" (did you mean '{close[0]}'?)" if close else ""
    return f"there is no data set named '{text}'{question}; give {WHAT_DATA_IS}"
