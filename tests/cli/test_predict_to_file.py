"""`golmu predict --output`: files of predictions for any number of images."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import SETTINGS, main
from packed import pack_dataset, small_shards
from PIL import Image

import golmu
from golmu.data.image_set import ImageSet
from golmu.errors import GolmuWarning
from golmu.model.bulk import image_sources, prediction_file

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small network for the digits, and a folder of 24 of them as image files, one in a folder with a space."""
    folder = tmp_path_factory.mktemp("predict")
    assert main("train", "digits", *SETTINGS, "--run", folder / "run") == 0
    test = golmu.load_dataset("digits").test
    for number, image in enumerate(test.images[:24]):
        path = folder / "images" / ("a, b" if number % 2 else "c") / f'{number} "x".png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(path)
    return folder


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return trained


def rows(path):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def expected(folder):
    return {one.image: one for one in golmu.load(folder / "run").predict(folder / "images")}


def test_a_csv_file_has_a_row_for_each_image_whatever_its_name(folder, tmp_path, capsys):
    assert main("predict", folder / "run", folder / "images", "--output", "my predictions.csv") == 0
    assert capsys.readouterr().out == "predictions for 24 images: my predictions.csv\n"
    found, wanted = rows("my predictions.csv"), expected(folder)
    assert [row["image"] for row in found] == list(wanted)
    assert list(found[0]) == ["image", "label", "probability"]
    for row in found:
        assert row["label"] == wanted[row["image"]].label
        assert float(row["probability"]) == pytest.approx(wanted[row["image"]].probability, abs=1e-6)
    assert [path.name for path in tmp_path.iterdir()] == ["my predictions.csv"]


def test_a_parquet_file_says_the_same(folder):
    assert main("predict", folder / "run", folder / "images", "--output", "one.parquet", "--probabilities") == 0
    assert main("predict", folder / "run", folder / "images", "--output", "one.csv", "--probabilities") == 0
    table, text = parquet.read_table("one.parquet").to_pylist(), rows("one.csv")
    assert len(table) == 24
    for one, other in zip(table, text, strict=True):
        assert (
            list(one) == list(other) == ["image", "label", "probability", *(f"probability of {i}" for i in range(10))]
        )
        assert (one["image"], one["label"]) == (other["image"], other["label"])
        assert sum(one[f"probability of {i}"] for i in range(10)) == pytest.approx(1, abs=1e-6)
        assert one["probability"] == max(one[f"probability of {i}"] for i in range(10))


@pytest.mark.parametrize("n", [1, 2, 5, 30])
def test_parts_are_together_the_whole(folder, n):
    assert main("predict", folder / "run", folder / "images", "--output", "all.csv") == 0
    together = []
    for i in range(1, n + 1):
        assert main("predict", folder / "run", folder / "images", "--output", f"{i}.csv", "--part", f"{i}/{n}") == 0
        together += rows(f"{i}.csv")
    assert together == rows("all.csv")


def test_shards_are_predicted_by_their_places(folder, tmp_path, monkeypatch):
    digits = golmu.load_dataset("digits")
    with small_shards(monkeypatch, per_shard=500, per_block=64):
        index = pack_dataset(digits, tmp_path / "shards")
        assert main("predict", folder / "run", "shards", "--output", "all.csv") == 0
    found = rows("all.csv")
    assert len(found) == 1797
    predictor, place = golmu.load(folder / "run"), 0
    for shard in (*index.train.shards, *index.test.shards):
        labels = predictor.probabilities(shard.read_images(0, shard.n)).argmax(axis=1)
        for i, label in enumerate(labels.tolist()):
            assert found[place]["image"] == f"{shard.name}:{i}"
            assert found[place]["label"] == str(label)
            place += 1


