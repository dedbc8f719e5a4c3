"""Recipes: their fields, what they refuse, and the way to them from the estimator and the command line."""

import inspect
import json
import pickle
import re
from dataclasses import FrozenInstanceError, asdict, replace

import numpy as np
import pytest
import typer.main
from small_network import SHAPE, X, Y, network, ready

from golmu import RECIPES, ConvolutionNetwork, Recipe
from golmu.architecture import Architecture
from golmu.cli import app
from golmu.engines import create_engine
from golmu.engines.contract import Batches
from golmu.errors import GolmuWarning, InputError, InputTypeError
from golmu.recipe import FIELDS, PURPOSES, Method, format_setting, get_recipe

CHAPTER = RECIPES["chapter"]


def test_the_chapters_recipe():
    plain = Recipe(n_kernels=10, units=100, batch_size=128, learning_rate=0.01, epochs=20)
    assert plain == CHAPTER
    assert plain.optimizer == "sgd"
    assert not plain.draws
    assert not plain.fixes_epochs


def test_it_is_a_value_of_plain_numbers():
    given = Recipe(n_kernels=np.int32(10), units=np.uint8(100), batch_size=np.int64(128), epochs=np.int64(20),
                   learning_rate=np.float64(0.01), momentum=np.float32(0.5), shift=np.int64(0))  # fmt: skip
    assert given == replace(CHAPTER, momentum=0.5)
    assert hash(given) == hash(replace(CHAPTER, momentum=0.5))
    assert json.loads(json.dumps(asdict(given))) == asdict(given)
    with pytest.raises(FrozenInstanceError):
        given.units = 3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"schedule": "cosine"}, True), ({"schedule": "triangular"}, True), ({"warmup": 0.1}, True),
        ({"average_epochs": 1}, True), ({"final_batch_size": 256}, True), ({"final_batch_size": 128}, False),
        ({"ema": 0.9}, False), ({"optimizer": "adam"}, False),
    ],
)  # fmt: skip
def test_some_fields_fix_the_number_of_epochs(change, expected):
    recipe = CHAPTER.override(change)
    assert recipe.fixes_epochs is expected
    lines = recipe.differences(replace(recipe, epochs=30))
    assert lines == (["epochs is 20, and the recipe's schedule ends there, not after 30"] if expected else [])


@pytest.mark.parametrize(
    ("change", "idle"),
    [
        ({}, {"momentum", "final_rate"}),
        ({"optimizer": "nesterov"}, {"final_rate"}),
        ({"optimizer": "adam", "schedule": "cosine"}, {"weight_decay"}),
        ({"optimizer": "adamw", "schedule": "cosine", "warmup": 0.1}, set()),
        ({"optimizer": "adamw", "schedule": "triangular", "ema": 0.9}, {"average_epochs"}),
        ({"optimizer": "adamw", "schedule": "triangular", "average_epochs": 2}, {"ema", "patience"}),
        ({"optimizer": "adamw", "schedule": "triangular", "patience": 2}, {"average_epochs"}),
    ],
)
def test_some_fields_have_no_effect_under_the_others(change, idle):
    assert CHAPTER.override(change).idle == idle


def test_plain_sgd_has_no_momentum():
    first, second = (network(momentum=momentum).fit(X, Y, 1).get_weights() for momentum in (0.1, 0.9))
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", RECIPES)
def test_a_field_without_effect_has_its_default_in_every_named_recipe(name):
    assert all(getattr(RECIPES[name], field) == FIELDS[field].default for field in RECIPES[name].idle)


def test_differences_name_each_field():
    lines = CHAPTER.differences(replace(CHAPTER, units=5, flip=True))
    assert sorted(lines) == ["flip is False, not True", "units is 100, not 5"]


