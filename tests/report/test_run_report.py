"""The report of a run: what stands in it, read back from the page."""

import json
import re
import shlex
import shutil
from base64 import b64decode, b64encode
from hashlib import sha256
from io import BytesIO

import numpy as np
import pytest
from command import SETTINGS, main, read, write
from drawn import values_of
from page import Page
from PIL import Image
from small_network import NAMES, X, Y, network

import golmu
from golmu import ConvolutionNetwork, metrics, plots
from golmu.analysis.labelled_images import JudgedImages, LabelledImages
from golmu.architecture import Architecture
from golmu.cli.commands.report import report_run
from golmu.engines import create_engine
from golmu.errors import GolmuWarning
from golmu.model.model import Model
from golmu.model.predictor import Predictor
from golmu.pages.rendering import format_duration
from golmu.preprocessing import SCALING_ONLY
from golmu.report import run_report as report
from golmu.runs.history_file import read_history
from golmu.runs.images import judged_images
from golmu.runs.run import Run
from golmu.training.batching import generators
from golmu.training.history import History


@pytest.fixture
def done(finished, tmp_path):
    """A copy of a finished run, to write into."""
    folder = shutil.copytree(finished.folder, tmp_path / "done")
    (folder / "report.html").unlink(missing_ok=True)
    return folder


@pytest.fixture
def page(run, done):
    status, lines, err = run("report", done)
    assert (status, lines, err) == (0, [f"report: {done / 'report.html'}"], "")
    return Page((done / "report.html").read_text())


@pytest.fixture(scope="module")
def judged(finished, data):
    """Labels and probabilities of the validation images, and of the test images."""
    made = ConvolutionNetwork.load(finished.folder / "model.safetensors")
    dataset = golmu.load_dataset(data)
    return [(part.labels, made.predict_proba(part.images)) for part in (dataset.split()[1], dataset.test)]


def accuracy(labels, probabilities):
    return (probabilities.argmax(axis=1) == labels).mean()


def test_the_headline_is_the_validation_accuracy_with_its_interval_and_the_test_accuracy_beside(page, judged):
    for name, (labels, probabilities) in zip(("validation", "test"), judged, strict=True):
        right = int((probabilities.argmax(axis=1) == labels).sum())
        low, high = metrics.wilson_interval(right, len(labels))
        words = f"{name} accuracy {right / len(labels):.4f} 95 % interval {low:.4f} to {high:.4f}, {len(labels)} images"
        assert words in page.text
    assert page.text.count("images for the end only") == 1
    assert f"{len(judged[1][0])} images for the end only" in page.text, "it stands beside the test accuracy"
    said = (
        "Choose settings by the validation accuracy. Keep the test accuracy for the end, or it stops being a fair test."
    )
    assert said in page.text.split("Everything below")[0]


def test_only_settings_with_an_effect_are_listed(page, done, run):
    listed = page.text.split("All settings")[1]
    assert "learning_rate 0.1" in listed
    assert not [name for name in ("momentum", "final_rate") if name in listed]
    record = read(done)
    assert record["settings"]["momentum"] == 0.9, "the record is whole"
    record["settings"] |= {"optimizer": "nesterov", "schedule": "cosine"}
    write(done, record)
    run("report", done)
    listed = Page((done / "report.html").read_text()).text.split("All settings")[1]
    assert all(name in listed for name in ("momentum 0.9", "final_rate 0.0"))


def test_it_says_what_was_trained_on_what_how_long_by_which_engine(page, done):
    record = read(done)
    assert page.text.startswith(
        "done: report done A network with 2 kernels of 3×3 and 8 hidden units, 151 parameters in all, was trained on "
        "320 images of shapes (6×5 pixels, 1 channel, 3 classes) for 2 epochs in "
        f"{format_duration(record['seconds'])}, with engine {record['engine']} and recipe chapter ."
    )
    assert "Everything below uses the validation images" in page.text