def test_tables_are_predicted_row_by_row(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_file, "IMAGES_PER_PART", 7)
    files = sorted((folder / "images").rglob("*.png"), key=lambda path: int(path.stem.split()[0]))
    wanted = [expected(folder)[str(path)].label for path in files]
    encoded = pyarrow.table({"image": [path.read_bytes() for path in files], "id": list(range(24))})
    parquet.write_table(encoded, tmp_path / "encoded.parquet")
    assert main("predict", folder / "run", "encoded.parquet", "--output", "encoded.csv") == 0
    assert [row["label"] for row in rows("encoded.csv")] == wanted
    assert rows("encoded.csv")[3]["image"] == "encoded.parquet, row 4"
    pixels = golmu.load_dataset("digits").test.images[:24].reshape(24, 64)
    with Path("pixels.csv").open("w") as file:
        file.write(",".join(["id", *(f"pixel{i}" for i in range(64))]) + "\n")
        file.writelines(",".join(map(str, [i, *row])) + "\n" for i, row in enumerate(pixels.tolist()))
    assert main("predict", folder / "run", "pixels.csv", "--output", "out.parquet") == 0
    assert parquet.read_table("out.parquet")["label"].to_pylist() == wanted
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_images_that_cannot_be_read_are_refused_or_left_out(folder, tmp_path, capsys):
    (tmp_path / "some").mkdir()
    Image.fromarray(golmu.load_dataset("digits").test.images[0, ..., 0]).save(tmp_path / "some" / "good.png")
    (tmp_path / "some" / "bad.png").write_bytes(b"no image")
    assert main("predict", folder / "run", "some", "--output", "a.csv") == 2
    error = capsys.readouterr().err
    assert "some/bad.png is not an image" in error
    assert "--skip-bad" in error
    with pytest.warns(GolmuWarning, match="1 image cannot be read and has no row: some/bad.png is not an image"):
        assert main("predict", folder / "run", "some", "--output", "a.csv", "--skip-bad", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"output": "a.csv", "images": 1, "skipped": 1}
    (tmp_path / "some" / "good.png").unlink()
    assert main("predict", folder / "run", "some", "--output", "b.csv", "--skip-bad") == 2
    assert "no image can be read: some/bad.png" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--output", "a.txt"], 2, "--output must name a .csv or a .parquet file, got a.txt"),
        (["--output", "no/a.csv"], 1, "no/a.csv cannot be made: there is no folder no"),
        (["--output", "a.csv", "--part", "0/3"], 2, "--part must be i/n, such as 2/8"),
        (["--output", "a.csv", "--part", "4/3"], 2, "--part must be i/n"),
        (["--output", "a.csv", "--part", "x"], 2, "--part must be i/n"),
        (["--part", "1/2"], 2, "--part is for a file of predictions: give --output too"),
        (["--probabilities"], 2, "--probabilities is for a file of predictions: give --output too"),
        (["--output", "a.csv", "--invert", "maybe"], 2, "invert"),
    ],
)
def test_what_cannot_be_done_is_one_line(folder, tmp_path, capsys, arguments, status, words):
    assert main("predict", folder / "run", folder / "images", *arguments) == status
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
    assert list(tmp_path.iterdir()) == []


def test_shards_need_a_file_and_the_networks_size_and_come_alone(folder, tmp_path, capsys):
    images = ImageSet(np.zeros((6, 5, 5, 1), np.uint8), np.arange(6) % 2)
    pack_dataset(golmu.data.Dataset("small", images, None, ("a", "b"), "memory"), tmp_path / "small")
    for arguments, words in (
        (["small"], "small holds many images: name a file for the predictions, --output FILE.csv"),
        (["small", "--output", "a.csv"], "small holds images of (5, 5, 1), but"),
        (["small", folder / "images", "--output", "a.csv"], "small holds many images of its own: give it alone"),
    ):
        assert main("predict", folder / "run", *arguments) == 2
        assert words in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


KILLED = """
import os, signal, sys
from pathlib import Path
from golmu.cli.commands.predict import predict_to_file
from golmu.model.bulk import image_sources, prediction_file
prediction_file.IMAGES_PER_PART = 5
moment, calls = int(sys.argv[4]), []
real = os.fsync
def dying(descriptor):
    calls.append(descriptor)
    if len(calls) == moment:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(descriptor)
os.fsync = dying
predict_to_file(Path(sys.argv[1]), [Path(sys.argv[2])], Path(sys.argv[3]))
print(len(calls))
"""


