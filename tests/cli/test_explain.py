"""`golmu explain`: which image, what it says, and where the figure goes."""

import json
import shutil

import numpy as np
import pytest
from command import SETTINGS, main
from PIL import Image
from small_network import X, Y, network

import golmu
from golmu import ConvolutionNetwork


@pytest.fixture
def done(finished, tmp_path):
    """A copy of a finished run, to write into."""
    return shutil.copytree(finished.folder, tmp_path / "done")


@pytest.mark.parametrize("options", [(), ("--test",)], ids=["validation", "test"])
def test_a_number_counts_the_images_of_the_run(run, done, data, options):
    status, lines, err = run("explain", done, 7, *options, "--json")
    found = json.loads("\n".join(lines))
    dataset = golmu.load_dataset(data)
    images = dataset.test if options else dataset.split()[1]
    name = "test" if options else "validation"
    row = ConvolutionNetwork.load(done / "model.safetensors").predict_proba(images.images[7:8])[0]
    assert (status, err) == (0, "")
    assert found == {
        "image": f"{name} image 7", "file": None, "label": str(row.argmax()), "probability": pytest.approx(row.max()),
        "target": str(row.argmax()), "true": str(images.labels[7]), "figure": str(done / f"explain-{name}-7.png"),
    }  # fmt: skip
    with Image.open(found["figure"]) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000


def test_an_image_file(run, done, pictures):
    status, lines, err = run("explain", done, pictures / "2.png", "--target", "0")
    assert (status, err) == (0, "")
    row = ConvolutionNetwork.load(done / "model.safetensors").predict_proba(
        np.asarray(Image.open(pictures / "2.png"))[None]
    )[0]
    said = f"2.png  {row.argmax()}  {row.max():.4f}  (explained: 0)"
    assert lines == [said, f"figure: {done / 'explain-pictures-2.png'}"]
    assert (done / "explain-pictures-2.png").exists()


def test_a_name_in_digits_is_a_number_unless_it_is_a_path(run, done, pictures, tmp_path, monkeypatch):
    shutil.copy(pictures / "1.png", tmp_path / "7")
    monkeypatch.chdir(tmp_path)
    assert run("explain", done, "7")[1][0].startswith("validation image 7  ")
    assert run("explain", done, "./7")[1][0].startswith("7  ")


@pytest.mark.parametrize(("suffix", "start"), [(".svg", b"<?xml"), (".pdf", b"%PDF"), (".PNG", b"\x89PNG")])
def test_the_figure_goes_where_it_is_asked_for(run, done, tmp_path, suffix, start):
    target = tmp_path / f"골무{suffix}"
    target.write_text("an older one")
    before = sorted(done.iterdir())
    status, lines, err = run("explain", done, 0, "--output", target)
    assert (status, err) == (0, "")
    assert lines[1] == f"figure: {target}"
    assert target.read_bytes().startswith(start)
    assert sorted(done.iterdir()) == before


def test_a_run_from_arrays_explains_images_of_data_that_are_named(run, tmp_path):
    network().fit(X, Y, 1, run=tmp_path / "run")
    status, _, err = run("explain", tmp_path / "run", 0)
    text = f"{tmp_path / 'run'} was trained on arrays, and does not keep them: give data of the same kind with --data"
    assert (status, err) == (2, f"golmu: error: {text}, or an image file\n")
    np.savez(tmp_path / "like.npz", x=X, y=Y)
    for options in ((), ("--test",)):
        status, lines, err = run("explain", tmp_path / "run", 4, "--data", tmp_path / "like.npz", *options)
        assert (status, err) == (0, "")
        assert lines[0].startswith("test image 4  ")
        assert lines[0].endswith(f"(true class: {Y[4]})")


def test_data_that_have_moved_are_named(run, done, data, tmp_path):
    before = run("explain", done, 7)[1]
    record = json.loads((done / "run.json").read_text())
    record["data"]["argument"] = str(tmp_path / "gone")
    (done / "run.json").write_text(json.dumps(record))
    text = f"the data of {done} are no longer at {tmp_path / 'gone'}: if they have moved, give the new place"
    command = f"golmu explain {done} 7 --data NEW-PLACE"
    assert run("explain", done, 7) == (2, [], f"golmu: error: {text}: {command}\n")
    assert run(*command.replace("NEW-PLACE", str(data)).split()[1:]) == run("explain", done, 7, "--data", data)
    assert run("explain", done, 7, "--data", data) == (0, before, "")


def test_a_missing_file_is_called_so_as_predict_calls_it(run, done, tmp_path):
    text = f"golmu: error: there is no image {tmp_path / 'missing.jpg'}\n"
    assert run("explain", done, tmp_path / "missing.jpg") == (2, [], text)
    assert run("predict", done, tmp_path / "missing.jpg") == (2, [], text)


def test_data_without_test_images_say_so(run, tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "some.npz", x=rng.integers(0, 256, (60, 5, 5), np.uint8), y=np.arange(60) % 2)
    assert main("train", tmp_path / "some.npz", *SETTINGS, "--run", tmp_path / "run") == 0
    status, _, err = run("explain", tmp_path / "run", 0, "--test")
    assert (status, err) == (2, f"golmu: error: the data of {tmp_path / 'run'} have no test images\n")


def test_other_data_in_the_same_place_are_noticed(run, done, data, tmp_path):
    (done / "held-out.csv").unlink()  # as in runs of earlier versions
    record = json.loads((done / "run.json").read_text())
    record["data"]["validation"] = 81
    (done / "run.json").write_text(json.dumps(record))
    text = f"shapes gives 80 validation images, where {done} had 81: give the data that it was trained on"
    assert run("explain", done, 0)[::2] == (2, f"golmu: error: {text}\n")
    record["data"]["split"] = {"validaton": 0.2}
    (done / "run.json").write_text(json.dumps(record))
    status, _, err = run("explain", done, 0)
    assert status == 2
    assert err == f"golmu: error: {done}/run.json is incomplete: 'validation' is missing\n"


def test_the_image_that_is_explained_is_not_replaced(run, done, tmp_path):
    image = tmp_path / "mine.png"
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(image)
    before = image.read_bytes()
    text = f"golmu: error: --output {image} is a file that is read, and would be replaced: give another place\n"
    assert run("explain", done, image, "--output", image) == (2, [], text)
    assert image.read_bytes() == before
