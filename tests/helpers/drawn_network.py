"""A network whose weights are drawn and not trained, for tests of what is done with a network."""

import numpy as np

from golmu.architecture import Architecture
from golmu.model.model import ImageFileOptions, Model
from golmu.model.predictor import Predictor
from golmu.preprocessing import Preprocessing

MEANS, DEVIATIONS = (0.3, 0.4, 0.5, 0.6), (0.25, 0.3, 0.35, 0.2)


def drawn_network(
    shape=(9, 8, 1), n_kernels=4, units=8, names=("ant", "bee", "cat"), *, standardize=True, test_flip=False, ground="",
    name="drawn",
):  # fmt: skip
    """A predictor with weights of which none is zero, large enough that it is sure of some images and not of others."""
    a = Architecture(*shape, n_kernels, units, len(names))
    rng = np.random.default_rng(0)
    weights = a.initial_weights(rng)
    for key, value in weights.items():
        weights[key] = value * np.float32(2) if value.ndim > 1 else rng.normal(0, 0.2, value.shape).astype(np.float32)
    moments = (MEANS[: shape[2]], DEVIATIONS[: shape[2]]) if standardize else ((), ())
    seen = Preprocessing(*moments, test_flip, ground)
    model = Model(a, weights, np.arange(len(names)), tuple(names), seen, image_files=ImageFileOptions.of(a, seen))
    return Predictor.of(model, name=name)


def naive_probabilities(predictor, images):
    """The network's probabilities (n, C) of uint8 images, in float64 and from the formulas alone."""
    from naive import forward

    seen, weights = predictor.model.preprocessing, predictor.model.weights
    x = images / 255.0
    if seen.mean:
        x = (x - np.array(seen.mean)) / np.array(seen.std)
    logits = forward(x, weights)["logits"]
    if seen.test_flip:
        logits = (logits + forward(x[:, :, ::-1], weights)["logits"]) / 2
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
