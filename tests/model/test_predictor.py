"""A predictor answers for arrays as the engine does, and for image files as `golmu predict` does."""

import json
import re
import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import golmu
from golmu import ConvolutionNetwork, Prediction, Predictor
from golmu.data.readers.image_files import read_image
from golmu.errors import DataError, GolmuWarning, InputError, InputTypeError, RunError
from golmu.metrics import softmax
from golmu.model.model import load_model, save_model

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 100, (4, 6, 5, 1), np.uint8)  # dark, as the training images are


@pytest.fixture(scope="module")
def predictor(finished):
    return golmu.load(finished.folder)


def test_arrays_are_answered_as_by_the_engine(predictor):
    logits = predictor.engine.logits(IMAGES)
    assert np.array_equal(predictor.logits(IMAGES), logits)
    assert np.array_equal(predictor.probabilities(IMAGES), softmax(logits))
    for images in (IMAGES[..., 0], IMAGES.reshape(4, -1), IMAGES.tolist()):
        assert np.array_equal(predictor.logits(images), logits)
    assert predictor.logits(IMAGES / 255) == pytest.approx(logits, abs=1e-5)


def test_a_prediction_names_classes(predictor):
    for images in (IMAGES, IMAGES[..., 0], IMAGES.tolist()):
        predictions = predictor.predict(images)
        rows = predictor.probabilities(IMAGES)
        assert [one.label for one in predictions] == [predictor.class_names[i] for i in rows.argmax(axis=1)]
        assert [one.probability for one in predictions] == rows.max(axis=1).tolist()
        assert all(list(one.probabilities) == list(predictor.class_names) for one in predictions)
        assert all(one.image is None and not one.inverted for one in predictions)
    assert repr(predictions[0]) == f"<Prediction: {predictions[0].label!r}, {predictions[0].probability:.4f}>"


@pytest.mark.parametrize("one", [IMAGES[0], IMAGES[0, ..., 0], IMAGES[0] / 255])
def test_an_array_of_one_image_is_one_prediction(predictor, one):
    prediction = predictor.predict(one)
    assert isinstance(prediction, Prediction)
    assert prediction.probability == pytest.approx(predictor.predict(IMAGES)[0].probability, abs=1e-6)