def test_the_confusion_matrix_is_of_the_validation_images(page, judged):
    labels, probabilities = judged[0]
    counts = metrics.confusion_matrix(labels, probabilities.argmax(axis=1), 3)
    table = next(table for table in page.tables if table[0][0] == "true \\ predicted")
    assert table[0][1:] == [row[0] for row in table[1:]] == ["0", "1", "2"]
    for row, expected in zip(table[1:], counts, strict=True):
        shown = [int(cell or 0) for cell in row[1:]]
        assert shown == pytest.approx(100 * expected / expected.sum(), abs=0.51)


def test_the_scores_are_of_each_class(page, judged, done):
    labels, probabilities = judged[0]
    scores = metrics.class_scores(labels, probabilities.argmax(axis=1), 3)
    table = next(table for table in page.tables if "precision" in table[0])
    begin = np.floor(10 * min(0.9, *scores.precision, *scores.recall)) / 10
    assert table[0] == ["class", "precision", "recall", "F1", "support", f"{begin:.1f}1"]
    for i, row in enumerate(table[1:]):
        assert row[0] == str(i)
        assert [float(cell) for cell in row[1:4]] == pytest.approx([column[i] for column in scores[:3]], abs=5e-5)
        assert int(row[4]) == scores.support[i]
    text = (done / "report.html").read_text()
    rules = dict(re.findall(r"\.(s\d+):not\(#_\) \{ left: ([\d.]+)% \}", text))
    places = np.array([rules[name] for name in re.findall(r'<i class="(s\d+) [prf]">', text)], float)
    assert np.allclose(begin + (1 - begin) * places.reshape(3, 3) / 100, np.transpose(scores[:3]), atol=6e-4)


def test_it_has_every_section(page):
    for heading in (
        "How the training went", "Where it is wrong", "Each class", "How reliable its confidence is",
        "The most confident mistakes", "The least confident predictions", "What it has learned: the kernels",
        "Which kernels respond to which class", "To reproduce it", "All settings",
    ):  # fmt: skip
        assert heading in page.text
    table = next(table for table in page.tables if table[0][0] == "kernel \\ class")
    assert [len(row) for row in table] == [4, 4, 4]


def test_it_asks_nobody_for_anything(page, done):
    text = (done / "report.html").read_text()
    assert all(link.startswith(("data:", "#")) for link in page.links)
    assert re.findall(r"https?://[^\s\"']+", text.replace("http://www.w3.org/", "")) == []
    assert len(text) < 300_000


def test_its_one_script_is_the_one_that_the_policy_names(page, done, run):
    text = (done / "report.html").read_text()
    (script,) = re.findall(r"<script[^>]*>(.*?)</script>", text, re.DOTALL)
    assert text.count("<script") == 1
    assert f"script-src 'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'; connect-src 'none'" in text
    assert not re.search("unsafe|eval", text.split("<style>")[0])
    assert 'style="' not in text


def test_the_panel_can_be_left_out(run, done, data):
    assert run("report", done, "--no-try")[0] == 0
    text = (done / "report.html").read_text()
    assert "<script" not in text
    assert "script-src 'none'" in text
    assert "Try it" not in Page(text).text
    run("train", data, *SETTINGS, "--run", done / "run", "--no-try")
    assert "<script" not in (done / "run" / "report.html").read_text()


def test_the_samples_to_try_are_validation_images(page, done, judged, data):
    text = (done / "report.html").read_text()
    content = json.loads(re.search(r"startTryIt\((\{.*\})\);</script>", text)[1])
    held_out = golmu.load_dataset(data).split()[1]
    assert [one["label"] for one in content["samples"]] == ["0"] * 4 + ["1"] * 4 + ["2"] * 4
    for one in content["samples"]:
        same = (held_out.images == np.frombuffer(b64decode(one["pixels"]), np.uint8).reshape(6, 5, 1)).all(
            axis=(1, 2, 3)
        )
        assert str(held_out.labels[same.argmax()]) == one["label"]
        assert same.any()


