"""Unpacking images into the padded, split rows that the convolution reads: as they are, or mirrored, shifted, erased.

The views (9, S) say how each sample's image is seen, in int64:

    START, STEP    column j of the view is column start + step · j of the image
    DOWN           how many rows the view is shifted down
    FIRST, LAST    columns first to last − 1 of the view lie in the image
    TOP, LEFT      the corner of the erased square, which may lie outside the image
    AT, END        of the row that is being unpacked: where its column 0 lies among all numbers of the images, and up
                   to which column it lies in the image
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines import draws
from golmu.engines.fused.compiling import inlined_kernel, kernel
from golmu.engines.fused.hashing import draw_below, sample_key
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.transposition import SIDE, transpose
from golmu.engines.fused.vectors import NUMBER_BYTES

ZERO = np.float32(0)

FLIP, SHIFT_DOWN, SHIFT_RIGHT, ERASE_ROW, ERASE_COLUMN = map(
    np.int64, (draws.FLIP, draws.SHIFT_DOWN, draws.SHIFT_RIGHT, draws.ERASE_ROW, draws.ERASE_COLUMN)
)
"""The numbers of draws. To numba each plain integer would be a type of its own, for which it would compile
`draw_below` once more."""

START, STEP, DOWN, FIRST, LAST, TOP, LEFT, AT, END = range(9)
VALUES_PER_VIEW = 9


@kernel
def set_view(is_mirrored: bool, right: int, down: int, width: int, view: Any) -> None:
    """Set the `view` (9,) of a sample to that of an image that is mirrored, if `is_mirrored`, and then shifted."""
    view[START] = width - 1 + right if is_mirrored else -right
    view[STEP] = -1 if is_mirrored else 1
    view[DOWN] = down
    view[FIRST] = max(0, right)
    view[LAST] = width + min(0, right)


@kernel
def draw_view(key: Any, step_options: StepOptions, height: int, width: int, view: Any) -> None:
    """Draw the `view` (9,) of the sample with this key."""
    right = down = 0
    if step_options.shift > 0:
        right = draw_below(key, SHIFT_RIGHT, 2 * step_options.shift + 1) - step_options.shift
        down = draw_below(key, SHIFT_DOWN, 2 * step_options.shift + 1) - step_options.shift
    set_view(step_options.flip > 0 and draw_below(key, FLIP, np.int64(2)) == 1, right, down, width, view)
    if step_options.erase > 0:
        view[TOP] = draw_below(key, ERASE_ROW, height) - step_options.erase // 2
        view[LEFT] = draw_below(key, ERASE_COLUMN, width) - step_options.erase // 2


@kernel
def fetch_row(images: Any, starts: Any, n: int, row: int, pixels: Any) -> None:
    """Copy row `row` of n images to pixels (w·c, S), the sample last; starts (S,) are the images' first numbers.

    Of the samples from n on, which are not real, anything may be copied.
    """
    n_numbers, samples = pixels.shape
    size, numbers = images.itemsize, images.reshape(-1)
    if n_numbers < SIDE:
        for at in range(n_numbers):
            for s in range(n):
                pixels[at, s] = np.float32(numbers[np.uint64(starts[s] + row * n_numbers + at)])
        return
    first = 0
    while first < n_numbers:
        first = min(first, n_numbers - SIDE)  # the last square may overlap the one before
        start = images.ctypes.data + (row * n_numbers + first) * size
        for s in range(0, samples, SIDE):
            to = pixels.ctypes.data + (first * samples + s) * NUMBER_BYTES
            transpose(images, starts.ctypes.data + starts.itemsize * s, start, to, samples)
        first += SIDE


@kernel
def unpack(images: Any, chosen: Any, scale: Any, offset: Any, views: Any, row_pixels: Any, x: Any) -> None:
    """Write pixel · scale + offset of the images (n, h, w, c) at the indices `chosen` (m,) to x (c, 2H+2, 2, W+1, S).

    The border of x stays zero, and so do the samples from m on, which are not real. `views` and `row_pixels` (w·c, S)
    are scratch space.
    """
    _, height, width, n_channels = images.shape
    _, rows, _, pairs, samples = x.shape
    n = len(chosen)
    starts = views[AT]
    for s in range(samples):  # whole squares are fetched, so a place without a sample repeats the last one
        starts[s] = chosen[min(s, n - 1)] * height * width * n_channels
    for row in range(min(rows - 1, height)):
        fetch_row(images, starts, n, row, row_pixels)
        for channel in range(n_channels):
            even, odd = x[channel, row + 1, 0], x[channel, row + 1, 1]
            a, b = scale[channel], offset[channel]
            for column in range(min(2 * pairs - 1, width)):
                to = even[(column + 1) // 2] if column % 2 else odd[column // 2]
                of = row_pixels[column * n_channels + channel]
                for s in range(samples):
                    to[s] = a * of[s] + b if s < n else ZERO


@kernel
def unpack_views(images: Any, chosen: Any, scale: Any, offset: Any, views: Any, x: Any) -> None:
    """Unpack the images as their `views` show them (see `unpack`); what a shift brings in becomes zero."""
    _, height, width, n_channels = images.shape
    _, rows, _, pairs, samples = x.shape
    pixels, n = images.reshape(-1), len(chosen)
    starts, steps, firsts, ends = views[AT], views[STEP], views[FIRST], views[END]
    ends[n:] = 0
    for row in range(min(rows - 1, height)):
        for s in range(n):
            source = row - views[DOWN, s]
            is_inside = 0 <= source < height
            starts[s] = ((chosen[s] * height + source) * width + views[START, s]) * n_channels
            ends[s] = views[LAST, s] if is_inside else 0
        for channel in range(n_channels):
            even, odd = x[channel, row + 1, 0], x[channel, row + 1, 1]
            a, b = scale[channel], offset[channel]
            for column in range(min(2 * pairs - 1, width)):
                to = even[(column + 1) // 2] if column % 2 else odd[column // 2]
                for s in range(samples):
                    is_inside = firsts[s] <= column < ends[s]
                    at = np.uint64(starts[s] + steps[s] * column * n_channels + channel if is_inside else 0)
                    value = a * np.float32(pixels[at]) + b
                    to[s] = value if is_inside else ZERO


@kernel
def erase(views: Any, n: int, side: int, height: int, width: int, x: Any) -> None:
    """Set the erased square of the first n views to zero in x (c, 2H + 2, 2, W + 1, S)."""
    n_channels, rows, _, pairs, _ = x.shape
    for channel in range(n_channels):
        for s in range(n):
            top, left = views[TOP, s], views[LEFT, s]
            for row in range(max(0, top), min(rows - 1, height, top + side)):
                for column in range(max(0, left), min(2 * pairs - 1, width, left + side)):
                    x[channel, row + 1, 1 - column % 2, (column + 1) // 2, s] = ZERO


@kernel
def unpack_mirrored(images: Any, chosen: Any, scale: Any, offset: Any, views: Any, x: Any) -> None:
    """Unpack the mirror images (see `unpack`); `views` is scratch space."""
    for s in range(len(chosen)):
        set_view(True, 0, 0, images.shape[2], views[:, s])
    unpack_views(images, chosen, scale, offset, views, x)


@inlined_kernel
def unpack_drawn(
    images: Any, chosen: Any, scale: Any, offset: Any, batch: int, start: int, step_options: StepOptions, keys: Any,
    views: Any, row_pixels: Any, x: Any,
) -> None:  # fmt: skip
    """Unpack the images as their draws show them (see `unpack`), and write the `keys` of these.

    They are the samples from `start` on of this batch of the epoch.
    """
    for s in range(len(chosen)):
        keys[s] = sample_key(step_options.seed, batch, start + s)
    if not step_options.is_viewed:
        unpack(images, chosen, scale, offset, views, row_pixels, x)
        return
    n, height, width = len(chosen), images.shape[1], images.shape[2]
    for s in range(n):
        draw_view(keys[s], step_options, height, width, views[:, s])
    unpack_views(images, chosen, scale, offset, views, x)
    if step_options.erase > 0:
        erase(views, n, step_options.erase, height, width, x)
