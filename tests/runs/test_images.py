"""The images on which a run is judged, when its data have changed since."""

import json
import shutil
import warnings
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
from command import SETTINGS, main
from PIL import Image

import golmu
from golmu import ConvolutionNetwork, Run
from golmu.errors import DataError, GolmuWarning
from golmu.runs.images import judged_images

N = 20
"""Images of each class: noise, so that a network can only learn them by heart."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of images that a network was trained on, and the run."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / "data" / name).mkdir(parents=True)
        for i in range(N):
            Image.fromarray(rng.integers(0, 256, (6, 6), np.uint8)).save(folder / "data" / name / f"{i:03}.png")
    assert main("train", folder / "data", *SETTINGS, "--run", folder / "run") == 0
    return folder


@pytest.fixture
def changed(photos, tmp_path):
    """A copy of the data and of the run, to change."""
    data, run = shutil.copytree(photos / "data", tmp_path / "data"), shutil.copytree(photos / "run", tmp_path / "run")
    record = json.loads((run / "run.json").read_text())
    record["data"]["argument"] = str(data)
    (run / "run.json").write_text(json.dumps(record))
    (run / "report.html").unlink()
    return SimpleNamespace(data=data, run=run)


@pytest.fixture
def held_out(photos):
    """The images that were held out, with their classes and files."""
    return judged_images(Run.open(photos / "run")).validation


def judge(run, data=None):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        judged = judged_images(Run.open(run), data)
    return judged, [str(one.message) for one in caught]


def same(one, other):
    return np.array_equal(one.images, other.images) and np.array_equal(one.labels, other.labels)


def test_the_list_names_the_files_that_were_held_out(photos, held_out):
    listed = Run.open(photos / "run").held_out
    assert listed.files == held_out.files == golmu.load_dataset(photos / "data").split()[1].files
    assert listed.classes == tuple(file.split("/")[0] for file in listed.files)
    assert held_out.numbers is None


def rename(data, held_out):
    (data / "cat" / "009.png").rename(data / "cat" / "-first.png")


def add(data, held_out):
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(data / "cat" / "-new.png")


def add_a_class(data, held_out):
    shutil.copytree(data / "dog", data / "ape")
    for file in (data / "ape").iterdir():
        Image.fromarray(255 - np.asarray(Image.open(file))).save(file)


def remove_a_training_image(data, held_out):
    next(file for file in sorted(data.glob("*/*")) if str(file.relative_to(data)) not in held_out.files).unlink()


def change_a_training_image(data, held_out):
    file = next(file for file in sorted(data.glob("*/*")) if str(file.relative_to(data)) not in held_out.files)
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(file)


@pytest.mark.parametrize(
    "change", [rename, add, add_a_class, remove_a_training_image, change_a_training_image], ids=lambda one: one.__name__
)
def test_the_same_images_are_judged_whatever_else_changed(changed, held_out, change):
    change(changed.data, held_out)
    judged, said = judge(changed.run)
    assert same(judged.validation, held_out)
    assert (said, judged.notes) == ([], ())


def test_images_that_are_gone_or_changed_are_counted_and_the_others_judged(changed, held_out, run):
    (changed.data / held_out.files[1]).unlink()
    Image.fromarray(np.zeros((6, 6), np.uint8)).save(changed.data / held_out.files[2])
    judged, said = judge(changed.run)
    note = (
        "2 of the 8 validation images of the training cannot be found in data, since they are gone, changed, or in "
        "another class: the others are judged, 6"
    )
    assert said == [f"{changed.run}: {note}"]
    assert judged.notes == (note,)
    assert judged.validation.numbers.tolist() == [0, 3, 4, 5, 6, 7]
    assert judged.validation.files == (held_out.files[0], *held_out.files[3:])
    with pytest.warns(GolmuWarning, match="2 of the 8"):
        assert run("report", changed.run)[0] == 0
    page = (changed.run / "report.html").read_text()
    assert note in page
    assert "image 3<" in page
    with pytest.warns(GolmuWarning, match="2 of the 8"):
        status, lines, _ = run("explain", changed.run, 3)
    assert (status, lines[1]) == (0, f"file: {held_out.files[3]}")
    for number, text in ((1, "validation image 1 is no longer in the data, or has changed"),
        (8, "there is no validation image 8: they are numbered from 0 to 7")):  # fmt: skip
        with pytest.warns(GolmuWarning, match="2 of the 8"):
            status, _, err = run("explain", changed.run, number)
        assert status == 2
        assert text in err


def test_that_none_is_left_is_one_error(changed, held_out):
    for file in held_out.files:
        (changed.data / file).unlink()
    with pytest.raises(
        DataError, match=r"^data holds none of the 8 validation images of .*: give the data that it was"
    ):
        judged_images(Run.open(changed.run))


def test_images_in_the_test_folder_now_are_found_and_their_move_is_noticed(changed, held_out, run, tmp_path):
    (changed.data / "train").mkdir()
    for name in ("cat", "dog"):
        (changed.data / name).rename(changed.data / "train" / name)
        (changed.data / "test" / name).mkdir(parents=True)
    for file in held_out.files:
        (changed.data / "train" / file).rename(changed.data / "test" / file)
    judged, said = judge(changed.run)
    assert same(judged.validation, held_out)
    assert judged.validation.files == tuple(f"test/{file}" for file in held_out.files)
    assert len(said) == 1
    assert "the test images of data are not those that it had at the training" in said[0]
    assert judged.notes == (said[0].split(": ", 1)[1],)
    copy = shutil.copytree(changed.data, tmp_path / "copy")
    for data in (changed.data, copy):
        with pytest.warns(GolmuWarning, match="the test images of (data|copy) are not those that it had"):
            assert run("evaluate", changed.run, data)[0] == 0


def test_data_whose_classes_are_swapped_are_not_judged_without_a_word(changed, run, tmp_path):
    swapped = shutil.copytree(changed.data, tmp_path / "swapped")
    for before, after in (("cat", "x"), ("dog", "cat"), ("x", "dog")):
        (swapped / before).rename(swapped / after)
    with pytest.raises(DataError, match="swapped holds none of the 8 validation images"):
        judged_images(Run.open(changed.run), str(swapped))
    with pytest.warns(GolmuWarning, match="swapped holds 8 of the 8 validation images of the training, so it may hold"):
        assert run("evaluate", changed.run, swapped)[0] == 0


def test_data_without_test_images_are_evaluated_by_the_validation_images(changed, held_out, run, tmp_path):
    moved = shutil.copytree(changed.data, tmp_path / "moved")
    network = ConvolutionNetwork.load(changed.run / "model.safetensors")
    for data in ((), (moved,), (changed.data,)):
        said = "this is the run's own data: judged on its 8 validation images"
        with pytest.warns(GolmuWarning, match=said) if data == (moved,) else nullcontext():
            status, lines, err = run("evaluate", changed.run, *data, "--json")
        found = json.loads("\n".join(lines))
        assert (status, err, found["part"], found["images"]) == (0, "", "validation", 8)
        assert found["accuracy"] == network.score(held_out.images, held_out.labels)


def test_other_data_are_evaluated_whole_with_a_warning_if_they_overlap(changed, held_out, run, tmp_path):
    other, rng = tmp_path / "other", np.random.default_rng(1)
    for name in ("cat", "dog"):
        (other / name).mkdir(parents=True)
        for i in range(11):
            Image.fromarray(rng.integers(0, 256, (6, 6), np.uint8)).save(other / name / f"{i}.png")
    status, lines, err = run("evaluate", changed.run, other)
    assert (status, err) == (0, "")
    assert lines[0].startswith("22 test images of other: ")
    shutil.copy(changed.data / held_out.files[0], other / held_out.files[0].split("/")[0] / "same.png")
    with pytest.warns(GolmuWarning, match="other holds 1 of the 8 validation images of the training, so it may hold"):
        status, lines, _ = run("evaluate", changed.run, other)
    assert lines[0].startswith("23 test images of other: ")


def test_arrays_are_found_in_the_data_that_they_came_from(photos, tmp_path):
    dataset = golmu.load_dataset(photos / "data")
    fit, held_out = dataset.split(0.3, 1)
    names = np.array(dataset.class_names)
    for images in (held_out.images, held_out.images / np.float32(255)):
        network = ConvolutionNetwork(2, 4, 8, epochs=1, random_state=0, engine="fused", image_shape=(6, 6, 1))
        network.fit(
            fit.images, names[fit.labels], x_val=images, y_val=names[held_out.labels], run=tmp_path / str(images.dtype)
        )
        judged, said = judge(tmp_path / str(images.dtype), str(photos / "data"))
        assert said == []
        assert np.array_equal(judged.validation.images, held_out.images)
        assert np.array_equal(judged.validation.labels, held_out.labels)


# Runs of an earlier version, which kept no list


@pytest.fixture
def old(changed):
    (changed.run / "held-out.csv").unlink()
    return changed


def test_an_earlier_run_is_judged_on_the_same_split(old, held_out):
    judged, said = judge(old.run)
    assert same(judged.validation, held_out)
    assert said == []


def test_an_earlier_run_is_judged_though_training_images_changed(old, held_out):
    change_a_training_image(old.data, held_out)
    assert same(judge(old.run)[0].validation, held_out)


def test_an_earlier_run_is_not_judged_on_other_images(old, held_out, run):
    rename(old.data, held_out)
    with pytest.raises(DataError, match=r"data has changed since the training of .*Give the data as they were"):
        judged_images(Run.open(old.run))
    assert run("report", old.run)[0] == 0
    assert "This report does not score the network: data has changed" in (old.run / "report.html").read_text()


def test_without_a_checkpoint_only_the_number_is_compared(old, held_out):
    (old.run / "checkpoint.safetensors").unlink()
    assert same(judged_images(Run.open(old.run)).validation, held_out)
    add(old.data, held_out)
    with pytest.raises(DataError, match="gives 9 validation images, where"):
        judged_images(Run.open(old.run))


def test_a_run_that_continues_gets_the_list(old, held_out):
    assert main("train", "--resume", old.run, "--epochs", 3) == 0
    assert Run.open(old.run).held_out.files == held_out.files
