"""Images chosen by what the network makes of them."""

import numpy as np
import pytest
from live import SMALL, small_split

from golmu.errors import InputError
from golmu.model.model import Model
from golmu.recipe import RECIPES
from golmu.runs.job import TrainingJob
from golmu.serve.live.gallery import Choice, Snapshot, choose, describe


@pytest.fixture(scope="module", params=[2, (2, 3)], ids=["one block", "two blocks"])
def snapshot(request, tmp_path_factory):
    split = small_split(tmp_path_factory.mktemp("data"), 600)
    recipe = RECIPES["chapter"].override(SMALL | {"epochs": 1, "n_kernels": request.param})
    job = TrainingJob.from_split(split, recipe, engine="fused")
    job.run()
    engine = job.training.engine
    model = Model(
        engine.architecture, engine.get_weights(), job.data.classes, job.data.class_names, engine.preprocessing
    )
    return Snapshot(model, 1, 0, split.images.validation)


def said(snapshot):
    probabilities = snapshot.probabilities
    return probabilities.argmax(axis=1), probabilities.max(axis=1)


def test_images_of_a_class(snapshot):
    first, again, other = (choose(snapshot, Choice("class", 1, n=9, seed=seed)).indices for seed in (0, 0, 1))
    assert set(snapshot.images.labels[first]) == {1}
    assert first.tolist() == again.tolist() != other.tolist()


def test_random_images_are_all_different(snapshot):
    indices = choose(snapshot, Choice("random", n=60)).indices
    assert len(set(indices.tolist())) == 60


def test_mistakes_are_wrong_and_the_surest_come_first(snapshot):
    predicted, confidence = said(snapshot)
    indices = choose(snapshot, Choice("mistakes", n=60)).indices
    assert len(indices) == min(60, (predicted != snapshot.images.labels).sum())
    assert (predicted[indices] != snapshot.images.labels[indices]).all()
    assert (np.diff(confidence[indices]) <= 0).all()


def test_the_least_sure_come_first(snapshot):
    _, confidence = said(snapshot)
    indices = choose(snapshot, Choice("unsure", n=10)).indices
    assert confidence[indices].tolist() == np.sort(confidence)[:10].tolist()


def test_the_images_of_a_cell(snapshot):
    predicted, _ = said(snapshot)
    for label in range(3):
        for column in range(3):
            indices = choose(snapshot, Choice("cell", label, column, n=60)).indices
            wanted = np.flatnonzero((snapshot.images.labels == label) & (predicted == column))
            assert set(indices.tolist()) <= set(wanted.tolist())
            assert len(indices) == min(60, len(wanted))


def test_the_images_that_excite_a_kernel_most(snapshot):
    engine, images = snapshot.predictor.engine, snapshot.images.images
    for block, one in enumerate(engine.architecture.blocks):
        rows, columns, _ = one.pooled_shape
        for kernel in range(one.n_kernels):
            chosen = choose(snapshot, Choice("excite", block=block, kernel=kernel, n=8))
            maps = engine.feature_maps(images, block)[:, : 2 * rows, : 2 * columns, kernel]
            expected = np.sort(np.maximum(maps.max(axis=(1, 2)), 0))[::-1][:8]
            assert np.allclose(chosen.excitement, expected, atol=1e-5)
            for index, value, (row, column) in zip(chosen.indices, chosen.excitement, chosen.places, strict=True):
                assert max(0, maps[index, row, column]) == pytest.approx(value, abs=1e-5)
            assert chosen.n_searched == len(images)
            assert set(describe(snapshot, chosen)[0]) >= {"activation", "row", "column"}


def test_what_is_said_of_an_image(snapshot):
    predicted, confidence = said(snapshot)
    chosen = choose(snapshot, Choice("random", n=5))
    for item in describe(snapshot, chosen):
        at = item["index"]
        assert (item["label"], item["predicted"]) == (snapshot.images.labels[at], predicted[at])
        assert item["probability"] == pytest.approx(float(confidence[at]), abs=1e-6)


@pytest.mark.parametrize(
    ("choice", "error"),
    [
        (Choice("all"), "which must be one of class, mistakes"),
        (Choice("class"), "which='class' needs a class"),
        (Choice("class", 3), "class must be an integer from 0 to 2, got 3"),
        (Choice("cell", 1), "which='cell' needs a class, and for a cell predicted too"),
        (Choice("cell", 1, 9), "predicted must be an integer from 0 to 2, got 9"),
        (Choice("excite", block=7), "block must be an integer from 0 to"),
        (Choice("excite", kernel=7), "kernel must be an integer from 0 to 1, got 7"),
    ],
)
def test_what_cannot_be_chosen(snapshot, choice, error):
    with pytest.raises(InputError, match=f"^{error}"):
        choose(snapshot, choice)


def test_images_that_cannot_be_had_are_said(snapshot):
    without = Snapshot(snapshot.model, 1, 0, None, "they are gone")
    with pytest.raises(InputError, match="the images of this run cannot be had: they are gone"):
        choose(without, Choice("random"))
