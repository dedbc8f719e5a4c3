"""Pictures in a folder for each class, as people keep them: CLASS/*.png, or train/CLASS/*.png beside test/ or val/.

A picture in a folder inside a class's folder is of that class. Hidden files and folders, and files that are not named
as images, are passed over; links are followed.

With `train/` beside it, `test/` holds the test images. `val/` (or `valid/`, `validation/`) holds them where there is no
`test/`. Where there are both, `val/` is not read, and a note says so: Golmu holds out a part of the training images to
validate on, and neither training on what a user has set aside nor testing on two sets would be what was meant.
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
from golmu.data.readers.decoding import Pictures, in_parts, read_pictures
from golmu.data.readers.image_files import SUFFIXES, is_image_name, pictures_in, visible_entries
from golmu.data.reading import Reading
from golmu.errors import DataError

TRAINING, TEST, VALIDATION = ("train", "training"), ("test", "testing"), ("val", "valid", "validation")
"""What the folders above those of the classes may be called, in capitals or not."""

Classes = dict[str, list[Path]]
"""The pictures of each class, by its name."""


class _Layout(NamedTuple):
    """The folders whose folders are classes."""

    training: Path
    test: Path | None
    unread: list[str]
    """Names of folders beside them that hold pictures too."""


def holds_class_folders(folder: Path) -> bool:
    """Whether there are pictures in the folders of `folder`."""
    return any(_has_pictures(inner) for inner in _folders(folder))


def load_class_folders(folder: Path, reading: Reading) -> Dataset:
    """The data set of a folder of class folders, named after it.

    Classes are numbered by name, or by number where all names are numbers.

    Raises
    ------
    DataError
        If there are fewer than two classes, a class has no picture, a test class is not one of training, or a picture
        cannot be read.
    InputError
        If the images would be too many for their size.
    """
    layout = _layout(folder)
    training = _classes(layout.training)
    test = {} if layout.test is None else _classes_of_test(layout.test, training)
    if layout.unread:
        reading.notes.append(
            f"of '{folder}' only '{layout.training.name}'"
            + (f" and '{layout.test.name}' are" if layout.test else " is")
            + f" read, and not {', '.join(layout.unread)}"
        )
    names = tuple(training)
    files = [file for part in (training, test) for pictures in part.values() for file in pictures]
    number = {name: i for i, name in enumerate(names)}
    labels = np.array(
        [number[name] for part in (training, test) for name, some in part.items() for _ in some], np.int64
    )
    n_training = sum(map(len, training.values()))
    pictures = read_pictures(lambda: in_parts(files), len(files), reading)
    if not pictures.is_good[:n_training].any():
        raise DataError(f"'{layout.training}' holds no image that can be read; mend or replace the files")
    sets = _image_sets(pictures, labels, n_training)
    if missing := sorted(set(range(len(names))) - set(sets[0].labels.tolist())):
        raise DataError(f"'{layout.training / names[missing[0]]}' holds no image that can be read; mend or remove it")
    dataset = Dataset(folder.resolve().name or "data", *sets, names, str(folder))
    reading.notes += notices(dataset)
    return dataset


def _image_sets(pictures: Pictures, labels: NDArray[np.int64], n_training: int) -> tuple[ImageSet, ImageSet | None]:
    """The first `n_training` files, as far as they could be read, and the others."""
    at = int(pictures.is_good[:n_training].sum())
    labels = labels[pictures.is_good]
    test = ImageSet(pictures.images[at:], labels[at:]) if len(labels) > at else None
    return ImageSet(pictures.images[:at], labels[:at]), test


def _layout(folder: Path) -> _Layout:
    by_name = {inner.name.lower(): inner for inner in _folders(folder)}
    training = _first(by_name, TRAINING)
    if training is None or not holds_class_folders(training) or _has_pictures(training, deeply=False):
        return _Layout(folder, None, [])
    test = next(
        (inner for names in (TEST, VALIDATION) if (inner := _first(by_name, names)) and holds_class_folders(inner)),
        None,
    )
    unread = [inner.name for inner in by_name.values() if inner not in (training, test) and _has_pictures(inner)]
    return _Layout(training, test, unread)


def _first(by_name: dict[str, Path], names: Iterable[str]) -> Path | None:
    return next((by_name[name] for name in names if name in by_name), None)


def _classes(folder: Path) -> Classes:
    folders = _folders(folder)
    if all(inner.name.isdecimal() for inner in folders):
        folders.sort(key=lambda inner: int(inner.name))
    found = {inner.name: sorted(pictures_in(inner)) for inner in folders}
    if empty := [name for name, pictures in found.items() if not pictures]:
        raise DataError(
            f"the class folder '{folder / empty[0]}' holds no image: files named {', '.join(SUFFIXES)} are looked for; "
            "put some in, or remove it"
        )
    if len(found) < 2:
        only = folders[0]
        hint = f"; '{only}' holds folders itself: name that" if holds_class_folders(only) else ""
        raise DataError(
            f"'{folder}' holds 1 class folder, '{only.name}', where at least 2 were expected: one for each class, with "
            f"its images{hint}"
        )
    return found


def _classes_of_test(folder: Path, training: Classes) -> Classes:
    """As `_classes`, but a class may lack, since others can be tested without it."""
    found = {inner.name: pictures for inner in _folders(folder) if (pictures := sorted(pictures_in(inner)))}
    if unknown := sorted(set(found) - set(training)):
        raise DataError(
            f"'{folder}' holds the classes {', '.join(unknown)}, which are not among those of training: "
            f"{', '.join(training)}; rename, move or remove them"
        )
    return {name: found[name] for name in training if name in found}


def _folders(folder: Path) -> list[Path]:
    """The folders in `folder`, by name."""
    return sorted(Path(entry.path) for entry in visible_entries(folder) if entry.is_dir())


def _has_pictures(folder: Path, *, deeply: bool = True) -> bool:
    if deeply:
        return next(pictures_in(folder), None) is not None
    return any(is_image_name(entry.name) and not entry.is_dir() for entry in visible_entries(folder))
