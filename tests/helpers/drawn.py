"""What was drawn, read back from Matplotlib's own objects."""

import warnings

from golmu import plots


def values_of(axes):
    """The array of the first image on an axis."""
    return axes.images[0].get_array()


def words(labels):
    """The texts of labels."""
    return [label.get_text() for label in labels]


def draw(axes):
    """Lay the figure out and draw it, with every warning an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plots.png(axes, dpi=40).startswith(b"\x89PNG")
