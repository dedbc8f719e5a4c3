"""Image files in a folder for each class: CLASS/*.png, or train/CLASS/*.png beside test/ or val/.

An image in a subfolder of a class's folder is of that class. Which folders are those of classes is determined by
`golmu.data.readers.folder_layout`, and which files are images by `golmu.data.readers.image_kinds`. Whatever is passed
over, files of other kinds, run folders, empty folders, images beside the class folders, is told.

Beside `train/`, the folder `test/` holds the test images. If there is no `test/`, the folder `val/` (or `valid/`,
`validation/`) holds them. If there are both, `val/` is not read, and a note says so: Golmu holds out a part of the
training images for validation, and the user would expect neither training on images that were set aside nor testing
on two sets.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.quality import notices
from golmu.data.readers.folder_layout import Layout, Place, find_layout
from golmu.data.readers.image_kinds import describe_kinds, is_known_image
from golmu.data.readers.image_tree import FoundImage, ImageFolder, passed_over_notice
from golmu.data.readers.threaded_reading import DecodedImages, in_parts, read_images
from golmu.data.reading import ReadOptions
from golmu.errors import DataError
from golmu.names import clean_name, list_names, look_alikes, merge_notice, sort_names

MAX_NAMED = 5
"""Folders or classes, at most, that a notice names."""

NO_NAME = "_"
"""Name of the class of a folder whose own is nothing but spaces."""

Classes = dict[str, list[FoundImage]]
"""The image files of each class, by its name."""


def load_class_folders(tree: ImageFolder, path: Path, read_options: ReadOptions) -> Dataset:
    """Load the data set of a folder of class folders, or of an archive of these, and name it after that.

    Classes are numbered by name, or by number if all names are numbers.

    Parameters
    ----------
    tree
        What the folder or the archive holds.
    path
        Where it is.
    read_options
        How the images are read; receives notes.

    Raises
    ------
    DataError
        If it is not clear which folders are classes, there are fewer than two, a class has no image that can be read
        here, or an image cannot be read.
    InputError
        If the images would be too many for their size.
    """
    layout = find_layout(tree, str(path))
    read_options.notes += layout.notes
    training = _list_classes(layout.training, path, read_options)
    test = {} if layout.test is None else _list_test_classes(layout.test, training, path, read_options)
    _note_passed_over(tree, layout, path, read_options)
    class_names = tuple(training)
    number = {name: i for i, name in enumerate(class_names)}
    labelled = [(file, number[name]) for part in (training, test) for name, files in part.items() for file in files]
    files, labels = [file for file, _ in labelled], np.array([label for _, label in labelled], np.int64)
    n_training = sum(map(len, training.values()))
    sources = [file.source for file in files]
    decoded = read_images(lambda: in_parts(sources), len(files), read_options)
    if not decoded.is_good[:n_training].any():
        raise DataError(f"'{_shown(layout.training, path)}' holds no image that can be read; fix or replace the files")
    names = ["/".join(file.parts) for file in files]
    train_set, test_set = _image_sets(decoded, labels, names, n_training)
    if missing := sorted(set(number.values()) - set(train_set.labels.tolist())):
        raise DataError(
            f"'{_shown(layout.training, path)}/{class_names[missing[0]]}' holds no image that can be read; fix or "
            "remove it"
        )
    name = clean_name(path.resolve().name if path.is_dir() else path.stem)
    dataset = Dataset(name or "data", train_set, test_set, class_names, str(path))
    read_options.notes += notices(dataset, read_options.storage)
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


def _list_classes(place: Place, path: Path, read_options: ReadOptions) -> Classes:
    """List the images of each class folder at `place`, or raise if there are fewer than two, or one cannot be read."""
    here = _shown(place, path)
    classes = _images_by_class(place)
    read_options.notes += merge_notice(place.folder.class_folders)
    empty = []
    for name, folder in place.folder.folders.items():
        if folder.has_images or folder.is_run or (folder.find_runs() and not folder.count_others()):
            continue
        others = folder.count_others()
        if any(map(is_known_image, others)):
            raise DataError(
                f"the class folder '{here}/{name}' holds no image that can be read here: {describe_kinds(others)}; or "
                "remove the folder"
            )
        empty.append(f"'{name}'" + (f" ({describe_kinds(others)})" if others else ""))
    if empty:
        read_options.notes.append(
            f"folders of '{here}' without an image are no classes: {list_names(sorted(empty), MAX_NAMED)}"
        )
    if len(classes) < 2:
        only = next(iter(place.folder.class_folders))
        raise DataError(
            f"'{here}' holds 1 class folder, '{only}', but at least 2 are needed: one for each class, with its images"
        )
    return classes


def _images_by_class(place: Place) -> Classes:
    """List the images of each class folder with images, the classes in their order."""
    classes: Classes = {}
    for name, folder in sorted(place.folder.class_folders.items()):
        classes.setdefault(clean_name(name) or NO_NAME, []).extend(folder.list_images((*place.path, name)))
    return {name: classes[name] for name in sort_names(classes)}


def _list_test_classes(place: Place, training: Classes, path: Path, read_options: ReadOptions) -> Classes:
    """List the test images of each training class; one may be missing, since the others can be tested."""
    classes = _images_by_class(place)
    if unknown := [name for name in classes if name not in training]:
        n = sum(len(classes[name]) for name in unknown)
        alike = [group for group in look_alikes({*training, *unknown}) if not set(unknown).isdisjoint(group)]
        hint = f"; rename them if they are classes of training: {' and '.join(alike[0])} look alike" if alike else ""
        images, they = ("image", "it is") if n == 1 else ("images", "they are")
        read_options.notes.append(
            f"'{_shown(place, path)}' holds {n:,} {images} of {list_names(unknown, MAX_NAMED)}, which training lacks: "
            f"{they} not read{hint}"
        )
    return {name: classes[name] for name in training if name in classes}


def _note_passed_over(tree: ImageFolder, layout: Layout, path: Path, read_options: ReadOptions) -> None:
    """Note run folders, images beside the class folders, and files of other kinds inside these."""
    if runs := ["/".join(run) for run in tree.find_runs()]:
        read_options.notes.append(f"run folders of Golmu are not read as data: {list_names(runs, MAX_NAMED)}")
    parts = [layout.training, *([] if layout.test is None else [layout.test])]
    above = {place.path[:n] for place in parts for n in range(len(place.path) + 1)}
    loose = []
    for names in sorted(above):
        folder = tree
        for name in names:
            folder = folder.folders[name]
        loose += ["/".join((*names, image)) for image in folder.loose_images]
    if loose:
        n = len(loose)
        lie, are = ("image lies", "is") if n == 1 else ("images lie", "are")
        read_options.notes.append(
            f"{n:,} {lie} in '{path}' beside the class folders and {are} not read: {list_names(loose, MAX_NAMED)}"
        )
    others: Counter[str] = Counter()
    for place in parts:
        for folder in place.folder.class_folders.values():
            others += folder.count_others()
    if others:
        read_options.passed_over.update(others)
        read_options.notes.append(passed_over_notice(str(path), others))


def _shown(place: Place, path: Path) -> str:
    return "/".join((str(path), *place.path))
