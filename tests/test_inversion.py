"""Pictures that are dark on light, where the network knows light on dark."""

import re

import numpy as np
import pytest
from PIL import Image, ImageOps

from golmu.data.inversion import Inversion
from golmu.engines import create_engine
from golmu.errors import CheckpointError, GolmuWarning
from golmu.model import load_model, save_model
from golmu.preprocessing import DARK, LIGHT, Preprocessing, ground_of

RNG = np.random.default_rng(0)


def on(ground, n=20, channels=1):
    """Images (n, 8, 8, c) of a square in the middle, on a ground of that brightness."""
    images = np.full((n, 8, 8, channels), ground, np.uint8)
    images[:, 2:6, 2:6] = 255 - ground
    return images


@pytest.mark.parametrize(
    ("images", "ground"),
    [
        (on(0), DARK),
        (on(255), LIGHT),
        (on(100), DARK),
        (on(0) / np.float32(255), DARK),
        (on(255) / np.float32(255), LIGHT),
        (np.concatenate([on(0, 19), on(255, 1)]), DARK),
        (np.concatenate([on(0, 10), on(255, 10)]), ""),
        (on(0, channels=3), ""),
        (on(0).astype(np.float32) - 3, ""),
        (on(255).astype(np.float32), ""),
        (np.concatenate([on(0, 9000), on(255, 100)]), DARK),
    ],
)
def test_the_ground_is_that_of_nearly_all_images(images, ground):
    assert ground_of(images) == ground


def test_the_ground_of_fashion_mnist_is_dark(fashion_mnist):
    assert ground_of(fashion_mnist.train.images) == DARK


@pytest.mark.parametrize("standardize", [True, False])
def test_it_is_part_of_the_model(tmp_path, standardize, finished):
    model = load_model(finished.folder / "model.safetensors")
    made = Preprocessing.of(on(255), standardize=standardize, test_flip=False)
    assert made.ground == LIGHT
    for preprocessing in (made, Preprocessing(ground=DARK), Preprocessing()):
        changed = model.__class__(**{**vars(model), "preprocessing": preprocessing}) if standardize is False else model
        save_model(tmp_path / "model.safetensors", changed)
        assert load_model(tmp_path / "model.safetensors").preprocessing == changed.preprocessing
    save_model(
        tmp_path / "bad.safetensors", model.__class__(**{**vars(model), "preprocessing": Preprocessing(ground="grey")})
    )
    with pytest.raises(CheckpointError, match="has the ground 'grey', where dark or light was expected"):
        load_model(tmp_path / "bad.safetensors")


def test_the_engine_does_not_invert_anything(engine_name, finished):
    model = load_model(finished.folder / "model.safetensors")
    images = RNG.integers(0, 256, (4, *model.architecture.image_shape), np.uint8)
    answers = []
    for ground in ("", LIGHT):
        engine = create_engine(engine_name, model.architecture, preprocessing=Preprocessing(ground=ground))
        engine.set_weights(model.weights)
        answers.append(engine.logits(images))
    assert np.array_equal(*answers)


@pytest.mark.parametrize(
    ("trained", "picture", "wanted", "is_inverted"),
    [
        (DARK, 255, "auto", True),
        (DARK, 0, "auto", False),
        (LIGHT, 0, "auto", True),
        (LIGHT, 255, "auto", False),
        ("", 255, "auto", False),
        (DARK, 255, "no", False),
        (DARK, 0, "yes", True),
        ("", 0, "yes", True),
    ],
)
def test_which_pictures_are_inverted(trained, picture, wanted, is_inverted):
    image = Image.fromarray(on(picture)[0, ..., 0])
    inversion = Inversion(trained, wanted)
    made = np.asarray(inversion(image, np.asarray(image), "a.png"))
    assert np.array_equal(made, 255 - np.asarray(image) if is_inverted else np.asarray(image))
    assert inversion.done == ({"a.png"} if is_inverted else set())


def test_photos_in_colour_are_inverted_on_demand_only():
    image = Image.fromarray(on(255, channels=3)[0])
    assert Inversion(DARK, "auto")(image, np.asarray(image), "a") is image
    assert np.array_equal(Inversion(DARK, "yes")(image, np.asarray(image), "a"), 255 - np.asarray(image))


@pytest.fixture
def digits_run(run, tmp_path):
    """A run on digits, which are light on dark, and one of them as a scan of ink on paper."""
    folder = tmp_path / "run"
    assert run("train", "digits", "--epochs", "5", "--run", folder)[0] == 0
    from golmu.data import load_dataset

    digit = Image.fromarray(load_dataset("digits").test.images[0, ..., 0])
    sheet = Image.new("L", (16, 16))
    sheet.paste(digit, (4, 4))
    sheet.save(tmp_path / "light.png")
    ImageOps.invert(sheet).save(tmp_path / "dark.png")
    return folder, tmp_path / "light.png", tmp_path / "dark.png"


def test_predict_notices_ink_on_paper_and_says_so(run, digits_run):
    folder, light, dark = digits_run
    status, (expected,), err = run("predict", folder, light)
    assert (status, err) == (0, "")
    text = (
        f"{dark} is dark on light, where the training images are light on dark: inverted; --invert no takes such "
        "images as they are, and --invert yes inverts all"
    )
    with pytest.warns(GolmuWarning, match=f"^{re.escape(text)}$"):
        status, (line,), _ = run("predict", folder, dark)
    assert status == 0
    assert line.split()[1:] == expected.split()[1:]
    status, _, err = run("predict", folder, dark, "--invert", "no")
    assert (status, err) == (0, "")
    assert run("predict", folder, light, "--invert", "no")[1] == [expected]
    status, (both,), err = run("predict", folder, dark, "--invert", "yes")
    assert (both.split()[1:], err) == (expected.split()[1:], "")


def test_many_are_named_by_the_first(run, digits_run, tmp_path):
    folder, _, dark = digits_run
    (tmp_path / "scans").mkdir()
    for name in ("b.png", "a.png"):
        (tmp_path / "scans" / name).write_bytes(dark.read_bytes())
    with pytest.warns(GolmuWarning, match=r"^2 images, as \S+a\.png, are dark on light"):
        _, lines, _ = run("predict", folder, tmp_path / "scans")
    assert len(lines) == 2


def test_a_picture_that_was_learned_from_is_not_inverted(run, tmp_path):
    """Upright sheets of paper get black bars, which are then the ground of what is learned from."""
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(10):
            sheet = np.full((60, 40), 255, np.uint8)
            sheet[10:50, 5 : 20 if name == "a" else 35] = rng.integers(0, 60, (40, 15 if name == "a" else 30))
            Image.fromarray(sheet).save(tmp_path / "data" / name / f"{i}.png")
    words = [
        "train",
        tmp_path / "data",
        "--size",
        "16",
        "--epochs",
        "2",
        "--batch-size",
        "4",
        "--run",
        tmp_path / "run",
    ]
    assert run(*words)[0] == 0
    status, _, err = run("predict", tmp_path / "run", tmp_path / "data" / "a")
    assert (status, err) == (0, "")


def test_what_else_invert_may_be_is_refused(run, digits_run):
    folder, light, _ = digits_run
    text = "golmu: error: invert must be one of auto, yes, no, got 'yess'; did you mean 'yes'?\n"
    assert run("predict", folder, light, "--invert", "yess") == (2, [], text)
