"""The estimator as an object: its weights, files and copies, and how it refuses what it cannot use."""

import pickle
import re

import numpy as np
import pytest
from sklearn import exceptions
from sklearn.base import clone

from golmu import ConvolutionNetwork, NotFittedError
from golmu.architecture import WEIGHT_NAMES
from golmu.engines import ENGINE_NAMES
from golmu.errors import GolmuError, InputError, InputTypeError, SaveError
from small_network import NAMES, SETTINGS, SHAPE, N, X, Y, network, ready, same_weights

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
    assert fresh.get_params() == SETTINGS | {
        "engine": "auto",
        "record_loss": "after",
        "n_threads": None,
        "patience": None,
    }


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
    assert ConvolutionNetwork().get_params() == {
        "n_kernels": 10, "units": 10, "batch_size": 32, "learning_rate": 0.1,
        "engine": "auto", "random_state": None, "record_loss": "after", "n_threads": None,
        "patience": None,
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


AT_LEAST_1 = "must be an integer of at least 1, got"


@pytest.mark.parametrize(
    ("setting", "kind", "text"),
    [
        ({"n_kernels": 0}, InputError, f"n_kernels {AT_LEAST_1} 0"),
        ({"n_kernels": 2.5}, InputTypeError, f"n_kernels {AT_LEAST_1} 2.5"),
        ({"units": -1}, InputError, f"units {AT_LEAST_1} -1"),
        ({"units": "10"}, InputTypeError, f"units {AT_LEAST_1} '10'"),
        ({"batch_size": 0}, InputError, f"batch_size {AT_LEAST_1} 0"),
        ({"batch_size": 8.0}, InputTypeError, f"batch_size {AT_LEAST_1} 8.0"),
        ({"batch_size": True}, InputTypeError, f"batch_size {AT_LEAST_1} True"),
        ({"learning_rate": 0}, InputError, "learning_rate must be a finite number above 0, got 0.0"),
        ({"learning_rate": -0.1}, InputError, "learning_rate must be a finite number above 0, got -0.1"),
        ({"learning_rate": np.nan}, InputError, "learning_rate must be a finite number above 0, got nan"),
        ({"learning_rate": np.inf}, InputError, "learning_rate must be a finite number above 0, got inf"),
        ({"learning_rate": 10**400}, InputError, "learning_rate must be a finite number above 0, got inf"),
        ({"learning_rate": "0.1"}, InputTypeError, "learning_rate must be a number above 0, got '0.1'"),
        ({"learning_rate": None}, InputTypeError, "learning_rate must be a number above 0, got None"),
        ({"engine": "torch"}, InputError, f"engine must be one of {', '.join(ENGINE_NAMES)}, got 'torch'"),
        ({"engine": "tensorflw"}, InputError,
         f"engine must be one of {', '.join(ENGINE_NAMES)}, got 'tensorflw'; did you mean 'tensorflow'?"),
        ({"engine": None}, InputTypeError, f"engine must be one of {', '.join(ENGINE_NAMES)}, got None"),
        ({"record_loss": "during"}, InputError, "record_loss must be one of after, before, got 'during'"),
        ({"record_loss": True}, InputTypeError, "record_loss must be one of after, before, got True"),
        ({"random_state": -1}, InputError, "random_state must be at least 0, got -1"),
        ({"random_state": 1.5}, InputTypeError,
         "random_state must be None, an integer, a RandomState or a Generator, got 1.5"),
        ({"random_state": "seed"}, InputTypeError,
         "random_state must be None, an integer, a RandomState or a Generator, got 'seed'"),
    ],
)  # fmt: skip
def test_bad_settings_are_refused_by_fit(setting, kind, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$") as caught:
        network(**setting).fit(X, Y, 1)
    assert type(caught.value) is kind


TOGETHER = "x_val and y_val must be given together, or not at all"


@pytest.mark.parametrize(
    ("argument", "kind", "text"),
    [
        ({"epochs": 0}, InputError, f"epochs {AT_LEAST_1} 0"),
        ({"epochs": 1.0}, InputTypeError, f"epochs {AT_LEAST_1} 1.0"),
        ({"epochs": None}, InputTypeError, f"epochs {AT_LEAST_1} None"),
        ({"x": X[:0], "y": Y[:0]}, InputError, "x holds no images: its shape is (0, 7, 6, 2)"),
        ({"x": X.reshape(N, -1)}, InputError,
         "x is flattened to 84 values an image, which must be a square number: "
         "reshape it to (n, h, w, c), or one image to (1, h, w, c)"),
        ({"x": np.full(X.shape, np.nan)}, InputError,
         "x holds pixels that are NaN or infinite in float32, first in image 0"),
        ({"x": X.astype(int) + 1}, InputError, "x holds integer pixels from 1 to 256: they must lie in 0–255"),
        ({"y": Y[:-1]}, InputError, "y has 49 labels for 50 images: the numbers must be equal"),
        ({"y": None}, InputTypeError, "y is missing: labels are needed, one for each image"),
        ({"y": Y * 0 + 3}, InputError, "y must hold at least 2 classes, got one class only: 3"),
        ({"y": Y / 2}, InputError, "y must hold class labels, got 0.5: use integers or strings"),
        ({"x_val": X}, InputTypeError, TOGETHER),
        ({"y_val": Y}, InputTypeError, TOGETHER),
        ({"x_val": X[:, :5], "y_val": Y}, InputError, "x_val must hold images of shape (7, 6, 2), got (5, 6, 2)"),
        ({"x_val": X, "y_val": Y[1:]}, InputError, "y_val has 49 labels for 50 images: the numbers must be equal"),
        ({"x_val": X, "y_val": Y + 1}, InputError, "y_val holds the label 3, which is not one of the classes: 0, 1, 2"),
        ({"x_val": X, "y_val": np.eye(4)[Y]}, InputError, "y_val is one-hot over 4 classes, but the network has 3"),
        ({"callback": 3}, InputTypeError,
         "callback must be a function of a golmu.training.Progress, or None, got 3"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused_by_fit(argument, kind, text):
    fresh = network()
    with pytest.raises(InputError, match=f"^{re.escape(text)}$") as caught:
        fresh.fit(**{"x": X, "y": Y, "epochs": 1, **argument})
    assert type(caught.value) is kind
    assert not fresh.__sklearn_is_fitted__()


@pytest.mark.parametrize("name", ["forpass", "predict", "predict_proba"])
def test_images_of_another_shape_are_refused(name):
    with pytest.raises(InputError, match=re.escape("x must hold images of shape (7, 6, 2), got (7, 6, 1)")):
        getattr(ready(), name)(X[..., :1])
    with pytest.raises(InputError, match=re.escape("got one image (7, 6, 2): pass x[None]")):
        getattr(ready(), name)(X[0])


@pytest.mark.parametrize("name", ["training", "score", "get_loss", "gradients"])
def test_labels_that_are_no_class_are_refused(name):
    with pytest.raises(InputError, match=r"^y holds the label 3, which is not one of the classes: 0, 1, 2$"):
        getattr(ready(), name)(X, Y + 1)