def test_the_kernels_at_the_start_are_those_of_the_seed(finished, monkeypatch):
    predictor = Run.open(finished.folder).predictor
    drawn = []
    monkeypatch.setattr(
        report, "apply_colours", lambda values, *_: drawn.append(values) or np.zeros((3, 3, 3), np.uint8)
    )
    kernels = report._kernels(predictor, 42)
    start = predictor.model.architecture.initial_weights(generators(42)[0])["conv_w"]
    assert len(kernels) == 2
    for k in range(2):
        assert np.array_equal(drawn[2 * k], start[:, :, 0, k])
        assert np.array_equal(drawn[2 * k + 1], predictor.model.weights["conv_w"][:, :, 0, k])
    assert report._kernels(predictor, None)[0]["start"] == ""


# How to reproduce it


def test_the_command_on_the_page_gives_the_same_bits(page, done, tmp_path, run):
    (command,) = page.pre
    words = shlex.split(command)
    assert words[:2] == ["golmu", "train"]
    assert run(*words[1:], "--run", tmp_path / "again")[0] == 0
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (done / "model.safetensors").read_bytes()


def test_the_lines_of_python_repeat_a_run_from_arrays(tmp_path):
    made = network(engine="fused", optimizer="adam", units=4, epochs=2).fit(
        X, Y, x_val=X, y_val=Y, run=tmp_path / "run"
    )
    assert report_run(tmp_path / "run", output=tmp_path / "page.html") == tmp_path / "page.html"
    (code,) = Page((tmp_path / "page.html").read_text()).pre
    given = {"ConvolutionNetwork": ConvolutionNetwork, "x": X, "y": Y, "x_val": X, "y_val": Y}
    exec(code, given)
    assert np.array_equal(given["network"].w1, made.w1)


def test_the_lines_of_python_tell_how_images_were_given_and_weighted(tmp_path):
    weights, flat = np.linspace(1, 2, len(Y)), X.reshape(len(X), -1)
    settings = {"image_shape": np.array(X.shape[1:]), "class_weight": {np.int64(label): 1 + label for label in set(Y)}}
    made = network(**settings, epochs=2).fit(flat, Y, sample_weight=weights, run=tmp_path / "run")
    (code,) = Page((tmp_path / "run" / "report.html").read_text()).pre
    given = {"ConvolutionNetwork": ConvolutionNetwork, "x": flat, "y": Y, "sample_weight": weights}
    exec(code, given)
    assert np.array_equal(given["network"].w1, made.w1)
    assert "warm_start" not in code
    made.set_params(warm_start=True, class_weight="balanced", image_shape=None).fit(X, Y, run=tmp_path / "more")
    (code,) = Page((tmp_path / "more" / "report.html").read_text()).pre
    assert "class_weight='balanced'" in code
    assert code.splitlines()[-2:] == [
        "# the run continued from weights that the network had already (warm_start=True)", "network.fit(x, y)",
    ]  # fmt: skip


# What is said of images, losses and kernels


