"""model.json: what it says is so, for every kind of network."""

from dataclasses import replace

import pytest
from drawn_network import drawn_network

from golmu.export.description import Origin, describe_image_files, inside, labels_text, outside, weights_digest
from golmu.model.model import ImageFileOptions


def model_with(inversion, **settings):
    model = drawn_network(**settings).model
    options = replace(ImageFileOptions.of(model.architecture, model.preprocessing), inversion=inversion)
    return replace(model, image_files=options)


def test_the_steps_inside_are_those_of_the_recipe():
    assert inside(drawn_network(standardize=False).model) == [
        "scaling the pixels from 0 to 255 by 1/255",
        "softmax: the output is probabilities",
    ]
    assert len(inside(drawn_network(test_flip=True).model)) == 4


@pytest.mark.parametrize(
    ("model", "last", "inversion", "rule"),
    [
        (model_with("auto", ground="dark"), "inverting an image whose background is not dark", "auto", "above 127.5"),
        (
            model_with("auto", ground="light"),
            "inverting an image whose background is not light",
            "auto",
            "at most 127.5",
        ),
        (model_with("yes", shape=(4, 4, 3)), "inverting every image", "yes", "before it is scaled"),
        (model_with("no", ground="dark"), "centring it on its own background", "no", ""),
        (model_with("auto"), "centring it on its own background", "no", ""),
        (model_with("auto", shape=(4, 4, 3), ground="dark"), "centring it on its own background", "no", ""),
    ],
)
def test_images_are_inverted_as_the_model_file_says(model, last, inversion, rule):
    assert outside(model)[-1] == last
    said = describe_image_files(model)
    assert said["inversion"] == inversion
    assert said["inversion_rule"].endswith(rule)


def test_a_network_of_other_channels_takes_no_image_files():
    assert describe_image_files(drawn_network((5, 6, 2)).model) is None
    assert outside(drawn_network((5, 6, 2)).model) == ["making arrays of 5x6 pixels with 2 channels"]


def test_one_network_has_one_digest():
    one, other = drawn_network().model, drawn_network(names=("x", "y", "z")).model
    assert weights_digest(one) == weights_digest(other) != weights_digest(drawn_network(units=9).model)
    other.weights["b2"][0] += 1
    assert weights_digest(one) != weights_digest(other)


def test_each_class_has_a_line():
    assert labels_text(drawn_network(names=[f"{i}\n" for i in range(1000)]).model).count("\n") == 1000


def test_an_accuracy_has_an_interval_where_it_is_known():
    assert Origin(accuracy=0.9, n_validation=100).interval == pytest.approx((0.8256, 0.9448), abs=1e-4)
    assert Origin(accuracy=0.9).interval is None
    folded = Origin(n_train=300, accuracy=0.9, folds=(0.88, 0.9, 0.92))
    assert folded.interval == pytest.approx((0.8503, 0.9497), abs=1e-4)
    assert (folded.part, folded.n_judged) == ("out-of-fold", 300)
    assert Origin(n_validation=100).interval is None
