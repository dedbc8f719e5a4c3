"""The recipe for images of which nothing is known: what users get who choose nothing."""

import numpy as np
import pytest
from command import read
from sklearn.datasets import load_sample_images
from sklearn.neighbors import KNeighborsClassifier

from golmu import ConvolutionNetwork, Dataset, load_dataset
from golmu.analysis.dead_kernels import dead_kernels


def test_the_command_line_and_the_estimator_train_alike(run, tmp_path):
    assert run("train", "digits", "--epochs", "3", "--run", tmp_path / "run")[0] == 0
    record = read(tmp_path / "run")
    assert record["recipe"] == "any"
    fit, validation = load_dataset("digits").split()
    network = ConvolutionNetwork.from_recipe("any", epochs=3, random_state=42).fit(fit.images, fit.labels)
    assert record["results"]["val_accuracy"] == network.score(validation.images, validation.labels)


def test_digits_are_told_apart_by_the_default_path():
    data = load_dataset("digits")
    fit, _ = data.split()
    scores = [
        ConvolutionNetwork.from_recipe("any", random_state=seed)
        .fit(fit.images, fit.labels)
        .score(data.test.images, data.test.labels)
        for seed in (0, 1, 42)
    ]
    assert np.mean(scores) >= 0.985


@pytest.mark.parametrize("n", [40, 200])
def test_few_images_are_enough_to_learn_something(n):
    data = load_dataset("digits")
    images, labels = data.train.images[:n], data.train.labels[:n]
    network = ConvolutionNetwork.from_recipe("any", random_state=0).fit(images, labels)
    assert network.score(data.test.images, data.test.labels) > (0.5 if n == 40 else 0.85)


def tiles_of_photographs(n, *, side, is_grey):
    """Tiles of the two photographs that scikit-learn ships, n of each, and which photograph each is of."""
    tiles = []
    for image in load_sample_images().images:
        rows, columns = image.shape[0] // side, image.shape[1] // side
        cut = image[: rows * side, : columns * side].reshape(rows, side, columns, side, 3).swapaxes(1, 2)
        tiles.append(np.random.default_rng(0).permutation(cut.reshape(-1, side, side, 3))[:n])
    images = np.concatenate(tiles)
    return images.mean(axis=3).astype(np.uint8) if is_grey else images, np.repeat([0, 1], n)


@pytest.mark.parametrize(("name", "side", "seeds"), [("any", 16, (0, 1)), ("color", 32, (0,))])
def test_tiles_of_photographs_leave_few_kernels_dead_and_are_told_apart_better_than_by_neighbours(name, side, seeds):
    data = Dataset.from_arrays(*tiles_of_photographs(200, side=side, is_grey=name == "any"))
    fit, validation = data.split()
    flat, flat_validation = (part.images.reshape(len(part), -1) / 255 for part in (fit, validation))
    neighbours = KNeighborsClassifier(5).fit(flat, fit.labels).score(flat_validation, validation.labels)
    for seed in seeds:
        network = ConvolutionNetwork.from_recipe(name, random_state=seed).fit(fit.images, fit.labels)
        assert network.score(validation.images, validation.labels) >= neighbours
        kernels = network.architecture_.kernels
        for dead, n_kernels in zip(dead_kernels(network.predictor_, validation.images), kernels, strict=True):
            assert len(dead) <= n_kernels / 10