def test_each_image_has_its_file_and_what_misleads_is_said(run, tmp_path, monkeypatch):
    rng, long = np.random.default_rng(0), "a" * 40
    for name in ("<b>", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(11):
            pixels = rng.integers(0, 256, (6, 6), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "data" / name / f"<i>&{long}{i}.png")
    monkeypatch.setattr(report, "dead_kernels", lambda predictor, images: [[1]])
    assert run("train", tmp_path / "data", *SETTINGS, "--shift", 1, "--run", tmp_path / "run")[0] == 0
    text = (tmp_path / "run" / "report.html").read_text()
    files = Run.open(tmp_path / "run").held_out.files
    assert len(files) == 5
    for file in files:
        escaped = file.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        assert f'title="{escaped}">' in text
        assert f"…{file[-7:]}</span>" in text
        assert file not in text
    assert text.count("The training loss includes augmentation, and the validation loss does not") == 1
    assert "1 of 2 kernels never fires on the validation images: try --standardize, or a lower learning rate " in text
    assert "Kernels 2." in text
    assert "Compare it only between networks that are judged on the same images." in " ".join(text.split())


def test_where_nothing_misleads_nothing_is_said(page):
    assert "The training loss includes" not in page.text
    assert "without label smoothing" not in page.text


def test_of_several_blocks_it_shows_the_first_kernels_the_last_activations_and_grad_cam(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "dead_kernels", lambda predictor, images: [[0, 1], [3]])
    made = network(n_kernels=(2, 4)).fit(X, NAMES[Y], 2, X, NAMES[Y], run=tmp_path / "run")
    text = (tmp_path / "run" / "report.html").read_text()
    page = Page(text)
    assert "A network of 2 blocks with 2 and 4 kernels of 3×3 and 5 hidden units, " in page.text
    assert "What it has learned: the kernels of the first block" in page.text
    assert "Which kernels of the last block respond to which class" in page.text
    assert (
        "2 of 2 kernels of block 1 and 1 of 4 kernels of block 2 never fire on the validation images: try" in page.text
    )
    assert "Kernels 1, 2 of block 1. Kernels 4 of block 2." in page.text
    assert "n_kernels 2, 4 " in page.text
    assert len(re.findall('alt="kernel [0-9]+ at the end"', text)) == 2
    assert [len(row) for row in next(table for table in page.tables if table[0][0] == "kernel \\ class")] == [4] * 5
    shown = re.findall(r'src="data:image/png;base64,([^"]+)" alt="Grad-CAM of validation image (\d+)"', text)
    assert len(shown) == len(re.findall('alt="validation image ', text)) > 18
    for content, number in shown[:3]:
        expected = values_of(plots.grad_cam(golmu.explain(made, X[int(number)], n_samples=1)))
        assert np.array_equal(np.asarray(Image.open(BytesIO(b64decode(content)))), expected)


@pytest.mark.parametrize(
    ("changes", "trained", "answered"),
    [
        ({}, False, False), ({"flip": True}, True, True), ({"test_flip": True}, False, True),
        ({"flip": True, "test_flip": False}, True, False),
    ],
)  # fmt: skip
def test_it_says_where_mirror_images_count(changes, trained, answered, tmp_path):
    network(**changes).fit(X, NAMES[Y], 1, run=tmp_path / "run")
    text = Page((tmp_path / "run" / "report.html").read_text()).text
    assert ("Half of the images, drawn anew in each epoch, were mirrored." in text) == trained
    assert ("Each answer is the mean over an image and its mirror image." in text) == answered


def test_one_block_is_called_none(page, done):
    assert "block" not in page.text
    assert "Grad-CAM" not in (done / "report.html").read_text()


# What cannot be shown


def test_a_run_from_arrays_says_what_is_missing(run, tmp_path):
    network().fit(X, NAMES[Y], 2, run=tmp_path / "run")
    status, _, err = run("report", tmp_path / "run", "--output", tmp_path / "page.html")
    assert (status, err) == (0, "")
    page = Page((tmp_path / "page.html").read_text())
    assert "This report does not score the network: " in page.text
    assert "was trained on arrays, and does not keep them" in page.text
    assert "How the training went" in page.text
    assert "What it has learned: the kernels" in page.text
    assert "Where it is wrong" not in page.text
    assert "Use the same arrays" in page.text


def test_a_report_that_was_drawn_with_images_is_not_replaced_by_one_without(run, done, data, tmp_path):
    moved = shutil.copytree(data, tmp_path / "moved")
    record = read(done)
    record["data"]["argument"] = str(tmp_path / "gone")
    (done / "run.json").write_text(json.dumps(record))
    (done / "report.html").write_text("with images")
    status, _, err = run("report", done)
    assert status == 2
    text = f"the data of {done} are no longer at {tmp_path / 'gone'}: if they have moved, give the new place"
    assert err == f"golmu: error: {text}: golmu report {done} NEW-PLACE\n"
    assert (done / "report.html").read_text() == "with images"
    assert run("report", done, moved)[0] == 0
    assert "validation accuracy" in (done / "report.html").read_text()
    status, _, err = run("report", done, tmp_path / "gone", "--output", tmp_path / "other.html")
    assert status == 2
    assert not (tmp_path / "other.html").exists()


def test_a_report_is_kept_where_the_data_are_there_but_cannot_be_read(run, done, tmp_path):
    record = read(done)
    record["data"]["argument"] = str(tmp_path / "empty")
    (done / "run.json").write_text(json.dumps(record))
    (tmp_path / "empty").mkdir()
    (done / "report.html").write_text(before := "with images")
    status, _, err = run("report", done)
    assert status == 2
    assert err.endswith(f"{done / 'report.html'}, which may show them, is kept: give another file with --output\n")
    assert (done / "report.html").read_text() == before


@pytest.fixture
def from_arrays(tmp_path):
    """A run of arrays whose classes have names, with its report."""
    network().fit(X, NAMES[Y], 2, X[:20], NAMES[Y[:20]], run=tmp_path / "run")
    return tmp_path / "run"


OTHER = X ^ 255
"""Images that the run has not seen."""

UNKNOWN = (
    "other has the class '{}', which {{run}} was not trained with: evaluate it on data with the classes ant, bee, cat"
)


PARTS = ("train", "test")


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"x": OTHER, "y": Y}, UNKNOWN.format("0")),
        (
            {f"x_{part}": OTHER for part in PARTS}
            | {f"y_{part}": np.array(["ant", "bee", "dog"])[Y] for part in PARTS},
            UNKNOWN.format("dog"),
        ),
        ({"x": X[:, :6], "y": NAMES[Y]}, "other holds images of shape (6, 6, 2), but {run} was trained on (7, 6, 2)"),
    ],
    ids=["numbers", "another class", "another shape"],
)
def test_data_that_cannot_be_judged_leave_the_page_as_it_was(run, from_arrays, tmp_path, arrays, text):
    before = (from_arrays / "report.html").read_text()
    np.savez(tmp_path / "other.npz", **arrays)
    for command in ("report", "evaluate"):
        status, _, err = run(command, from_arrays, tmp_path / "other.npz")
        assert (status, err) == (2, f"golmu: error: {text.format(run=from_arrays)}\n")
    assert (from_arrays / "report.html").read_text() == before