@pytest.mark.parametrize("flip", [True, False])
@pytest.mark.parametrize("name", RECIPES)
def test_predictions_see_mirror_images_where_the_training_does(name, flip):
    """Else `best` without flip would answer with the mean over an image and one that it has never seen the like of."""
    recipe = RECIPES[name].override({"flip": flip})
    assert recipe.uses_test_flip is flip
    assert recipe.settled() == replace(recipe, test_flip=flip)
    for given in (True, False):
        assert replace(recipe, test_flip=given).uses_test_flip is given


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({}, {"flip": True}, {"flip": True}),
        ({"flip": True}, {}, {"flip": False}),
        ({}, {"test_flip": False}, {}),
        ({"flip": True}, {"flip": True, "test_flip": True}, {}),
        ({"flip": True}, {"flip": True, "test_flip": False}, {"test_flip": False}),
        ({}, {"flip": True, "test_flip": False}, {"flip": True, "test_flip": False}),
        ({"test_flip": False}, {"flip": True}, {"flip": True, "test_flip": True}),
    ],
)
def test_changes_make_the_other_recipe(before, after, changes):
    """`test_flip` is among them only where it does not come along with `flip`."""
    recipe, other = CHAPTER.override(before), CHAPTER.override(after)
    assert recipe.changes_to(other) == changes
    assert recipe.override(changes).settled() == other.settled()


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        ({}, {"flip": True, "test_flip": False}, ["flip is False, not True"]),
        ({"flip": True}, {"test_flip": True}, ["flip is True, not False"]),
        ({"flip": True}, {"flip": True, "test_flip": True}, []),
        ({"flip": True, "test_flip": False}, {"flip": True}, ["test_flip is False, not True"]),
        ({"test_flip": False}, {"flip": True}, ["flip is False, not True", "test_flip is False, not True"]),
    ],
)
def test_differences_name_values_that_differ(before, after, lines):
    assert CHAPTER.override(before).differences(CHAPTER.override(after)) == lines


@pytest.mark.parametrize("given", [(16, 32, 64), [16, 32, 64], np.array([16, 32, 64]), range(16, 65, 16)])
def test_the_kernels_of_several_blocks_are_a_tuple_whatever_they_are_given_as(given):
    recipe = CHAPTER.override({"n_kernels": given})
    assert recipe.n_kernels == tuple(int(number) for number in given)
    assert all(type(number) is int for number in recipe.n_kernels)
    assert Recipe(**json.loads(json.dumps(asdict(recipe)))) == recipe
    assert hash(recipe) == hash(replace(CHAPTER, n_kernels=recipe.n_kernels))
    assert recipe.n_blocks == len(given)


def test_one_block_is_an_integer_whatever_it_is_given_as():
    for given in (10, np.int64(10), (10,), [10], np.array([10]), np.array(10)):
        assert CHAPTER.override({"n_kernels": given}) == CHAPTER
        assert type(CHAPTER.override({"n_kernels": given}).n_kernels) is int
    assert CHAPTER.n_blocks == 1


def test_differences_and_tables_show_the_kernels_of_each_block():
    deep = replace(CHAPTER, n_kernels=(16, 32, 64))
    assert CHAPTER.differences(deep) == ["n_kernels is 10, not (16, 32, 64)"]
    assert format_setting(deep.n_kernels) == format_setting([16, 32, 64]) == "16, 32, 64"
    assert format_setting(CHAPTER.n_kernels) == "10"


@pytest.mark.parametrize("change", [{"flip": True}, {"shift": 1}, {"erase": 3}, {"feature_dropout": 0.1},
                                    {"hidden_dropout": 0.1}])  # fmt: skip
def test_chance_is_known(change):
    assert CHAPTER.override(change).draws


def test_every_recipe_has_a_name_and_a_purpose():
    assert list(RECIPES) == ["chapter", "quick", "best", "wide", "any", "color", "deep"]
    assert list(PURPOSES) == list(RECIPES)
    for name in ("chapter", "quick", "best"):
        recipe = get_recipe(name)
        assert Architecture(28, 28, 1, recipe.n_kernels, recipe.units, 10).n_parameters == 197_210
    assert RECIPES["quick"].epochs == 1


