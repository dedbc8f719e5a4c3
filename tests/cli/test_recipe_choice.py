"""The recipe that suits the data, where nobody names one: what it is, what is said of it, and what is refused early."""

import json
import shutil

import numpy as np
import pytest
from command import main, read
from PIL import Image

from golmu.cli.commands import find_lr, train
from golmu.cli.recipe_choice import check_settings, choose_recipe, recipe_for_labels
from golmu.errors import InputError
from golmu.recipe import RECIPES

HOW = "; --recipe NAME takes another, and `golmu recipes` lists them"


@pytest.mark.parametrize(
    ("shape", "given", "name", "why"),
    [
        ((32, 32, 3), {}, "color", "have colours"),
        ((8, 300, 3), {}, "color", "have colours"),
        ((7, 300, 3), {}, "any", "of 7x300 pixels are too small for the 3 blocks of recipe color"),
        ((300, 7, 3), {"n_kernels": None}, "any", "of 300x7 pixels are too small for the 3 blocks of recipe color"),
        ((7, 7, 3), {"n_kernels": (4, 8)}, "color", "have colours"),
        ((2, 2, 3), {"n_kernels": 4}, "color", "have colours"),
        ((8, 8, 3), {"n_kernels": (4, 8, 8, 8)}, "any", "of 8x8 pixels are too small for the 4 blocks of recipe color"),
        ((32, 32, 1), {}, "any", "are grey"),
        ((32, 32, 4), {}, "any", "have 4 channels"),
    ],
)
def test_images_of_ones_own_choose_by_their_colours_and_size(shape, given, name, why):
    given = {"epochs": 5, **given}
    chosen = choose_recipe("./photos", None, given, shape)
    assert chosen.name == name
    assert chosen.note == f"recipe {name}, since the images {why}{HOW}"
    assert chosen.recipe == RECIPES[name].override(given)