def test_images_under_another_class_are_not_judged(run, done, data, tmp_path):
    dataset = golmu.load_dataset(data)
    labels = np.where(np.arange(400) % 4, dataset.train.labels, 3)
    np.savez(tmp_path / "other.npz", x=dataset.train.images, y=labels)
    with pytest.warns(GolmuWarning, match="of the 80 validation images of the training cannot be found in other"):
        assert run("report", done, tmp_path / "other.npz")[0] == 0
    np.savez(tmp_path / "other.npz", x=dataset.train.images, y=np.full(400, 3))
    (done / "report.html").write_text("a good one")
    status, _, err = run("report", done, tmp_path / "other.npz")
    text = f"other holds none of the 80 validation images of {done}: give the data that it was trained on"
    assert (status, err) == (2, f"golmu: error: {text}\n")
    assert (done / "report.html").read_text() == "a good one"


def test_numbers_without_names_mean_the_numbers_of_named_classes(run, tmp_path):
    trained = network().fit(X, Y, 2, run=tmp_path / "run")
    np.savez(tmp_path / "named.npz", x=X, y=NAMES[Y])
    said = "was trained on class numbers without names; .* of named: 0 is 'ant', 1 is 'bee', 2 is 'cat'$"
    with pytest.warns(GolmuWarning, match=said):
        status, lines, _ = run("evaluate", tmp_path / "run", tmp_path / "named.npz", "--json")
    assert status == 0
    assert json.loads("\n".join(lines))["accuracy"] == trained.score(X, Y)
    with pytest.warns(GolmuWarning, match=said):
        assert run("report", tmp_path / "run", tmp_path / "named.npz")[0] == 0


