"""From images to the padded, split rows that the convolution reads, each image seen as its draws say.

A view is seven int64, by these names: `START` and `STEP`, with which column j of the view is column start + step · j of
the image; `DOWN`, by how many rows it is shifted down; `FIRST` and `LAST`, between which its columns are in the image;
and `TOP` and `LEFT`, where the erased square begins, which may lie outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.draws import ERASE_COLUMN, ERASE_ROW, FLIP, SHIFT_DOWN, SHIFT_RIGHT, draw_below
from golmu.engines.fused.compiling import kernel
from golmu.engines.fused.step_options import Options

ZERO = np.float32(0)

START, STEP, DOWN, FIRST, LAST, TOP, LEFT = range(7)
NUMBERS = 7
"""In a view."""


@kernel
def set_view(is_mirrored: bool, right: int, down: int, width: int, view: Any) -> None:
    """The view of an image that is mirrored, if so, and then shifted."""
    view[START] = width - 1 + right if is_mirrored else -right
    view[STEP] = -1 if is_mirrored else 1
    view[DOWN] = down
    view[FIRST] = max(0, right)
    view[LAST] = width + min(0, right)


@kernel
def look(key: Any, options: Options, height: int, width: int, view: Any) -> None:
    """Draws one sample's view (7,)."""
    right = down = 0
    if options.shift > 0:
        right = draw_below(key, SHIFT_RIGHT, 2 * options.shift + 1) - options.shift
        down = draw_below(key, SHIFT_DOWN, 2 * options.shift + 1) - options.shift
    set_view(options.flip > 0 and draw_below(key, FLIP, 2) == 1, right, down, width, view)
    if options.erase > 0:
        view[TOP] = draw_below(key, ERASE_ROW, height) - options.erase // 2
        view[LEFT] = draw_below(key, ERASE_COLUMN, width) - options.erase // 2


@kernel
def unpack(images: Any, chosen: Any, scale: Any, offset: Any, x: Any) -> None:
    """Puts pixel · scale + offset of images (n, h, w, c) side by side: `chosen` (m,) indices, x (c, 2H+2, 2, W+1, S).

    The border of x stays as it is, zero; all of the samples that are not real become so.
    """
    _, height, width, n_channels = images.shape
    _, rows, _, pairs, samples = x.shape
    pixels, n = images.reshape(-1), len(chosen)
    starts = np.empty(samples, np.int64)
    for s in range(n):
        starts[s] = chosen[s] * height * width * n_channels
    for row in range(min(rows - 1, height)):
        for channel in range(n_channels):
            even, odd = x[channel, row + 1, 0], x[channel, row + 1, 1]
            a, b = scale[channel], offset[channel]
            for column in range(min(2 * pairs - 1, width)):
                at = (row * width + column) * n_channels + channel
                to = even[(column + 1) // 2] if column % 2 else odd[column // 2]
                # The samples' pixels lie anywhere, but go to neighbouring places, which is a vector's work. Indices
                # have no sign, since numba looks at others whether they count from the end.
                for s in range(n):
                    to[s] = a * np.float32(pixels[np.uint64(starts[s] + at)]) + b
                for s in range(n, samples):
                    to[s] = ZERO


@kernel
def unpack_views(images: Any, chosen: Any, scale: Any, offset: Any, views: Any, x: Any) -> None:
    """The same of the images as their views (m, 7) show them; what a shift brings in becomes zero."""
    _, height, width, n_channels = images.shape
    _, rows, _, pairs, samples = x.shape
    pixels, n = images.reshape(-1), len(chosen)
    starts, steps, firsts, lasts = np.zeros((4, samples), np.int64)
    for row in range(min(rows - 1, height)):
        for s in range(n):
            source = row - views[s, DOWN]
            is_inside = 0 <= source < height
            starts[s] = ((chosen[s] * height + source) * width + views[s, START]) * n_channels if is_inside else 0
            steps[s] = views[s, STEP] * n_channels
            firsts[s] = views[s, FIRST]
            lasts[s] = views[s, LAST] if is_inside else 0
        for channel in range(n_channels):
            even, odd = x[channel, row + 1, 0], x[channel, row + 1, 1]
            a, b = scale[channel], offset[channel]
            for column in range(min(2 * pairs - 1, width)):
                to = even[(column + 1) // 2] if column % 2 else odd[column // 2]
                for s in range(samples):
                    is_inside = firsts[s] <= column < lasts[s]
                    at = np.uint64(starts[s] + steps[s] * column + channel if is_inside else 0)
                    value = a * np.float32(pixels[at]) + b
                    to[s] = value if is_inside else ZERO


@kernel
def erase(views: Any, side: int, height: int, width: int, x: Any) -> None:
    """Sets to zero the square of each view (m, 7) in x (c, 2H + 2, 2, W + 1, S)."""
    n_channels, rows, _, pairs, _ = x.shape
    for channel in range(n_channels):
        for s in range(len(views)):
            top, left = views[s, TOP], views[s, LEFT]
            for row in range(max(0, top), min(rows - 1, height, top + side)):
                for column in range(max(0, left), min(2 * pairs - 1, width, left + side)):
                    x[channel, row + 1, 1 - column % 2, (column + 1) // 2, s] = ZERO


@kernel
def unpack_mirrored(images: Any, chosen: Any, scale: Any, offset: Any, views: Any, x: Any) -> None:
    """`unpack` of the mirror images; `views` is scratch."""
    for s in range(len(chosen)):
        set_view(True, 0, 0, images.shape[2], views[s])
    unpack_views(images, chosen, scale, offset, views, x)


@kernel
def unpack_drawn(
    images: Any, chosen: Any, scale: Any, offset: Any, keys: Any, options: Options, views: Any, x: Any
) -> None:
    """`unpack` of the images as the draws of their keys show them; `views` is scratch."""
    if not options.is_viewed:
        unpack(images, chosen, scale, offset, x)
        return
    n, height, width = len(chosen), images.shape[1], images.shape[2]
    for s in range(n):
        look(keys[s], options, height, width, views[s])
    unpack_views(images, chosen, scale, offset, views, x)
    if options.erase > 0:
        erase(views[:n], options.erase, height, width, x)
