"""Load a data set by its name, from a folder, or from a file."""

from __future__ import annotations

import difflib
import os
from dataclasses import replace
from pathlib import Path

from golmu.about import WHAT_DATA_IS
from golmu.data.arrays import are_shares, brighten, leave_out_untrained, users_images, users_labels
from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.named import digits, fashion_mnist
from golmu.data.readers.idx import as_path
from golmu.data.readers.idx_folders import find_idx_sets, load_idx_folder
from golmu.data.readers.npz import read_npz
from golmu.data.readers.table_folders import is_table_name
from golmu.data.reading import Progress, ReadOptions, as_size
from golmu.data.shards.index import is_packed
from golmu.data.shards.loading import load_shards
from golmu.errors import DataError, InputError, InputTypeError, warn
from golmu.names import list_names, look_alike_notice

ARCHIVE_SUFFIX, ZIP_SUFFIX = ".npz", ".zip"

_LOADERS = {fashion_mnist.NAME: fashion_mnist.load, digits.NAME: digits.load}

MAX_FILES_NAMED = 3
"""Files that cannot be read, at most, that are named where all were named before."""


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
        - "fashion-mnist", or scikit-learn's "digits"; a folder of that name here is "./digits", or a `Path`.
        - The path of a folder with a folder of image files for each class, or with a folder `train` of such folders
          and `test` or `val` likewise (`golmu.data.readers.class_folders`). The images may be of any size and mode:
          they are decoded, turned upright, made grey or RGB, scaled with their aspect ratio kept, and centred on their
          ground. Other names of such folders are understood too (`golmu.data.readers.folder_layout`). A warning tells
          what is passed over, and how a layout that is not plain was read.
        - The path of a `.zip` file of such a folder; it is read in memory.
        - The path of a folder with the four IDX files of MNIST, KMNIST, Fashion-MNIST, EMNIST or QMNIST, or of others
          under such names (`golmu.data.readers.idx_folders`); images uint8, (n, h, w) or (n, h, w, c). If it holds
          several data sets, as EMNIST's folder does, FOLDER/emnist-letters is one of them.
        - The path of a Parquet, CSV or TSV file, or of a folder of these (`golmu.data.readers.tables`; needs pyarrow):
          a column of labels, and a column of encoded images, of lists of pixels, or of names of image files that are
          beside the table; or a column for each pixel.
        - The path of an `.npz` file with x_train, y_train, x_test and y_test, or x and y, of such images and labels, or
          under other usual names (`golmu.data.readers.npz`); labels may be text there.

        Pixels in arrays and columns that are integers and all 0 or 1 are taken as 0 and 255, with a warning.
    folder
        The folder to search first for the files of a data set that is given by name.
    size
        Height and width to which image files are fitted, in pixels, or one number for both. By default the size of all
        files if they share one, else 28, with a warning. For a table with a column for each pixel: the shape of these.
    channels
        1 for grey or 3 for RGB images from image files. By default 3 if any of them has colours.
    skip_bad
        Whether image files that cannot be read are skipped, with a warning, rather than refused.
    label
        The column of a table that holds the labels. By default the column named "label", or the only
        possible one.
    progress
        Called while image files are decoded, with the number of files that are done and the number of all files.

    Returns
    -------
    The data set: images uint8 (n, h, w, c), labels int64 (n,).

    Raises
    ------
    DataError
        If the name is unknown, or the files are missing, damaged or do not fit together.
    InputError
        If `folder` is given although `name` is a path itself; if `size` or `channels` is out of range, or differs from
        that of data that are not image files; or if there is no column `label`.
    InputTypeError
        If an argument is of a wrong type.

    Examples
    --------
    >>> import golmu
    >>> dataset = golmu.load_dataset("digits")
    >>> dataset.train
    <ImageSet: 1,437 images of 8x8x1, 10 classes>
    """
    read_options = ReadOptions(as_size(size), channels, skip_bad, label, progress)
    return read_and_warn(name, folder, read_options)


def read_and_warn(name: str | Path, folder: str | Path | None, read_options: ReadOptions) -> Dataset:
    """Load a data set as `load_dataset` does, with options that exist already."""
    dataset = read_dataset(name, folder, read_options)
    for note in read_options.notes:
        warn(note)
    return dataset


def read_again(name: str | Path, folder: str | Path | None, read_options: ReadOptions) -> Dataset:
    """Load a data set that a run was trained on: of the notes, only which files cannot be read matters now."""
    dataset = read_dataset(name, folder, read_options)
    if files := read_options.left_out:
        images = "1 file cannot be read and is" if len(files) == 1 else f"{len(files):,} files cannot be read and are"
        warn(f"{images} skipped: {list_names(files, MAX_FILES_NAMED)}")
    return dataset


def read_dataset(name: str | Path, folder: str | Path | None, read_options: ReadOptions) -> Dataset:
    """Load a data set as `load_dataset` does, but add the warnings to `read_options.notes` instead."""
    dataset = _read(name, folder, read_options)
    test, class_names, notes = leave_out_untrained(dataset.train, dataset.test, dataset.class_names)
    if notes:
        dataset = replace(dataset, test=test, class_names=class_names)
        read_options.notes += notes
    read_options.notes += look_alike_notice(dataset.class_names)
    return dataset


def _read(name: str | Path, folder: str | Path | None, read_options: ReadOptions) -> Dataset:
    path = as_path(name, "name")
    if folder is not None:
        folder = as_path(folder, "folder")
    is_folder = bool(str(name)) and _is_folder(path)
    # "digits" is the data set of that name, whatever lies beside; a `Path` that exists is a path.
    if (load := _LOADERS.get(str(name))) and not (is_folder and isinstance(name, os.PathLike)):
        if is_folder and folder is None:
            read_options.notes.append(
                f"'{name}' is taken as the data set of that name, not as the folder here: write ./{name} for the folder"
            )
        return _check_and_brighten(load(folder), read_options)
    if str(name) and _is_special(path):  # a pipe may never open
        raise DataError(f"'{name}' is a device or a pipe; give {WHAT_DATA_IS}")
    is_idx_set = not os.path.lexists(path) and _is_folder(path.parent) and path.name in find_idx_sets(path.parent)
    is_archive, is_zip = (path.name.lower().endswith(suffix) for suffix in (ARCHIVE_SUFFIX, ZIP_SUFFIX))
    is_table = is_table_name(path.name)
    if folder is not None and (is_folder or is_idx_set or is_archive or is_zip or is_table):
        kind = "folder" if is_folder else "file"
        raise InputError(f"name='{name}' is a {kind} itself, so folder='{folder}' has no effect; leave out folder")
    if is_folder:
        read_options.notes += _note_idx_beside(path)
        return _load_folder(path, read_options)
    if is_idx_set:
        return _check_and_brighten(load_idx_folder(path.parent, path.name, read_options.storage), read_options)
    if is_archive:
        return _check_and_brighten(load_npz(path, read_options.notes), read_options)
    if is_zip:
        return _load_zip(path, read_options)
    if is_table:
        from golmu.data.readers.tables import load_tables  # noqa: PLC0415  imports Pillow

        return load_tables(path, read_options)
    raise DataError(_describe_unknown(name))


def exists(name: str) -> bool:
    """Return whether there is a data set of this name or path, whatever it holds."""
    path = Path(name)
    if name in _LOADERS or os.path.exists(path):  # noqa: PTH110  the other raises where one may not look
        return True
    return _is_folder(path.parent) and path.name in find_idx_sets(path.parent)


def _is_special(path: Path) -> bool:
    """Whether a device, a pipe or the like is at `path`."""
    return os.path.lexists(path) and path.exists() and not (_is_folder(path) or path.is_file())


def _load_folder(folder: Path, read_options: ReadOptions) -> Dataset:
    from golmu.data.readers.class_folders import load_class_folders  # noqa: PLC0415  imports Pillow
    from golmu.data.readers.image_tree import scan_folder  # noqa: PLC0415
    from golmu.data.readers.tables import holds_tables, load_tables, name_images  # noqa: PLC0415

    if is_packed(folder):
        return load_shards(folder, read_options)
    if find_idx_sets(folder):
        if passed_over := scan_folder(folder, []).class_folders:
            read_options.notes.append(
                f"the IDX files in '{folder}' are read, and its folders of images are not: {', '.join(passed_over)}"
            )
        return _check_and_brighten(load_idx_folder(folder, None, read_options.storage), read_options)
    unreadable: list[str] = []
    tree = scan_folder(folder, unreadable if read_options.skip_bad else None)
    if tree.is_run:
        raise DataError(f"'{folder}' is a run folder, which holds no data set; give {WHAT_DATA_IS}")
    if name_images(folder, tree, read_options.label):
        return load_tables(folder, read_options)
    if tree.class_folders:
        if holds_tables(folder):
            unread = (
                f"the class folders in '{folder}' are read, and its tables are not: give the path of a table to read it"
            )
            if read_options.label is not None:
                raise InputError(f"label={read_options.label!r} names a column, but {unread}")
            read_options.notes.append(unread)
        read_options.check_no_table(str(folder))
        read_options.left_out += unreadable
        read_options.notes += unreadable
        return load_class_folders(tree, folder, read_options)
    if holds_tables(folder):
        return load_tables(folder, read_options)
    if tree.images:
        raise DataError(
            f"'{folder}' holds images, but no class folders: move the images of each class into a folder named after "
            "the class"
        )
    raise DataError(f"'{folder}' holds no data set; give {WHAT_DATA_IS}")


def _note_idx_beside(folder: Path) -> list[str]:
    """Return a sentence if IDX files beside a folder are a data set of its name, which is not the one that is read."""
    try:
        is_set = folder.name in find_idx_sets(folder.parent)
    except DataError:  # the folder above need not be readable
        return []
    return [f"'{folder}' is taken as the folder, not as the IDX files of that name beside it"] if is_set else []


def _load_zip(path: Path, read_options: ReadOptions) -> Dataset:
    from golmu.data.readers.class_folders import load_class_folders  # noqa: PLC0415  imports Pillow
    from golmu.data.readers.zipped_images import scan_zip  # noqa: PLC0415

    tree = scan_zip(path)
    if not tree.class_folders:
        raise DataError(f"'{path}' holds no class folders of images; unpack it, and give what is inside")
    read_options.check_no_table(str(path))
    return load_class_folders(tree, path, read_options)


def _check_and_brighten(dataset: Dataset, read_options: ReadOptions) -> Dataset:
    """Check a data set of arrays, which are not fitted to any size, against the options, and brighten it if need be."""
    read_options.check_no_table(dataset.name)
    read_options.check_arrays(dataset.train.images.shape[1:], dataset.name)
    train, test, notes = brighten(dataset.train, dataset.test)
    read_options.notes += notes
    return replace(dataset, train=train, test=test)


def load_npz(path: Path, notes: list[str]) -> Dataset:
    """Load an `.npz` file (`golmu.data.readers.npz`) of arrays such as `Dataset.from_arrays` takes; add to `notes`.

    Raises
    ------
    DataError
        If the file is missing or damaged, or its arrays cannot be used, or do not fit together.
    """
    pairs = read_npz(path, notes)
    sets, parts, is_share = [], [], are_shares(*(pair.images for pair in pairs))
    try:
        while pairs:
            # Each pair is dropped as soon as it is converted: its arrays may be eight times as large as the images.
            pair = pairs.pop(0)
            sets.append(users_images(pair.images, pair.images_name, is_share=is_share))
            parts.append((pair.labels, len(sets[-1]), pair.labels_name))
            del pair
        numbers, class_names = users_labels(parts, None)
    except (InputError, InputTypeError) as error:
        raise DataError(f"'{path}': {error}") from error
    train, *rest = map(ImageSet, sets, numbers)
    test = rest[0] if rest else None
    if test is not None and test.images.shape[1:] != train.images.shape[1:]:
        raise DataError(
            f"'{path}' holds training images of shape {train.images.shape[1:]}, but test images of shape "
            f"{test.images.shape[1:]}; bring them to one shape"
        )
    return Dataset(path.stem, train, test, class_names, str(path))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # a name too long for the file system, or one with a null byte
        return False


def _describe_unknown(name: str | Path) -> str:
    """Return what to say about a name that is neither that of a data set nor that of a file of a known kind."""
    text = str(name)
    if os.path.lexists(text):
        return f"'{text}' is not a kind of file that Golmu reads; give {WHAT_DATA_IS}"
    if isinstance(name, os.PathLike) or Path(text).name != text != "" or Path(text).suffix:
        return f"there is no '{text}'; give {WHAT_DATA_IS}"
    close = difflib.get_close_matches(text.lower(), _LOADERS, n=1, cutoff=0.5)
    question = f" (did you mean '{close[0]}'?)" if close else ""
    return f"there is no data set, folder or file named '{text}'{question}; give {WHAT_DATA_IS}"