@pytest.mark.parametrize(
    ("data", "asked", "name"),
    [
        ("fashion-mnist", None, "chapter"), ("digits", None, "any"), ("digits", "color", "color"),
        ("photos", "quick", "quick"), ("photos", "any", "any"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 3])
def test_a_data_set_with_a_name_and_a_recipe_that_is_named_are_heeded_silently(data, asked, name, channels):
    chosen = choose_recipe(data, asked, {"units": 7}, (28, 28, channels))
    assert chosen == (name, RECIPES[name].override({"units": 7}), "")


@pytest.mark.parametrize(
    ("name", "given", "n", "epochs"),
    [
        ("any", {}, 0, 60), ("any", {}, 10_000, 60), ("any", {}, 12_000, 50), ("any", {}, 20_000, 30),
        ("any", {}, 30_000, 20), ("any", {}, 10**9, 20), ("any", {"epochs": None}, 60_000, 20),
        ("any", {"epochs": 60}, 60_000, 60), ("any", {"epochs": 3}, 60_000, 3),
        ("any", {"average_epochs": 5}, 60_000, 20), ("any", {"average_epochs": 40}, 60_000, 40),
        ("wide", {}, 60_000, 80), ("color", {}, 60_000, 60), ("deep", {}, 60_000, 45),
    ],
)  # fmt: skip
def test_recipe_any_is_shorter_where_there_are_many_images_and_its_user_names_no_epochs(name, given, n, epochs):
    chosen = choose_recipe("letters", name, given, (28, 28, 1), n)
    assert chosen.recipe == RECIPES[name].override({**given, "epochs": epochs})
    why = f"with {epochs} epochs instead of 60, since there are {n:,} images; --epochs N takes another number"
    assert chosen.note == (
        f"recipe any {why}" if given.get("epochs") is None and epochs != RECIPES[name].epochs else ""
    )


def test_the_first_line_says_both_why_a_recipe_was_taken_and_why_it_is_shorter():
    note = choose_recipe("letters", None, {}, (28, 28, 1), 60_000).note
    assert note == (
        f"recipe any with 20 epochs instead of 60, since the images are grey and there are 60,000 of them{HOW}"
    )
    assert choose_recipe("photos", None, {}, (32, 32, 3), 60_000).recipe == RECIPES["color"]


@pytest.mark.parametrize(
    ("data", "name", "given", "n_blocks"),
    [
        ("photos", None, {}, None), ("photos", None, {"n_kernels": None}, None), ("photos", None, {"n_kernels": 8}, 1),
        ("photos", None, {"n_kernels": (8, 16)}, 2), ("photos", "any", {}, 1), ("photos", "deep", {}, 2),
        ("digits", None, {}, 1), ("digits", "color", {}, 3), ("digits", None, {"n_kernels": (4, 4)}, 2),
    ],
)  # fmt: skip
def test_the_number_of_blocks_is_known_before_the_data_are_read_unless_the_images_decide(data, name, given, n_blocks):
    assert check_settings(data, name, given) == n_blocks


@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")
@pytest.mark.parametrize("command", ["train", "find-lr"])
@pytest.mark.parametrize(
    ("words", "asked"), [((), [None, 3]), (("--recipe=any",), [1]), (("--n-kernels=2,2",), [2])]
)  # fmt: skip
def test_the_kernels_that_are_loaded_ahead_are_those_of_the_network(run, tmp_path, monkeypatch, command, words, asked):
    seen = []
    module = train if command == "train" else find_lr
    real = module.load_ahead
    monkeypatch.setattr(module, "load_ahead", lambda name, n: seen.append(n) or real(name, n))
    photos = fill(tmp_path / "photos")
    more = (
        ("--epochs=1", "--run", tmp_path / "run")
        if command == "train"
        else ("--steps=10", "--plot", tmp_path / "a.png")
    )
    run(command, photos, *words, "--units=4", "--batch-size=8", *more)
    assert seen == asked


def test_settings_that_no_recipe_for_the_data_can_take_are_refused_before_reading():
    for data, name in (("photos", None), ("digits", None), ("photos", "deep")):
        for given in ({"epochs": 0}, {"optimizer": "adam", "weight_decay": 0.1}, {"momentum": 0}):
            with pytest.raises(InputError):
                check_settings(data, name, given)
    with pytest.raises(InputError, match=r"recipe must be one of chapter, .*, got 'colour'; did you mean 'color'"):
        check_settings("photos", "colour", {})
    # What only one of them can take is refused where it is the other that the images choose.
    most = max(RECIPES["color"].epochs, RECIPES["any"].epochs)
    check_settings("photos", None, {"average_epochs": most})


# The commands


def fill(folder, *, size=(9, 8), is_grey=False):
    """A folder of 24 images of two classes that a network learns at once."""
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.random.default_rng(number).integers(0, 90, (*size, 3), np.uint8)
            pixels += np.uint8(160) * (name == "dog")
            image = Image.fromarray(pixels)
            (image.convert("L") if is_grey else image).save(folder / name / f"{number}.png")
    return folder


ONE_BLOCK = ("--epochs=1", "--n-kernels=2", "--units=4", "--batch-size=8", "--shift=0")


@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")
@pytest.mark.parametrize(
    ("is_grey", "name", "why"), [(False, "color", "have colours"), (True, "any", "are grey")], ids=["color", "grey"]
)
def test_the_first_line_says_which_recipe_was_taken_and_the_run_keeps_it(
    run, tmp_path, monkeypatch, is_grey, name, why
):
    photos = fill(tmp_path / "photos", is_grey=is_grey)
    monkeypatch.chdir(tmp_path)
    status, lines, _ = run("train", "photos", *ONE_BLOCK)
    assert (status, lines[0]) == (0, f"recipe {name}, since the images {why}{HOW}")
    folder = f"runs/photos-{name}-n-kernels-2-units-4"
    assert lines[1].endswith(f"results go to {folder}")
    record = read(tmp_path / folder)
    assert record["recipe"] == name
    assert (record["settings"]["epochs"], record["settings"]["n_kernels"]) == (1, 2)
    assert record["settings"]["label_smoothing"] == RECIPES[name].label_smoothing
    status, lines, _ = run("train", photos, "--recipe", name, *ONE_BLOCK)
    assert lines[0].startswith("training on ")
    status, lines, _ = run("train", "--resume", folder)
    assert (status, lines[0][:19]) == (0, "the run is finished")


@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")
def test_colour_images_that_are_too_small_for_three_blocks_are_trained_all_the_same(run, tmp_path):
    photos = fill(tmp_path / "photos", size=(9, 6))
    status, lines, _ = run("train", photos, "--epochs=1", "--units=4", "--batch-size=8", "--run", tmp_path / "run")
    assert status == 0
    assert lines[0] == f"recipe any, since the images of 9x6 pixels are too small for the 3 blocks of recipe color{HOW}"
    assert (read(tmp_path / "run")["recipe"], read(tmp_path / "run")["format"]) == ("any", 1)


@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")
def test_find_lr_tells_too(run, tmp_path):
    words = ("find-lr", fill(tmp_path / "photos"), "--steps=40", "--n-kernels=2", "--units=4", "--low=0.0001",
             "--plot", tmp_path / "plot.png")  # fmt: skip
    status, lines, _ = run(*words)
    assert (status, lines[0]) == (0, f"recipe color, since the images have colours{HOW}")
    status, lines, _ = run(*words, "--json")
    found = json.loads("\n".join(lines))
    assert (found["recipe"], found["note"][:12]) == ("color", "recipe color")
    assert "note" not in "".join(run(*words, "--recipe", "any")[1])


def test_a_shorter_recipe_is_said_recorded_and_continued_as_such(run, tmp_path):
    labels = np.arange(30_000) % 2
    images = np.random.default_rng(0).integers(0, 9, (30_000, 2, 2), np.uint8) + (200 * labels[:, None, None]).astype(
        np.uint8
    )
    np.savez(tmp_path / "many.npz", x_train=images, y_train=labels, x_test=images[:9], y_test=labels[:9])
    tiny = ("--n-kernels=1", "--units=2", "--batch-size=8000")
    status, lines, _ = run("train", tmp_path / "many.npz", *tiny, "--run", tmp_path / "run")
    assert (status, lines[0][:40]) == (0, "recipe any with 20 epochs instead of 60,")
    assert (read(tmp_path / "run")["recipe"], read(tmp_path / "run")["settings"]["epochs"]) == ("any", 20)
    for words in ((), ("--recipe=any", *tiny)):
        assert run("train", "--resume", tmp_path / "run", *words)[1][0].startswith(
            "the run is finished, after epoch 20"
        )


@pytest.fixture(scope="module")
def deep(tmp_path_factory):
    """A run of two blocks, on colour images."""
    folder = tmp_path_factory.mktemp("deep")
    words = ("--epochs=2", "--n-kernels=2,3", "--units=4", "--batch-size=8", "--schedule=constant", "--warmup=0")
    assert main("train", fill(folder / "photos"), *words, "--run", folder / "run") == 0
    return folder


def test_a_run_of_two_blocks_is_recorded_compared_and_continued(run, deep, tmp_path):
    record = read(deep / "run")
    assert (record["format"], record["recipe"], record["settings"]["n_kernels"]) == (2, "color", [2, 3])
    folder = shutil.copytree(deep / "run", tmp_path / "run")
    assert run("train", "--resume", folder, "--n-kernels=2,3", "--epochs=3")[0] == 0
    status, lines, _ = run("compare", deep / "run", folder, "--output", tmp_path / "page.html", "--json")
    assert (status, json.loads("\n".join(lines))["settings"]["epochs"]) == (0, [2, 3])
    status, _, err = run("train", "--resume", folder, "--n-kernels=3,2", "--epochs=4")
    assert (status, "n_kernels is (2, 3), not (3, 2)" in err) == (2, True)


@pytest.mark.parametrize(
    ("shape", "n", "name", "epochs", "n_kernels"),
    [
        ((8, 8, 1), 1_437, "any", 20, 32),
        ((28, 28, 1), 9_999, "any", 20, 32),
        ((28, 28, 1), 60_000, "any", 3, 10),
        ((28, 28, 1), 10**7, "any", 3, 10),
        ((32, 32, 3), 50_000, "color", 4, (16, 32, 64)),
    ],
)
def test_labels_of_many_images_are_checked_in_few_epochs(shape, n, name, epochs, n_kernels):
    chosen, recipe = recipe_for_labels(shape, n)
    assert (chosen, recipe.epochs, recipe.n_kernels) == (name, epochs, n_kernels)
