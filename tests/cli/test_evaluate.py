"""`golmu evaluate`: scores on test images, as a table and as JSON."""

import json
import re

import numpy as np

import golmu
from golmu import ConvolutionNetwork
from golmu.cli.commands import evaluate as evaluation


def test_evaluate_shows_scores_by_class(run, finished):
    status, lines, err = run("evaluate", finished.folder)
    assert (status, err) == (0, "")
    interval = r"\(95 % interval 0\.\d\d to [01]\.\d\d, 100 images\)"
    assert re.fullmatch(rf"100 test images of shapes: loss \d\.\d{{4}}, accuracy [01]\.\d{{4}} {interval}", lines[0])
    assert lines[1].split() == ["class", "precision", "recall", "f1", "support"]
    assert [line.split()[0] for line in lines[2:]] == ["0", "1", "2"]
    assert [line.split()[-1] for line in lines[2:]] == ["34", "33", "33"]


def test_evaluate_as_json_agrees_with_the_estimator(run, finished, data):
    status, lines, _ = run("evaluate", finished.folder, data, "--json")
    result = json.loads("\n".join(lines))
    test = golmu.load_dataset(data).test
    loaded = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    assert status == 0
    assert list(result) == ["run", "data", "part", "images", "loss", "accuracy", "classes", "confusion_matrix"]
    assert list(result.values())[:4] == [str(finished.folder), "shapes", "test", 100]
    assert result["loss"] == loaded.get_loss(test.images, test.labels)
    assert result["accuracy"] == loaded.score(test.images, test.labels)
    assert list(result["classes"][0]) == ["class", "precision", "recall", "f1", "support"]
    confusion = np.array(result["confusion_matrix"])
    assert confusion.sum(axis=1).tolist() == [row["support"] for row in result["classes"]] == [34, 33, 33]
    assert np.trace(confusion) == round(100 * result["accuracy"])


def test_class_names_are_shown_as_they_are_and_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    names = ["[red]bag[/red]", "[large] bag :smile:", "a " + "very " * 30 + "long name"]
    scores = {"precision": 0.5, "recall": 0.25, "f1": 1 / 3, "support": 12345}
    rows = [{"class": name, **scores} for name in names]
    evaluation.show({"images": 3, "part": "test", "data": "[b]x[/b]", "loss": 1.0, "accuracy": 0.5, "classes": rows})
    first, _, *lines = capsys.readouterr().out.splitlines()
    assert first == "3 test images of [b]x[/b]: loss 1.0000, accuracy 0.5000 (95 % interval 0.21 to 0.94, 3 images)"
    for name, line in zip(names, lines, strict=True):
        assert line.startswith(name + " ")
        assert line.endswith("0.5000  0.2500  0.3333   12,345")
