"""The recipe for images of which nothing is known: what users get who choose nothing."""

import numpy as np
import pytest
from command import read

from golmu import ConvolutionNetwork, load_dataset


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
