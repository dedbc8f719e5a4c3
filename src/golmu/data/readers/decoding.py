"""Many image files at once, decoded by several threads and fitted to one shape.

Pillow lets other threads run while it decodes and scales, so threads share the work as processes would.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from math import prod
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from golmu.architecture import POOL_SIZE
from golmu.data.readers.idx import MAX_BYTES
from golmu.data.readers.image_files import Look, Source, hush, look_at_image, read_image
from golmu.data.readers.inversion import Inversion
from golmu.data.reading import Reading, shown
from golmu.engines.contract import usable_cores
from golmu.errors import DataError, InputError

DEFAULT_SIZE = 28
"""Height and width of the images where the files differ in size."""

LARGE = 128
"""Pixels of height or width from which training takes long, and a note says so."""

NAMED = 3
"""Files that an error names of those that cannot be read, and sizes that a note names."""

LISTED = 100
"""Files that the note of those that are left out names at most; `Reading.left_out` has all."""

PART = 32
"""Files that a thread takes at a time."""

Shape = tuple[int, int, int]
"""(h, w, c)."""

Parts = Callable[[], Iterable[Sequence[Source]]]
"""Gives the files from the first to the last, some at a time; it is called once for the headers and once for all."""

T = TypeVar("T")


class Pictures(NamedTuple):
    """Images that were read, and which ones."""

    images: NDArray[np.uint8]
    """(n, h, w, c): those that could be read, in order."""
    is_good: NDArray[np.bool_]
    """(total,): whether each could be read."""


def in_parts(sources: Sequence[T], length: int = PART) -> Iterator[Sequence[T]]:
    """The sources, `length` at a time."""
    for start in range(0, len(sources), length):
        yield sources[start : start + length]


def read_pictures(parts: Parts, total: int, reading: Reading) -> Pictures:
    """All images, fitted to `reading`, or to what their headers say where it leaves that open.

    Raises
    ------
    DataError
        If one cannot be read, unless these are to be skipped; or if none can.
    InputError
        If they would fill more than `golmu.data.readers.idx.MAX_BYTES` together.
    """
    with hush:
        shape = _shape(parts, reading)
        if prod(shape) * total > MAX_BYTES:
            raise InputError(
                f"{total:,} images of {shown(shape)} take {prod(shape) * total:,} bytes, and at most {MAX_BYTES:,} are "
                "read: choose a smaller size by --size (size=)"
            )
        images = np.empty((total, *shape), np.uint8)
        bad: dict[int, DataError] = {}
        done = 0
        for results in decoded(parts(), shape):
            for number, result in enumerate(results, start=done):
                if isinstance(result, DataError):
                    bad[number] = result
                else:
                    images[number] = result
            done += len(results)
            if reading.progress is not None:
                reading.progress(done, total)
    is_good = np.ones(total, bool)
    is_good[list(bad)] = False
    if bad:
        _note_bad(list(bad.values()), total, reading)
        images = images[is_good]
    if reading.channels is None and shape[2] == 3 and not _are_coloured(images):
        images = np.ascontiguousarray(images[..., :1])
    return Pictures(images, is_good)


def decoded(
    parts: Iterable[Sequence[Source]], shape: Shape, inversion: Inversion | None = None
) -> Iterator[list[NDArray[np.uint8] | DataError]]:
    """The images of each part in turn, uint8 (h, w, c), or what is wrong with them."""
    return _in_parallel(partial(_each, partial(read_image, shape=shape, inversion=inversion)), parts)


def bad_files(errors: Sequence[DataError], total: int) -> str:
    """What is said of files that cannot be read: their number, and the first ones."""
    if total == 1:
        return str(errors[0])
    more = "; ..." if len(errors) > NAMED else ""
    first = "; ".join(str(error) for error in errors[:NAMED])
    return f"{len(errors):,} of {total:,} images cannot be read: {first}{more}"


def _each(function: Callable[[Source], T], part: Sequence[Source]) -> list[T | DataError]:
    results: list[T | DataError] = []
    for source in part:
        try:
            results.append(function(source))
        except DataError as error:
            results.append(error)
    return results


def _in_parallel(function: Callable[[Sequence[Source]], T], parts: Iterable[Sequence[Source]]) -> Iterator[T]:
    """The function's result for each part, in order; a few parts are worked on ahead, and no more are held."""
    n_threads, rest = usable_cores(), iter(parts)
    with ThreadPoolExecutor(n_threads, thread_name_prefix="golmu-images") as pool:
        ahead = deque(pool.submit(function, part) for part in islice(rest, 2 * n_threads))
        try:
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(function, part) for part in islice(rest, 1))
        finally:  # after Ctrl-C nothing more is begun
            for future in ahead:
                future.cancel()


def _shape(parts: Parts, reading: Reading) -> Shape:
    """(h, w, c) that all images are brought to; c is 3 where a header allows colours."""
    if reading.size is not None and reading.channels is not None:
        return (*reading.size, reading.channels)
    sizes: Counter[tuple[int, int]] = Counter()
    channels = 1
    for results in _in_parallel(partial(_each, look_at_image), parts()):
        for look in results:
            if isinstance(look, Look):
                sizes[look.height, look.width] += 1
                channels = max(channels, 3 if look.is_coloured else 1)
    return (*(reading.size or _common_size(sizes, reading)), reading.channels or channels)


def _common_size(sizes: Counter[tuple[int, int]], reading: Reading) -> tuple[int, int]:
    """The size of all files if they have one, else the default; with a note where the user may want another."""
    if len(sizes) == 1:
        ((height, width),) = sizes
        if max(height, width) >= LARGE:
            reading.notes.append(
                f"the images are {shown((height, width))} pixels, which makes a network large and slow: a smaller size "
                "may do, chosen by --size (size=)"
            )
        return max(POOL_SIZE, height), max(POOL_SIZE, width)
    if sizes:
        named = ", ".join(f"{shown(size)} ({n:,})" for size, n in sizes.most_common(NAMED))
        reading.notes.append(
            f"the images have {len(sizes):,} sizes, {named}{', ...' if len(sizes) > NAMED else ''}: all are fitted to "
            f"{DEFAULT_SIZE}x{DEFAULT_SIZE}; choose another size by --size (size=)"
        )
    return DEFAULT_SIZE, DEFAULT_SIZE


def _note_bad(errors: Sequence[DataError], total: int, reading: Reading) -> None:
    what = bad_files(errors, total)
    if not reading.skip_bad:
        raise DataError(f"{what}; mend or remove them, or leave them out by --skip-bad (skip_bad=True)")
    if len(errors) == total:
        raise DataError(f"{what}; no image is left")
    reading.left_out += map(str, errors)
    if len(errors) > NAMED:
        what = "\n  ".join(
            [f"{len(errors):,} of {total:,} images cannot be read and are left out:", *map(str, errors[:LISTED])]
        )
        if len(errors) > LISTED:
            what += f"\n  and {len(errors) - LISTED:,} more: golmu data DATA --skip-bad --json gives all as left_out"
        reading.notes.append(what)
    else:
        reading.notes.append(f"{what}; they are left out")


def _are_coloured(images: NDArray[np.uint8]) -> bool:
    """Whether a pixel of images (n, h, w, 3) is not grey."""
    return any(bool((image[..., :1] != image[..., 1:]).any()) for image in images)
