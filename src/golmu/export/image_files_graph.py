"""How a SavedModel fits image files itself: what `golmu.fit_image` does, in TensorFlow's functions.

Decoding is TensorFlow's own. It knows no EXIF orientation, and leaves out transparency.
"""

from __future__ import annotations

from typing import Any

from golmu.model.model import Model
from golmu.preprocessing import DARK, MIDDLE_BRIGHTNESS

GREY_WEIGHTS = (19595, 38470, 7471)
"""What red, green and blue count in Pillow's grey, of 65,536."""


def fit_encoded(tf: Any, encoded: Any, model: Model) -> Any:
    """Fit encoded PNG or JPEG files (n,) to a network: uint8 (n, h, w, c)."""
    a, options = model.architecture, model.image_file_options

    def fit_one(content: Any) -> Any:
        # This decoder takes PNG as well, and unlike the general one, can be told to be exact.
        image = tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")
        if a.channels == 1:
            grey = tf.reduce_sum(tf.cast(image, tf.int32) * tf.constant(GREY_WEIGHTS), axis=2, keepdims=True)
            image = tf.cast((grey + 2**15) // 2**16, tf.uint8)
        if options.inversion == "yes":
            return _fit(tf, 255 - image, a.height, a.width)
        fitted = _fit(tf, image, a.height, a.width)
        if options.inversion == "no" or not options.ground or a.channels != 1:
            return fitted
        is_light = _median(tf, _border(tf, fitted)) > MIDDLE_BRIGHTNESS * 255
        is_opposite = is_light if options.ground == DARK else ~is_light
        return tf.cond(is_opposite, lambda: _fit(tf, 255 - image, a.height, a.width), lambda: fitted)

    fitted = tf.map_fn(fit_one, encoded, fn_output_signature=tf.TensorSpec(a.image_shape, tf.uint8))
    return tf.ensure_shape(fitted, [None, *a.image_shape])


def _fit(tf: Any, image: Any, height: int, width: int) -> Any:
    """Scale an image (H, W, c) to fit, with its aspect ratio kept, and centre it on its ground: uint8 (h, w, c)."""
    sides = tf.cast(tf.shape(image)[:2], tf.float64)
    scale = tf.reduce_min(tf.constant([height, width], tf.float64) / sides)
    size = tf.maximum(1, tf.cast(tf.round(sides * scale), tf.int32))
    rows = _resize(tf, image, tf.stack([tf.shape(image)[0], size[1]]))  # along rows first, as Pillow does
    scaled = tf.cast(_resize(tf, rows, size), tf.int32)
    border = tf.sort(_border(tf, scaled), axis=0)
    ground = border[(tf.shape(border)[0] - 1) // 2]
    room = tf.constant([height, width]) - size
    before = tf.cast(tf.round(tf.cast(room, tf.float64) / 2), tf.int32)
    paddings = tf.concat([tf.stack([before, room - before], axis=1), [[0, 0]]], axis=0)
    return tf.cast(tf.pad(scaled - ground, paddings) + ground, tf.uint8)


def _resize(tf: Any, image: Any, size: Any) -> Any:
    """Resize an image (H, W, c) to `size` with Pillow's bicubic, rounded to whole numbers of 0 to 255."""
    resized = tf.image.resize(tf.cast(image, tf.float32), size, "bicubic", antialias=True)
    return tf.clip_by_value(tf.floor(resized + 0.5), 0, 255)


def _border(tf: Any, image: Any) -> Any:
    """Return the pixels along the border of an image (h, w, c), as (p, c)."""
    sides = [image[0], image[-1], image[1:-1, 0], image[1:-1, -1]]
    return tf.concat(sides, axis=0)


def _median(tf: Any, border: Any) -> Any:
    """Return the median of numbers (p, 1)."""
    values = tf.sort(tf.cast(border[:, 0], tf.float32))
    n = tf.shape(values)[0]
    return (values[(n - 1) // 2] + values[n // 2]) / 2