@pytest.mark.parametrize("parts", [("x", "y"), ("x_test", "y_test")], ids=["all", "test"])
def test_a_run_from_arrays_is_judged_on_the_images_that_evaluate_takes(run, from_arrays, tmp_path, parts):
    shifted = np.array(["bee", "cat", "ant"])  # in the file the classes have other numbers than in the network
    arrays = dict(zip(parts, (OTHER[5:], np.append(shifted, "zoo")[Y[5:]]), strict=True))
    if parts[0] == "x_test":
        arrays |= {
            "x_train": OTHER,
            "y_train": np.array(["aardvark", "cat", "ant", "bee", "zoo"])[np.arange(len(Y)) % 5],
        }
    np.savez(tmp_path / "other.npz", **arrays)
    status, lines, err = run("evaluate", from_arrays, tmp_path / "other.npz", "--json")
    assert (status, err) == (0, "")
    found = json.loads("\n".join(lines))
    assert run("report", from_arrays, tmp_path / "other.npz")[0] == 0
    page = Page((from_arrays / "report.html").read_text())
    assert f"test accuracy {found['accuracy']:.4f}" in page.text
    assert found["accuracy"] == ConvolutionNetwork.load(from_arrays / "model.safetensors").score(
        OTHER[5:], shifted[Y[5:]]
    )  # fmt: skip
    table = next(table for table in page.tables if "precision" in table[0])
    assert [int(row[4]) for row in table[1:]] == [row["support"] for row in found["classes"]]


def test_images_that_have_changed_are_noticed(run, done):
    record = read(done)
    record["results"]["val_loss"] *= 1.01
    (done / "run.json").write_text(json.dumps(record))
    with pytest.warns(GolmuWarning, match="is not that of its training: the data have changed"):
        assert run("report", done)[0] == 0
    assert "The data have changed since the training" in Page((done / "report.html").read_text()).text


def test_without_validation_images_the_test_images_are_shown(finished, judged, data, tmp_path):
    opened = Run.open(finished.folder)
    path = report.write_report(opened, JudgedImages(test=judged_images(opened).test), tmp_path / "page.html")
    page = Page(path.read_text())
    assert "Everything below uses the test images: the validation images are not available." in page.text
    assert f"test accuracy {accuracy(*judged[1]):.4f}" in page.text


def test_a_run_without_a_whole_epoch_has_a_report(run, done):
    (done / "history.csv").write_text("epoch,train_loss,val_loss,val_accuracy,seconds\n")
    record = read(done)
    record["status"], record["results"] = "interrupted", {**record["results"], "epochs": 0, "val_loss": None}
    (done / "run.json").write_text(json.dumps(record))
    assert run("report", done)[0] == 0
    text = Page((done / "report.html").read_text()).text
    assert "for 0 epochs" in text
    assert "interrupted" in text
    assert "How the training went" not in text


# Names


ODD = ["<script>alert('x')</script>", '티셔츠 & "바지"', "{{ 7 * 7 }}"]


def test_names_are_escaped_and_shown_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "<b>data.npz", x=rng.integers(0, 256, (90, 6, 6), np.uint8), y=np.array(ODD)[np.arange(90) % 3])
    folder = tmp_path / "<script>run"
    assert main("train", tmp_path / "<b>data.npz", *SETTINGS, "--run", folder) == 0
    assert main("report", folder) == 0
    text = (folder / "report.html").read_text()
    page = Page(text)
    assert "b>data" not in page.tags
    assert text.count("<script") == 1  # our own
    table = next(table for table in page.tables if "precision" in table[0])
    assert [row[0] for row in table[1:]] == sorted(ODD)
    assert page.text.startswith("<script>run: report <script>run A network")
    assert "images of <b>data (6×6" in page.text
    assert shlex.split(page.pre[0])[2] == str(tmp_path / "<b>data.npz")


