"""Folders of IDX files, as the family of MNIST is published.

| published as | files | remarks |
|---|---|---|
| MNIST, KMNIST, Fashion-MNIST | `train-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, ... | or `train-images.idx3-` |
| EMNIST | `emnist-letters-train-images-idx3-ubyte`, `emnist-letters-test-...`, `emnist-balanced-...` | transposed |
| QMNIST | `qmnist-train-images-idx3-ubyte`, `qmnist-train-labels-idx2-int`, ... | the class is the first column |

Each may also be packed with gzip, and end in `.gz`. What stands before `train`, `t10k` or `test` is the name of a data
set, and a folder may hold several: FOLDER/NAME means one of these.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from golmu.data.arrays import MAX_CLASSES, image_set, numbered
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.readers.idx import MNIST_FILES, read_idx
from golmu.errors import DataError

NAME = re.compile(
    r"(?P<set>(?:.*[-_])?)(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx\d-(?:ubyte|int)(?P<gz>\.gz)?"
)
"""How such a file is called."""

PLAIN = "mnist"
"""What the data set is called whose files have nothing before `train` and `t10k`, where there are others."""

TRANSPOSED = "emnist"
"""How the names of data sets begin whose images are stored column by column."""

MAX_MAPPING = 2**16
"""Bytes of a mapping file that are read at most."""

Role = tuple[str, str]
"""("train" or "test", "images" or "labels")."""

ROLES: tuple[Role, ...] = (("train", "images"), ("train", "labels"), ("test", "images"), ("test", "labels"))

Files = dict[Role, Path]


def find_idx_sets(folder: Path) -> dict[str, Files]:
    """The files of each data set in `folder`, by its name; of a file that is there twice, the plain one.

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
    found: dict[str, Files] = {}
    for name in names:
        if match := NAME.fullmatch(name):
            role = "train" if match["part"] == "train" else "test", match["what"]
            found.setdefault(match["set"].rstrip("-_") or PLAIN, {}).setdefault(role, folder / name)
    return found


def load_idx_folder(folder: Path, name: str | None = None) -> Dataset:
    """The data set of four IDX files: the one called `name`, or the only one in the folder.

    It is named after its files, or, where these are called as MNIST's are, after the folder.

    Class names are those of a mapping file, as EMNIST has them (`NAME-mapping.txt`), else the numbers.

    Raises
    ------
    DataError
        If a file is missing or damaged, the files do not fit together, or the folder holds several data sets.
    """
    sets = find_idx_sets(folder)
    if name is None:
        if len(sets) > 1:
            choices = ", ".join(str(folder / one) for one in sets)
            raise DataError(f"'{folder}' holds {len(sets)} data sets of IDX files: name one of them, as {choices}")
        (name,) = sets
        title = folder.resolve().name if name == PLAIN else name
    else:
        title = name
    files = sets[name]
    if missing := [_wanted(name, role) for role in ROLES if role not in files]:
        raise DataError(
            f"folder '{folder}' lacks {len(missing)} of {len(ROLES)} files: {', '.join(missing)} "
            f"(each may end in .gz); add them or name another folder"
        )
    train, test = (_part(files[part, "images"], files[part, "labels"], name) for part in ("train", "test"))
    if train.images.shape[1:] != test.images.shape[1:]:
        raise DataError(
            f"folder '{folder}' holds training images of shape {train.images.shape[1:]} and test images of shape "
            f"{test.images.shape[1:]}, where one shape was expected; put files of one data set into it"
        )
    class_names = _mapped(folder / f"{name}-mapping.txt", numbered(train, test))
    return Dataset(name=title, train=train, test=test, class_names=class_names, source=str(folder))


def _wanted(name: str, role: Role) -> str:
    """How a missing file is most likely called."""
    usual = MNIST_FILES[ROLES.index(role)]
    return usual if name == PLAIN else f"{name}-{usual.replace('t10k', 'test')}"


def _part(images_path: Path, labels_path: Path, name: str) -> ImageSet:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if "idx2" in labels_path.name and labels.ndim == 2 and labels.shape[1]:
        labels = labels[:, 0]  # QMNIST tells more of each digit: who wrote it, and where it comes from
    if name.startswith(TRANSPOSED) and images.ndim == 3:
        images = np.ascontiguousarray(images.swapaxes(1, 2))
    return image_set(images, labels, images_path, labels_path)


def _mapped(path: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """The class names of a mapping file, whose lines are a label and the codes of the characters that it stands for.

    A label that it does not have keeps its number. Without the file, all do.
    """
    if not path.is_file():
        return names
    try:
        with path.open("rb") as file:
            lines = file.read(MAX_MAPPING).decode("ascii").splitlines()
        rows = [[int(word) for word in line.split()] for line in lines if line.split()]
        said = {label: "/".join(dict.fromkeys(map(chr, codes))) for label, *codes in rows if codes}
    except OSError as error:
        raise DataError(f"cannot read '{path}' ({error.strerror or error}); check its permissions") from error
    except (ValueError, OverflowError) as error:
        raise DataError(f"'{path}' is not a label and codes of characters in each line ({error}); mend it") from error
    if not all(0 <= label < MAX_CLASSES for label in said):
        raise DataError(f"'{path}' names labels that are not from 0 to {MAX_CLASSES - 1}; mend it")
    return tuple(said.get(label, name) for label, name in enumerate(names))
