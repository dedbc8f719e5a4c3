"""Folders of IDX files, as the family of MNIST is published.

| published as | files | remarks |
|---|---|---|
| MNIST, KMNIST, Fashion-MNIST | `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, ... | or `train-images.idx3-` |
| EMNIST | `emnist-letters-train-images-idx3-ubyte`, `emnist-letters-test-...`, `emnist-balanced-...` | transposed |
| QMNIST | `qmnist-train-images-idx3-ubyte`, `qmnist-train-labels-idx2-int`, ... | the class is the first column |

Each may also be packed with gzip, and end in `.gz`. The part of a name before `train`, `t10k` or `test` is the name of
a data set, and a folder may hold several: FOLDER/NAME is one of these.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from golmu.data.arrays import image_set, number_classes
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.labels import MAX_CLASSES
from golmu.data.readers.idx import MNIST_FILES, read_idx
from golmu.data.storage import MEMORY, Memory
from golmu.errors import DataError

FILE_NAME = re.compile(
    r"(?P<set>(?:.*[-_])?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx\d-(?:ubyte|int)(?P<gz>\.gz)?"
)
"""The name of such a file."""

PLAIN_NAME = "mnist"
"""Name of the data set whose files have nothing before `train` and `t10k`, if the folder holds others too."""

TRANSPOSED_PREFIX = "emnist"
"""Beginning of the names of data sets whose images are stored column by column."""

MAX_MAPPING_BYTES = 2**16
"""Bytes of a mapping file, at most, that are read."""

Role = tuple[str, str]
"""("train" or "test", "images" or "labels")."""

ROLES: tuple[Role, ...] = (("train", "images"), ("train", "labels"), ("test", "images"), ("test", "labels"))

Files = dict[Role, Path]


def find_idx_sets(folder: Path) -> dict[str, Files]:
    """Find the files of each data set in `folder`, by its name; of a file that is there twice, the plain one.

    Raises
    ------
    DataError
        If the folder cannot be listed.
    """
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise DataError(
            f"cannot look into folder '{folder}' ({error.strerror or error}); check its permissions"
        ) from error
    sets: dict[str, Files] = {}
    for name in names:
        if match := FILE_NAME.fullmatch(name):
            role = "train" if match["part"] == "train" else "test", match["what"]
            sets.setdefault(match["set"].rstrip("-_") or PLAIN_NAME, {}).setdefault(role, folder / name)
    return sets


def load_idx_folder(folder: Path, name: str | None = None, storage: Memory = MEMORY) -> Dataset:
    """Load the data set of four IDX files that has the given name, or the only one in the folder.

    The data set is named after its files, or after the folder if they have the names of MNIST's files. The class names
    come from a mapping file such as EMNIST's (`NAME-mapping.txt`) if there is one, else they are the numbers.

    Raises
    ------
    DataError
        If a file is missing or damaged, the files do not fit together, or the folder holds several data sets.
    """
    sets = find_idx_sets(folder)
    if name is None:
        if len(sets) > 1:
            choices = ", ".join(str(folder / one) for one in sets)
            raise DataError(f"'{folder}' holds {len(sets)} data sets of IDX files: choose one of {choices}")
        (name,) = sets
        title = folder.resolve().name if name == PLAIN_NAME else name
    else:
        title = name
    files = sets[name]
    if missing := [_usual_file_name(name, role) for role in ROLES if role not in files]:
        raise DataError(
            f"folder '{folder}' lacks {len(missing)} of {len(ROLES)} files: {', '.join(missing)} "
            f"(each may end in .gz); add them, or give another folder"
        )
    train, test = (
        _read_part(files[part, "images"], files[part, "labels"], name, storage) for part in ("train", "test")
    )
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"folder '{folder}' holds training images of shape {train.images.shape[1:]}, but test images of shape "
            f"{test.images.shape[1:]}; put the files of one data set into it"
        )
    class_names = _read_mapping(folder / f"{name}-mapping.txt", number_classes(train, test))
    return Dataset(name=title, train=train, test=test, class_names=class_names, source=str(folder))


def _usual_file_name(name: str, role: Role) -> str:
    """Return the most likely name of a missing file."""
    usual = MNIST_FILES[ROLES.index(role)]
    return usual if name == PLAIN_NAME else f"{name}-{usual.replace('t10k', 'test')}"


def _read_part(images_path: Path, labels_path: Path, name: str, storage: Memory) -> ImageSet:
    images, labels = read_idx(images_path, storage), read_idx(labels_path)
    if "idx2" in labels_path.name and labels.ndim == 2 and labels.shape[1]:
        labels = labels[:, 0]  # QMNIST also tells who wrote each digit, and where it comes from
    if name.startswith(TRANSPOSED_PREFIX) and images.ndim == 3:
        upright = images.swapaxes(1, 2)
        images = storage.take(upright[..., None], np.arange(len(upright)))[..., 0]
    return image_set(images, labels, images_path, labels_path)


def _read_mapping(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """Read class names from a mapping file; each line is a label and the codes of the characters that it stands for.

    A label that is not in the file keeps its name in `names`; without the file, all labels do.
    """
    if not path.is_file():
        return names
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_MAPPING_BYTES).decode("ascii").splitlines()
        rows = [[int(word) for word in line.split()] for line in lines if line.split()]
        mapping = {label: "/".join(dict.fromkeys(map(chr, codes))) for label, *codes in rows if codes}
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({error.strerror or error}); check its permissions") from error
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"'{path}' does not hold a label and codes of characters on each line ({error}); fix or remove it"
        ) from error
    if not all(0 <= label < MAX_CLASSES for label in mapping):
        raise DataError(f"'{path}' holds labels that are not from 0 to {MAX_CLASSES - 1}; fix or remove it")
    return tuple(mapping.get(label, name) for label, name in enumerate(names))
