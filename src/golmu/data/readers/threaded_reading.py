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
from golmu.data.readers.image_files import ImageHeader, Source, quiet_pillow, read_image, read_image_header
from golmu.data.readers.inversion import Inversion
from golmu.data.reading import ReadOptions, format_size
from golmu.errors import DataError, InputError
from golmu.system import usable_cores
from golmu.types import ImageShape

DEFAULT_SIZE = 28
"""Height and width of the images where the files differ in size."""

LARGE_SIDE = 128
"""Pixels of height or width from which training takes long, and a note says so."""

MAX_FILES_NAMED = 3
"""Unreadable files, at most, that an error names."""

MAX_FILES_LISTED = 100
"""Skipped files, at most, that a note lists; `ReadOptions.left_out` has all of them."""

MAX_SIZES_NAMED = 3
"""Sizes, at most, that a note names."""

FILES_PER_PART = 32
"""Files that a thread takes at a time."""

Parts = Callable[[], Iterable[Sequence[Source]]]
"""Returns all images in order, some at a time; it is called once for the headers and once for the pixels."""

T = TypeVar("T")


class DecodedImages(NamedTuple):
    """The images that could be read, and which ones these are."""

    images: NDArray[np.uint8]
    """(n, h, w, c): the images that could be read, in order."""
    is_good: NDArray[np.bool_]
    """(total,): whether each image could be read."""


def in_parts(sources: Sequence[T], length: int = FILES_PER_PART) -> Iterator[Sequence[T]]:
    """Iterate over the sources, `length` at a time."""
    for start in range(0, len(sources), length):
        yield sources[start : start + length]


def read_images(parts: Parts, total: int, read_options: ReadOptions) -> DecodedImages:
    """Read all images in the shape of `read_options`, or in the one that their headers suggest where it is open.

    Raises
    ------
    DataError
        If an image cannot be read, unless such images are to be skipped; or if none can be read.
    InputError
        If all images together would take more than `ReadOptions.storage` takes.
    """
    with quiet_pillow:
        shape, storage = _choose_shape(parts, read_options), read_options.storage
        if prod(shape) * total > storage.max_bytes:
            raise InputError(
                f"{total:,} images of {format_size(shape)} (height x width x channels) take "
                f"{prod(shape) * total:,} bytes, but at most {storage.max_bytes:,} are read: choose a smaller size "
                "with --size (in Python: size=)"
            )
        images = storage.empty((total, *shape), np.uint8)
        earlier = storage.begin_decoding(parts(), images)
        bad = {number: error for number, error in earlier.items() if error is not None}
        done = len(earlier)
        for results in decode_all(_without_first(parts(), done), shape):
            for number, result in enumerate(results, start=done):
                if isinstance(result, DataError):
                    bad[number] = result
                else:
                    images[number] = result
            done += len(results)
            storage.note_decoded(done, bad)
            if read_options.progress is not None:
                read_options.progress(done, total)
    is_good = np.ones(total, bool)
    is_good[list(bad)] = False
    if bad:
        _report_bad(list(bad.values()), total, read_options)
    is_grey = read_options.channels is None and shape[2] == 3 and not _are_coloured(images, is_good)
    if bad or is_grey:
        images = storage.take(images, np.flatnonzero(is_good), 1 if is_grey else None)
    return DecodedImages(images, is_good)


def decode_all(
    parts: Iterable[Sequence[Source]], shape: ImageShape, inversion: Inversion | None = None
) -> Iterator[list[NDArray[np.uint8] | DataError]]:
    """Decode the images of each part in turn: uint8 (h, w, c), or the error that an image could not be read."""
    return _map_in_threads(partial(_map_or_error, partial(read_image, shape=shape, inversion=inversion)), parts)


def bad_files(errors: Sequence[DataError], total: int) -> str:
    """Return what to say about files that cannot be read: how many there are, and what is wrong with the first ones."""
    if total == 1:
        return str(errors[0])
    more = "; ..." if len(errors) > MAX_FILES_NAMED else ""
    first = "; ".join(str(error) for error in errors[:MAX_FILES_NAMED])
    return f"{len(errors):,} of {total:,} images cannot be read: {first}{more}"


def advice_on_bad_files(errors: Sequence[DataError]) -> str:
    """Return what to do about files that cannot be read, to follow what is said about them."""
    them = "it" if len(errors) == 1 else "them"
    return f"; fix or remove {them}, or skip {them} with --skip-bad (in Python: skip_bad=True)"


