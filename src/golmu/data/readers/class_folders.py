"""Image files in a folder for each class: CLASS/*.png, or train/CLASS/*.png beside test/ or val/.

An image in a subfolder of a class's folder is of that class. Hidden files and folders, and files whose names are not
those of images, are ignored; links are followed.

Beside `train/`, the folder `test/` holds the test images. If there is no `test/`, the folder `val/` (or `valid/`,
`validation/`) holds them. If there are both, `val/` is not read, and a note says so: Golmu holds out a part of the
training images for validation, and the user would expect neither training on images that were set aside nor testing
on two sets.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.quality import notices
from golmu.data.readers.image_files import IMAGE_SUFFIXES, is_image_name, iterate_images, visible_entries
from golmu.data.readers.threaded_reading import DecodedImages, in_parts, read_images
from golmu.data.reading import ReadOptions
from golmu.errors import DataError

TRAINING_NAMES, TEST_NAMES = ("train", "training"), ("test", "testing")
VALIDATION_NAMES = ("val", "valid", "validation")
"""Names of the folders above those of the classes, in capitals or not."""

Classes = dict[str, list[Path]]
"""The image files of each class, by its name."""


class _Layout(NamedTuple):
    """The folders whose folders are classes."""

    training: Path
    test: Path | None
    ignored: list[str]
    """Names of folders beside them that hold images too."""


def holds_class_folders(folder: Path) -> bool:
    """Return whether there are images in the folders of `folder`."""
    return any(_has_images(inner) for inner in _subfolders(folder))


def load_class_folders(folder: Path, read_options: ReadOptions) -> Dataset:
    """Load the data set of a folder of class folders, and name it after that.

    Classes are numbered by name, or by number if all names are numbers.

    Raises
    ------
    DataError
        If there are fewer than two classes, a class has no image, a test class is not one of training, or an image
        cannot be read.
    InputError
        If the images would be too many for their size.
    """
    layout = _find_layout(folder)
    training = _list_classes(layout.training)
    test = {} if layout.test is None else _list_test_classes(layout.test, training)
    if layout.ignored:
        read = f"'{layout.training.name}'" + (f" and '{layout.test.name}'" if layout.test else "")
        read_options.notes.append(f"from '{folder}' only {read} is read; ignored: {', '.join(layout.ignored)}")
    class_names = tuple(training)
    number = {name: i for i, name in enumerate(class_names)}
    labelled = [(file, number[name]) for part in (training, test) for name, files in part.items() for file in files]
    files, labels = [file for file, _ in labelled], np.array([label for _, label in labelled], np.int64)
    n_training = sum(map(len, training.values()))
    decoded = read_images(lambda: in_parts(files), len(files), read_options)
    if not decoded.is_good[:n_training].any():
        raise DataError(f"'{layout.training}' holds no image that can be read; fix or replace the files")
    names = [file.relative_to(folder).as_posix() for file in files]
    train_set, test_set = _image_sets(decoded, labels, names, n_training)
    if missing := sorted(set(number.values()) - set(train_set.labels.tolist())):
        raise DataError(
            f"'{layout.training / class_names[missing[0]]}' holds no image that can be read; fix or remove it"
        )
    dataset = Dataset(folder.resolve().name or "data", train_set, test_set, class_names, str(folder))
    read_options.notes += notices(dataset)
    return dataset


def _image_sets(
    decoded: DecodedImages, labels: NDArray[np.int64], names: list[str], n_training: int
) -> tuple[ImageSet, ImageSet | None]:
    """Return the images of the first `n_training` files, as far as they could be read, and those of the others."""
    n_train = int(decoded.is_good[:n_training].sum())
    labels = labels[decoded.is_good]
    files = tuple(name for name, is_good in zip(names, decoded.is_good.tolist(), strict=True) if is_good)
    test = None
    if len(labels) > n_train:
        test = ImageSet(decoded.images[n_train:], labels[n_train:], files[n_train:])
    return ImageSet(decoded.images[:n_train], labels[:n_train], files[:n_train]), test


def _find_layout(folder: Path) -> _Layout:
    by_name = {inner.name.lower(): inner for inner in _subfolders(folder)}
    training = _first_of(by_name, TRAINING_NAMES)
    if training is None or not holds_class_folders(training) or _has_images(training, deeply=False):
        return _Layout(folder, None, [])
    candidates = (_first_of(by_name, names) for names in (TEST_NAMES, VALIDATION_NAMES))
    test = next((inner for inner in candidates if inner and holds_class_folders(inner)), None)
    ignored = [inner.name for inner in by_name.values() if inner not in (training, test) and _has_images(inner)]
    return _Layout(training, test, ignored)


def _first_of(by_name: dict[str, Path], names: Iterable[str]) -> Path | None:
    return next((by_name[name] for name in names if name in by_name), None)


def _list_classes(folder: Path) -> Classes:
    """List the images of each class folder in `folder`, or raise if there are fewer than two, or one has no image."""
    folders = _subfolders(folder)
    if all(inner.name.isdecimal() for inner in folders):
        folders.sort(key=lambda inner: int(inner.name))
    classes = {inner.name: sorted(iterate_images(inner)) for inner in folders}
    if empty := [name for name, files in classes.items() if not files]:
        raise DataError(
            f"the class folder '{folder / empty[0]}' holds no image: no file ends in {', '.join(IMAGE_SUFFIXES)}; add "
            "images, or remove the folder"
        )
    if len(classes) < 2:
        only = folders[0]
        hint = f"; '{only}' holds folders itself: give its path" if holds_class_folders(only) else ""
        raise DataError(
            f"'{folder}' holds 1 class folder, '{only.name}', but at least 2 are needed: one for each class, with its "
            f"images{hint}"
        )
    return classes


def _list_test_classes(folder: Path, training: Classes) -> Classes:
    """List the images of each class folder with images; a class may be missing, since the others can be tested."""
    classes = {inner.name: files for inner in _subfolders(folder) if (files := sorted(iterate_images(inner)))}
    if unknown := sorted(set(classes) - set(training)):
        raise DataError(
            f"'{folder}' holds the classes {', '.join(unknown)}, which are not among the training classes "
            f"{', '.join(training)}; rename, move or remove them"
        )
    return {name: classes[name] for name in training if name in classes}


def _subfolders(folder: Path) -> list[Path]:
    """List the folders in `folder`, by name."""
    return sorted(Path(entry.path) for entry in visible_entries(folder) if entry.is_dir())


def _has_images(folder: Path, *, deeply: bool = True) -> bool:
    """Return whether `folder` holds an image, itself or, with `deeply`, in a subfolder."""
    if deeply:
        return next(iterate_images(folder), None) is not None
    return any(is_image_name(entry.name) and not entry.is_dir() for entry in visible_entries(folder))
