"""scikit-learn's digits, a data set by name."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits

from golmu import load_dataset
from golmu.errors import InputError


def test_scikit_learns_digits_have_a_name():
    data = load_dataset("digits")
    bunch = load_digits()
    assert (data.name, data.source, data.class_names) == ("digits", "scikit-learn", tuple("0123456789"))
    assert (len(data.train), len(data.test)) == (1437, 360)
    assert (np.bincount(data.test.labels) >= 34).all()
    both = {image.tobytes() for part in (data.train, data.test) for image in part.images}
    assert both == {np.rint(image * 255 / 16).astype(np.uint8).tobytes() for image in bunch.images}
    assert data.train.images.max() == 255
    assert np.array_equal(load_dataset("digits").test.images, data.test.images)
    assert load_dataset("digits", size=8, channels=1).train.images.shape == (1437, 8, 8, 1)


def test_the_digits_are_as_they_are():
    with pytest.raises(InputError, match=r"^size=28x28 was asked for, but 'digits' holds arrays of 8x8: only image"):
        load_dataset("digits", size=28)
    with pytest.raises(
        InputError, match=r"^the digits come with scikit-learn, so folder='x' has no effect; leave out folder$"
    ):
        load_dataset("digits", folder="x")


def test_the_digits_on_the_command_line(run, tmp_path):
    status, lines, err = run(
        "train", "digits", "--epochs=3", "--batch-size=16", "--learning-rate=0.1", "--run", tmp_path
    )
    assert (status, err) == (0, "")
    assert lines[0].startswith("training on 1,149 images, validating on 288; ")
    status, lines, err = run("evaluate", tmp_path)
    assert (status, err) == (0, "")
    assert float(re.search(r"accuracy ([\d.]+)", lines[0])[1]) > 0.9
