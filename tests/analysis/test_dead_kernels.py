"""Kernels that never fire, against what the definition says."""

import numpy as np
import pytest

from golmu.analysis import dead_kernels as module
from golmu.analysis.dead_kernels import advice_on_dead_kernels, dead_kernels
from golmu.architecture import Architecture
from golmu.engines import create_engine
from golmu.model.model import Model
from golmu.model.predictor import Predictor
from golmu.preprocessing import Preprocessing
from golmu.recipe import RECIPES

IMAGES = np.random.default_rng(0).integers(0, 256, (40, 5, 7, 2), np.uint8)
K = 12


def predictor(engine_name, bias):
    architecture = Architecture(5, 7, 2, K, 3, 2)
    preprocessing = Preprocessing((0.4, 0.5), (0.2, 0.3))
    weights = architecture.initial_weights(np.random.default_rng(1))
    weights["conv_b"] = np.float32(bias)
    engine = create_engine(engine_name, architecture, preprocessing=preprocessing)
    engine.set_weights(weights)
    return Predictor(Model(architecture, weights, np.arange(2), ("a", "b"), preprocessing), engine)


def by_definition(made):
    maps = np.maximum(made.engine.feature_maps(IMAGES), 0)[:, :4, :6]
    pooled = maps.reshape(len(IMAGES), 2, 2, 3, 2, K).max(axis=(2, 4))
    return [k for k in range(K) if not pooled[..., k].any()]


@pytest.mark.parametrize("values", [1, 2000, 2**22])
def test_they_are_those_whose_pooled_activation_is_zero_for_every_image(engine_name, values, monkeypatch):
    monkeypatch.setattr(module, "MAX_MAP_VALUES", values)
    made = predictor(engine_name, np.linspace(-6, 0, K))
    found = dead_kernels(made, IMAGES)
    assert found == by_definition(made)
    assert 0 < len(found) < K


def test_all_or_none_may_be_dead():
    assert dead_kernels(predictor("fused", np.full(K, -1e9)), IMAGES) == list(range(K))
    assert dead_kernels(predictor("fused", np.full(K, 1e9)), IMAGES) == []


def test_once_all_have_fired_no_image_is_looked_at(monkeypatch):
    made, seen = predictor("fused", np.full(K, 1e9)), []
    real = made.engine.feature_maps
    monkeypatch.setattr(made.engine, "feature_maps", lambda images: seen.append(len(images)) or real(images))
    monkeypatch.setattr(module, "MAX_MAP_VALUES", 5 * 7 * K * 4)
    dead_kernels(made, IMAGES)
    assert seen == [4]


def test_the_advice_names_what_helps():
    recipe = RECIPES["any"]
    assert advice_on_dead_kernels(0, recipe) == ""
    rate = "a lower learning rate (--learning-rate 0.01) with more epochs"
    text = "4 of 32 kernels never fire on the validation images: try"
    assert advice_on_dead_kernels(4, recipe) == f"{text} --standardize, or {rate}"
    assert advice_on_dead_kernels(4, recipe.override({"standardize": True})) == f"{text} {rate}"
    assert advice_on_dead_kernels(1, recipe) == "1 of 32 kernels never fires on the validation images"