@pytest.mark.skipif(os.name == "nt", reason="no kill -9")
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_it_goes_on_after_kill_9_at_any_moment(folder, tmp_path, suffix):
    def run(name, moment):
        command = [sys.executable, "-c", KILLED, *map(str, (folder / "run", folder / "images", name, moment))]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    whole = run(f"whole{suffix}", 10**6)
    assert whole.returncode == 0, whole.stderr
    n = int(whole.stdout)
    for moment in (1, 3, 4, n // 2, n - 1, n):
        output = tmp_path / f"at-{moment}{suffix}"
        assert run(output, moment).returncode == -signal.SIGKILL
        last = run(output, 10**6)
        assert last.returncode == 0, last.stderr
        assert output.read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
        assert int(last.stdout) <= n
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_another_network_or_other_images_begin_anew(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(prediction_file, "IMAGES_PER_PART", 5)
    assert main("predict", folder / "run", folder / "images", "--output", "right.csv") == 0
    assert main("train", "digits", *SETTINGS, "--seed", "9", "--run", "other") == 0

    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(prediction_file._Work, "join", stop)
        assert main("predict", "other", folder / "images", "--output", "a.csv") == 130
    next((tmp_path / ".a.csv.parts").glob("part-*.csv")).unlink()
    assert main("predict", folder / "run", folder / "images", "--output", "a.csv") == 0
    assert rows("a.csv") == rows("right.csv")


def test_the_table_that_is_read_is_not_replaced(folder, tmp_path, capsys):
    table = tmp_path / "images.csv"
    table.write_text("file\n" + "\n".join(map(str, (folder / "images" / "c").glob("*.png"))) + "\n", newline="")
    (tmp_path / "link.csv").symlink_to(table)
    before = table.read_bytes()
    for output in (table, "images.csv", "link.csv"):
        assert main("predict", folder / "run", table, "--output", output) == 2
        text = f"golmu: error: --output {output} is a file that is read, and would be replaced: give another place\n"
        assert capsys.readouterr().err == text
    assert table.read_bytes() == before


def test_a_link_in_the_place_of_the_file_is_followed(folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    Path("link.csv").symlink_to(tmp_path / "elsewhere" / "found.csv")
    for _ in range(2):
        assert main("predict", folder / "run", folder / "images", "--output", "link.csv") == 0
        assert Path("link.csv").is_symlink()
        assert len(rows(tmp_path / "elsewhere" / "found.csv")) == 24


@pytest.mark.parametrize("name", ["plain", "a,b", 'a"b', "a\nb", " a ", "a'b", "고양이", ""])
def test_rows_are_what_the_csv_module_writes(name):
    _csv, _quoted = prediction_file._csv, prediction_file._quoted
    rng = np.random.default_rng(0)
    labels, most, columns = [name, "cat", name], rng.random(3, np.float32), [rng.random(3, np.float32)] * 2
    for more in ([], columns):
        text = io.StringIO()
        numbers = (map("{:.6f}".format, column.tolist()) for column in (most, *more))
        csv.writer(text, lineterminator="\n").writerows(zip(labels, labels, *numbers, strict=True))
        assert _csv(labels, list(map(_quoted, labels)), most, more) == text.getvalue().encode()


def test_a_carriage_return_in_a_name_comes_back_as_it_was():
    rows = prediction_file._csv(["a\rb"], [prediction_file._quoted("c\rd")], np.ones(1, np.float32), []).decode()
    assert list(csv.reader(io.StringIO(rows, newline=""))) == [["a\rb", "c\rd", "1.000000"]]


def test_images_that_become_fewer_while_they_are_read_are_one_error(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(image_sources.FileSource, "read", lambda *_: iter(()))
    assert main("predict", folder / "run", folder / "images", "--output", "a.csv") == 2
    assert "become fewer" in capsys.readouterr().err


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_a_table_may_hold_nothing_but_images(folder, tmp_path, ending):
    files = sorted((folder / "images").rglob("*.png"))[:3]
    if ending == ".csv":
        with Path("new.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["image"], *([f"{i}.png"] for i in range(3))])
        for i, path in enumerate(files):
            Path(f"{i}.png").write_bytes(path.read_bytes())
    else:
        parquet.write_table(pyarrow.table({"image": [path.read_bytes() for path in files]}), "new.parquet")
    assert main("predict", folder / "run", f"new{ending}", "--output", "out.csv") == 0
    assert [row["label"] for row in rows("out.csv")] == [expected(folder)[str(path)].label for path in files]


def test_files_of_the_run_and_of_the_data_are_not_replaced(folder, tmp_path, capsys):
    history = (folder / "run" / "history.csv").read_bytes()
    assert main("predict", folder / "run", folder / "images", "--output", folder / "run" / "history.csv") == 2
    assert "would be replaced" in capsys.readouterr().err
    assert (folder / "run" / "history.csv").read_bytes() == history
    image = next((folder / "images").rglob("*.png"))
    Path("link.csv").symlink_to(image)
    content = image.read_bytes()
    assert main("predict", folder / "run", folder / "images", "--output", "link.csv") == 2
    assert "give a place outside" in capsys.readouterr().err
    assert image.read_bytes() == content
    assert main("predict", folder / "run", folder / "images", "--output", folder / "images" / "a.csv") == 2


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_job_without_an_image_writes_a_file_without_rows(folder, tmp_path, ending):
    assert main("predict", folder / "run", folder / "images", "--output", f"a.{ending}", "--part", "1/50") == 0
    assert main("predict", folder / "run", folder / "images", "--output", f"all.{ending}") == 0
    if ending == "csv":
        assert Path("a.csv").read_text() == Path("all.csv").read_text().splitlines(keepends=True)[0]
    else:
        assert parquet.read_table("a.parquet").schema == parquet.read_table("all.parquet").schema
        assert parquet.read_table("a.parquet").num_rows == 0
