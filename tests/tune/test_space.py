"""What `--search` says, and the space that is searched without it."""

from types import SimpleNamespace

import pytest

from golmu.errors import InputError
from golmu.recipe import RECIPES
from golmu.tune.space import Dimension, check_space, default_space, parse_space

ANY = RECIPES["any"]


@pytest.mark.parametrize(
    ("text", "name", "kind", "values"),
    [
        ("learning_rate=log:0.01:0.3", "learning_rate", "log", (0.01, 0.3)),
        ("learning-rate = log : 1e-2 : 0.3", "learning_rate", "log", (0.01, 0.3)),
        ("units=int:50:400", "units", "int", (50, 400)),
        ("units=log:50:400", "units", "log", (50, 400)),
        ("feature_dropout=float:0:0.5", "feature_dropout", "float", (0.0, 0.5)),
        ("n_kernels=8,16,32", "n_kernels", "choices", (8, 16, 32)),
        ("n_kernels=32,16-32,16-32-64", "n_kernels", "choices", (32, (16, 32), (16, 32, 64))),
        ("weight_decay=0,0.001", "weight_decay", "choices", (0.0, 0.001)),
        ("flip=true,false", "flip", "choices", (True, False)),
        ("optimizer=nesterov,adamw", "optimizer", "choices", ("nesterov", "adamw")),
        ("patience=none,5", "patience", "choices", (None, 5)),
    ],
)
def test_a_range_is_read_and_written_back(text, name, kind, values):
    dimension = Dimension.parse(text)
    assert (dimension.name, dimension.kind, dimension.values) == (name, kind, values)
    assert list(map(type, dimension.values)) == list(map(type, values))
    assert Dimension.parse(dimension.text) == dimension
    for value in values:
        assert dimension.value_of(dimension.parameter_of(value)) == value


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("learning_rate", "--search must be NAME=RANGE, such as learning_rate=log:0.01:0.3, "),
        ("learning_rate=", "--search must be NAME=RANGE, such as "),
        ("=log:1:2", "the setting of --search must be one of "),
        ("lerning_rate=log:0.1:1", r".*, got 'lerning_rate'; did you mean 'learning_rate'\?$"),
        ("learning_rate=lin:0.1:1", "the range of learning_rate must be one of log, float, int, got 'lin'"),
        ("learning_rate=log:0.1", "the range of learning_rate must be log:LOW:HIGH, got log:0.1$"),
        ("learning_rate=log:0.1:0.2:0.3", "the range of learning_rate must be log:LOW:HIGH, got log:0.1:0.2:0.3$"),
        ("learning_rate=log:a:1", "learning_rate must be a number, got 'a'$"),
        ("learning_rate=log:0.3:0.01", "the range of learning_rate must go from a lower to a higher value, got "),
        ("learning_rate=log:0.1:0.1", "the range of learning_rate must go from a lower to a higher value, got "),
        ("learning_rate=log:0:1", "learning_rate must be a finite number above 0, got 0.0$"),
        ("learning_rate=log:0.1:inf", "learning_rate must be a finite number above 0, got inf$"),
        ("weight_decay=log:0:1", "the range of weight_decay must begin above 0 for log, got log:0:1$"),
        ("learning_rate=int:1:2", "learning_rate takes any numbers: write learning_rate=float:1:2$"),
        ("units=float:1:2", "units takes integers: write units=int:1:2$"),
        ("units=int:1.5:2", "units must be an integer, got '1.5'$"),
        ("units=0,5", "units must be an integer of at least 1, got 0$"),
        ("units=5", "units needs at least two different values to choose from, got '5'; --units gives it one value$"),
        ("units=5,5", "units needs at least two different values to choose from, got '5,5'; "),
        ("units=5,", "units must be an integer, got ''$"),
        ("flip=yes,no", "flip must be one of true, false, got 'yes'$"),
        ("test_flip=yes,no", "test_flip must be one of true, false, none, got 'yes'$"),
        ("flip=int:0:1", "flip has no range: list its values, such as flip=true,false$"),
        ("optimizer=adam,sdg", "optimizer must be one of .*did you mean 'sgd'"),
        ("n_kernels=8,16-x", "n_kernels must be an integer, or one for each block, such as 16-32-64, got '16-x'$"),
        ("n_kernels=8,1-2-3-4-5", "n_kernels must have one number for each of 1 to 4 blocks, got 5$"),
        ("feature_dropout=float:0:1", "feature_dropout must be a number of at least 0 and below 1, got 1.0$"),
        ("label_smoothing=0,0.1", "label_smoothing cannot be searched: trials are compared by "),
    ],
)
def test_a_wrong_range_is_said(text, error):
    with pytest.raises(InputError, match=error if error.startswith(".*") else f"^{error}"):
        Dimension.parse(text)


def test_a_setting_has_one_place():
    with pytest.raises(InputError, match=r"^--search has units twice: give it once$"):
        parse_space(["units=1,2", "units=3,4"])
    with pytest.raises(InputError, match=r"^units has one value by --units and several by --search: give one$"):
        parse_space(["units=1,2"], ["units"])


def test_the_default_space_holds_the_recipe_and_suits_the_images():
    for name, recipe in RECIPES.items():
        space = default_space(recipe, 48_000, 28)
        check_space(space, recipe, lambda tried: tried)
        for dimension in space:
            assert dimension.parameter_of(getattr(recipe, dimension.name)) is not None, name
    names = {one.name: one.values for one in default_space(ANY, 40, 3)}
    assert names["batch_size"] == (16, 32)
    assert names["shift"] == (0, 1)
    assert "batch_size" not in {one.name for one in default_space(ANY, 20, 28)}
    assert "learning_rate" not in {one.name for one in default_space(ANY, 1000, 28, ["learning_rate"])}
    assert "weight_decay" not in {one.name for one in default_space(ANY.override({"optimizer": "adam"}), 1000, 28)}


def test_every_end_of_a_space_must_suit_the_recipe():
    with pytest.raises(InputError, match=r"^average_epochs is 9, but there are only 5 epochs$"):
        check_space(parse_space(["average_epochs=1,9"]), ANY.override({"epochs": 5}), lambda tried: tried)
    with pytest.raises(InputError, match=r"^there is nothing to search: give --search, such as "):
        check_space((), ANY, lambda tried: tried)
    tried = []
    check_space(parse_space(["units=int:5:9", "batch_size=1,2,3"]), ANY, tried.append)
    assert [(one.units, one.batch_size) for one in tried] == [(5, 1), (9, 1), (5, 2), (5, 3)]


def test_a_trial_gets_values_of_the_fields_own_types():
    asked = []

    def suggest(*arguments, **options):
        asked.append((arguments, options))
        return arguments[1] if len(arguments) > 2 else arguments[1][1]

    trial = SimpleNamespace(suggest_int=suggest, suggest_float=suggest, suggest_categorical=suggest)
    space = parse_space(["units=log:5:9", "learning_rate=log:0.1:1", "n_kernels=8,8-16", "flip=false,true"])
    assert [one.suggest(trial) for one in space] == [5, 0.1, (8, 16), True]
    assert asked == [
        (("units", 5, 9), {"log": True}), (("learning_rate", 0.1, 1.0), {"log": True}),
        (("n_kernels", ["8", "8-16"]), {}), (("flip", ["false", "true"]), {}),
    ]  # fmt: skip
