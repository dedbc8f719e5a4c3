"""`golmu export`: where the folder is, what is printed, and what the run knows of itself."""

import json
import shutil

import pytest
from command import read, write

import golmu
from golmu.export import exporting
from golmu.runs.held_out import digests


def export(run, *arguments):
    status, lines, err = run("export", *arguments)
    assert (status, err) == (0, "")
    return lines


@pytest.fixture
def own(finished, tmp_path):
    """A copy of a run that has ended, in which a test may write."""
    return shutil.copytree(finished.folder, tmp_path / "own")


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself
def test_by_default_a_keras_model_in_the_run(run, own):
    lines = export(run, own)
    assert lines[0] == f"network: {own / 'export' / 'keras' / 'network.keras'}"
    assert lines[1].startswith("check: answers to 1,000 images differ by at most ")
    assert lines[1].rpartition(" (")[2].startswith("keras 3.")
    assert lines[2].startswith("inside: scaling the pixels from 0 to 255 by 1/255; ")
    assert lines[3].startswith("not inside: turning the image upright, as its EXIF orientation says; making it grey, ")
    assert lines[4] == "golmu.fit_image does what is not inside, and model.json says exactly how"
    assert (own / "export" / "keras" / "network.keras").read_bytes().startswith(b"PK")


def test_formats_lie_side_by_side_also_beside_a_model_file(run, own, tmp_path):
    (tmp_path / "file").mkdir()
    model = shutil.copy(own / "model.safetensors", tmp_path / "file")
    export(run, model, "--to", "onnx")
    export(run, model, "--to", "litert")
    assert sorted(path.name for path in (tmp_path / "file" / "export").iterdir()) == ["litert", "onnx"]
    said = json.loads((tmp_path / "file" / "export" / "onnx" / "model.json").read_text())
    assert said["accuracy"] is None


def test_the_run_knows_its_accuracy(run, own):
    export(run, own, "--to", "onnx", "--card")
    results, said = read(own)["results"], json.loads((own / "export" / "onnx" / "model.json").read_text())
    low, high = said["accuracy"].pop("interval")
    assert said["accuracy"] == {
        "value": results["val_accuracy"], "confidence": 0.95, "images": 80, "part": "validation", "data": "shapes",
        "note": "",
    }  # fmt: skip
    assert 0 < low < results["val_accuracy"] <= high <= 1
    card = (own / "export" / "onnx" / "README.md").read_text()
    assert f"| accuracy | {results['val_accuracy']:.4f} | {low:.4f} to {high:.4f} | 80 validation |" in card
    assert "shapes: 320 training images and 80 validation images." in card


def test_a_run_without_results_is_exported_too(run, own):
    record = read(own)
    del record["results"]
    write(own, record)
    export(run, own, "--to", "onnx", "--card")
    assert json.loads((own / "export" / "onnx" / "model.json").read_text())["accuracy"] is None
    assert "The accuracy is not known." in (own / "export" / "onnx" / "README.md").read_text()


def test_quantization_takes_training_images_that_were_not_held_out(run, own, monkeypatch):
    calibrations = []
    own_export = exporting.export_network

    def watched(*arguments, **named):
        calibrations.append(named["calibration"])
        return own_export(*arguments, **named)

    monkeypatch.setattr("golmu.cli.commands.export.export_network", watched)
    lines = export(run, own, "--to", "litert", "--quantize")
    assert lines[0] == f"network: {own / 'export' / 'litert-int8' / 'network.tflite'}"
    assert lines[1].startswith("check: accuracy on 100 images ")
    (calibration,) = calibrations
    assert (calibration.judged.name, len(calibration.judged), len(calibration.images)) == ("test", 100, 320)
    assert not set(golmu.Run.open(own).held_out.digests) & set(digests(calibration.images))


def test_quantization_without_the_data_says_what_to_do(run, own, data, tmp_path):
    record = read(own)
    record["data"]["argument"] = str(tmp_path / "gone")
    write(own, record)
    status, _, err = run("export", own, "--to", "litert", "--quantize")
    assert status == 2
    assert f"golmu export {own} --to litert --quantize --data NEW-PLACE" in err
    assert not (own / "export").exists()
    export(run, own, "--to", "litert", "--quantize", "--data", data)


def test_quantization_of_a_run_from_arrays_needs_data(run, tmp_path, digits):
    x, y = digits
    golmu.ConvolutionNetwork(2, 4, epochs=1, random_state=0).fit(x[:200], y[:200], run=tmp_path / "arrays")
    status, _, err = run("export", tmp_path / "arrays", "--to", "litert", "--quantize")
    assert status == 2
    assert "was trained on arrays, which it does not keep: give data like them with --data" in err
    export(run, tmp_path / "arrays", "--to", "litert", "--quantize", "--data", "digits")


def test_a_page_needs_nothing_and_shows_some_of_the_runs_images(run, own, tmp_path):
    lines = export(run, own, "--to", "page", "--card")
    page = own / "export" / "page" / "index.html"
    assert lines == [f"network: {page}"]
    assert sorted(path.name for path in page.parent.iterdir()) == [
        "README.md",
        "index.html",
        "labels.txt",
        "model.json",
    ]
    said = json.loads((page.parent / "model.json").read_text())
    assert (said["exported_to"], said["network"], said["check"]) == ("page", "index.html", None)
    with_images = page.stat().st_size
    export(run, own / "model.safetensors", "--to", "page", "--output", tmp_path / "page")
    assert (tmp_path / "page" / "index.html").stat().st_size < with_images
    status, _, err = run("export", own, "--to", "page", "--data", tmp_path / "nowhere")
    assert (status, "there is no '" in err) == (2, True)
