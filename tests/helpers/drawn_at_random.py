"""Networks whose weights are drawn at random, for tests that need no trained one, and image files."""

from io import BytesIO

import numpy as np

from golmu.architecture import Architecture
from golmu.model.model import Model
from golmu.model.predictor import Predictor
from golmu.preprocessing import Preprocessing

NETWORKS = {
    "one block": ((28, 28, 1), 10, {}),
    "standardised, mirrored, odd": ((9, 7, 3), (3, 4), {"standardize": True, "test_flip": True}),
    "four blocks": ((17, 33, 1), (2, 3, 4, 5), {"standardize": True}),
    "four channels": ((6, 5, 4), 3, {"test_flip": True}),
    "smallest": ((2, 2, 1), 1, {"units": 1}),
    "one pixel left of four blocks": ((16, 16, 3), (1, 2, 1, 2), {"units": 3}),
}
"""Image shape, kernels and further settings of networks on which the JavaScript of pages is tried."""


def model_of(
    shape,
    kernels,
    *,
    units=9,
    names=("ant", "bee", "cat"),
    standardize=False,
    test_flip=False,
    ground="",
    is_empty=False,
):
    """A model for images of a shape, none of whose weights is zero; an empty one has none."""
    architecture = Architecture(*shape, kernels, units, len(names))
    rng = np.random.default_rng(1)
    weights = {} if is_empty else architecture.initial_weights(rng)
    for name in weights:
        if weights[name].ndim == 1:
            weights[name] = rng.normal(0, 0.3, weights[name].shape).astype(np.float32)
    mean, std = np.linspace(0.1, 0.7, shape[2]), np.linspace(0.2, 0.5, shape[2])
    preprocessing = Preprocessing(
        tuple(mean.tolist()) if standardize else (), tuple(std.tolist()) if standardize else (), test_flip, ground
    )
    return Model(architecture, weights, np.arange(len(names)), tuple(names), preprocessing)


def predictor_of(*arguments, **options):
    """A predictor of `model_of`."""
    return Predictor.of(model_of(*arguments, **options), engine="fused")


def image_file(name, image, **options):
    """The content of an image file of a format."""
    content = BytesIO()
    image.save(content, name, **options)
    return content.getvalue()