def test_files_images_and_arrays_of_any_size_are_fitted_alike(predictor, tmp_path):
    pixels = RNG.integers(0, 256, (20, 31, 3), np.uint8)
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    expected = softmax(predictor.engine.logits(read_image(path, (6, 5, 1))[None]))[0]
    with Image.open(path) as image:
        alone = [predictor.predict(one) for one in (path, str(path), image, pixels, pixels / 255)]
        together = predictor.predict([path, str(path), image, pixels, Image.fromarray(pixels)])
    for one in (*alone, *together):
        assert list(one.probabilities.values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert [one.image for one in alone] == [str(path), str(path), str(path), None, None]
    assert alone[0].image == str(path)
    batch = predictor.predict(np.stack([pixels, pixels]))
    assert [one.probability for one in batch] == [alone[0].probability] * 2


def test_a_folder_is_a_list_sorted_by_name(predictor, pictures):
    predictions = predictor.predict(pictures)
    assert [one.image for one in predictions] == [str(pictures / f"{i}.png") for i in range(3)]
    assert [one.label for one in predictor.predict([pictures, pictures / "1.png"])] == [
        *(one.label for one in predictions), predictions[1].label,
    ]  # fmt: skip


def test_it_is_what_the_command_says(predictor, finished, pictures, run):
    for network in (finished.folder, finished.folder / "model.safetensors"):
        status, lines, err = run("predict", network, pictures, "--json")
        assert (status, err) == (0, "")
        for row, one in zip(json.loads("\n".join(lines)), predictor.predict(pictures), strict=True):
            assert (row["image"], row["label"], row["inverted"]) == (one.image, one.label, one.inverted)
            assert row["probabilities"] == pytest.approx(one.probabilities)


def test_images_without_names_are_inverted_each_for_itself():
    rng = np.random.default_rng(1)
    dark = np.zeros((80, 9, 8), np.uint8)
    dark[np.arange(80), 2 + np.arange(80) % 2 * 3, 2:6] = 255
    made = ConvolutionNetwork(4, 8, 16, 0.05, random_state=0, epochs=5).fit(dark, np.arange(80) % 2)
    images = [Image.fromarray(dark[0]), Image.fromarray(255 - dark[0]), 255 - rng.permuted(dark[:1], axis=0)[0]]
    predictor = made.predictor_
    with pytest.warns(GolmuWarning, match="inverted"):
        predictions = predictor.predict(images[:2])
    assert [one.inverted for one in predictions] == [False, True]
    assert predictions[0].probability == pytest.approx(predictions[1].probability, abs=1e-6)
    assert [one.inverted for one in predictor.predict(images[:2], invert="no")] == [False, False]
    assert [one.inverted for one in predictor.predict(images[:2], invert="yes")] == [True, True]


@pytest.mark.parametrize(
    ("images", "kind", "text"),
    [
        (None, InputTypeError, "images must be a path, a PIL image, an array of one image or of several, or a list"),
        ([], InputError, "images is empty: give at least one image"),
        (["nowhere.png"], DataError, "there is no image nowhere.png"),
        ([None], InputTypeError, "images must hold paths, PIL images or arrays"),
        (["a.png", 3], DataError, "there is no image a.png"),
        (np.zeros((3, 6, 5, 2)), InputTypeError, "images must hold paths, PIL images or arrays"),
        (np.zeros((0, 6, 5, 1)), InputError, "images holds no images"),
        (np.full((6, 5), 300), InputError, "holds integer pixels from 300 to 300"),
        (np.full((9, 9), 300), InputError, "images holds pixels from 300 to 300"),
        (np.full((6, 5), np.nan), InputError, "NaN or infinite"),
        (np.array("x"), InputTypeError, "images must be a path"),
        (b"\x89PNG", InputTypeError, "images must be a path"),
        ({"a": 1}, InputTypeError, "images must be a path"),
        (7, InputTypeError, "images must be a path"),
    ],
)  # fmt: skip
def test_what_is_no_image_is_refused(predictor, images, kind, text):
    with pytest.raises(kind, match=re.escape(text)):
        predictor.predict(images)


def test_other_arguments_are_checked(predictor, pictures):
    with pytest.raises(InputError, match="invert must be one of auto, yes, no, got 'maybe'"):
        predictor.predict(pictures, invert="maybe")
    calls = []
    predictor.predict(pictures, progress=lambda done, total: calls.append((done, total)))
    assert calls[-1] == (3, 3)


def test_files_that_cannot_be_read_are_refused_or_skipped(predictor, pictures):
    (pictures / "bad.png").write_text("no image")
    with pytest.raises(DataError, match=r"1 of 4 images cannot be read: .*; fix or remove it, or skip it with --skip"):
        predictor.predict(pictures)
    with pytest.warns(GolmuWarning, match=r"bad\.png is not an image .*; it is skipped"):
        assert len(predictor.predict(pictures, skip_bad=True)) == 3


def test_the_model_file_alone_is_enough(predictor, finished, pictures, tmp_path):
    alone = golmu.load(shutil.copy(finished.folder / "model.safetensors", tmp_path))
    assert alone.class_names == predictor.class_names == ("0", "1", "2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert alone.predict(pictures) == [*predictor.predict(pictures)]
    assert repr(alone) == f"<Predictor: {tmp_path / 'model.safetensors'}, images of 6x5x1, 3 classes>"
    options = load_model(tmp_path / "model.safetensors").image_files
    assert (options.size, options.channels, options.inversion) == ((6, 5), 1, "auto")


def without_image_files(path):
    """Rewrite a model file as it was before it held the options of image files."""
    from golmu.model import sealed_file

    model = load_model(path)
    kept, real = {}, sealed_file.write

    def write(path, tensors, description, **rest):
        kept.update(description)
        kept.pop("image_files")
        real(path, tensors, kept, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_file, "write", write)
        save_model(path, model)
    assert load_model(path).image_files is None


def test_an_older_model_file_takes_its_options_from_the_run_beside_it_or_says_so(finished, pictures, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    expected = golmu.load(folder).predict(pictures)
    without_image_files(folder / "model.safetensors")
    for place in (folder, folder / "model.safetensors"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert [one.label for one in golmu.load(place).predict(pictures)] == [one.label for one in expected]
    alone = shutil.copy(folder / "model.safetensors", tmp_path)
    with pytest.warns(
        GolmuWarning, match="was written by an earlier version and does not say how its image files were"
    ):
        assert golmu.load(alone).predict(pictures) == expected
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        golmu.load(alone).predict(IMAGES)  # arrays need no options


def test_the_estimator_gives_a_predictor_and_names(finished, pictures):
    made = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    assert made.class_names_ == ("0", "1", "2")
    assert [one.label for one in made.predictor_.predict(pictures)] == ["0", "1", "2"]


def test_names_given_at_saving_come_back(tmp_path):
    x, y = RNG.integers(0, 256, (32, 6, 6), np.uint8), np.arange(32) % 2
    made = ConvolutionNetwork(2, 4, 8, random_state=0).fit(x, y, 1)
    assert made.class_names_ == ("0", "1")
    made.save(tmp_path / "model.safetensors", class_names=["고양이", "dog"])
    loaded = ConvolutionNetwork.load(tmp_path / "model.safetensors")
    assert loaded.class_names_ == ("고양이", "dog")
    loaded.save(tmp_path / "again.safetensors")
    predictor = Predictor.load(tmp_path / "again.safetensors")
    assert predictor.class_names == ("고양이", "dog")
    assert set(predictor.predict(x[0]).probabilities) == {"고양이", "dog"}
    assert golmu.explain(loaded, x[0]).class_names == ("고양이", "dog")
    assert golmu.explain(predictor, x[0], "dog").target == 1


@pytest.mark.parametrize("engine", ["fused", "tensorflow"])
def test_the_engine_can_be_chosen(finished, engine):
    assert golmu.load(finished.folder, engine=engine).engine.name == engine
    assert golmu.load(str(finished.folder / "model.safetensors"), engine=engine).engine.name == engine


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("size", [5, 6], "fits image files to (5, 6, 1), where the network takes (6, 5, 1)"),
        ("channels", 3, "fits image files to (6, 5, 3), where the network takes (6, 5, 1)"),
        ("ground", "green", "has the ground 'green' and the inversion 'auto' of image files"),
        ("inversion", "maybe", "has the ground '' and the inversion 'maybe' of image files"),
        ("size", 6, "is not a model of golmu"),
        ("size", None, "is not a model of golmu"),
    ],
)
def test_options_that_do_not_fit_the_network_are_refused(finished, tmp_path, field, value, text):
    from golmu.errors import CheckpointError
    from golmu.model import sealed_file

    path = Path(shutil.copy(finished.folder / "model.safetensors", tmp_path))
    real = sealed_file.write

    def write(path, tensors, description, **rest):
        options = {**description["image_files"], "ground": "", field: value}
        real(path, tensors, {**description, "image_files": options}, **rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sealed_file, "write", write)
        save_model(path, load_model(path))
    with pytest.raises(CheckpointError, match=re.escape(text)):
        load_model(path)


@pytest.fixture(scope="module")
def light_on_dark():
    """A network of bars that are light on dark, and such a bar (9, 8)."""
    dark = np.zeros((80, 9, 8), np.uint8)
    dark[np.arange(80), 2 + np.arange(80) % 2 * 3, 2:6] = 255
    return ConvolutionNetwork(4, 8, 16, 0.05, random_state=0, epochs=5).fit(dark, np.arange(80) % 2).predictor_, dark[0]


@pytest.mark.parametrize(("invert", "expected"), [("auto", True), ("yes", True), ("no", False)])
def test_the_same_pixels_have_the_same_answer_in_every_form(light_on_dark, tmp_path, invert, expected):
    predictor, bar = light_on_dark
    paper = 255 - bar
    Image.fromarray(paper).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answers = [
            predictor.predict(tmp_path / "a.png", invert=invert),
            predictor.predict(Image.fromarray(paper), invert=invert),
            *predictor.predict([paper], invert=invert),
            predictor.predict(paper, invert=invert),
            predictor.predict(paper[..., None], invert=invert),
            *predictor.predict(paper[None], invert=invert),
            predictor.predict(paper / 255, invert=invert),
            predictor.predict(paper.astype(float), invert=invert),
            predictor.predict(paper.astype(np.int64), invert=invert),
        ]
    for one in answers:
        assert one.inverted == expected
        assert one.probability == pytest.approx(answers[0].probability, abs=1e-6)
    if invert == "auto":
        with pytest.warns(GolmuWarning, match="image 0 is dark on light"):
            predictor.predict(paper)


def test_a_flag_belongs_to_its_image_and_not_to_its_name(light_on_dark):
    predictor, bar = light_on_dark
    images = [Image.fromarray(255 - bar), Image.fromarray(bar)]
    for image in images:
        image.filename = "same.png"
    with pytest.warns(GolmuWarning, match="inverted"):
        assert [one.inverted for one in predictor.predict(images)] == [True, False]


@pytest.mark.parametrize("shape", [(30, 30), (64, 30), (30, 64), (30, 30, 3), (30, 30, 4), (30, 30, 1)])
def test_an_array_that_looks_like_one_image_is_one(predictor, shape):
    image = np.zeros(shape, np.uint8)
    if shape[2:] == (4,):
        image[..., 3] = 255  # opaque
    assert isinstance(predictor.predict(image), Prediction)


@pytest.mark.parametrize("shape", [(3, 30, 30), (1, 30, 30), (30, 30, 2)])
def test_an_array_that_may_be_either_is_refused(predictor, shape):
    with pytest.raises(InputError, match=re.escape(f"images has shape {shape}, which is neither (h, w)")):
        predictor.predict(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    ("images", "text"),
    [
        ("", "images holds an empty path"),
        (Image.new("L", (0, 5)), "images holds an image of 0x5 pixels"),
        ([[1, 2], [3]], "its rows differ in length"),
        ([np.ma.masked_array(np.zeros((9, 9), np.uint8), np.eye(9))], "without a mask"),
        (np.full((6, 5), 1.5), "images holds pixels up to 1.5"),
    ],
)
def test_more_that_is_no_image_is_refused(predictor, images, text):
    with pytest.raises(InputError, match=re.escape(text)):
        predictor.predict(images)


def test_an_image_that_is_still_to_be_read_may_come_many_times(predictor, tmp_path):
    Image.fromarray(RNG.integers(0, 100, (40, 40), np.uint8)).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert len({one.probability for one in predictor.predict([image] * 200)}) == 1


def test_a_prediction_is_a_value(predictor):
    one, again = predictor.predict(IMAGES[0]), predictor.predict(IMAGES[0])
    assert one == again
    assert hash(one) == hash(again)


@pytest.mark.parametrize("path", [None, 5, b"x", "", ["a"]])
def test_what_is_no_path_is_refused_everywhere(path, finished):
    made = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    for act in (golmu.load, golmu.Run.open, Predictor.load, ConvolutionNetwork.load, made.save):
        with pytest.raises(InputTypeError, match="must be a path, got"):
            act(path)


@pytest.mark.parametrize(
    ("names", "kind", "text"),
    [
        ("abc", InputTypeError, "class_names must be a list of names in the order of classes_, got 'abc'"),
        ({"a", "b", "c"}, InputTypeError, "class_names must be a list of names"),
        (["x", "x", "y"], InputError, "class_names must differ from each other, got ['x', 'x', 'y']"),
        (["x"], InputError, "class_names has 1 names for 3 classes"),
    ],
)
def test_names_that_do_not_name_each_class_are_refused(finished, tmp_path, names, kind, text):
    made = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    with pytest.raises(kind, match=re.escape(text)):
        made.save(tmp_path / "a.safetensors", class_names=names)


def test_the_model_of_another_run_is_noticed(finished, tmp_path):
    folder = shutil.copytree(finished.folder, tmp_path / "run")
    x, y = RNG.integers(0, 256, (32, 6, 6), np.uint8), np.arange(32) % 2
    ConvolutionNetwork(2, 4, 8, random_state=0).fit(x, y, 1).save(folder / "model.safetensors")
    with pytest.raises(RunError, match=r"model\.safetensors is not the model of this run"):
        golmu.load(folder)
