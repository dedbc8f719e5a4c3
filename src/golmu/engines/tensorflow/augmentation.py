"""The random draws of `golmu.engines.draws`, and the augmentation and dropout that they decide, in TensorFlow."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from golmu.engines.draws import DROPOUT, ERASE_COLUMN, ERASE_ROW, FLIP, GOLDEN_GAMMA, SHIFT_DOWN, SHIFT_RIGHT
from golmu.recipe import Method

Tensor = Any
"""A tensor; TensorFlow has no types that mypy knows."""


def _mix(x: Tensor) -> Tensor:
    """Hash uint32 numbers that are held in int64, whose products keep their lower bits when they overflow."""
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x = tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(shift, tf.int64)))
        x = _lower_32_bits(x * factor)
    return tf.bitwise.bitwise_xor(x, tf.bitwise.right_shift(x, tf.constant(16, tf.int64)))


def _lower_32_bits(x: Tensor) -> Tensor:
    return tf.bitwise.bitwise_and(x, tf.constant(0xFFFFFFFF, tf.int64))


def sample_keys(seed: Tensor, batch: Tensor, size: Tensor) -> Tensor:
    """Return the keys (size,) of a batch's samples."""
    key = _mix(_lower_32_bits(seed + batch * int(GOLDEN_GAMMA)))
    return _mix(_lower_32_bits(key + tf.range(tf.cast(size, tf.int64))))


def _draws(keys: Tensor, numbers: Tensor) -> Tensor:
    """Return the draw (size, n) of every sample with each of the numbers (n,)."""
    return _mix(
        tf.bitwise.bitwise_xor(keys[:, None], _lower_32_bits(tf.cast(numbers, tf.int64) * int(GOLDEN_GAMMA))[None])
    )


def _draw_below(keys: Tensor, number: int, n: int) -> Tensor:
    """Return a draw (size,) from 0 to n − 1 for every sample."""
    return tf.bitwise.right_shift(_draws(keys, [number])[:, 0] * n, tf.constant(32, tf.int64))


def augment(x: Tensor, keys: Tensor, method: Method) -> Tensor:
    """Mirror, then shift each image (n, h, w, c), and erase a square in it, as the method and the image's key say."""
    height, width = x.shape[1:3]
    rows, columns = tf.range(height, dtype=tf.int64)[None], tf.range(width, dtype=tf.int64)[None]
    keep = tf.ones((1, height, width), tf.bool)
    down = right = tf.zeros_like(keys)[:, None]
    if method.shift:
        down = _draw_below(keys, SHIFT_DOWN, 2 * method.shift + 1)[:, None] - method.shift
        right = _draw_below(keys, SHIFT_RIGHT, 2 * method.shift + 1)[:, None] - method.shift
    from_row, from_column = rows - down, columns - right
    if method.shift:
        inside = (from_row >= 0) & (from_row < height), (from_column >= 0) & (from_column < width)
        keep &= inside[0][:, :, None] & inside[1][:, None, :]
    if method.flip:
        is_mirrored = _draw_below(keys, FLIP, 2)[:, None] == 1
        from_column = tf.where(is_mirrored, width - 1 - from_column, from_column)
    if method.erase:
        top = _draw_below(keys, ERASE_ROW, height)[:, None] - method.erase // 2
        left = _draw_below(keys, ERASE_COLUMN, width)[:, None] - method.erase // 2
        in_rows, in_columns = (
            (rows >= top) & (rows < top + method.erase),
            (columns >= left) & (columns < left + method.erase),
        )
        keep &= ~(in_rows[:, :, None] & in_columns[:, None, :])
    if method.shift or method.flip:
        x = tf.gather(x, tf.clip_by_value(from_row, 0, height - 1), axis=1, batch_dims=1)
        x = tf.gather(x, tf.clip_by_value(from_column, 0, width - 1), axis=2, batch_dims=1)
    return tf.where(keep[..., None], x, 0.0)


def drop(values: Tensor, keys: Tensor, first: int, probability: float) -> Tensor:
    """Drop some of the values (n, m) and scale the others; their draws have the numbers from DROPOUT + first on."""
    if not probability:
        return values
    draws = _draws(keys, DROPOUT + first + tf.range(values.shape[1]))
    return tf.where(draws >= int(probability * 2**32), values * (1 / (1 - probability)), 0.0)