def many_classes(folder, tmp_path, n_classes):
    """The page of a network that tells very many classes apart, and often confuses them."""
    rng = np.random.default_rng(0)
    architecture = Architecture(6, 6, 1, 4, 20, n_classes)
    engine = create_engine("fused", architecture)
    engine.set_weights({name: 3 * value for name, value in architecture.initial_weights(rng).items()})
    names = tuple(f"class number {i}" for i in range(n_classes))
    model = Model(architecture, engine.get_weights(), np.arange(n_classes), names, SCALING_ONLY)
    labels = np.arange(5 * n_classes) % n_classes
    part = LabelledImages("validation", rng.integers(0, 256, (len(labels), 6, 6, 1), np.uint8), labels)
    opened = Run.open(folder)
    vars(opened)["predictor"] = Predictor(model, engine)
    return report.write_report(opened, JudgedImages(validation=part), tmp_path / "page.html").read_text()


@pytest.mark.filterwarnings("ignore:the loss on the validation images")
def test_a_page_of_very_many_classes_stays_small(finished, tmp_path):
    text = many_classes(finished.folder, tmp_path, 1000)
    assert len(text) < 1_000_000
    assert "Each pixel stands for 2×2 cells and shows the largest." in text
    assert len(next(table for table in Page(text).tables if "precision" in table[0])) == 1001


@pytest.mark.filterwarnings("ignore:the loss on the validation images")
def test_there_is_no_matrix_of_still_more_classes(finished, tmp_path, monkeypatch):
    monkeypatch.setattr("golmu.analysis.evaluation.MAX_CONFUSION_CLASSES", 40)
    monkeypatch.setattr(report, "MAX_CONFUSION_CLASSES", 40)
    monkeypatch.setattr(report, "MAX_SCORE_ROWS", 30)
    page = Page(many_classes(finished.folder, tmp_path, 50))
    assert "There is no confusion matrix for 50 classes; there is one for up to 40." in page.text
    assert "The 30 classes with the lowest F1, of 50." in page.text
    table = next(table for table in page.tables if "precision" in table[0])
    assert len(table) == 31
    assert next(table for table in page.tables if table[0][0] == "true class")


def test_a_picture_of_a_large_matrix_keeps_its_darkest_cells():
    values = np.zeros((1300, 700))
    values[1299, 3] = 1
    made = report._as_image(values)
    assert made.step == (3, 2)
    with Image.open(BytesIO(b64decode(made.picture.split(",")[1]))) as picture:
        pixels = np.asarray(picture).sum(axis=2)
    assert pixels.shape == (434, 350)
    assert np.argwhere(pixels < pixels.max()).tolist() == [[433, 1]]


def test_pictures_are_scaled_down_and_kept_small():
    from golmu.report.page import image_uri

    noise = np.random.default_rng(0).integers(0, 256, (500, 300, 3), np.uint8)
    assert len(image_uri(noise)) < 20_000
    assert image_uri(noise[:8, :8]).startswith("data:image/png;base64,")


# At the end of a training


def test_a_training_ends_with_the_report_that_the_command_writes(run, finished, done):
    assert run("report", done, "--output", done / "again.html")[0] == 0
    first, again = (finished.folder / "report.html").read_text(), (done / "again.html").read_text()
    assert first == again


def test_a_training_from_arrays_ends_with_a_report_of_its_validation_images(tmp_path):
    made = network().fit(X, NAMES[Y], 2, X[:20], NAMES[Y[:20]], run=tmp_path / "run")
    page = Page((tmp_path / "run" / "report.html").read_text())
    assert f"validation accuracy {made.score(X[:20], NAMES[Y[:20]]):.4f}" in page.text
    table = next(table for table in page.tables if "precision" in table[0])
    assert [row[0] for row in table[1:]] == NAMES.tolist()


def test_one_without_validation_images_says_so(tmp_path):
    network().fit(X, Y, 2, run=tmp_path / "run")
    page = Page((tmp_path / "run" / "report.html").read_text())
    assert "This report does not score the network: it was trained without validation images." in page.text


