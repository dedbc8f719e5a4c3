"""`golmu predict`: a line for each image, and JSON."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from golmu import ConvolutionNetwork


def test_predict_gives_a_line_an_image(run, finished, pictures):
    status, lines, err = run("predict", finished.folder, pictures / "2.png", pictures)
    assert (status, err) == (0, "")
    shown = [line.split("  ") for line in lines]
    assert [row[0] for row in shown] == [str(pictures / f"{i}.png") for i in (2, 0, 1, 2)]
    assert all(row[1] in "012" and re.fullmatch(r"[01]\.\d{4}", row[2]) for row in shown)
    assert lines[0] == lines[3]


def test_predict_as_json_agrees_with_the_estimator(run, finished, pictures):
    status, lines, _ = run("predict", finished.folder, pictures, "--json")
    predictions = json.loads("\n".join(lines))
    assert status == 0
    assert list(predictions[0]) == ["image", "label", "probability", "inverted", "probabilities"]
    loaded = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    pixels = np.stack([np.asarray(Image.open(prediction["image"])) for prediction in predictions])
    for prediction, row in zip(predictions, loaded.predict_proba(pixels), strict=True):
        assert list(prediction["probabilities"]) == ["0", "1", "2"]
        assert list(prediction["probabilities"].values()) == pytest.approx(row.tolist())
        assert prediction["label"] == str(row.argmax())
        assert prediction["probability"] == max(prediction["probabilities"].values())
