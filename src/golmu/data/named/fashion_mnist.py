"""Fashion-MNIST: 60,000 training and 10,000 test images of clothes, found, verified and loaded.

The sources are tried in this order, and the first whose four files are the published ones wins:

1. the folder that the caller names, then the one that the environment variable GOLMU_DATA names;
2. the cache, where what was fetched before is kept;
3. the folder of the Debian package `dataset-fashion-mnist`;
4. the public mirrors on the internet;
5. that Debian package, fetched from the system's archive with apt but not installed.

A file is the published one if its unpacked content has the SHA-256 in `SHA256`, so it does not matter who packed it
or where it came from.
"""

from __future__ import annotations

import functools
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from golmu.data.dataset import Dataset
from golmu.data.image_set import ImageSet
from golmu.data.named.fetching import download, store, unpack_debian_package
from golmu.data.readers.idx import MNIST_FILES, as_path, find_idx_files, read_idx_with_sha256
from golmu.errors import DataError

NAME = "fashion-mnist"

CLASS_NAMES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip

SHA256 = {
    "train-images-idx3-ubyte": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
"""SHA-256 of each file's unpacked content."""

MIRRORS = (
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets",
)

DEBIAN_PACKAGE = "dataset-fashion-mnist"

_PACKAGED_FOLDER = Path("usr/share/datasets/fashion-mnist")  # in the package, from its root folder

ENVIRONMENT_VARIABLE = "GOLMU_DATA"

logger = logging.getLogger("golmu")

_Arrays = dict[str, NDArray[np.uint8]]  # the name of a file in MNIST_FILES -> what it holds


class _Source(NamedTuple):
    """One place to look: `read` returns the arrays and where they are now, or raises DataError or OSError."""

    name: str
    read: Callable[[], tuple[_Arrays, str]]
    is_named_by_user: bool = False


def load(folder: str | Path | None = None) -> Dataset:
    """Load Fashion-MNIST from the first source that has it.

    Files that were fetched from the internet are kept in the cache, if that can be written. If a folder that the user
    named cannot be used, a warning on the logger "golmu" says why.

    Parameters
    ----------
    folder
        A folder that holds the four files, each plain or packed with gzip, itself or in its subfolder
        `fashion-mnist`.

    Returns
    -------
    The data set, with images uint8 (60000, 28, 28, 1) and (10000, 28, 28, 1), labels int64 from 0 to 9. Its
    `source` is the folder of the files, or the address they came from if they could not be kept.

    Raises
    ------
    DataError
        If no source has the files; the message lists each with what it lacks.
    InputTypeError
        If `folder` is neither text nor a path.
    """
    failures = []
    for source in _sources(folder):
        try:
            arrays, place = source.read()
        except (DataError, OSError) as error:
            failures.append(f"{source.name}: {' '.join(str(error).split())}")
            level = logging.WARNING if source.is_named_by_user else logging.DEBUG
            logger.log(level, "looking for Fashion-MNIST elsewhere: %s", failures[-1])
            continue
        logger.info("Fashion-MNIST comes from %s", place)
        return _dataset(arrays, place)
    raise DataError(_describe_failures(failures))


def is_here(folder: str | Path | None = None) -> bool:
    """Return whether this computer has the four files, so that `load` need not fetch them; nothing is verified."""
    named = [Path(one) for one in (folder, os.environ.get(ENVIRONMENT_VARIABLE)) if one]
    for place in (*named, *(one / NAME for one in named), cache_folder(), debian_folder()):
        with suppress(DataError):
            find_idx_files(place)
            return True
    return False


def cache_folder() -> Path:
    """Return the folder where fetched files are kept, in the user's own cache folder."""
    import platformdirs  # noqa: PLC0415  (importing golmu.data does not need it)

    return platformdirs.user_cache_path("golmu") / NAME


def debian_folder() -> Path:
    """Return the folder into which the Debian package puts the files."""
    return Path("/") / _PACKAGED_FOLDER


def _sources(folder: str | Path | None) -> Iterator[_Source]:
    """Iterate over the sources in the order of the module's docstring."""
    if folder is not None:
        path = as_path(folder, "folder")
        yield _Source(f"folder '{path}'", functools.partial(_from_user_folder, path), True)
    if value := os.environ.get(ENVIRONMENT_VARIABLE):
        read = functools.partial(_from_user_folder, Path(value))
        yield _Source(f"{ENVIRONMENT_VARIABLE}='{value}'", read, True)
    yield _Source("cache", functools.partial(_from_folder, cache_folder()))
    yield _Source("Debian's folder", functools.partial(_from_folder, debian_folder()))
    for mirror in MIRRORS:
        files = functools.partial(_files_of_mirror, mirror)
        yield _Source(f"mirror {mirror}", functools.partial(_from_fetched, mirror, files))
    origin = f"Debian package {DEBIAN_PACKAGE}"
    yield _Source(origin, functools.partial(_from_fetched, origin, _files_of_debian_package))


def _from_user_folder(folder: Path) -> tuple[_Arrays, str]:
    """Read the files from `folder`, or from its subfolder `fashion-mnist` if some are missing in `folder`."""
    try:
        find_idx_files(folder)
    except DataError:
        if (folder / NAME).is_dir():
            return _from_folder(folder / NAME)
        raise
    return _from_folder(folder)


def _from_folder(folder: Path) -> tuple[_Arrays, str]:
    files = find_idx_files(folder)
    return {name: _read_verified(name, paths) for name, paths in files.items()}, str(folder)


def _from_fetched(origin: str, files: Callable[[Path], Iterator[tuple[str, Path]]]) -> tuple[_Arrays, str]:
    """Fetch the files into a private folder, verify them, and keep them if the cache can be written.

    `files` fetches as it is iterated, so that the first file that fails its check is the last one fetched.
    """
    logger.info("fetching Fashion-MNIST (about 31 MB) from %s", origin)
    with tempfile.TemporaryDirectory(prefix="golmu-", ignore_cleanup_errors=True) as scratch:
        arrays, paths = {}, []
        for name, path in files(Path(scratch)):
            arrays[name] = _read_verified(name, [path])
            paths.append(path)
        try:
            store(paths, cache_folder())
        except OSError as error:
            logger.warning("Fashion-MNIST is not kept for next time: cannot write the cache (%s)", error)
            return arrays, origin
    return arrays, str(cache_folder())


def _files_of_mirror(mirror: str, scratch: Path) -> Iterator[tuple[str, Path]]:
    for name in MNIST_FILES:
        path = scratch / f"{name}.gz"
        download(f"{mirror}/{path.name}", path)
        yield name, path


def _files_of_debian_package(scratch: Path) -> Iterator[tuple[str, Path]]:
    root = unpack_debian_package(DEBIAN_PACKAGE, scratch)
    for name, paths in find_idx_files(root / _PACKAGED_FOLDER).items():
        yield name, paths[0]


def _read_verified(name: str, paths: list[Path]) -> NDArray[np.uint8]:
    """Read the first of `paths` that holds the published file `name`, or raise `DataError` if none does."""
    failure = DataError(f"there is no file {name}")
    for path in paths:
        try:
            array, digest = read_idx_with_sha256(path)
        except DataError as error:
            failure = error
            continue
        if digest == SHA256[name]:
            return array
        failure = DataError(
            f"'{path}' is not the published file: its unpacked content has SHA-256 {digest[:12]}…, but expected was "
            f"{SHA256[name][:12]}…; download it again"
        )
    raise failure


def _dataset(arrays: _Arrays, place: str) -> Dataset:
    """Make the data set of the four arrays: one channel for the images, int64 for the labels."""
    train_images, train_labels, test_images, test_labels = (arrays[name] for name in MNIST_FILES)
    return Dataset(
        name=NAME,
        train=ImageSet(train_images[..., np.newaxis], train_labels.astype(np.int64)),
        test=ImageSet(test_images[..., np.newaxis], test_labels.astype(np.int64)),
        class_names=CLASS_NAMES,
        source=place,
    )


def _describe_failures(failures: list[str]) -> str:
    tried = "; ".join(f"({number}) {failure}" for number, failure in enumerate(failures, start=1))
    return (
        f"Fashion-MNIST was not found in any of {len(failures)} sources: {tried}; to provide it yourself, put "
        f"{', '.join(f'{name}.gz' for name in MNIST_FILES)} (packed or not) into one folder and give its path as "
        f"the argument `folder` or in the environment variable {ENVIRONMENT_VARIABLE}"
    )