def test_an_interrupted_training_has_none_until_it_is_asked_for(run, data, tmp_path, monkeypatch):
    def interrupt(_self, state):
        if state.epoch == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr("golmu.cli.progress.TrainingDisplay.__call__", interrupt)
    status, lines, _ = run("train", data, *SETTINGS, "--run", tmp_path / "run")
    assert status == 130
    assert not any(line.startswith("report") for line in lines)
    assert not (tmp_path / "run" / "report.html").exists()
    assert run("report", tmp_path / "run")[0] == 0
    assert "UTC; interrupted." in Page((tmp_path / "run" / "report.html").read_text()).text


def test_what_goes_wrong_at_the_end_of_a_training_is_a_warning(finished, monkeypatch):
    monkeypatch.setattr(report, "render", lambda *_arguments, **_names: 1 / 0)
    text = rf"the report of {re.escape(str(finished.folder))} could not be written \(division by zero\); `golmu report "
    with pytest.warns(GolmuWarning, match=text):
        assert report.draw_report(Run.open(finished.folder), JudgedImages(missing="x")) is None


# history.csv


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, "history.csv cannot be read: No such file or directory"),
        ("epoch,train_loss\n1,2\n", "history.csv is damaged: "),
        ("epoch,train_loss,val_loss,val_accuracy,seconds\n1,x,1,1,1\n", "history.csv is damaged: "),
        ("epoch,train_loss,val_loss,val_accuracy,seconds\n1,2,1,1,1\n2,2,,,1\n", "its columns differ in length"),
    ],
)
def test_a_damaged_history_is_an_error(run, done, content, text):
    (done / "history.csv").unlink()
    if content is not None:
        (done / "history.csv").write_text(content)
    status, _, err = run("report", done)
    assert status == 2
    assert text in err


def test_the_history_is_read_as_it_was_written(tmp_path):
    made = network().fit(X, Y, 3, X, Y, run=tmp_path / "run")
    assert read_history(tmp_path / "run") == made.history_
    made = network().fit(X, Y, 3, run=tmp_path / "other")
    assert read_history(tmp_path / "other") == made.history_


@pytest.mark.parametrize(
    ("losses", "patience"),
    [
        ([3, 2, 1, 2], 5), ([3, 1, 2, 3, 4, 5, 6, 7, 0, 8], 7), ([3, 2, 2, 2, 2, 2, 2, 2, 1, 1], 7),
        ([1, 2, 3], 5), ([3, 2, 1], None), ([1], None), ([], None),
    ],
)  # fmt: skip
def test_the_patience_that_is_offered_is_the_longest_wait_for_a_better_epoch(losses, patience):
    recipe, history = golmu.RECIPES["chapter"], History(losses, losses)
    assert report._patience(recipe, history, len(losses)) == patience
    for settings in ({"patience": 3}, {"average_epochs": 1}):
        assert report._patience(recipe.override(settings), history, len(losses)) is None


def test_the_offered_patience_keeps_the_best_epoch(run, tmp_path):
    words = ["digits", "--recipe=any", "--epochs=30", "--units=8", "--n-kernels=2", "--learning-rate=0.1"]
    assert run("train", *words, "--run", tmp_path / "whole")[0] == 0
    text = Page((tmp_path / "whole" / "report.html").read_text()).text
    best, last, patience = map(int, re.search(
        r"lowest after epoch (\d+). The model has the weights of epoch (\d+)."
        r" To keep those of the best epoch, train anew with --patience (\d+) ,", text,
    ).groups())  # fmt: skip
    assert best < last == 30
    assert run("train", *words, f"--patience={patience}", "--run", tmp_path / "stopped")[0] == 0
    assert Run.open(tmp_path / "stopped").predictor.model.epoch == best
    text = Page((tmp_path / "stopped" / "report.html").read_text()).text
    assert "train anew" not in text
    assert "they flatter the network a little. Apart from that, its accuracy on all images" in text


def test_a_network_trained_in_python_is_offered_a_parameter(tmp_path):
    made = network(learning_rate=2.0, random_state=1)
    made.fit(X, Y, 5, X, Y, run=tmp_path / "run")
    assert np.argmin(made.val_losses) < 4, "the settings of this test should make it so"
    assert "train anew with patience=5 ," in Page((tmp_path / "run" / "report.html").read_text()).text
