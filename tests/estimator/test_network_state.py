"""The estimator as an object: its weights, files and copies, and how it refuses what it cannot use."""

import pickle
import re
from dataclasses import asdict

import numpy as np
import pytest
from sklearn import exceptions
from sklearn.base import clone
from small_network import NAMES, SHAPE, WEIGHT_NAMES, X, Y, network, ready, same_weights

from golmu import ConvolutionNetwork, NotFittedError, Recipe
from golmu.errors import GolmuError, InputError, SaveError

# Weights and files


def test_weights_come_as_float32_copies_in_the_canonical_shapes():
    made = ready()
    weights = made.get_weights()
    assert tuple(weights) == WEIGHT_NAMES
    for name, shape in made.architecture_.shapes.items():
        one = getattr(made, name)
        assert one.dtype == np.float32
        assert one.shape == weights[name].shape == shape
        assert np.array_equal(one, weights[name])
        one[:] = 9
        weights[name][:] = 9
    assert not any((made.get_weights()[name] == 9).any() for name in WEIGHT_NAMES)


def test_weights_can_be_moved_to_another_network():
    made, other = ready(), network(random_state=7)
    other.init_weights(SHAPE, 3)
    other.set_weights(made.get_weights())
    assert same_weights(made, other)
    assert np.array_equal(made.forpass(X), other.forpass(X))


def test_set_weights_refuses_and_changes_nothing():
    made = ready()
    before = made.get_weights()
    with pytest.raises(InputError, match=r"^weights lack w1: all of conv_w, conv_b, w1, b1, w2, b2 are needed$"):
        made.set_weights({name: 0 * before[name] for name in WEIGHT_NAMES if name != "w1"})
    with pytest.raises(InputError, match=r"^weight b2 must have shape \(3,\) for this network, got \(4,\)$"):
        made.set_weights({name: np.zeros(4) if name == "b2" else 0 * before[name] for name in WEIGHT_NAMES})
    assert all(np.array_equal(made.get_weights()[name], before[name]) for name in WEIGHT_NAMES)


@pytest.mark.parametrize("labels", [Y, NAMES[Y]], ids=["integers", "strings"])
def test_save_and_load_keep_every_bit(tmp_path, labels):
    fitted = network().fit(X, labels, 2)
    fitted.save(tmp_path / "model.safetensors")
    loaded = ConvolutionNetwork.load(str(tmp_path / "model.safetensors"))
    assert same_weights(fitted, loaded)
    assert np.array_equal(fitted.predict_proba(X), loaded.predict_proba(X))
    assert np.array_equal(fitted.predict(X), loaded.predict(X))
    assert (loaded.n_kernels, loaded.units) == (3, 5)
    assert loaded.losses == []
    assert loaded.training(X[:8], labels[:8]) > 0