def test_a_network_from_a_recipe():
    made = ConvolutionNetwork.from_recipe("chapter", n_kernels=3, engine="fused", random_state=1)
    assert isinstance(made, ConvolutionNetwork)
    assert (made.n_kernels, made.units, made.epochs, made.engine) == (3, 100, 20, "fused")
    assert {name: made.get_params()[name] for name in FIELDS} == asdict(replace(CHAPTER, n_kernels=3))
    own = replace(CHAPTER, units=4, batch_size=8, epochs=2, optimizer="nesterov")
    fitted = ConvolutionNetwork.from_recipe(own, random_state=0).fit(X, Y)
    assert fitted.n_iter_ == 2
    assert fitted.fit(X, Y, 3).n_iter_ == 3


@pytest.mark.parametrize(
    ("recipe", "changes", "kind", "text"),
    [
        ("bst", {}, InputError, f"recipe must be one of {', '.join(RECIPES)}, got 'bst'; did you mean 'best'?"),
        (3, {}, InputTypeError, f"recipe must be one of {', '.join(RECIPES)}, got 3"),
        ("best", {"unit": 3}, InputTypeError, "ConvolutionNetwork has no parameter 'unit': did you mean 'units'?"),
    ],
)
def test_what_from_recipe_refuses(recipe, changes, kind, text):
    with pytest.raises(InputError, match=f"^{re.escape(text)}$") as caught:
        ConvolutionNetwork.from_recipe(recipe, **changes)
    assert type(caught.value) is kind


def test_a_parameter_like_no_other_gets_the_whole_list():
    with pytest.raises(InputTypeError, match=r"^ConvolutionNetwork has no parameter 'xyz': there are n_kernels"):
        ConvolutionNetwork.from_recipe("best", xyz=1)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains_and_predicts(name, tmp_path):
    made = ConvolutionNetwork.from_recipe(
        name, n_kernels=3, units=5, batch_size=10, final_batch_size=None, epochs=2, average_epochs=0, random_state=0
    ).fit(X, Y, x_val=X, y_val=Y)
    made.save(tmp_path / "model")
    loaded = ConvolutionNetwork.load(tmp_path / "model")
    assert np.array_equal(loaded.forpass(X), made.forpass(X))
    assert made.score(X, Y) == made.history_.val_accuracies[-1]


def test_golmu_recipes(run):
    status, out, err = run("recipes")
    assert (status, err) == (0, "")
    assert len([line for line in out if line.split()[:1] and line.split()[0] in RECIPES]) == len(RECIPES)
    status, out, _ = run("recipes", "--json")
    records = json.loads("\n".join(out))
    assert [record["recipe"] for record in records] == list(RECIPES)
    assert [Recipe(**record["fields"]) for record in records] == list(RECIPES.values())
    row = next(line for line in run("recipes")[1] if line.startswith("color"))
    assert row.split()[1:5] == ["16,", "32,", "64", "128"]
    assert "epochs of any: 20 here, up to 60 with fewer images" in run("recipes")[1]


def test_any_field_can_be_given_on_the_command_line(run, data, tmp_path):
    fields = {
        "n_kernels": 2, "units": 3, "batch_size": 8, "learning_rate": 0.05, "epochs": 2, "optimizer": "nesterov",
        "momentum": 0.5, "weight_decay": 0.001, "schedule": "cosine", "warmup": 0.1, "final_rate": 0.1,
        "final_batch_size": 16, "label_smoothing": 0.1, "feature_dropout": 0.1, "hidden_dropout": 0.2, "flip": True,
        "shift": 1, "erase": 2, "ema": 0.9, "test_flip": True, "standardize": True, "record_loss": "before",
        "patience": 5,
    }  # fmt: skip
    words = [
        word
        for name, value in fields.items()
        for word in ([f"--{name.replace('_', '-')}"] if value is True else [f"--{name.replace('_', '-')}", value])
    ]
    status, _, err = run("train", data, "--run", tmp_path / "run", *words)
    assert (status, err) == (0, "")
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert {name: settings[name] for name in FIELDS} == fields | {"average_epochs": 0}


def test_numpy_booleans_are_booleans():
    recipe = CHAPTER.override({"flip": np.True_, "test_flip": np.False_})
    assert recipe.flip is True
    assert recipe.test_flip is False


