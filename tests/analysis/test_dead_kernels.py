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


def predictor(engine_name, *biases):
    """A network with a block for each row of biases (K,)."""
    architecture = Architecture(5, 7, 2, (K,) * len(biases), 3, 2)
    preprocessing = Preprocessing((0.4, 0.5), (0.2, 0.3))
    weights = architecture.initial_weights(np.random.default_rng(1))
    for block, bias in zip(architecture.blocks, biases, strict=True):
        weights[block.names[1]] = np.float32(bias)
    engine = create_engine(engine_name, architecture, preprocessing=preprocessing)
    engine.set_weights(weights)
    return Predictor(Model(architecture, weights, np.arange(2), ("a", "b"), preprocessing), engine)


def by_definition(made):
    dead = []
    for number, block in enumerate(made.model.architecture.blocks):
        rows, columns, _ = block.pooled_shape
        maps = np.maximum(made.engine.feature_maps(IMAGES, number), 0)[:, : 2 * rows, : 2 * columns]
        pooled = maps.reshape(len(IMAGES), rows, 2, columns, 2, K).max(axis=(2, 4))
        dead.append([k for k in range(K) if not pooled[..., k].any()])
    return dead


@pytest.mark.parametrize("values", [1, 2000, 2**22])
@pytest.mark.parametrize("n_blocks", [1, 2])
def test_they_are_those_whose_pooled_activation_is_zero_for_every_image(engine_name, values, n_blocks, monkeypatch):
    monkeypatch.setattr(module, "MAX_MAP_VALUES", values)
    made = predictor(engine_name, *[np.linspace(-6, 0, K), np.linspace(0, -9, K)][:n_blocks])
    found = dead_kernels(made, IMAGES)
    assert found == by_definition(made)
    assert len(found) == n_blocks
    assert all(0 < len(block) < K for block in found)


def test_all_or_none_may_be_dead():
    assert dead_kernels(predictor("fused", np.full(K, -1e9)), IMAGES) == [list(range(K))]
    assert dead_kernels(predictor("fused", np.full(K, 1e9)), IMAGES) == [[]]
    assert dead_kernels(predictor("fused", np.full(K, 1e9), np.full(K, -1e19)), IMAGES) == [[], list(range(K))]


def test_once_all_have_fired_no_image_is_looked_at(monkeypatch):
    made, seen = predictor("fused", np.full(K, 1e9)), []
    real = made.engine.feature_maps
    monkeypatch.setattr(
        made.engine, "feature_maps", lambda images, number: seen.append(len(images)) or real(images, number)
    )
    monkeypatch.setattr(module, "MAX_MAP_VALUES", 5 * 7 * K * 4)
    dead_kernels(made, IMAGES)
    assert seen == [4]


def test_the_advice_names_what_helps():
    recipe = RECIPES["any"].override({"learning_rate": 0.05, "standardize": False})
    assert advice_on_dead_kernels([[]], (32,), recipe) == ""
    rate = "a lower learning rate (--learning-rate 0.01) with more epochs"
    text = "4 of 32 kernels never fire on the validation images: try"
    four = [[0, 3, 7, 8]]
    assert advice_on_dead_kernels(four, (32,), recipe) == f"{text} --standardize, or {rate}"
    assert advice_on_dead_kernels(four, (32,), recipe.override({"standardize": True})) == f"{text} {rate}"
    assert advice_on_dead_kernels([[5]], (32,), recipe) == "1 of 32 kernels never fires on the validation images"


@pytest.mark.parametrize(
    ("dead", "text"),
    [
        ([[], [], []], ""),
        ([[], [1], []], "1 of 32 kernels of block 2 never fires on the validation images"),
        (
            [[], [1], [2, 3]],
            "1 of 32 kernels of block 2 and 2 of 64 kernels of block 3 never fire on the validation images",
        ),
        ([[5, 6], [], []], "2 of 16 kernels of block 1 never fire on the validation images: try --standardize, or "),
    ],
)
def test_the_advice_names_the_blocks_where_there_are_several(dead, text):
    advice = advice_on_dead_kernels(
        dead, (16, 32, 64), RECIPES["any"].override({"learning_rate": 0.01, "standardize": False})
    )
    assert advice.startswith(text)
    assert advice.endswith("with more epochs") == text.endswith("or ")
    assert bool(advice) == bool(text)
