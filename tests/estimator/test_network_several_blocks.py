"""The estimator with a number of kernels for each block: its parameters, copies and files, and how it goes on."""

import pickle
import re
from copy import deepcopy

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from small_network import SHAPE, X, Y, network

from golmu import RECIPES, ConvolutionNetwork, NotFittedError, Recipe
from golmu.errors import InputError

NAMES = ["conv_w", "conv_b", "conv2_w", "conv2_b", "w1", "b1", "w2", "b2"]
"""The weights of a network of two blocks, in the canonical order."""


@pytest.fixture(params=["fused", "tensorflow"])
def engine(request):
    """Each engine that trains several blocks."""
    return request.param


@pytest.fixture(params=[(3, 4), [3, 4], np.array([3, 4])], ids=["tuple", "list", "array"])
def given(request):
    """Two numbers of kernels, in each form that users write."""
    return request.param


def same(one, other):
    assert list(one.get_weights()) == list(other.get_weights()) == NAMES
    return all(np.array_equal(one.get_weights()[name], other.get_weights()[name]) for name in NAMES)


def test_parameters_are_kept_as_they_are_given(given):
    made = network(n_kernels=given)
    assert made.n_kernels is given
    assert made.get_params()["n_kernels"] is given
    assert type(clone(made).n_kernels) is type(given)
    assert np.array_equal(clone(made).n_kernels, given)
    assert network().set_params(n_kernels=given).n_kernels is given
    assert f"n_kernels={given!r}" in repr(made)
    assert Recipe(**{**vars(RECIPES["chapter"]), "n_kernels": given}).n_kernels == (3, 4)


def test_from_recipe():
    made = ConvolutionNetwork.from_recipe("color", units=9)
    assert (made.n_kernels, made.units) == (RECIPES["color"].n_kernels, 9)
    assert ConvolutionNetwork.from_recipe("chapter", n_kernels=(2, 3)).n_kernels == (2, 3)


def test_the_documentation_names_the_types():
    assert "n_kernels : int or tuple of ints, default 10" in ConvolutionNetwork.__doc__


def test_it_is_initialized_copied_saved_and_loaded(engine, given, tmp_path):
    made = network(n_kernels=given, engine=engine)
    made.init_weights(SHAPE, 3)
    assert made.architecture_.n_kernels == (3, 4)
    assert {name: weight.shape for name, weight in made.get_weights().items()} == made.architecture_.shapes
    answers = made.forpass(X)
    made.save(tmp_path / "model")
    loaded = ConvolutionNetwork.load(tmp_path / "model", engine=engine)
    assert loaded.n_kernels == (3, 4)
    for other in (deepcopy(made), pickle.loads(pickle.dumps(made)), loaded):
        assert same(other, made)
        assert np.array_equal(other.forpass(X), answers)
    weights = made.get_weights()
    made.set_weights({**weights, "conv2_b": weights["conv2_b"] + 1})
    assert np.array_equal(made.get_weights()["conv2_b"], np.ones(4))
    with pytest.raises(InputError, match=r"^weights lack conv2_w, conv2_b: all of conv_w, conv_b, conv2_w"):
        made.set_weights({name: weight for name, weight in weights.items() if "2_" not in name})


def test_training_in_parts_and_further_training(engine):
    made = network(n_kernels=(3, 4), engine=engine, warm_start=True).partial_fit(X, Y)
    before = made.get_weights()
    made.partial_fit(X, Y)
    assert not np.array_equal(before["conv2_w"], made.get_weights()["conv2_w"])
    made.fit(X, Y, 1)
    assert len(made.losses) == 3
    for other, text in (((3, 5), "(3, 4), not (3, 5)"), (3, "(3, 4), not 3"), ([4, 3], "(3, 4), not (4, 3)")):
        made.set_params(n_kernels=other)
        with pytest.raises(
            InputError, match=f"the architecture's n_kernels is {re.escape(text)}. Set warm_start=False"
        ):
            made.fit(X, Y, 1)
    assert len(made.set_params(n_kernels=[3, 4]).fit(X, Y, 1).losses) == 4


def test_a_run_of_fit_is_recorded_and_continued(engine, tmp_path):
    whole = network(n_kernels=(3, 4), engine=engine).fit(X, Y, 3)
    network(n_kernels=[3, 4], engine=engine).fit(X, Y, 2, run=tmp_path / "run")
    resumed = network(n_kernels=np.array([3, 4]), engine=engine).fit(X, Y, 3, resume=tmp_path / "run")
    assert same(whole, resumed)


def test_a_search_over_tuples(engine):
    choices = [3, (3, 4), (4, 3), [2, 2]]
    search = GridSearchCV(network(engine=engine, epochs=1), {"n_kernels": choices}, cv=2).fit(X, Y)
    assert search.best_params_["n_kernels"] in choices
    assert list(search.cv_results_["param_n_kernels"]) == choices
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.architecture_.n_kernels in (3, (3, 4), (4, 3), (2, 2))


def test_images_that_are_too_small_are_refused_and_change_nothing(engine):
    made = network(n_kernels=(3, 4), engine=engine).fit(X, Y, 1)
    before = made.get_weights()
    made.set_params(n_kernels=(3, 4, 5))
    for train in (made.fit, made.set_params(warm_start=False).fit):
        with pytest.raises(InputError, match=r"^height must be at least 8 for the 3 blocks of n_kernels=\(3, 4, 5\)"):
            train(X, Y, 1)
    assert all(np.array_equal(made.get_weights()[name], before[name]) for name in NAMES)


def test_the_weights_of_further_blocks_are_attributes():
    network = ConvolutionNetwork(n_kernels=(2, 3), units=4, random_state=0)
    with pytest.raises(NotFittedError, match="fit"):
        _ = network.conv2_w
    network.init_weights((8, 8, 1), 3)
    assert np.array_equal(network.conv2_w, network.get_weights()["conv2_w"])
    assert network.conv2_b.shape == (3,)
    with pytest.raises(AttributeError, match=r"^there is no conv3_w: the network's weights are conv_w, conv_b"):
        _ = network.conv3_w


@pytest.mark.parametrize("changed", [{"n_kernels": 2}, {"n_kernels": (3, 3)}, {"units": 5}])
def test_partial_fit_refuses_another_network(changed):
    x, y = np.zeros((6, 8, 8), np.uint8), np.arange(6) % 3
    network = ConvolutionNetwork(n_kernels=(2, 3), units=4, random_state=0, engine="tensorflow").partial_fit(x, y)
    with pytest.raises(InputError, match=r"^partial_fit cannot continue with this network: .*, not .*call fit"):
        network.set_params(**changed).partial_fit(x, y)