def _map_or_error(function: Callable[[Source], T], part: Sequence[Source]) -> list[T | DataError]:
    """Return the function's result for each source, or the `DataError` that it raised."""
    results: list[T | DataError] = []
    for source in part:
        try:
            results.append(function(source))
        except DataError as error:
            results.append(error)
    return results


def _map_in_threads(function: Callable[[Sequence[Source]], T], parts: Iterable[Sequence[Source]]) -> Iterator[T]:
    """Yield the function's result for each part, in order; threads work a few parts ahead, and no more are held."""
    n_threads, rest = usable_cores(), iter(parts)
    with ThreadPoolExecutor(n_threads, thread_name_prefix="golmu-images") as pool:
        ahead = deque(pool.submit(function, part) for part in islice(rest, 2 * n_threads))
        try:
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(function, part) for part in islice(rest, 1))
        finally:  # after Ctrl-C, nothing more is started
            for future in ahead:
                future.cancel()


def _choose_shape(parts: Parts, read_options: ReadOptions) -> ImageShape:
    """Return the (h, w, c) to which all images are fitted; c is 3 if a header allows colours."""
    if read_options.size is not None and read_options.channels is not None:
        return (*read_options.size, read_options.channels)
    sizes: Counter[tuple[int, int]] = Counter()
    channels = 1
    for headers in _map_in_threads(partial(_map_or_error, read_image_header), parts()):
        for header in headers:
            if isinstance(header, ImageHeader):
                sizes[header.height, header.width] += 1
                channels = max(channels, 3 if header.is_coloured else 1)
    return (*(read_options.size or _common_size(sizes, read_options)), read_options.channels or channels)


def _common_size(sizes: Counter[tuple[int, int]], read_options: ReadOptions) -> tuple[int, int]:
    """Return the size of all files if they share one, else the default; add a note if the user may want another."""
    if len(sizes) == 1:
        ((height, width),) = sizes
        if max(height, width) >= LARGE_SIDE:
            read_options.notes.append(
                f"the images are {format_size((height, width))} pixels (height x width), which makes the network large "
                "and slow; try a smaller size with --size (in Python: size=)"
            )
        return max(POOL_SIZE, height), max(POOL_SIZE, width)
    if sizes:
        named = ", ".join(f"{format_size(size)} ({n:,})" for size, n in sizes.most_common(MAX_SIZES_NAMED))
        read_options.notes.append(
            f"the images have {len(sizes):,} sizes (height x width), {named}"
            f"{', ...' if len(sizes) > MAX_SIZES_NAMED else ''}: all are scaled to fit "
            f"{DEFAULT_SIZE}x{DEFAULT_SIZE}; choose another size with --size (in Python: size=)"
        )
    return DEFAULT_SIZE, DEFAULT_SIZE


def _report_bad(errors: Sequence[DataError], total: int, read_options: ReadOptions) -> None:
    """Raise for files that cannot be read, or note them if they are to be skipped and others remain."""
    summary = bad_files(errors, total)
    if not read_options.skip_bad:
        raise DataError(f"{summary}{advice_on_bad_files(errors)}")
    if len(errors) == total:
        raise DataError(f"{summary}; no image is left")
    read_options.left_out += map(str, errors)
    if len(errors) <= MAX_FILES_NAMED:
        read_options.notes.append(f"{summary}; {'it is' if len(errors) == 1 else 'they are'} skipped")
        return
    lines = [f"{len(errors):,} of {total:,} images cannot be read and are skipped:"]
    lines += map(str, errors[:MAX_FILES_LISTED])
    if (n_more := len(errors) - MAX_FILES_LISTED) > 0:
        lines.append(f"and {n_more:,} more; golmu data DATA --json lists them all as left_out")
    read_options.notes.append("\n  ".join(lines))


def _are_coloured(images: NDArray[np.uint8], is_good: NDArray[np.bool_]) -> bool:
    """Return whether any pixel of those images (n, h, w, 3) that could be read is not grey."""
    good = (image for image, is_one in zip(images, is_good.tolist(), strict=True) if is_one)
    return any(bool((image[..., :1] != image[..., 1:]).any()) for image in good)


def _without_first(parts: Iterable[Sequence[Source]], n: int) -> Iterator[Sequence[Source]]:
    """Iterate over all sources but the first n."""
    for part in parts:
        if n < len(part):
            yield part[n:]
        n = max(0, n - len(part))
