"""Unpacking images into the padded, split rows that the convolution reads: as they are, or mirrored, shifted, erased.

A view says how an image is seen, in eight int64:

    START, STEP    column j of the view is column start + step · j of the image
    DOWN           how many rows the view is shifted down
    FIRST, LAST    columns first to last − 1 of the view lie in the image
    TOP, LEFT      the corner of the erased square, which may lie outside the image
    AT             where the image begins among the numbers of all images
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines import draws
from golmu.engines.fused.compiling import inlined_kernel, kernel
from golmu.engines.fused.hashing import draw_below, sample_key
from golmu.engines.fused.step_options import StepOptions
from golmu.engines.fused.transposition import SIDE, transpose
from golmu.engines.fused.vectors import CACHE_LINE_BYTES, NUMBER_BYTES, prefetch

ZERO = np.float32(0)

FLIP, SHIFT_DOWN, SHIFT_RIGHT, ERASE_ROW, ERASE_COLUMN = map(
    np.int64, (draws.FLIP, draws.SHIFT_DOWN, draws.SHIFT_RIGHT, draws.ERASE_ROW, draws.ERASE_COLUMN)
)
"""The numbers of draws. To numba each plain integer would be a type of its own, for which it would compile
`draw_below` once more."""

START, STEP, DOWN, FIRST, LAST, TOP, LEFT, AT = range(8)
VALUES_PER_VIEW = 8


@kernel
def set_view(is_mirrored: bool, right: int, down: int, width: int, view: Any) -> None:
    """Set `view` to that of an image that is mirrored, if `is_mirrored`, and then shifted."""
    view[START] = width - 1 + right if is_mirrored else -right
    view[STEP] = -1 if is_mirrored else 1
    view[DOWN] = down
    view[FIRST] = max(0, right)
    view[LAST] = width + min(0, right)


@kernel
def draw_view(key: Any, step_options: StepOptions, height: int, width: int, view: Any) -> None:
    """Draw the view (8,) of the sample with this key."""
    right = down = 0
    if step_options.shift > 0:
        right = draw_below(key, SHIFT_RIGHT, 2 * step_options.shift + 1) - step_options.shift
        down = draw_below(key, SHIFT_DOWN, 2 * step_options.shift + 1) - step_options.shift
    set_view(step_options.flip > 0 and draw_below(key, FLIP, np.int64(2)) == 1, right, down, width, view)
    if step_options.erase > 0:
        view[TOP] = draw_below(key, ERASE_ROW, height) - step_options.erase // 2
        view[LEFT] = draw_below(key, ERASE_COLUMN, width) - step_options.erase // 2


@kernel
def fetch_row(images: Any, views: Any, n: int, row: int, pixels: Any) -> None:
    """Copy row `row` of n images to pixels (w·c, S), the sample last; AT of a view is where its image begins.

    Of the samples from n on, which are not real, anything may be copied.
    """
    n_numbers, samples = pixels.shape
    size, numbers = images.itemsize, images.reshape(-1)
    if n_numbers < SIDE:
        for at in range(n_numbers):
            for s in range(n):
                pixels[at, s] = np.float32(numbers[np.uint64(views[s, AT] + row * n_numbers + at)])
        return
    first = 0
    while first < n_numbers:
        first = min(first, n_numbers - SIDE)  # the last square may overlap the one before
        start = images.ctypes.data + (row * n_numbers + first) * size
        for s in range(0, samples, SIDE):
            to = pixels.ctypes.data + (first * samples + s) * NUMBER_BYTES
            transpose(images, views[s:, AT].ctypes.data, VALUES_PER_VIEW, start, to, samples)
        first += SIDE


@kernel
def rows_in_image(top: int, n_rows: int, height: int) -> Any:
    """Return where those of n_rows padded rows begin and end that lie in an image, if the first is its row `top`."""
    return max(0, -top), min(n_rows, height - top)


@kernel
def prefetch_images(images: Any, order: Any, batch: int, start: int, end: int, top: int, x: Any) -> None:
    """Ask for the rows that x shows of the images (n, h, w, c) at order[batch, start:end], if there is such a batch.

    They lie scattered over more memory than the caches hold. Images of the next batch come from memory meanwhile, and
    those of this one, which have had to make room in the nearest caches, come back all at once and not one by one.
    """
    if batch == len(order):
        return
    row_size = images.shape[2] * images.shape[3] * images.itemsize
    first, last = rows_in_image(top, x.shape[1], images.shape[1])
    for s in range(start, end):
        at = images.ctypes.data + (order[batch, s] * images.shape[1] + top + first) * row_size
        for byte in range(0, (last - first) * row_size, CACHE_LINE_BYTES):
            prefetch(at + byte)


@kernel
def unpack(
    images: Any, chosen: Any, scale: Any, offset: Any, is_mirrored: bool, top: int, views: Any, row_pixels: Any, x: Any
) -> None:
    """Write pixel · scale + offset of the images (n, h, w, c) at the indices `chosen` (m,) to x (c, ·, 2, W+1, S).

    The first row of x is row `top` of the image, which is −1 for the border above it. The border of x stays zero, and
    so do the samples from m on, which are not real. `views` (S, 8) and `row_pixels` (w·c, S) are scratch space.
    """
    _, height, width, n_channels = images.shape
    _, rows, _, pairs, samples = x.shape
    n = len(chosen)
    first, last = rows_in_image(top, rows, height)
    for s in range(samples):  # whole squares are fetched, so a place without a sample repeats the last one
        views[s, AT] = chosen[min(s, n - 1)] * height * width * n_channels
    for row in range(first, last):
        fetch_row(images, views, n, top + row, row_pixels)
        for channel in range(n_channels):
            even, odd = x[channel, row, 0], x[channel, row, 1]
            a, b = scale[channel], offset[channel]
            for column in range(min(2 * pairs - 1, width)):
                to = even[(column + 1) // 2] if column % 2 else odd[column // 2]
                of = row_pixels[(width - 1 - column if is_mirrored else column) * n_channels + channel]
                for s in range(samples):
                    to[s] = a * of[s] + b if s < n else ZERO


@kernel
def unpack_views(images: Any, chosen: Any, scale: Any, offset: Any, top: int, views: Any, x: Any) -> None:
    """Unpack the images as their views (S, 8) show them (see `unpack`); what a shift brings in becomes zero."""
    _, height, width, n_channels = images.shape
    _, rows, _, pairs, samples = x.shape
    pixels, n = images.reshape(-1), len(chosen)
    first_row, last_row = rows_in_image(top, rows, height)
    for row in range(first_row, last_row):
        for s in range(samples):
            source, first, end, at = top + row - views[s, DOWN], views[s, FIRST], 0, 0
            if s < n and 0 <= source < height:
                end = views[s, LAST]
                at = ((chosen[s] * height + source) * width + views[s, START]) * n_channels
            step = views[s, STEP] * n_channels
            for channel in range(n_channels):
                a, b, halves = scale[channel], offset[channel], x[channel, row]
                for column in range(min(2 * pairs - 1, width)):
                    value = ZERO
                    if first <= column < end:
                        value = a * np.float32(pixels[np.uint64(at + step * column + channel)]) + b
                    halves[1 - column % 2, (column + 1) // 2, s] = value


@kernel
def erase(views: Any, side: int, top: int, height: int, width: int, x: Any) -> None:
    """Set the erased square of each view (m, 8) to zero in x (c, ·, 2, W + 1, S), whose first row is row `top`."""
    first_row, last_row = rows_in_image(top, x.shape[1], height)
    n_channels, _, _, pairs, _ = x.shape
    for channel in range(n_channels):
        for s in range(len(views)):
            above, left = views[s, TOP] - top, views[s, LEFT]
            for row in range(max(first_row, above), min(last_row, above + side)):
                for column in range(max(0, left), min(2 * pairs - 1, width, left + side)):
                    x[channel, row, 1 - column % 2, (column + 1) // 2, s] = ZERO


@inlined_kernel
def unpack_drawn(
    images: Any, chosen: Any, scale: Any, offset: Any, batch: int, start: int, step_options: StepOptions, top: int,
    keys: Any, views: Any, row_pixels: Any, x: Any,
) -> None:  # fmt: skip
    """Unpack the images as their draws show them (see `unpack`), and write the `keys` of these.

    They are the samples from `start` on of this batch of the epoch.
    """
    # Samples that are not real have keys, too: with an infinite weight, their draws decide where 0 · inf becomes NaN.
    for s in range(len(keys)):
        keys[s] = sample_key(step_options.seed, batch, start + s)
    if not step_options.is_viewed:
        unpack(images, chosen, scale, offset, False, top, views, row_pixels, x)
        return
    n, height, width = len(chosen), images.shape[1], images.shape[2]
    for s in range(n):
        draw_view(keys[s], step_options, height, width, views[s])
    unpack_views(images, chosen, scale, offset, top, views, x)
    if step_options.erase > 0:
        erase(views[:n], step_options.erase, top, height, width, x)
