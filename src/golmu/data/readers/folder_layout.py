"""Which folders are classes: those of the data's folder, or those of its parts, for training or test.

A part is known by its name: `train`, `Training_set` and `asl_alphabet_train` are training parts, since a word of
theirs says so. Parts belong together if the rest of their names is the same; the kind of a folder that merely has such
a word (`test_positive` beside `test_negative`) is therefore no part. Around all this there may be folders that hold
one folder and perhaps stray files, as archives have them.

Whatever is not plain, that is class folders alone or under `train` and `test`, is told in one sentence. What may be
read in two ways is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

from golmu.data.readers.image_tree import ImageFolder, Parts
from golmu.errors import DataError
from golmu.names import clean_name, list_names

TRAIN, TEST, VALIDATION = "training", "test", "validation"

WORDS = {
    TRAIN: ("train", "training", "trn", "훈련", "학습"),
    TEST: ("test", "testing", "tst", "시험", "테스트"),
    VALIDATION: ("val", "valid", "validation", "dev", "검증"),
}
"""The words of a folder's name that make it a part of the data."""

KIND_OF = {word: kind for kind, words in WORDS.items() for word in words}

HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Where a word begins in trainImages."""

COMPOUND = re.compile(
    r"(train|training|test|testing|val|valid|validation)(sets?|data|datasets?|images?|imgs?|files?|split|part)"
    r"|(훈련|학습|시험|테스트|검증)(.+)"
)
"""Words that are written as one."""

MAX_DEPTH = 20
"""Folders that hold nothing but one folder, at most, that are entered."""

MAX_FOLDERS_NAMED = 5
"""Folders, at most, that a sentence names."""


class Place(NamedTuple):
    """A folder in the data, and the names that lead there."""

    path: Parts
    folder: ImageFolder

    def inner(self, name: str) -> Place:
        """Return the place of a folder inside."""
        return Place((*self.path, name), self.folder.folders[name])


class Layout(NamedTuple):
    """The folders whose folders are classes."""

    training: Place
    test: Place | None
    notes: list[str]
    """What to tell the user about how the data are read."""


def find_layout(root: ImageFolder, title: str) -> Layout:
    """Determine which folders of `root` hold the class folders; `title` is what the user calls it.

    Raises
    ------
    DataError
        If that is not clear.
    """
    place = Place((), root)
    while True:
        layout = _find_parts(place, title)
        if layout is not None:
            return layout
        deeper = _only_folder(place)
        if deeper is None:
            break
        place = deeper
    notes = [f"the classes of '{title}' are the folders in '{_shown(place)}'"] if place.path else []
    return Layout(place, None, notes + _nested_notes(place))


def is_part_name(name: str) -> bool:
    """Return whether a folder of this name would be a part of a data set: for training, test or validation."""
    return _part_of(name) is not None


def _part_of(name: str) -> tuple[str, Parts] | None:
    """Return the kind of part that a folder's name tells, and the other words of the name; None if it is no part."""
    words = re.findall(r"[^\W\d_]+", HUMP.sub(" ", clean_name(name)).casefold())  # digits often number the parts
    words = [part for word in words for part in _split_compound(word)]
    kinds = {KIND_OF[word] for word in words if word in KIND_OF}
    if len(kinds) != 1:
        return None
    return kinds.pop(), tuple(word for word in words if word not in KIND_OF)


def _split_compound(word: str) -> list[str]:
    match = COMPOUND.fullmatch(word)
    return [word] if match is None else [part for part in match.groups() if part]


