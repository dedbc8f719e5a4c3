"""Pictures that are dark on light, where the network knows light on dark."""

import re

import numpy as np
import pytest
from PIL import Image, ImageOps

from golmu import load_dataset
from golmu.data.readers.inversion import Inversion
from golmu.engines import create_engine
from golmu.errors import CheckpointError, GolmuWarning
from golmu.model.model import load_model, save_model
from golmu.preprocessing import DARK, LIGHT, Preprocessing, are_opposite, ground_of

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
    made = np.asarray(inversion(image, np.asarray(image)[..., None], "a.png"))
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
        f"{dark} is dark on light, but the training images are light on dark, so it was inverted: --invert no "
        "(in Python: invert='no') leaves such images as they are, and --invert yes inverts all images"
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
    with pytest.warns(
        GolmuWarning, match=r"^2 images \(such as \S+a\.png\) are dark on light, but .*, so they were inverted: "
    ):
        _, lines, _ = run("predict", folder, tmp_path / "scans")
    assert len(lines) == 2


@pytest.mark.parametrize("size", [(16, 30), (60, 9)], ids=["tall", "wide"])
def test_ink_on_paper_of_any_proportions_is_noticed(run, digits_run, tmp_path, size):
    folder, light, _ = digits_run
    sheet = Image.new("L", size)
    sheet.paste(Image.open(light).crop((4, 4, 12, 12)), (size[0] // 3, 1))
    for name, picture in (("light", sheet), ("dark", ImageOps.invert(sheet))):
        picture.save(tmp_path / f"{name}-sheet.png")
    status, (expected,), err = run("predict", folder, tmp_path / "light-sheet.png")
    assert (status, err) == (0, "")
    with pytest.warns(
        GolmuWarning, match="is dark on light, but the training images are light on dark, so it was inverted"
    ):
        _, (line,), _ = run("predict", folder, tmp_path / "dark-sheet.png")
    assert line.split()[1:] == expected.split()[1:]


def test_explain_notices_it_as_predict_does(run, digits_run):
    folder, light, dark = digits_run
    status, (expected, _), err = run("explain", folder, light)
    assert (status, err) == (0, "")
    with pytest.warns(
        GolmuWarning, match=f"^{re.escape(str(dark))} is dark on light, but .*, so it was inverted: --invert no "
    ):
        status, (line, _), _ = run("explain", folder, dark)
    assert (status, line.split()[1:]) == (0, expected.split()[1:])
    status, (line, _), err = run("explain", folder, dark, "--invert", "yes")
    assert (status, line.split()[1:], err) == (0, expected.split()[1:], "")
    status, (line, _), err = run("explain", folder, dark, "--invert", "no")
    assert (status, err) == (0, "")
    assert line.split()[2:] == run("predict", folder, dark, "--invert", "no")[1][0].split()[2:]


def test_evaluate_notices_it_and_scores_the_images_as_they_are(run, digits_run, tmp_path):
    folder, test = digits_run[0], load_dataset("digits").test
    for name in (0, 1):
        for part in ("drawn", "scanned"):
            (tmp_path / part / str(name)).mkdir(parents=True)
        for i, pixels in enumerate(test.images[test.labels == name][:20, ..., 0]):
            Image.fromarray(pixels).save(tmp_path / "drawn" / str(name) / f"{i}.png")
            Image.fromarray(255 - pixels).save(tmp_path / "scanned" / str(name) / f"{i}.png")
    status, _, err = run("evaluate", folder, tmp_path / "drawn")
    assert (status, err) == (0, "")
    text = (
        "most of the test images are dark on light, but the training images are light on dark; they are scored without "
        "being inverted: to score them as golmu predict sees them, invert the files"
    )
    with pytest.warns(GolmuWarning, match=f"^{re.escape(text)}$"):
        assert run("evaluate", folder, tmp_path / "scanned")[0] == 0


@pytest.mark.parametrize(
    ("images", "ground", "are"),
    [
        (on(255), DARK, True),
        (on(0), DARK, False),
        (on(0), LIGHT, True),
        (on(255), LIGHT, False),
        (on(255), "", False),
        (on(255, channels=3), DARK, False),
        (np.concatenate([on(0, 9), on(255, 11)]), DARK, True),
        (np.concatenate([on(0, 10), on(255, 10)]), DARK, False),
        (np.concatenate([on(0, 10), on(255, 10)]), LIGHT, False),
    ],
)
def test_most_decide_whether_images_are_opposite(images, ground, are):
    assert are_opposite(images, ground) is are


def test_a_picture_that_was_learned_from_is_not_inverted(run, tmp_path):
    """Whatever the size to which they are fitted."""
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