def test_save_refuses_names_that_do_not_match(tmp_path):
    made = ready()
    with pytest.raises(InputError, match=r"^class_names has 2 names for 3 classes$"):
        made.save(tmp_path / "model.safetensors", class_names=("a", "b"))
    with pytest.raises(SaveError, match="cannot be written"):
        made.save(tmp_path / "missing" / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_load_refuses_an_unknown_engine(tmp_path):
    ready().save(tmp_path / "m")
    with pytest.raises(InputError, match=r"^engine must be one of auto, .*, got 'torch'$"):
        ConvolutionNetwork.load(tmp_path / "m", engine="torch")


def test_pickling_keeps_a_fitted_network():
    fitted = network().fit(X, NAMES[Y], 2)
    copy = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(copy.predict(X), fitted.predict(X))
    assert np.array_equal(copy.forpass(X), fitted.forpass(X))
    assert copy.losses == fitted.losses
    copy.training(X[:8], NAMES[Y[:8]])
    assert not same_weights(copy, fitted)
    fresh = pickle.loads(pickle.dumps(network()))
    assert fresh.get_params() == network().get_params()


def test_it_is_a_scikit_learn_estimator():
    fitted = network().fit(X, Y, 1)
    copy = clone(fitted)
    assert copy.get_params() == fitted.get_params()
    assert not copy.__sklearn_is_fitted__()
    assert fitted.__sklearn_is_fitted__()
    assert copy.set_params(units=9, engine="tensorflow") is copy
    assert (copy.units, copy.engine) == (9, "tensorflow")
    with pytest.raises(ValueError, match="Invalid parameter 'n_kernel' for estimator"):
        copy.set_params(n_kernel=3)
    assert repr(network()) == (
        "ConvolutionNetwork(batch_size=8, learning_rate=0.2, n_kernels=3, random_state=1,\n                   units=5)"
    )


def test_init_stores_what_it_is_given_and_nothing_else():
    given = {name: object() for name in ConvolutionNetwork().get_params()}
    made = ConvolutionNetwork(**given)
    assert all(made.get_params(deep=False)[name] is value for name, value in given.items())
    assert vars(made) == given
    recipe = Recipe(n_kernels=10, units=10, batch_size=32, learning_rate=0.1, epochs=100)
    assert ConvolutionNetwork().get_params() == {
        **asdict(recipe), "engine": "auto", "random_state": None, "n_threads": None, "image_shape": None,
        "class_weight": None, "warm_start": False,
    }  # fmt: skip
    assert (
        ConvolutionNetwork(3, 5, 8, 0.2).get_params()
        == ConvolutionNetwork(n_kernels=3, units=5, batch_size=8, learning_rate=0.2).get_params()
    )


# Errors


USES = {
    **dict.fromkeys(("forpass", "predict", "predict_proba"), (X,)),
    **dict.fromkeys(("score", "get_loss", "training", "gradients"), (X, Y)),
    "get_weights": (),
    "set_weights": ({},),
    "save": ("model.safetensors",),
    **dict.fromkeys((*WEIGHT_NAMES, "losses", "val_losses", "n_iter_")),  # no methods
}


@pytest.mark.parametrize("name", USES)
def test_before_there_are_weights_every_use_says_what_to_do(name):
    text = "^this ConvolutionNetwork has no weights yet: call fit, or init_weights, before using it$"
    with pytest.raises(NotFittedError, match=text) as caught:  # noqa: PT012  a property raises as it is read
        member = getattr(network(), name)
        member(*USES[name])
    assert isinstance(caught.value, exceptions.NotFittedError)
    assert isinstance(caught.value, GolmuError)


@pytest.mark.parametrize("name", ["forpass", "predict", "predict_proba"])
def test_images_of_another_shape_are_refused(name):
    with pytest.raises(InputError, match=re.escape("x must hold images of shape (7, 6, 2), got (7, 6, 1)")):
        getattr(ready(), name)(X[..., :1])
    with pytest.raises(InputError, match=re.escape("got one image (7, 6, 2): pass x[None]")):
        getattr(ready(), name)(X[0])


@pytest.mark.parametrize("name", ["training", "get_loss", "gradients"])
def test_labels_that_are_no_class_are_refused(name):
    with pytest.raises(InputError, match=r"^y holds the label 3, which is not one of the classes: 0, 1, 2$"):
        getattr(ready(), name)(X, Y + 1)


def test_a_label_that_is_no_class_is_one_that_is_wrong():
    trained = ready()
    y = np.where(np.arange(len(Y)) < 10, 7, Y)
    expected = (trained.predict(X) == y).mean()
    assert trained.score(X, y) == pytest.approx(expected)
    assert trained.score(X, y, sample_weight=np.arange(len(Y)) < 10) == 0
    with pytest.raises(InputError, match="y must hold labels like 0, got 'ant'"):
        trained.score(X, NAMES[Y])


def test_one_grey_image_is_told_from_flattened_ones():
    trained = network().fit(X[..., 0], Y, 1)
    with pytest.raises(InputError, match=re.escape("x has the shape (7, 6) of one image: pass x[None]")):
        trained.predict(X[0, ..., 0])
    assert trained.predict(X[:7, ..., 0].reshape(7, 42)).shape == (7,)


def test_a_loaded_network_knows_the_shape_of_flattened_images(tmp_path):
    flat = X.reshape(len(X), -1)
    network(image_shape=X.shape[1:]).fit(flat, Y, 1).save(tmp_path / "model.safetensors")
    loaded = ConvolutionNetwork.load(tmp_path / "model.safetensors")
    assert loaded.fit(flat, Y, 1).architecture_.image_shape == X.shape[1:]
    network().fit(X[:, :6, :, 0], Y, 1).save(tmp_path / "square.safetensors")
    assert ConvolutionNetwork.load(tmp_path / "square.safetensors").image_shape is None