def _find_parts(place: Place, title: str) -> Layout | None:
    """Return the layout if the folders at `place` are parts of the data, else None."""
    here = f"{title}/{_shown(place)}" if place.path else title
    folders = place.folder.class_folders
    sets: dict[Parts, dict[str, list[str]]] = {}
    for name in sorted(folders):
        if part := _part_of(name):
            sets.setdefault(part[1], {}).setdefault(part[0], []).append(name)
    sets = {rest: kinds for rest, kinds in sets.items() if _belong_together(kinds, folders)}
    if not sets:
        _refuse_parts_beside_classes(here, folders)
        return None
    if len(sets) > 1 and () not in sets:
        names = _join(name for kinds in sets.values() for names in kinds.values() for name in names)
        raise DataError(
            f"'{here}' holds several sets of parts, {names}: move each set into a folder of its own, and give the path "
            "of one"
        )
    kinds = sets.get((), next(iter(sets.values())))
    chosen = [name for names in kinds.values() for name in names]
    if not any(folders[name].class_folders for name in chosen):
        if len(chosen) < len(folders):  # classes that happen to be called so, beside others
            return Layout(place, None, [f"{_join(chosen)} of '{here}' are read as classes, since they hold images"])
        raise DataError(
            f"'{here}' holds {_join(chosen)}, with images but no class folders: move the images of each class into a "
            "folder named after the class"
        )
    if several := next((names for names in kinds.values() if len(names) > 1), None):
        raise DataError(
            f"'{here}' holds {_join(several)}, which both may be the same part of the data: rename or move all but one"
        )
    if TRAIN not in kinds:
        example = f"{here}/{chosen[0]}"
        raise DataError(
            f"'{here}' holds {_join(chosen)}, but no training images: rename one of them 'train', or give the path of "
            f"one to read it alone, such as '{example}'"
        )
    (name,) = kinds[TRAIN]
    if not folders[name].class_folders:
        raise DataError(
            f"'{here}/{name}' holds images, but no class folders, as {_join(set(chosen) - {name})} does: move the "
            "images of each class into a folder named after the class"
        )
    candidates = [kinds[kind][0] for kind in (TEST, VALIDATION) if kind in kinds]
    test_name = next((one for one in candidates if folders[one].class_folders), None)
    training = _unwrap(place.inner(name))
    test = None if test_name is None else _unwrap(place.inner(test_name), training.folder.class_folders)
    unread = [one for one in folders if one not in (name, test_name)]
    notes = [] if _is_plain(training, test, unread) else [_describe(title, training, test, unread)]
    return Layout(training, test, notes + _nested_notes(training))


def _refuse_parts_beside_classes(here: str, folders: dict[str, ImageFolder]) -> None:
    """Raise if a folder beside class folders holds the same class folders, so that it is no class but a part."""
    for name in sorted(folders):
        if is_part_name(name) and (twice := sorted(set(folders[name].class_folders) & set(folders) - {name})):
            raise DataError(
                f"'{here}' holds the class folder '{twice[0]}', and '{name}/{twice[0]}' too: move the class folders "
                f"beside '{name}' into a folder 'train'"
            )


def _belong_together(kinds: dict[str, list[str]], folders: dict[str, ImageFolder]) -> bool:
    """Return whether folders with one rest of a name are parts: several kinds, or training images sorted by class."""
    if len(kinds) > 1:
        return True
    return any(
        folders[name].class_folders and (not folders[name].images or len(folders) == 1) for name in kinds.get(TRAIN, [])
    )


def _only_folder(place: Place) -> Place | None:
    """Return the only folder with images at `place`, if it is none of a class: its images are in folders inside.

    Images in it are taken as strays if there are several folders beside them, or one that is of no class either.
    """
    folders = place.folder.class_folders
    if len(folders) != 1 or len(place.path) == MAX_DEPTH:
        return None
    (name,) = folders
    inner = place.inner(name)
    n_folders = len(inner.folder.class_folders)
    is_wrapping = n_folders > 1 or (n_folders == 1 and (not inner.folder.images or _only_folder(inner) is not None))
    return inner if is_wrapping else None


def _unwrap(place: Place, classes: Collection[str] = ()) -> Place:
    """Go down through folders that hold nothing but one folder, which is none of the known classes."""
    while (deeper := _only_folder(place)) is not None and deeper.path[-1] not in classes:
        place = deeper
    return place


def _is_plain(training: Place, test: Place | None, unread: list[str]) -> bool:
    paths = [place.path for place in (training, test) if place is not None]
    return not unread and [tuple(map(str.lower, path)) for path in paths] in ([("train",)], [("train",), ("test",)])


def _describe(title: str, training: Place, test: Place | None, unread: list[str]) -> str:
    text = f"from '{title}': training images in '{_shown(training)}'"
    text += "" if test is None else f", test images in '{_shown(test)}'"
    return text + (f"; not read: {_join(unread)}" if unread else "")


def _nested_notes(place: Place) -> list[str]:
    """Return a sentence if the folders inside class folders look as if they were something else than a class's own."""
    classes = place.folder.class_folders
    inner = {name for folder in classes.values() for name in folder.class_folders}
    if parts := sorted(filter(is_part_name, inner)):
        return [
            f"the class folders hold the folders {_join(parts)}: all their images are read as images of the class; for "
            f"training and test images apart, put '{parts[0]}' above the class folders"
        ]
    if classes and not any(folder.images for folder in classes.values()):
        return [
            f"the classes are {_join(classes)}; their images are in folders inside, which are not classes, such as "
            f"'{min(inner)}'"
        ]
    return []


def _shown(place: Place) -> str:
    return "/".join(place.path)


def _join(names: Iterable[str]) -> str:
    return list_names([f"'{name}'" for name in sorted(names)], MAX_FOLDERS_NAMED)
