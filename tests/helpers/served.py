"""A network to serve, images for it, and a server as a process of its own."""

import io
import sys
from contextlib import contextmanager

import numpy as np
from announcing import announcing
from PIL import Image

from golmu.architecture import Architecture
from golmu.model.model import Model
from golmu.model.predictor import Predictor
from golmu.preprocessing import DARK, Preprocessing

NAMES = ("ant", "</script>", "꿀벌", "50% \"'")


def model(shape=(28, 28, 1), names=NAMES, ground=DARK, n_kernels=3):
    """A model with weights drawn at random; grey images have the ground that is given."""
    architecture = Architecture(*shape, n_kernels, 8, len(names))
    weights = architecture.initial_weights(np.random.default_rng(0))
    return Model(
        architecture, weights, np.arange(len(names)), tuple(names), Preprocessing(ground=ground * (shape[2] == 1))
    )


def predictor(shape=(28, 28, 1), **settings):
    return Predictor.of(model(shape, **settings), engine="fused", name="runs/model")


def pixels(seed, size=(28, 28), ground=0):
    """Pixels (h, w) of a grey image, with the ground around."""
    image = np.full(size, ground, np.uint8)
    image[2:-2, 2:-2] = np.random.default_rng(seed).integers(0, 256, (size[0] - 4, size[1] - 4))
    return image


def encoded(array, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(array).save(file, kind, **options)
    return file.getvalue()


def png(seed=0, size=(28, 28), ground=0):
    return encoded(pixels(seed, size, ground))


@contextmanager
def server(path, *options, environment=None, **settings):
    """The process of `golmu serve`, and its address; it is killed at the end, if it still runs."""
    command = [sys.executable, "-m", "golmu", "serve", str(path), "--port", "0", *options]
    with announcing(command, env=environment, **settings) as started:
        yield started
