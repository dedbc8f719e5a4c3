"""Image files as the network sees them: pixel by pixel as `predict` does it, and as the documentation says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_network import drawn_network
from PIL import Image
from site_cells import python_cells

import golmu
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError

PAGE = Path(__file__).parents[2] / "docs" / "en" / "how-to" / "predict-and-ship.md"


def picture(path, rng, size, mode, level, **options):
    """Save an image of noise around a level of brightness, smooth enough for a JPEG, with a structure in it."""
    width, height = size
    coarse = rng.integers(0, 60, (height // 5 + 2, width // 5 + 2, 3), np.uint8) + np.uint8(level)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).convert(mode).save(path, **options)
    return path


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return {"exif": exif}


SIZES = [(28, 28), (640, 480), (31, 97), (7, 5), (1, 9), (300, 2)]


@pytest.mark.parametrize(("channels", "ground"), [(1, "dark"), (1, "light"), (1, ""), (3, "")])
@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")  # images that are inverted
def test_ten_lines_of_pillow_give_the_same_pixels(tmp_path, channels, ground):
    (code,) = [cell for cell in python_cells(PAGE) if "def fit(" in cell]
    assert "golmu" not in code
    names = {}
    exec(code.partition("\nfolder")[0], names)
    predictor, rng = drawn_network((24, 31, channels), ground=ground), np.random.default_rng(0)
    inverted = 0
    for number, size in enumerate(SIZES):
        for kind in ("png", "jpg"):
            for mode in ("L", "RGB"):
                options = turned(1 + (3 * number) % 8) if kind == "jpg" else {}
                path = picture(tmp_path / f"a.{kind}", rng, size, mode, 20 if number % 2 else 190, **options)
                expected = golmu.fit_image(path, predictor)
                fitted = names["fit"](path, 31, 24, "L" if channels == 1 else "RGB", ground)
                assert np.array_equal(np.asarray(fitted).reshape(expected.shape), expected), (size, kind, mode)
                inverted += not np.array_equal(expected, golmu.fit_image(path, predictor, invert="no"))
    assert (inverted > 0) == (ground != "")


@pytest.mark.parametrize("ground", ["dark", "light"])
@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")
def test_a_fitted_image_has_the_files_prediction(tmp_path, ground):
    predictor = drawn_network((20, 15, 1), ground=ground)
    for invert in (None, "yes", "no"):
        path = picture(tmp_path / "a.png", np.random.default_rng(0), (50, 31), "L", 190)
        pixels = golmu.fit_image(path, predictor, invert=invert)
        assert (pixels.shape, pixels.dtype) == ((20, 15, 1), np.uint8)
        answered = predictor.predict(path, invert=invert).probabilities
        assert list(answered.values()) == predictor.probabilities(pixels[None])[0].tolist()


def test_an_inverted_image_is_noticed(tmp_path):
    path = picture(tmp_path / "a.png", np.random.default_rng(0), (50, 31), "L", 190)
    with pytest.warns(GolmuWarning, match=r"a\.png is dark on light, .* so it was inverted"):
        golmu.fit_image(path, drawn_network(ground="dark"))


def test_a_model_that_does_not_say_how_is_noticed(tmp_path):
    path = picture(tmp_path / "a.png", np.random.default_rng(0), (50, 31), "L", 190)
    predictor = drawn_network()
    old = golmu.Predictor.of(replace(predictor.model, image_files=None), name="old.safetensors")
    with pytest.warns(GolmuWarning, match=r"^old\.safetensors was written by an earlier version .* fitted to 9x8 with"):
        assert np.array_equal(golmu.fit_image(path, old), golmu.fit_image(path, predictor))


@pytest.mark.parametrize(
    ("arguments", "kind", "text"),
    [
        ({"path": "nowhere.png"}, DataError, "there is no image nowhere.png"),
        ({"path": 3}, InputTypeError, "path must be a path, got 3"),
        ({"path": "."}, DataError, "not a readable image"),
        ({"predictor": "run"}, InputTypeError, "predictor must be a golmu.Predictor"),
        ({"invert": "maybe"}, InputError, "invert must be one of auto, yes, no, got 'maybe'"),
        (
            {"predictor": drawn_network((4, 4, 2))},
            DataError,
            "image files have 1 or 3 channels, but the network takes 2",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, kind, text):
    with pytest.raises(kind, match=text):
        golmu.fit_image(**{"path": "nowhere.png", "predictor": drawn_network(), **arguments})
