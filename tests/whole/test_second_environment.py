"""Exports where there is no Golmu: each file, its description and Pillow alone give the answers of `golmu predict`."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawn_network import drawn_network
from PIL import Image
from site_cells import python_cells

import golmu

PAGE = Path(__file__).parents[2] / "docs" / "en" / "how-to" / "predict-and-ship.md"

NETWORKS = {
    "grey": {"shape": (28, 28, 1), "ground": "dark", "test_flip": True},
    "colour": {"shape": (32, 32, 3), "n_kernels": (4, 6)},
    "odd": {"shape": (9, 31, 1), "n_kernels": (3, 4), "ground": "light", "test_flip": True},
}

READER = """
import importlib.abc, json, sys
from pathlib import Path

class NoGolmu(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "golmu":
            raise ImportError("there is no golmu here")

sys.meta_path.insert(0, NoGolmu())
try:
    import golmu
except ImportError:
    pass
else:
    raise SystemExit("golmu was imported")

import numpy as np
{pillow}

def ask(folder, said, pixels):
    path = str(folder / said["network"])
    if path.endswith(".onnx"):
        import onnxruntime
        return onnxruntime.InferenceSession(path).run(None, {{"pixels": pixels}})[0]
    if path.endswith(".tflite"):
        from ai_edge_litert.interpreter import Interpreter
        network = Interpreter(path).get_signature_runner()
        return np.concatenate([network(pixels=image[None])["probabilities"] for image in pixels])
    if path.endswith(".keras"):
        from keras.saving import load_model
        return load_model(path).predict(pixels, verbose=0)
    import tensorflow as tf
    network = tf.saved_model.load(path).signatures["serving_default"]
    return network(pixels=tf.constant(pixels))["probabilities"].numpy()

pictures, *folders = map(Path, sys.argv[1:])
answers = {{}}
for folder in folders:
    said = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    names = (folder / "labels.txt").read_text(encoding="utf-8").splitlines()
    how = said["image_files"]
    ground = "" if how["inversion"] == "no" else how["training_ground"]
    fitted = [fit(path, how["width"], how["height"], how["mode"], ground) for path in sorted(pictures.iterdir())]
    pixels = np.stack([np.asarray(image).reshape(said["input"]["shape"][1:]) for image in fitted])
    answers[str(folder)] = [dict(zip(names, map(float, row))) for row in ask(folder, said, pixels)]
assert "golmu" not in sys.modules
print("answers", json.dumps(answers))
"""


@pytest.fixture
def pictures(tmp_path):
    """Photographs of several sizes, dark and light, grey and coloured, one of them turned."""
    folder, rng = tmp_path / "pictures", np.random.default_rng(0)
    folder.mkdir()
    for number, size in enumerate([(28, 28), (90, 40), (33, 71), (640, 480)]):
        coarse = rng.integers(0, 60, (size[1] // 6, size[0] // 6, 3), np.uint8) + np.uint8(190 if number % 2 else 10)
        image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        exif = Image.Exif()
        exif[0x0112] = 6 if number == 2 else 1
        image.save(folder / f"{number}.{'jpg' if number > 1 else 'png'}", exif=exif)
    return folder


@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")  # images that are inverted
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of Keras itself
def test_every_format_answers_alike_without_golmu(tmp_path, pictures):
    predictors = {kind: drawn_network(**settings) for kind, settings in NETWORKS.items()}
    folders = {}
    for kind, predictor in predictors.items():
        for to in ("onnx", "litert", "saved-model", "keras"):
            if kind == "grey" or to == "onnx":  # the others take seconds each
                folders[str(golmu.export(predictor, tmp_path / f"{kind}-{to}", to=to).folder)] = kind
    (pillow,) = [cell.partition("\nfolder")[0] for cell in python_cells(PAGE) if "def fit(" in cell]
    code = READER.format(pillow=pillow)
    command = [sys.executable, "-I", "-c", f"import sys; sys.path += {sys.path!r}\n{code}", str(pictures), *folders]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.rpartition("answers ")[2])
    assert len(answers) == 6
    for folder, rows in answers.items():
        predictions = predictors[folders[folder]].predict(pictures)
        for row, prediction in zip(rows, predictions, strict=True):
            assert row == pytest.approx(prediction.probabilities, abs=1e-5), folder


@pytest.mark.filterwarnings("ignore::golmu.errors.GolmuWarning")
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_the_page_shows_how_to_use_each_format(tmp_path, pictures, monkeypatch):
    predictor = drawn_network(**NETWORKS["grey"])
    monkeypatch.chdir(tmp_path)
    Image.open(pictures / "3.jpg").save("photo.jpg")
    expected = list(predictor.predict("photo.jpg").probabilities.values())
    names, used = {"golmu": golmu, "predictor": predictor}, []
    for to in ("onnx", "litert", "saved-model", "keras"):
        golmu.export(predictor, Path("shipped") / to, to=to)
    after_export = [cell for cell in python_cells(PAGE) if "golmu.export(" not in cell and "shipped/" in cell]
    for cell in after_export:
        exec(cell, names)
        if "probabilities" in cell:
            assert np.ravel(names["probabilities"]).tolist() == pytest.approx(expected, abs=1e-5), cell
            used += re.findall(r"shipped/([a-z-]+)", cell)
    # The signature `files` rounds some pixels differently.
    assert np.ravel(names["from_file"]).tolist() == pytest.approx(expected, abs=0.05)
    assert sorted(used) == ["keras", "litert", "onnx", "saved-model"]
