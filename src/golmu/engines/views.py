"""From images to the padded, split rows that the convolution reads, each image seen as its draws say.

A view is five int64: how far the image is shifted to the right; 1, or −1 for its mirror image, which is then shifted;
how far down; and the first row and column of the erased square, which may lie outside.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from golmu.engines.compiling import kernel
from golmu.engines.draws import ERASE_COLUMN, ERASE_ROW, FLIP, SHIFT_DOWN, SHIFT_RIGHT, draw_below
from golmu.engines.options import Options

ZERO = np.float32(0)


@kernel
def look(key: Any, options: Options, height: int, width: int, view: Any) -> None:
    """Draws one sample's view (5,)."""
    view[0], view[1], view[2], view[3], view[4] = 0, 1, 0, 0, 0
    if options.flip:
        view[1] = 1 - 2 * draw_below(key, FLIP, 2)
    if options.shift > 0:
        view[0] = draw_below(key, SHIFT_RIGHT, 2 * options.shift + 1) - options.shift
        view[2] = draw_below(key, SHIFT_DOWN, 2 * options.shift + 1) - options.shift
    if options.erase > 0:
        view[3] = draw_below(key, ERASE_ROW, height) - options.erase // 2
        view[4] = draw_below(key, ERASE_COLUMN, width) - options.erase // 2


@kernel
def unpack(images: Any, chosen: Any, scale: Any, offset: Any, views: Any, x: Any) -> None:
    """Puts pixel · scale + offset of images (n, h, w, c) side by side: `chosen` (m,) indices, x (c, 2H+2, 2, W+1, S).

    The border of x stays as it is, zero; so is what a shift brings in, and all of the samples that are not real.
    """
    _, height, width, n_channels = images.shape
    _, rows, _, pairs, samples = x.shape
    for row in range(min(rows - 1, height)):
        for channel in range(n_channels):
            even, odd = x[channel, row + 1, 0], x[channel, row + 1, 1]
            a, b = scale[channel], offset[channel]
            for s in range(len(chosen)):
                right, step, source = views[s, 0], views[s, 1], row - views[s, 2]
                first, last = max(0, right), width + min(0, right)
                if source < 0 or source >= height:
                    source = first = last = 0
                if last - first < width:
                    for pair in range(pairs):
                        even[pair, s] = odd[pair, s] = ZERO
                pixels = images[chosen[s], source]
                start = -right if step > 0 else width - 1 + right
                # Indices without a sign, since numba looks at others whether they count from the end.
                for pair in range((first + 1) // 2, min(pairs, (last + 1) // 2)):
                    column = np.uint64(start + step * (2 * pair))
                    odd[np.uint64(pair), s] = a * np.float32(pixels[column, channel]) + b
                for pair in range(first // 2 + 1, min(pairs, last // 2 + 1)):
                    column = np.uint64(start + step * (2 * pair - 1))
                    even[np.uint64(pair), s] = a * np.float32(pixels[column, channel]) + b
            for s in range(len(chosen), samples):
                for pair in range(pairs):
                    even[pair, s] = odd[pair, s] = ZERO


@kernel
def erase(views: Any, side: int, height: int, width: int, x: Any) -> None:
    """Sets to zero the square of each view (m, 5) in x (c, 2H + 2, 2, W + 1, S)."""
    n_channels, rows, _, pairs, _ = x.shape
    for channel in range(n_channels):
        for s in range(len(views)):
            top, left = views[s, 3], views[s, 4]
            for row in range(max(0, top), min(rows - 1, height, top + side)):
                for column in range(max(0, left), min(2 * pairs - 1, width, left + side)):
                    x[channel, row + 1, 1 - column % 2, (column + 1) // 2, s] = ZERO