def test_a_last_epoch_of_one_batch_is_warned_of():
    made = ConvolutionNetwork(2, 3, 10, 0.1, final_batch_size=400, epochs=2, random_state=0)
    with pytest.warns(
        GolmuWarning, match=r"^final_batch_size is 400, but there are only 50 samples: the last epoch is"
    ):
        made.fit(X, Y)


@pytest.mark.parametrize("engine", ["fused", "tensorflow"])
def test_single_steps_follow_the_optimizer(engine):
    """As the engine's steps do; a pickle in between changes nothing, and another optimizer begins anew."""
    made = ready(engine=engine, optimizer="adam", learning_rate=0.01)
    plain = create_engine(engine, made.architecture_)
    plain.set_weights(made.get_weights())
    data, order = plain.prepare(X[:8], Y[:8]), np.arange(8)[None]
    for step in range(4):
        if step == 2:
            made = pickle.loads(pickle.dumps(made))
        plain.train(data, Batches.at(0.01, order, first_step=step), Method(optimizer="adam", record_loss="before"))
        made.training(X[:8], Y[:8])
    assert all(np.array_equal(made.get_weights()[name], weight) for name, weight in plain.get_weights().items())
    made.set_params(optimizer="nesterov")
    plain.set_slots({})
    plain.train(data, Batches.at(0.01, order), Method(optimizer="nesterov", record_loss="before"))
    made.training(X[:8], Y[:8])
    assert all(np.array_equal(made.get_weights()[name], weight) for name, weight in plain.get_weights().items())


def test_single_steps_draw_by_the_random_state():
    def loss(seed, weights=None):
        made = network(feature_dropout=0.5, random_state=seed)
        made.init_weights(SHAPE, 3)
        made.set_weights(weights or made.get_weights())
        return made.training(X, Y), made.training(X, Y), made.get_weights()

    one = loss(0)
    assert one[:2] == loss(0)[:2]
    assert loss(1, one[2])[0] != loss(2, one[2])[0]


# Each field is declared once


def test_the_estimators_defaults_are_the_recipes():
    parameters = inspect.signature(ConvolutionNetwork).parameters
    chapter = {"n_kernels", "units", "batch_size", "learning_rate", "epochs"}  # those of the book's class
    for name, field in FIELDS.items():
        if name not in chapter:
            assert parameters[name].default == field.default, name


def test_the_estimators_documentation_holds_every_help_text():
    text = " ".join(ConvolutionNetwork.__doc__.split())
    for name, field in FIELDS.items():
        assert f"{name} : {field.metadata['kind'].__name__}" in text
        assert field.metadata["help"] in text


def test_every_field_has_an_option_with_its_help():
    options = {one.name: one for one in typer.main.get_command(app).commands["train"].params}
    for name, field in FIELDS.items():
        assert options[name].help == field.metadata["help"]
        assert options[name].rich_help_panel == field.metadata["group"]
        assert options[name].default is None
        assert options[name].is_flag == (field.metadata["kind"] is bool)
    assert options["n_kernels"].metavar == "N[,N...]"


def test_every_help_text_is_a_sentence():
    for name, field in FIELDS.items():
        text = field.metadata["help"]
        assert text[0].isupper(), name
        assert text.endswith("."), name


@pytest.mark.parametrize(
    ("name", "changes", "named"),
    [
        ("chapter", {}, None), ("quick", {}, None), ("any", {}, "label smoothing, dropout and augmentation"),
        ("best", {}, "label smoothing and augmentation"), ("chapter", {"feature_dropout": 0.1}, None),
        ("chapter", {"hidden_dropout": 0.1, "record_loss": "before"}, "dropout"),
        ("chapter", {"shift": 1}, "augmentation"), ("any", {"record_loss": "after"}, "augmentation"),
    ],
)  # fmt: skip
def test_it_says_where_the_two_losses_do_not_compare(name, changes, named):
    text = (
        f"The training loss includes {named}, and the validation loss does not, so the training loss may stay higher."
    )
    assert RECIPES[name].override(changes).loss_note == ("" if named is None else text)
